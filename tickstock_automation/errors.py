"""The exceptions, grouped by what one does about them.

What a library raises is translated into one of these where it enters (``vendor/``, ``db/``, ``events/``, ``settings``).
Each message says what happened, to what, and what to do.
"""

from enum import StrEnum


class TickstockError(Exception):
    """Everything this system raises on purpose."""


class TryAgain(TickstockError):
    """Passing trouble: the same call may succeed later. `after_s` is how long to wait, None where nobody said."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class VendorUnavailable(TryAgain):
    """The vendor did not answer, answered 5xx, or asked us to wait (429)."""


class DatabaseUnavailable(TryAgain):
    """PostgreSQL cannot be reached."""


class DatabaseConflict(TryAgain):
    """Two transactions got into each other's way and PostgreSQL broke off this one: nothing of it is stored."""


class BrokerUnavailable(TryAgain):
    """Redis or Valkey cannot be reached."""


class Fault(StrEnum):
    """What is wrong with an answer of the vendor's."""

    NOT_JSON = "not_json"  # HTML, nothing, or cut short
    NO_RESULTS = "no_results"  # the key that holds the rows is missing or holds something else
    COUNT = "count"  # other than the answer's own count of its rows
    PAGES = "pages"  # they repeat, loop or do not end
    OTHER_QUESTION = "other_question"  # another ticker or day than asked for
    STATUS = "status"  # an HTTP status or a word in its place that nobody expects
    EMPTY = "empty"  # no row where there must be some
    UNUSABLE = "unusable"  # a row that cannot be understood


class BadAnswer(TickstockError):
    """The vendor's answer cannot be used: nothing of it is stored. `fault` says what is wrong with it."""

    def __init__(self, message: str, fault: Fault = Fault.UNUSABLE) -> None:
        super().__init__(message)
        self.fault = fault


class Stop(TickstockError):
    """Going on makes it worse or cannot help: a person is needed."""


class VendorRefused(Stop):
    """401 or 403: the key is wrong, or the plan lacks what was asked for."""


class PlanLacks(VendorRefused):
    """403: the vendor's plan does not include what was asked for; the key is good."""


class SchemaMismatch(Stop):
    """The database's schema is not the one this code was written for."""


class LeaseLost(Stop):
    """Somebody else holds the work now: what this process has in hand must not be stored."""


class UsedWrongly(TickstockError):
    """The caller gave something impossible: fix the arguments (exit code 2)."""


class SettingsError(UsedWrongly):
    """One or more settings are invalid; the message lists all of them."""


class QueueFull(UsedWrongly):
    """The work queue is at its bound: nothing was queued."""


class NotFound(TickstockError):
    """What was named is not there (exit code 3)."""


class PartDied(TickstockError):
    """A part of the embedded stack ended; the message names it and shows its last lines."""
