"""What the calls cost and how the breaker stands, for people and metrics; and letting a held-off key try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.vendor.account import Account

# As the meter counts: New York days.
_USAGE = text("""
SELECT day, endpoint, calls, answered, failed, limited, refused, unusable, bytes, seconds FROM vendor_usage
 WHERE day > (now() AT TIME ZONE 'America/New_York')::date - CAST(:days AS int) ORDER BY day DESC, endpoint""")

_BREAKER = text("""
SELECT CASE WHEN reason = 'refused' THEN 'refused' WHEN open_until > now() THEN 'down' WHEN open_until IS NOT NULL THEN 'trying'
            WHEN hold_until > now() THEN 'held' ELSE 'closed' END,
       failures, opened_at, CASE WHEN greatest(open_until, hold_until) > now() THEN greatest(open_until, hold_until) END,
       last_error, last_error_at
  FROM vendor_breaker WHERE vendor = :vendor AND key = :key""")

_SPENT = text(
    "SELECT coalesce(sum(calls), 0) FROM vendor_usage WHERE day = (now() AT TIME ZONE 'America/New_York')::date"
)

# A try that is still on its way is an older one then: what it says is ignored.
_RETRY = text("""
UPDATE vendor_breaker SET failures = 0, openings = 0, reason = NULL, opened_at = NULL, open_until = NULL, probe = probe + 1,
       probe_until = NULL, hold_until = NULL
 WHERE vendor = :vendor AND key = :key AND (open_until IS NOT NULL OR hold_until > now())""")


class State(StrEnum):
    """How the breaker stands."""

    CLOSED = "closed"
    HELD = "held"  # a 429 said until when
    DOWN = "down"
    TRYING = "trying"  # its pause is over: one caller tries
    REFUSED = "refused"  # the key


@dataclass(frozen=True)
class Usage:
    """The calls of one New York day to one endpoint; `bytes` as they came."""

    day: date
    endpoint: str
    calls: int
    answered: int
    failed: int
    limited: int
    refused: int
    unusable: int
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Breaker:
    """`since`: when the outage began; `until`: when it is tried again, None where it may be called."""

    state: State = State.CLOSED
    failures: int = 0
    since: datetime | None = None
    until: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None


def usage(days: int) -> list[Usage]:
    """The calls of the last days, today included, newest first."""
    with transaction(Role.APP) as session:
        return [Usage(*row) for row in session.execute(_USAGE, {"days": days})]


def breaker(account: Account) -> Breaker:
    """How the breaker of this vendor and key stands."""
    with transaction(Role.APP) as session:
        row = session.execute(_BREAKER, {"vendor": account.vendor, "key": account.key}).one_or_none()
    return Breaker() if row is None else Breaker(State(row[0]), *row[1:])


def spent_today() -> int:
    """Calls of this New York day."""
    with transaction(Role.APP) as session:
        return int(session.execute(_SPENT).scalar_one())


def retry(account: Account) -> bool:
    """Lets the next call go out at once; False where nothing held it off."""
    with transaction(Role.IPO_MONITOR) as session:
        done = session.execute(_RETRY, {"vendor": account.vendor, "key": account.key})
    return bool(done.rowcount)  # type: ignore[attr-defined]
