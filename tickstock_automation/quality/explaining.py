"""Every check's view of one symbol's day: judged again, as a sweep would, and what stands of it already. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from tickstock_automation.bars.inspection import provenance
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.quality.checks import CHECKS
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.inspection import FIGURES, Row, Wanted, bars_around, find_alerts
from tickstock_automation.quality.measures import measures
from tickstock_automation.quality.reading import Part, last_sessions, open_sessions, read_frames, window
from tickstock_automation.quality.shard_work import judge_frames
from tickstock_automation.quality.staleness import CHECK as STALE
from tickstock_automation.sessions import SessionCalendar

SETTLED_BY = 3
"""Sessions after the day that are judged with it, as far as there are any: a sweep would have them by then."""
MOST_ALERTS = 100


@dataclass(frozen=True)
class View:
    """One check's: its finding, or None. `alone`: it is no alert, since another check's finding explains it."""

    check: str
    finding: Finding | None
    alone: bool = False


@dataclass(frozen=True)
class Explained:
    """A symbol's day. `bar`: as stored, None without one, and then `absence` says why in words; `alerts`: of that day."""

    symbol: str
    session: date
    bar: Row | None
    absence: str | None
    views: list[View]
    measures: dict[str, float | None]
    alerts: list[Row]
    bars: list[Row]

    def as_dict(self) -> dict[str, Any]:
        """In the form that `--json` prints."""
        views = [
            {
                "check": one.check,
                "found": one.finding is not None,
                "explained": one.alone,
                **(_figures(one.finding) if one.finding else {}),
            }
            for one in self.views
        ]
        return {
            "symbol": self.symbol, "session": self.session, "bar": self.bar, "absence": self.absence, "measures": self.measures,
            "checks": views,
            "alerts": self.alerts,
        }  # fmt: skip


def explain_day(session: Session, ticker: str, day: date, calendar: SessionCalendar, now: datetime) -> Explained:
    """Of whoever had `ticker` on `day`; NotFound where nobody had. UsedWrongly where the session has not closed."""
    found = provenance(session, ticker, day, calendar, now)
    last = calendar.last_closed(now)
    if day > last:
        raise UsedWrongly(f"{day} has not closed: the last session that has is {last}")
    sessions = open_sessions(session, calendar)
    first = last_sessions(sessions, day, 1)[0]
    until = min(last, sessions.following(first, SETTLED_BY + 1)[-1])
    judged = window(sessions, first, until)
    frames = read_frames(session, judged, Part(symbols=(found.security.id,)))
    seen, id_ = judge_frames(session, frames, judged), found.security.id
    by_check = {one.check: one for one in seen.findings if one.date == day}
    own = {one.check: one for check in CHECKS for one in check(seen.context) if (one.symbol_id, one.date) == (id_, day)}
    names = [check.__name__ for check in CHECKS]
    names += sorted({*by_check, STALE}.difference(names))
    late = {one.check for one in own.values() if one.key in seen.to_come}
    alerts, _ = find_alerts(session, Wanted(symbols=[found.security.now_called], first=day, last=day), MOST_ALERTS)
    bar = None if found.bar is None else {name: found.bar[name] for name in FIGURES}
    return Explained(
        ticker, day, bar, found.absence.words if found.absence else None,
        [
            View(name, by_check.get(name) or (None if name in late else own.get(name)), name in own and name not in by_check)
            for name in names
        ],
        measures(seen.context, id_, day), alerts,
        bars_around(session, id_, day, calendar),
    )  # fmt: skip


def _figures(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity, "verdict": finding.verdict, "observed": finding.observed, "expected": finding.expected,
        "threshold": finding.threshold, "remediation": finding.remediation, "evidence": finding.evidence,
    }  # fmt: skip
