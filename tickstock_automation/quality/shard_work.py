"""One shard of a sweep: reads its symbols, judges them, and records what it found, while no other sweep judges them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import polars as pl
import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import EodRun
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import FEW_SYMBOLS, Context, prepare
from tickstock_automation.quality.judging import findings_of
from tickstock_automation.quality.market_checks.facts import day_figures
from tickstock_automation.quality.market_days import market_days, note_market
from tickstock_automation.quality.mass import Bounds, hold_back
from tickstock_automation.quality.missing import explained
from tickstock_automation.quality.reading import (
    LANES,
    Frames,
    Part,
    Window,
    lanes_of,
    lanes_with,
    open_sessions,
    read_frames,
    read_with_witnesses,
    window,
)
from tickstock_automation.quality.recording import known_alerts, known_market_alerts, plan_alerts, record
from tickstock_automation.quality.shards import Claimed, finish_shard, hold_lanes, hold_shard
from tickstock_automation.quality.staleness import stale_data
from tickstock_automation.quality.touched import touched_of_sweep
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.models import Symbol

MOST_BARS = 3_000_000  # of one shard, in memory

log = structlog.get_logger("sweep")


@dataclass(frozen=True)
class Judged:
    """What was found of a window: findings, the keys of what cannot be said yet, and what the checks looked at."""

    findings: list[Finding]
    to_come: set[str]
    context: Context


def bounds(settings: Settings) -> Bounds:
    """From when on findings are a mass event."""
    return Bounds(settings.mass_symbols, settings.mass_share, settings.mass_small_share)


def market_size(session: Session, day: date) -> int:
    """How many symbols are judged on a session, in all shards."""
    listed = select(func.count()).where(
        Symbol.active, Symbol.absent_since.is_(None), or_(Symbol.bootstrap, Symbol.first_seen <= day)
    )
    return int(session.execute(listed).scalar_one())


def judge_frames(session: Session, frames: Frames, found: Window) -> Judged:
    """All checks over a window's frames, what is stale, and why what is missing is."""
    shown, own = read_with_witnesses(session, found, frames), set(frames.symbols["symbol_id"])
    context = prepare(
        shown.bars, shown.splits, shown.symbols, found.sessions, found.judged,
        market=market_days(session, found.first, found.last),
    )  # fmt: skip
    findings = findings_of(context)
    findings = [_finite(one) for one in findings if one.symbol_id in own] + stale_data(
        frames.bars, frames.symbols, found
    )
    return Judged(*explained(session, findings), context)


def work_shard(claimed: Claimed, calendar: SessionCalendar, settings: Settings) -> None:
    """Judges one shard. LeaseLost where it is another worker's by now: nothing more of this one is stored."""
    part = _part(claimed)
    seconds: dict[str, float] = {}
    with transaction(Role.QUALITY_MONITOR) as guard:
        hold_lanes(guard, part.lanes, settings.lease_s)
        found = sweep_window(guard, claimed, calendar)
        with _timed(seconds, "read"):
            frames = read_frames(guard, found, part)
        with _timed(seconds, "check"):
            judged = judge_frames(guard, frames, found)
        with _timed(seconds, "store"):
            figures = _store(guard, claimed, settings, found, frames, judged)
        with transaction(Role.QUALITY_MONITOR) as session:
            finish_shard(session, claimed, figures | {"seconds": seconds}, settings.lease_s)
    log.info("shard judged", sweep=claimed.sweep_id, shard=claimed.shard, **seconds)


def sweep_window(session: Session, claimed: Claimed, calendar: SessionCalendar) -> Window:
    """From the first session to be judged to the newest that is loaded: a sweep that is late does not forget what came after
    its session."""
    loaded = session.scalar(select(func.max(EodRun.session)).where(EodRun.outcome == DONE))
    return window(
        open_sessions(session, calendar), claimed.first_session, max(claimed.session, loaded or claimed.session)
    )


def _part(claimed: Claimed) -> Part:
    lanes = lanes_of(claimed.shard, claimed.shards)
    if claimed.whole:
        return Part(lanes)
    with transaction(Role.QUALITY_MONITOR) as session:
        touched = [one for one in touched_of_sweep(session, claimed.sweep_id) if one % LANES in lanes]
    return Part(lanes_with(touched), tuple(touched))


def _store(
    guard: ServiceSession, claimed: Claimed, settings: Settings, found: Window, frames: Frames, judged: Judged
) -> dict[str, Any]:
    """Opens and steps alerts; gives what the sweep's end needs of this shard."""
    first, last = found.judged[0], found.judged[-1]
    symbols = frames.symbols["symbol_id"].to_list()
    market = {(one.check, one.session) for one in known_market_alerts(guard, first, last) if one.session}
    least = bounds(settings).least(market_size(guard, last))
    split = hold_back(judged.findings, least, claimed.shards, market)
    leave = judged.to_come | {one.key for one in split.held}
    plans = plan_alerts(split.alone, known_alerts(guard, first, last, symbols), leave)
    opened = record(plans, lambda: fenced(claimed, settings))
    figures = {
        "checked": len(symbols), "opened": opened, "bars": frames.bars.height,
        "present": _bars_on(frames, claimed.session), "newest": _newest(frames),
        "held": [_as_json(one) for one in split.held],
    }  # fmt: skip
    if claimed.whole:
        if len(symbols) >= FEW_SYMBOLS:
            with fenced(claimed, settings) as session:
                note_market(session, judged.context.market.filter(pl.col("date").is_in(found.judged)))
        return figures | {"days": day_figures(frames.bars, frames.splits, frames.symbols)}
    return figures | {"symbols": symbols}


@contextmanager
def fenced(claimed: Claimed, settings: Settings) -> Iterator[ServiceSession]:
    """A transaction that is refused where the shard is another worker's by now."""
    with transaction(Role.QUALITY_MONITOR) as session:
        hold_shard(session, claimed, settings.lease_s)
        yield session


def from_json(row: dict[str, Any]) -> Finding:
    """A held-back finding, as the shard left it."""
    return Finding(**{**row, "date": date.fromisoformat(row["date"]), "channel": Channel(row["channel"])})


def _as_json(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "date": str(finding.date), "channel": finding.channel.value}


def _finite(finding: Finding) -> Finding:
    """A bar may hold what JSON cannot say."""
    observed, expected = (_or_none(value) for value in (finding.observed, finding.expected))
    if (observed, expected) == (finding.observed, finding.expected):
        return finding
    return replace(finding, observed=observed, expected=expected)


def _or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _bars_on(frames: Frames, day: date) -> int:
    judged = frames.bars.filter(pl.col("date") == day).join(frames.symbols, on="symbol_id", how="semi")
    return judged.height


def _newest(frames: Frames) -> str | None:
    newest = frames.bars["date"].max()
    return str(newest) if newest is not None else None


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - started, 3)


def shards_for(symbols: Sequence[int] | int, sessions: int, settings: Settings) -> int:
    """How many shards a sweep has: by symbols, and where the window is long, by bars. One for a small market."""
    count = symbols if isinstance(symbols, int) else len(symbols)
    by_symbols = math.ceil(count / settings.sweep_shard_symbols)
    by_bars = math.ceil(count * sessions / MOST_BARS)
    return max(1, min(LANES, max(by_symbols, by_bars)))
