"""The processing queue: queueing, claiming a batch by lease, signs of life, finishing it, giving it back.

A claim carries a token that grows with every claim; who comes with an old one changes nothing and, where that matters,
hears LeaseLost. `now` is the moment it is taken to be; without it the database's clock says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tickstock_automation.errors import LeaseLost, QueueFull, UsedWrongly

LONGEST_PAUSE_S = 3600.0

_BOUND = text("SELECT set_config('tickstock.queue_bound', :bound, true)")
_QUEUE = text("SELECT queue_symbols_for_processing(:type, CAST(:symbols AS text[]), :reason)")

# A batch that no worker began has waited in Celery's queue, or its message was lost: no attempt, and it keeps its place.
_TAKE_BACK = text("""
WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS moment),
     lost AS (SELECT id, begun_at IS NOT NULL AS begun, begun_at IS NOT NULL AND attempts >= :most AS last
                FROM equity_processing_queue
               WHERE status = 'running' AND lease_until < (SELECT moment FROM clock)
                 FOR UPDATE SKIP LOCKED)
UPDATE equity_processing_queue q
   SET status = CASE WHEN last THEN 'failed' ELSE 'pending' END,
       attempts = CASE WHEN begun THEN attempts ELSE attempts - 1 END,
       error_message = CASE WHEN begun THEN 'its worker ended in the middle of attempt ' || attempts ELSE error_message END,
       completed_at = CASE WHEN last THEN moment END, lease_until = NULL, begun_at = NULL
  FROM lost, clock WHERE q.id = lost.id RETURNING q.id""")

# The moment is a subquery of its own: the clock is volatile, and no index is searched by what is volatile.
_NEXT_DUE = text("""
SELECT id FROM equity_processing_queue
 WHERE equity_type = :type AND status = 'pending'
   AND scheduled_time <= (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()))
 ORDER BY processing_priority DESC, scheduled_time, id LIMIT :size FOR UPDATE SKIP LOCKED""")

_NEXT_STARVING = text("""
SELECT id FROM equity_processing_queue
 WHERE equity_type = :type AND status = 'pending'
   AND scheduled_time <= (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) - make_interval(secs => :bound))
 ORDER BY scheduled_time, id LIMIT :size FOR UPDATE SKIP LOCKED""")

# What nobody begins by the moment at which it starves is taken back then, to be sent again as starving; that keeps its
# place in the first queue for as long again, since a shorter lease would put it behind others over and over.
_CLAIM = text("""
WITH token AS (SELECT nextval('claim_tokens') AS value),
     clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS moment)
UPDATE equity_processing_queue q
   SET status = 'running', attempts = attempts + 1, last_attempt = moment, begun_at = NULL, claim_token = token.value,
       lease_until = CASE WHEN scheduled_time <= moment - make_interval(secs => :bound)
                     THEN moment + make_interval(secs => greatest(:lease, :bound))
                     ELSE least(moment + make_interval(secs => :lease), scheduled_time + make_interval(secs => :bound)) END
  FROM token, clock WHERE q.id = ANY (:ids) RETURNING q.symbol_id, q.claim_token""")

_RENEW = text("""
WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS moment)
UPDATE equity_processing_queue
   SET lease_until = moment + make_interval(secs => :lease), begun_at = coalesce(begun_at, moment)
  FROM clock WHERE claim_token = :token AND status = 'running' RETURNING id""")

_FINISH = text("""
UPDATE equity_processing_queue q
   SET status = CASE WHEN f.error IS NULL THEN 'done' ELSE 'failed' END, error_message = f.error,
       completed_at = coalesce(CAST(:now AS timestamptz), clock_timestamp()), lease_until = NULL
  FROM equity_processing_queue e
  LEFT JOIN unnest(CAST(:failed AS bigint[]), CAST(:errors AS text[])) AS f (symbol_id, error) ON f.symbol_id = e.symbol_id
 WHERE q.id = e.id AND q.claim_token = :token AND q.status = 'running'
   AND q.symbol_id = ANY (coalesce(CAST(:symbols AS bigint[]), ARRAY[q.symbol_id]))
RETURNING q.symbol_id""")

# Each symbol by its own attempts: the pause doubles, and up to half of it comes on top by chance.
_FAIL = text("""
WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS moment)
UPDATE equity_processing_queue q
   SET status = CASE WHEN attempts >= :most THEN 'failed' ELSE 'pending' END,
       completed_at = CASE WHEN attempts >= :most THEN moment END,
       error_message = :error, lease_until = NULL, begun_at = NULL,
       scheduled_time = moment + make_interval(secs =>
           least(:pause * power(2, least(attempts, 20) - 1), greatest(:pause, :longest)) * (1 + random() / 2))
  FROM clock WHERE claim_token = :token AND status = 'running' RETURNING status, symbol_id""")

_GIVE_BACK = text("""
UPDATE equity_processing_queue
   SET status = 'pending', attempts = attempts - 1, lease_until = NULL, begun_at = NULL, error_message = :reason,
       scheduled_time = coalesce(CAST(:now AS timestamptz), clock_timestamp()) + make_interval(secs => :pause)
 WHERE claim_token = :token AND status = 'running'""")


@dataclass(frozen=True)
class Batch:
    """Symbols claimed together. `starving`: they have waited past the bound."""

    equity_type: str
    token: int
    symbol_ids: list[int]
    starving: bool


def queue_symbols(session: Session, equity_type: str, tickers: Sequence[str] | None, reason: str, bound: int) -> int:
    """Queues symbols of a type (None: all active ones) and says how many were new: all of them, or none with an error.

    Others that queue wait until this transaction ends, so that `bound` holds. Raises QueueFull past it, UsedWrongly for
    an unknown type or symbol.
    """
    session.execute(_BOUND, {"bound": str(bound)})
    try:
        queued = session.execute(
            _QUEUE, {"type": equity_type, "symbols": None if tickers is None else list(tickers), "reason": reason}
        )
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0]
        state = getattr(error.orig, "pgcode", None)
        if state == "54000":
            raise QueueFull(said) from error
        if state == "22023":
            raise UsedWrongly(said) from error
        raise
    return int(queued.scalar_one())


def queue_each(session: Session, symbols: Iterable[tuple[str, str]], reason: str, bound: int) -> int:
    """Queues symbols of several types, given as (equity type, ticker); raises as `queue_symbols` does."""
    by_type: dict[str, list[str]] = {}
    for equity_type, ticker in symbols:
        by_type.setdefault(equity_type, []).append(ticker)
    return sum(queue_symbols(session, name, by_type[name], reason, bound) for name in sorted(by_type))


def take_back_lost(session: Session, most_attempts: int, *, now: datetime | None = None) -> int:
    """Frees what is leased longer than its worker gave a sign of life; `failed` after the last attempt. Says how many."""
    return len(session.execute(_TAKE_BACK, {"most": most_attempts, "now": now}).all())


def claim_batch(
    session: Session,
    equity_type: str,
    size: int,
    *,
    lease_s: float,
    starving_s: float,
    starving: bool = False,
    now: datetime | None = None,
) -> Batch | None:
    """Claims what is due of a type, at most `size`; None where nothing is.

    By priority, then by waiting time; with `starving` what has waited longer than `starving_s`, longest first.
    """
    given = {"type": equity_type, "size": size, "now": now, "bound": starving_s}
    ids = session.scalars(_NEXT_STARVING if starving else _NEXT_DUE, given).all()
    if not ids:
        return None
    claim = {"ids": ids, "lease": lease_s, "bound": starving_s, "now": now}
    rows = session.execute(_CLAIM, claim).all()
    return Batch(equity_type, rows[0][1], sorted(row[0] for row in rows), starving)


def renew(session: Session, token: int, lease_s: float, *, now: datetime | None = None) -> None:
    """A sign of life, the first of which begins the batch; LeaseLost where nothing of it is held any more."""
    if session.execute(_RENEW, {"token": token, "lease": lease_s, "now": now}).first() is None:
        raise LeaseLost(f"batch {token} was taken over by another worker: nothing more of it is stored")


def finish(
    session: Session,
    token: int,
    symbol_ids: Sequence[int] | None = None,
    *,
    errors: Mapping[int, str] | None = None,
    now: datetime | None = None,
) -> list[int]:
    """Ends symbols of a batch (None: all that it holds) and gives them; LeaseLost where it holds none of them.

    They are `done`, or `failed` with what `errors` says of their id: to try them again would not help now.
    """
    failed = errors or {}
    given = {
        "token": token, "symbols": None if symbol_ids is None else list(symbol_ids), "now": now,
        "failed": list(failed), "errors": list(failed.values()),
    }  # fmt: skip
    done = list(session.scalars(_FINISH, given))
    if not done:
        raise LeaseLost(f"batch {token} was taken over by another worker: what it did is not stored")
    return done


def fail_batch(
    session: Session, token: int, error: str, *, pause_s: float, most_attempts: int, now: datetime | None = None
) -> list[int]:
    """Puts a batch back after a failure, or leaves it `failed` after the last attempt; gives the ids that failed so.

    `pause_s` is before the second attempt; before each further one it doubles, to an hour (or `pause_s`) at most, and up
    to half of it comes on top by chance. Does nothing where the batch is not held any more.
    """
    given = {
        "token": token,
        "error": error,
        "pause": float(pause_s),
        "longest": LONGEST_PAUSE_S,
        "most": most_attempts,
        "now": now,
    }
    rows = session.execute(_FAIL, given).all()
    return [row[1] for row in rows if row[0] == "failed"]


def give_back(session: Session, token: int, reason: str, *, pause_s: float, now: datetime | None = None) -> None:
    """Puts a batch back untried: waiting for the vendor's limit is no failed attempt. Nothing where it is not held."""
    session.execute(_GIVE_BACK, {"token": token, "reason": reason, "pause": pause_s, "now": now})
