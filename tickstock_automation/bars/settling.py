"""What becomes of the pairs that a call was for: stored, refused, known to be empty, failed, or asked for again later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.ingest import Stored

_KNOWN_EMPTY = text("""
INSERT INTO known_empty (symbol_id, session, reason, load_id)
SELECT id, day, :reason, :load FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS e (id, day)
    ON CONFLICT DO NOTHING""")

_UNLOADED = text("""
INSERT INTO unloaded_bars AS u (symbol_id, session, outcome, reason, load_id)
SELECT id, day, :outcome, why, :load
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[]), CAST(:reasons AS text[])) AS e (id, day, why)
    ON CONFLICT (symbol_id, session) DO UPDATE
   SET outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, load_id = EXCLUDED.load_id, times = u.times + 1,
       again = false, recorded_at = now()""")

# The pause before the ask that is left the longest is the first of them, before the last ask the last.
_ASK_AGAIN = text("""
UPDATE bar_requests
   SET asks_left = asks_left - 1, planned = false, not_before = now() + make_interval(secs =>
           (CAST(:pauses AS float8[]))[greatest(1, cardinality(CAST(:pauses AS float8[])) + 1 - asks_left)])
 WHERE status = 'waiting' AND asks_left > 0 AND symbol_id = ANY (:symbols) AND first_session <= :day AND last_session >= :day""")


@dataclass(frozen=True)
class Absent:
    """What a pair becomes that the answer does not have: `empty` or `failed`, and why."""

    outcome: str
    reason: str


def outcomes(pairs: pl.DataFrame, stored: Stored, absent: Absent, only_day: date | None) -> pl.DataFrame:
    """The pairs (wanted_now.COLUMNS) with what became of each in `outcome`, and why in `why`. Pure.

    A bar that is stored and that a re-read does not bring stays, and is neither empty nor failed.
    `only_day`: what an answer's rows without a readable date are about, None of a range.
    """
    have = stored.bars.select("symbol_id", "date", pl.lit(value=True).alias("have"))
    about = [
        (one.symbol_id, one.session or only_day, one.reason) for one in stored.refused if one.symbol_id is not None
    ]
    refused = pl.DataFrame(about, schema={"symbol_id": pl.Int64, "date": pl.Date, "refused": pl.String}, orient="row")
    keys = ["symbol_id", "date"]
    found = pairs.join(have, on=keys, how="left").join(refused.unique(keys), on=keys, how="left")
    outcome = (
        pl.when(pl.col("have").is_not_null() | pl.col("stored")).then(pl.lit("bars"))
        .when(pl.col("refused").is_not_null()).then(pl.lit("refused"))
        .when(pl.col("asks_left") > 0).then(pl.lit("later"))
        .otherwise(pl.lit(absent.outcome))
    )  # fmt: skip
    return found.with_columns(outcome.alias("outcome"), pl.col("refused").fill_null(absent.reason).alias("why"))


def by_job(found: pl.DataFrame) -> dict[int, Counter[str]]:
    """How many bars, empty and failed pairs each job has of the outcomes. Pure."""
    counted: dict[int, Counter[str]] = {}
    rows = found.filter(pl.col("jobs").is_not_null()).group_by("jobs", "outcome").len()
    for jobs, outcome, number in rows.iter_rows():
        for job in jobs.split(" "):
            counted.setdefault(int(job), Counter())["failed" if outcome == "refused" else outcome] += number
    return counted


def settle_pairs(session: Session, found: pl.DataFrame, load_id: int | None, pauses: Sequence[float]) -> None:
    """Writes the outcomes down."""
    for (why,), part in found.filter(outcome="empty").partition_by("why", as_dict=True).items():
        about = {"symbols": part["symbol_id"].to_list(), "days": part["date"].to_list()}
        session.execute(_KNOWN_EMPTY, about | {"reason": why, "load": load_id})
    for outcome in ("refused", "failed"):
        part = found.filter(outcome=outcome)
        if not part.is_empty():
            note_unloaded(session, outcome, part, load_id)
    for (day,), part in found.filter(outcome="later").partition_by("date", as_dict=True).items():
        about = {"symbols": part["symbol_id"].to_list(), "day": day, "pauses": list(pauses)}
        session.execute(_ASK_AGAIN, about)


def note_unloaded(session: Session, outcome: str, rows: pl.DataFrame, load_id: int | None) -> None:
    """Notes pairs (symbol_id, date, why) as refused or failed."""
    session.execute(
        _UNLOADED,
        {
            "symbols": rows["symbol_id"].to_list(), "days": rows["date"].to_list(), "reasons": rows["why"].to_list(),
            "load": load_id, "outcome": outcome,
        },
    )  # fmt: skip
