"""The life of a planned call: claimed by one worker for a time, ended with its load, put back, given up.

A claim carries a token that grows with every claim; what comes with an old one is refused (LeaseLost), bars included.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.errors import LeaseLost

GROUPED, RANGE, SPLITS = "grouped", "range", "splits"
BROKEN_PAUSE_S = 15.0
AWAY_PAUSE_S = 5.0
REFUSED_PAUSE_S = 60.0  # the breaker sees to it that the vendor is left in peace for longer
LONGEST_PAUSE_S = 600.0

_CLAIM = text("""
UPDATE bar_calls c
   SET status = 'running', attempts = attempts + 1, claim_token = nextval('claim_tokens'),
       lease_until = now() + make_interval(secs => :lease)
 WHERE id = (SELECT id FROM bar_calls
              WHERE priority >= :least AND attempts < :most
                AND ((status = 'waiting' AND due_at <= now()) OR (status = 'running' AND lease_until < now()))
              ORDER BY priority DESC, last_session DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, endpoint, ticker, first_session, last_session, priority, claim_token, attempts, waits""")

_EXHAUSTED = text("""
SELECT id, endpoint, ticker, first_session, last_session, priority, claim_token, attempts, waits FROM bar_calls
 WHERE status = 'running' AND lease_until < now() AND attempts >= :most FOR UPDATE SKIP LOCKED""")

_HOLD = text("""
UPDATE bar_calls SET lease_until = now() + make_interval(secs => :lease)
 WHERE id = :id AND claim_token = :token AND status = 'running' RETURNING id""")

_DONE = text("""
UPDATE bar_calls SET status = 'done', finished_at = clock_timestamp(), lease_until = NULL, error_message = NULL, load_id = :load
 WHERE id = :id""")

_PUT_BACK = text("""
UPDATE bar_calls SET status = 'waiting', lease_until = NULL, error_message = :error, attempts = :attempts, waits = :waits,
       due_at = now() + make_interval(secs => :pause)
 WHERE id = :id AND claim_token = :token AND status = 'running'""")

_GIVEN_UP = text("""
UPDATE bar_calls SET status = 'failed', finished_at = clock_timestamp(), lease_until = NULL, error_message = :error
 WHERE id = :id""")

_PUT_OFF = text("""
UPDATE bar_calls SET due_at = now() + make_interval(secs => :pause)
 WHERE status = 'waiting' AND due_at < now() + make_interval(secs => :pause)""")


@dataclass(frozen=True)
class Claimed:
    """A call in this worker's hands. Without a `ticker`: a grouped call of the one session, or one for all splits."""

    id: int
    endpoint: str
    ticker: str | None
    first: date
    last: date
    priority: int
    token: int
    attempts: int
    waits: int

    @property
    def grouped(self) -> bool:
        return self.endpoint == GROUPED

    def __str__(self) -> str:
        if self.endpoint == SPLITS:
            return f"the splits from {self.first} to {self.last}"
        if self.grouped:
            return f"the bars of {self.first}"
        return f"the bars of {self.ticker} from {self.first} to {self.last}"


def claim_call(session: Session, *, lease_s: int, most_attempts: int, least_priority: int = 0) -> Claimed | None:
    """The next call that is due, or whose worker died; None where there is none."""
    values = {"lease": lease_s, "least": least_priority, "most": most_attempts}
    row = session.execute(_CLAIM, values).first()
    return Claimed(*row) if row else None


def exhausted_calls(session: Session, most_attempts: int) -> list[Claimed]:
    """Calls whose worker died with the last attempt; locked, for the caller to give up."""
    return [Claimed(*row) for row in session.execute(_EXHAUSTED, {"most": most_attempts})]


def hold(session: Session, call: Claimed, lease_s: int) -> None:
    """Locks the call for the rest of the transaction; LeaseLost where it is another worker's, or done, by now."""
    if session.execute(_HOLD, {"id": call.id, "token": call.token, "lease": lease_s}).first() is None:
        raise LeaseLost(f"{call}: another worker has that call since: nothing of this answer is stored")


def finish(session: Session, call: Claimed, load_id: int | None) -> None:
    """Ends a call that is held, in the transaction that stores what it brought."""
    session.execute(_DONE, {"id": call.id, "load": load_id})


def put_back(session: Session, call: Claimed, error: str, after_s: float | None) -> float:
    """For the vendor to be had again: no failed attempt. Gives the pause: the vendor's own, else growing with each time."""
    pause = jittered(AWAY_PAUSE_S, call.waits) if after_s is None else after_s
    _back(session, call, error, pause, attempts=call.attempts - 1, waits=call.waits + 1)
    return pause


def try_later(session: Session, call: Claimed, error: str) -> None:
    """After an answer that could not be used: a failed attempt."""
    _back(session, call, error, jittered(BROKEN_PAUSE_S, call.attempts - 1), attempts=call.attempts, waits=0)


def _back(session: Session, call: Claimed, error: str, pause: float, *, attempts: int, waits: int) -> None:
    session.execute(
        _PUT_BACK,
        {"id": call.id, "token": call.token, "error": error, "pause": pause, "attempts": attempts, "waits": waits},
    )


def put_all_off(session: Session, pause_s: float) -> None:
    """Nobody makes a call for a while: the vendor refuses us all."""
    session.execute(_PUT_OFF, {"pause": pause_s})


def give_up(session: Session, call: Claimed, error: str) -> None:
    """The call is not made again; the caller notes its bars as unloaded."""
    session.execute(_GIVEN_UP, {"id": call.id, "error": error})


def jittered(first_s: float, times: int) -> float:
    """A pause that doubles each time, between half of it and all of it."""
    return float(min(LONGEST_PAUSE_S, first_s * 2.0**times) * random.uniform(0.5, 1.0))  # noqa: S311
