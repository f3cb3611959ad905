"""Remediation: what is asked of the bars service, whether its answers are better, and how the alerts end.

Every part is a transaction that finds its work in the tables and changes nothing where it is done already; it may die at any
moment and run any number of times at once. The bars themselves are the bars service's to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from sqlalchemy import func, insert, select, text

from tickstock_automation.bars.holders import holders
from tickstock_automation.bars.models import EodRun, RepairRequest
from tickstock_automation.bars.repair.days import Key
from tickstock_automation.bars.repair.life import BY_HAND, OPEN, Action, State
from tickstock_automation.bars.repair.outcome import Day
from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE
from tickstock_automation.events.catalogue import Service
from tickstock_automation.quality.alerts import Step, take_steps
from tickstock_automation.quality.market_days import forget_market
from tickstock_automation.quality.rejudging import read_window
from tickstock_automation.quality.remediation import (
    Answer,
    Ask,
    Ended,
    OpenAlert,
    asks_for,
    decide,
    ending,
    finds,
    within_limit,
)
from tickstock_automation.quality.settling import NAMES, settle_beside
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings

AUTHOR = "remediation"
LIMIT_CHECK = "repair_limit"
LOCK = 0x7157
MOST = 500  # alerts of one transaction: each takes its symbol's lock

log = structlog.get_logger("remediation")

_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")

# Nothing that a person undid is done again by itself; a finding about the system is a person's.
_WANTING = text("""
SELECT a.id, a.check_name, a.severity, a.remediation, a.session, a.symbol_id, a.evidence ->> 'words' AS words,
       CASE WHEN a.symbol_id IS NULL AND jsonb_typeof(a.evidence -> 'symbols') = 'array' THEN a.evidence -> 'symbols' END AS symbols
  FROM quality_alerts a
 WHERE a.state = 'open' AND a.remediation IN ('reload', 'refetch', 'look_up_split', 'review') AND a.session IS NOT NULL
   AND (a.remediation <> 'review' OR a.check_name = 'stale_data')
   AND a.operational_finding_id IS NULL AND (a.symbol_id IS NOT NULL OR jsonb_typeof(a.evidence -> 'symbols') = 'array')
   AND NOT EXISTS (SELECT 1 FROM repair_requests r WHERE r.alert_id = a.id AND r.state = 'undone')
 ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], a.severity), a.session DESC, a.id""")

_STILL_OPEN = text("""
SELECT id FROM quality_alerts WHERE id = ANY (:ids) AND state = 'open' ORDER BY id FOR UPDATE""")

# A bar that lacks and is known not to exist costs no call, and so nothing of the limit.
_USED = text("""
SELECT count(DISTINCT alert_id) FROM repair_requests
 WHERE asked_on = :day AND author = :author AND NOT (action = 'reload' AND state = 'done')""")

_CAME_BY = text("""
SELECT k.id, k.day, h.source, l.endpoint
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day)
  JOIN historical_data h ON h.symbol_id = k.id AND h.date = k.day LEFT JOIN loads l ON l.id = h.load_id""")

# Those of one finding about the market are judged together, all others by the hundred.
_ANSWERED = text("""
WITH first AS (
    SELECT r.alert_id, a.symbol_id IS NULL AS market_wide
      FROM repair_requests r JOIN quality_alerts a ON a.id = r.alert_id
     WHERE r.state = 'answered' ORDER BY r.priority DESC, r.id LIMIT 1)
SELECT r.id, r.symbol_id, r.session, r.old, r.new, r.error_message, a.check_name, a.verdict, f.market_wide,
       coalesce((r.old ->> 'loaded_at')::timestamptz > a.opened_at, false) AS changed
  FROM first f JOIN quality_alerts a ON f.market_wide = (a.symbol_id IS NULL) AND (NOT f.market_wide OR a.id = f.alert_id)
  JOIN repair_requests r ON r.alert_id = a.id
 WHERE r.state = 'answered' ORDER BY r.priority DESC, r.id
 LIMIT CASE WHEN (SELECT market_wide FROM first) THEN NULL ELSE CAST(:most AS bigint) END FOR UPDATE OF r""")

_DECIDED = text("""
UPDATE repair_requests r
   SET state = d.state, mark = d.mark, error_message = coalesce(d.words, r.error_message),
       completed_at = CASE WHEN d.state = 'superseded' THEN clock_timestamp() END
  FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:marks AS boolean[]), CAST(:words AS text[]))
       AS d (id, state, mark, words)
 WHERE r.id = d.id AND r.state = 'answered'""")

# Alerts whose requests have all ended, and that do not know yet how.
_ENDED = text("""
WITH ready AS (
    SELECT alert_id FROM repair_requests WHERE told_at IS NULL AND alert_id IS NOT NULL
     GROUP BY alert_id HAVING bool_and(state <> ALL (:open)) ORDER BY alert_id LIMIT :most)
SELECT r.id, r.alert_id, r.symbol_id, r.session, r.action, r.state, r.author, r.reason, r.old, r.new, r.error_message,
       u.action AS undoes, u.new ->> 'suspect' = 'true' AND u.action = 'refetch' AS unmarks,
       a.state AS alert_state, a.verdict, a.check_name, a.symbol_id IS NULL AS market_wide
  FROM ready JOIN quality_alerts a ON a.id = ready.alert_id
  JOIN repair_requests r ON r.alert_id = a.id AND r.told_at IS NULL
  LEFT JOIN repair_requests u ON u.id = r.undo_of
 ORDER BY r.alert_id, r.id FOR UPDATE OF a, r""")

_TOLD = text("UPDATE repair_requests SET told_at = now() WHERE id = ANY (:ids)")


@dataclass
class Remediated:
    """What one run did: alerts taken up, left for another day and ended by their state, requests judged."""

    asked: int = 0
    left: int = 0
    accepted: int = 0
    refused: int = 0
    resolved: int = 0
    given_up: int = 0
    confirmed: int = 0
    opened: int = 0

    @property
    def moved(self) -> bool:
        """Whether the bars service has something to do."""
        return bool(self.asked or self.accepted or self.refused)


def remediate(day: date, calendar: SessionCalendar, settings: Settings) -> Remediated:
    """Ends what is done, judges what was answered, and asks for what is open, within the limit of `day` (New York).

    What is over the limit stays open for another day, and a finding says how much.
    """
    found = Remediated()
    tell_ended(calendar, found)
    judge_answers(calendar, found)
    ask(day, settings, found)
    if found != Remediated(left=found.left):
        log.info("remediation", session=str(day), **vars(found))
    return found


def market_day(today: date, settings: Settings) -> date:
    """The day whose limit counts: today, and in a market of the past the session that was loaded last."""
    if settings.schedule:
        return today
    with transaction(Role.QUALITY_MONITOR) as session:
        return session.scalar(select(func.max(EodRun.session)).where(EodRun.outcome == DONE)) or today


def ask(day: date, settings: Settings, found: Remediated) -> None:
    """Takes open alerts into remediation: their requests, their steps and their events are one transaction."""
    while True:
        with transaction(Role.QUALITY_MONITOR) as session:
            session.execute(_LOCK, {"lock": LOCK})
            alerts = _wanting(session)
            used = session.scalar(_USED, {"day": day, "author": AUTHOR}) or 0
            taken, left = within_limit(alerts, settings.repairs_per_day - used)
            part = taken[:MOST]
            found.asked += _take_up(session, part, day)
            if left and len(taken) == len(part):
                found.left = left
                _say_limit(session, day, settings.repairs_per_day, left)
        if len(taken) <= len(part):
            return


def _wanting(session: ServiceSession) -> list[OpenAlert]:
    rows = session.execute(_WANTING).all()
    named = {(ticker, row.session) for row in rows for ticker in row.symbols or () if isinstance(ticker, str)}
    who = holders(session, named)
    found = []
    for row in rows:
        wide = row.symbol_id is None
        ids = {who.get((ticker, row.session)) for ticker in row.symbols or ()} if wide else {row.symbol_id}
        symbol_ids = tuple(sorted(id_ for id_ in ids if id_ is not None))
        if symbol_ids:
            found.append(
                OpenAlert(
                    row.id, row.check_name, row.severity, row.remediation, row.session, symbol_ids, row.words or "", wide
                )
            )  # fmt: skip
    return found


def _take_up(session: ServiceSession, alerts: Sequence[OpenAlert], day: date) -> int:
    still = set(session.scalars(_STILL_OPEN, {"ids": [one.id for one in alerts]}))
    alerts = [one for one in alerts if one.id in still]
    keys = sorted({(id_, one.session) for one in alerts for id_ in one.symbol_ids})
    if not keys:
        return 0
    came_by, by_hand = _came_by(session, keys)
    rows: list[dict[str, Any]] = []
    steps = []
    for alert in alerts:
        asks = asks_for(alert, {id_: came_by.get((id_, alert.session)) for id_ in alert.symbol_ids})
        asks = [one for one in asks if one.action is not Action.REFETCH or (one.symbol_id, one.session) not in by_hand]
        rows += [_values(one, day) for one in asks]
        words = _what(asks)
        if asks:
            steps.append(Step(alert.id, "remediating", AUTHOR, words))
        else:
            steps.append(Step(alert.id, "given_up", AUTHOR, "the bar was set by hand: whoever set it decides"))
    if rows:
        session.execute(insert(RepairRequest), rows)
    take_steps(session, steps)
    return sum(step.state == "remediating" for step in steps)


def _values(one: Ask, day: date) -> dict[str, Any]:
    return {
        "alert_id": one.alert_id, "symbol_id": one.symbol_id, "session": one.session, "action": one.action.value,
        "endpoint": one.endpoint, "check_name": one.check, "reason": one.words, "priority": one.priority,
        "asked_on": day, "author": AUTHOR,
    }  # fmt: skip


def _what(asks: Sequence[Ask]) -> str:
    if not asks:
        return ""
    what = {
        Action.REFETCH: f"asked of the {asks[0].endpoint} endpoint",
        Action.RELOAD: "asked for",
        Action.LOOK_UP_SPLIT: "the vendor's splits about that day are looked up",
        Action.CHECK_LISTING: "the vendor is asked whether it is delisted or called otherwise",
    }[asks[0].action]
    return what if len(asks) == 1 else f"{what}: the bars of {len(asks)} symbols"


def _came_by(session: ServiceSession, keys: Sequence[Key]) -> tuple[dict[Key, str | None], set[Key]]:
    """Which endpoint brought each bar, and which bars a person set."""
    rows = session.execute(_CAME_BY, {"symbols": [id_ for id_, _ in keys], "days": [day for _, day in keys]}).all()
    return (
        {(row.id, row.day): row.endpoint for row in rows},
        {(row.id, row.day) for row in rows if row.source == BY_HAND},
    )


def _say_limit(session: ServiceSession, day: date, limit: int, left: int) -> None:
    operational.report_once(
        session, check=LIMIT_CHECK, severity="low", day=day, reported_by=Service.DATA_QUALITY_MONITOR,
        message=f"{limit} findings of {day} are being put right, as many as TICKSTOCK_REPAIRS_PER_DAY allows; {left} more wait"
        " for tomorrow, the most severe first",
        evidence={"day": day.isoformat(), "limit": limit},
    )  # fmt: skip


def judge_answers(calendar: SessionCalendar, found: Remediated) -> None:
    """Accepts or refuses what the vendor answered, by the checks that found the stored bars wrong."""
    while True:
        with transaction(Role.QUALITY_MONITOR) as session:
            session.execute(_LOCK, {"lock": LOCK})
            rows = session.execute(_ANSWERED, {"most": MOST}).all()
            if not rows:
                return
            instead: dict[Key, Day | None] = {
                (row.symbol_id, row.session): row.new for row in rows if row.new is not None
            }
            keys = {(row.symbol_id, row.session) for row in rows}
            window = read_window(session, keys, calendar)
            before, after = window.findings(), window.findings(instead)
            decisions = [
                decide(
                    Answer(
                        row.id, row.symbol_id, row.session, row.check_name, row.verdict, row.old, row.new, row.changed,
                        row.market_wide, row.error_message, row.check_name in NAMES,
                    ),
                    before,
                    after,
                )
                for row in rows
            ]  # fmt: skip
            session.execute(
                _DECIDED,
                {
                    "ids": [row.id for row in rows], "states": [one.state.value for one in decisions],
                    "marks": [one.mark for one in decisions], "words": [one.words for one in decisions],
                },
            )  # fmt: skip
        found.accepted += sum(one.state is State.ACCEPTED for one in decisions)
        found.refused += sum(one.state is State.REFUSED for one in decisions)
        if any(one.state is State.SUPERSEDED for one in decisions):
            tell_ended(calendar, found)


def tell_ended(calendar: SessionCalendar, found: Remediated | None = None) -> None:
    """Alerts whose requests have all ended take the step that follows, with its event, once."""
    found = found or Remediated()
    while True:
        with transaction(Role.QUALITY_MONITOR) as session:
            session.execute(_LOCK, {"lock": LOCK})
            rows = session.execute(_ENDED, {"open": sorted(OPEN), "most": MOST}).all()
            if not rows:
                return
            steps = _steps(session, rows, calendar)
            moved = set(take_steps(session, steps))
            settle_beside(session, rows, calendar)
            anew = {row.session for row in rows if row.market_wide and row.state == State.APPLIED}
            forget_market(session, anew | {calendar.after(day) for day in anew})
            session.execute(_TOLD, {"ids": [row.id for row in rows]})
        for step in steps:
            if step.alert_id in moved:
                _count(found, step.state)


def _count(found: Remediated, state: str) -> None:
    name = "opened" if state == "open" else state
    setattr(found, name, getattr(found, name) + 1)


def _steps(session: ServiceSession, rows: Sequence[Any], calendar: SessionCalendar) -> list[Step]:
    by_alert: dict[int, list[Any]] = {}
    for row in rows:
        by_alert.setdefault(row.alert_id, []).append(row)
    still = _still_found(session, rows, calendar)
    steps = []
    for alert_id, own in by_alert.items():
        ended = [_ended(row) for row in own if row.state != State.UNDONE]
        end = ending(ended, own[0].verdict, found=alert_id in still) if ended else None
        by_person = [one for one in ended if one.author != AUTHOR]
        if end is not None and (by_person or own[0].alert_state == "remediating"):
            author = by_person[-1].author if by_person else AUTHOR
            steps.append(Step(alert_id, end.state, author, end.words, end.verdict, person=bool(by_person)))
    return steps


def _still_found(session: ServiceSession, rows: Sequence[Any], calendar: SessionCalendar) -> set[int]:
    """Alerts whose finding is there once more, of those that hang on it."""
    open_ended = [
        row for row in rows
        if row.state == State.SUPERSEDED or (row.action == Action.LOOK_UP_SPLIT and (row.new or {}).get("splits"))
    ]  # fmt: skip
    if not open_ended:
        return set()
    window = read_window(session, {(row.symbol_id, row.session) for row in open_ended}, calendar)
    findings = window.findings()
    return {row.alert_id for row in open_ended if finds(findings, row.check_name, row.symbol_id, row.session)}


def _ended(row: Any) -> Ended:
    return Ended(
        row.id, row.alert_id, Action(row.action), State(row.state), row.author, row.reason, row.old, row.new,
        row.error_message, Action(row.undoes) if row.undoes else None, State.MARKED if row.unmarks else None,
    )  # fmt: skip
