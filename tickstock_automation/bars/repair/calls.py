"""The life of a repair's vendor call: one worker claims all requests that one call answers, for as long as a lease.

A claim carries a token that grows with every claim; an answer with an old one is refused (LeaseLost).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.calls import AWAY_PAUSE_S, BROKEN_PAUSE_S, GROUPED, jittered
from tickstock_automation.bars.repair.days import Key
from tickstock_automation.bars.repair.life import Action
from tickstock_automation.errors import LeaseLost

# Due, or in the hands of a worker that died. Who asks which ticker of the vendor is what it was called on that day.
_FIRST = text("""
SELECT r.id, r.action, r.endpoint, r.symbol_id, r.session, t.ticker, t.first_day, t.last_day
  FROM repair_requests r
  LEFT JOIN ticker_tenures t ON t.symbol_id = r.symbol_id AND r.session BETWEEN t.first_day AND t.last_day
 WHERE r.action IN ('refetch', 'look_up_split', 'check_listing')
   AND ((r.state = 'waiting' AND r.due_at <= now()) OR (r.state = 'running' AND r.lease_until < now()))
 ORDER BY r.priority DESC, r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED""")

_SIBLINGS = text("""
SELECT r.id FROM repair_requests r
 WHERE r.action = :action AND r.endpoint IS NOT DISTINCT FROM :endpoint
   AND ((r.state = 'waiting' AND r.due_at <= now()) OR (r.state = 'running' AND r.lease_until < now()))
   AND (:action = 'look_up_split' OR (:endpoint = 'grouped' AND r.session = :day)
        OR (:endpoint IS DISTINCT FROM 'grouped' AND r.symbol_id = :symbol AND r.session BETWEEN :first AND :last))
 ORDER BY r.priority DESC, r.id LIMIT :most FOR UPDATE SKIP LOCKED""")

_CLAIM = text("""
UPDATE repair_requests r
   SET state = 'running', attempts = attempts + 1, lease_until = now() + make_interval(secs => :lease),
       claim_token = n.token
  FROM (SELECT nextval('claim_tokens') AS token) n
 WHERE r.id = ANY (:ids)
RETURNING r.id, r.symbol_id, r.session, r.claim_token, r.attempts, r.waits""")

_TICKERS = text("""
SELECT r.id, t.ticker FROM repair_requests r
  JOIN ticker_tenures t ON t.symbol_id = r.symbol_id AND r.session BETWEEN t.first_day AND t.last_day
 WHERE r.id = ANY (:ids)""")

_HOLD = text("""
SELECT id FROM repair_requests WHERE id = ANY (:ids) AND claim_token = :token AND state = 'running' ORDER BY id FOR UPDATE""")

_PUT_BACK = text("""
UPDATE repair_requests
   SET state = 'waiting', lease_until = NULL, error_message = :error, attempts = attempts - :forgive, waits = :waits,
       due_at = now() + make_interval(secs => :pause)
 WHERE id = ANY (:ids) AND claim_token = :token AND state = 'running'""")

_PUT_OFF = text("""
UPDATE repair_requests SET due_at = now() + make_interval(secs => :pause)
 WHERE state = 'waiting' AND due_at < now() + make_interval(secs => :pause)""")

MOST = 1_000


@dataclass(frozen=True)
class Asked:
    """One request of a claimed call; `ticker`: what the security was called on the day, None where it had no name then."""

    id: int
    symbol_id: int
    session: date
    ticker: str | None

    @property
    def key(self) -> Key:
        return (self.symbol_id, self.session)


@dataclass(frozen=True)
class RepairCall:
    """A call in this worker's hands, and the requests that its answer serves. `attempts`: the most that one of them had."""

    action: Action
    endpoint: str | None
    token: int
    attempts: int
    waits: int
    requests: tuple[Asked, ...]

    @property
    def first(self) -> date:
        return min(one.session for one in self.requests)

    @property
    def last(self) -> date:
        return max(one.session for one in self.requests)

    @property
    def grouped(self) -> bool:
        return self.endpoint == GROUPED

    @property
    def ticker(self) -> str | None:
        """Of a call about a single one."""
        return self.requests[0].ticker

    @property
    def ids(self) -> list[int]:
        return [one.id for one in self.requests]

    def __str__(self) -> str:
        what = "the market" if self.grouped or self.action is Action.LOOK_UP_SPLIT else self.ticker
        return f"{self.action.value.replace('_', ' ')} of {what} from {self.first} to {self.last}"


def claim(session: Session, lease_s: int) -> RepairCall | None:
    """The next call that is due, or whose worker died; None where there is none."""
    first = session.execute(_FIRST).first()
    if first is None:
        return None
    alike = session.execute(
        _SIBLINGS,
        {
            "action": first.action, "endpoint": first.endpoint, "day": first.session, "symbol": first.symbol_id,
            "first": first.first_day or first.session, "last": first.last_day or first.session, "most": MOST,
        },
    )  # fmt: skip
    ids = sorted({first.id, *alike.scalars()})
    claimed = session.execute(_CLAIM, {"ids": ids, "lease": lease_s}).all()
    tickers = {row.id: row.ticker for row in session.execute(_TICKERS, {"ids": ids})}
    return RepairCall(
        Action(first.action), first.endpoint, claimed[0].claim_token, max(row.attempts for row in claimed),
        max(row.waits for row in claimed),
        tuple(Asked(row.id, row.symbol_id, row.session, tickers.get(row.id)) for row in sorted(claimed)),
    )  # fmt: skip


def hold(session: Session, call: RepairCall) -> Sequence[int]:
    """Locks the call's requests for the rest of the transaction; LeaseLost where they are another worker's, or done, by now."""
    held = session.execute(_HOLD, {"ids": call.ids, "token": call.token}).scalars().all()
    if len(held) < len(call.requests):
        raise LeaseLost(f"{call}: another worker has that call since: nothing of this answer is kept")
    return held


def put_back(session: Session, call: RepairCall, error: str, after_s: float | None) -> float:
    """For the vendor to be had again: no failed attempt. Gives the pause: the vendor's own, else growing with each time."""
    pause = jittered(AWAY_PAUSE_S, call.waits) if after_s is None else after_s
    _back(session, call, error, pause, forgive=1, waits=call.waits + 1)
    return pause


def try_later(session: Session, call: RepairCall, error: str) -> None:
    """After an answer that could not be used: a failed attempt."""
    _back(session, call, error, jittered(BROKEN_PAUSE_S, call.attempts - 1), forgive=0, waits=0)


def _back(session: Session, call: RepairCall, error: str, pause: float, *, forgive: int, waits: int) -> None:
    session.execute(
        _PUT_BACK,
        {"ids": call.ids, "token": call.token, "error": error, "pause": pause, "forgive": forgive, "waits": waits},
    )


def put_all_off(session: Session, pause_s: float) -> None:
    """Nobody asks for a while: the vendor refuses us all."""
    session.execute(_PUT_OFF, {"pause": pause_s})
