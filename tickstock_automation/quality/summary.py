"""The daily summary: what is new, open, repaired, there and missing, counted in the database by one transaction.

Each alert, step and correction is counted by one summary: a summary keeps up to which of their ids it counted (`counted`),
and the next one begins there. What this transaction added itself is always its own, so two sweeps at once count right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

from sqlalchemy import select, text, update

from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.events.catalogue import Compared, DailySummary
from tickstock_automation.quality.figures import (
    MEAN_OF,
    DayMaterial,
    Figures,
    Found,
    Lag,
    Open,
    Repaired,
    check_figures,
    compare,
    session_figures,
    symbol_figures,
)
from tickstock_automation.quality.findings import SEVERITIES
from tickstock_automation.quality.models import QualityMetric
from tickstock_automation.sessions import SessionCalendar

WORST = 10
UNSETTLED = ("open", "remediating", "given_up")
"""States of an alert that the system or a person has yet to settle."""

# From where (exclusive) to where each table is counted. A summary of an earlier version tells by its time.
_COUNTED = text("""
WITH before AS (SELECT max(created_at) AS at, max((figures #>> '{counted,alerts,1}')::bigint) AS alerts,
                       max((figures #>> '{counted,steps,1}')::bigint) AS steps, max((figures #>> '{counted,corrections,1}')::bigint) AS corrections
                  FROM quality_metrics WHERE scope = 'summary' AND session <> :day)
SELECT coalesce(b.alerts, (SELECT max(id) FROM quality_alerts WHERE opened_at <= b.at), 0), coalesce((SELECT max(id) FROM quality_alerts), 0),
       coalesce(b.steps, (SELECT max(id) FROM quality_alert_steps WHERE taken_at <= b.at), 0), coalesce((SELECT max(id) FROM quality_alert_steps), 0),
       coalesce(b.corrections, (SELECT max(id) FROM bar_corrections WHERE corrected_at <= b.at), 0), coalesce((SELECT max(id) FROM bar_corrections), 0)
  FROM before b""")
_FOUND = text("""
SELECT symbol_id, check_name, verdict, severity, operational_finding_id IS NOT NULL, count(*) FROM quality_alerts
 WHERE (id > :after OR opened_at = now()) AND id <= :until GROUP BY 1, 2, 3, 4, 5""")
_OPEN = text("""
SELECT symbol_id, check_name, state, severity, count(*) FROM quality_alerts WHERE state = ANY (:unsettled) GROUP BY 1, 2, 3, 4""")
# Of a finding about the market, the bars that were repaired for it.
_REPAIRED = text("""
SELECT DISTINCT coalesce(a.symbol_id, q.symbol_id), coalesce(q.session, a.session), a.check_name
  FROM quality_alert_steps s JOIN quality_alerts a ON a.id = s.alert_id
  LEFT JOIN repair_requests q ON q.alert_id = a.id AND a.symbol_id IS NULL AND q.state IN ('applied', 'done')
 WHERE (s.id > :after OR s.taken_at = now()) AND s.id <= :until AND s.state = 'resolved' AND a.state = 'resolved'
   AND EXISTS (SELECT 1 FROM quality_alert_steps r WHERE r.alert_id = s.alert_id AND r.id < s.id AND r.state = 'remediating')""")
_CORRECTED = text("""
SELECT count(*) FROM bar_corrections WHERE id > :after AND id <= :until AND reason NOT IN ('repair', 'by hand', 'undo')""")
_LOADED = text("""
SELECT expected - known_empty, stored FROM session_status WHERE session = :day AND (expected > 0 OR closed)""")
# Where no load has counted: what lies there of the symbols that were listed.
_LYING_THERE = text("""
SELECT count(*) FILTER (WHERE h.symbol_id IS NOT NULL OR k.symbol_id IS NULL), count(h.symbol_id)
  FROM expected_symbols(:day) e
  LEFT JOIN historical_data h ON h.symbol_id = e.symbol_id AND h.date = :day
  LEFT JOIN known_empty k ON k.symbol_id = e.symbol_id AND k.session = :day""")
_LAGGING = text("""
SELECT e.symbol_id, (SELECT max(h.date) FROM historical_data h WHERE h.symbol_id = e.symbol_id AND h.date < :day)
  FROM expected_symbols(:day) e
 WHERE NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = e.symbol_id AND h.date = :day)
   AND NOT EXISTS (SELECT 1 FROM session_status s WHERE s.session = :day AND s.closed)
 ORDER BY 1""")
_NEWEST = text("SELECT date FROM historical_data WHERE date <= :day ORDER BY date DESC LIMIT 1")
# Of one symbol and check the worst, and how many more like it: one broken symbol must not hide all others.
_WORST = text("""
WITH ranked AS (
    SELECT id, symbol_id, session, check_name, evidence ->> 'words' AS words, array_position(CAST(:severities AS text[]), severity) AS rank,
           verdict = 'data_error' AS wrong, count(*) OVER alike AS alike, row_number() OVER (alike ORDER BY
           array_position(CAST(:severities AS text[]), severity) DESC NULLS LAST, verdict = 'data_error' DESC, session DESC NULLS LAST, id) AS place
      FROM quality_alerts WHERE state = ANY (:unsettled) WINDOW alike AS (PARTITION BY symbol_id, check_name))
SELECT r.id, r.alike - 1, coalesce(s.ticker || ' ', '') || coalesce(r.session || ' ', '') || r.check_name || coalesce(': ' || r.words, '')
  FROM ranked r LEFT JOIN symbols s ON s.id = r.symbol_id
 WHERE r.place = 1 ORDER BY r.rank DESC NULLS LAST, r.wrong DESC, r.session DESC NULLS LAST, s.ticker, r.id LIMIT :worst""")

_ADD = text("""
INSERT INTO quality_metrics (session, scope, check_name, symbol_id, figures)
SELECT :day, 'check', name, NULL, figures::jsonb FROM unnest(CAST(:checks AS text[]), CAST(:check_figures AS text[])) AS c (name, figures)
UNION ALL
SELECT :day, 'symbol', NULL, id, figures::jsonb FROM unnest(CAST(:symbols AS bigint[]), CAST(:symbol_figures AS text[])) AS s (id, figures)""")


def sum_up(session: ServiceSession, day: date, calendar: SessionCalendar, *, checked: int) -> DailySummary:
    """Writes the figures of session `day` in the caller's transaction, and gives the event to add to it.

    The caller has claimed the day: its row of scope `summary` is there and empty. UsedWrongly where it is not, so that no
    day is summed up twice. `checked`: count of symbols that the checks looked at.
    """
    counted = _counted(session, day)
    material = _material(session, day, calendar, checked, counted)
    worst = session.execute(
        _WORST, {"unsettled": list(UNSETTLED), "severities": list(SEVERITIES), "worst": WORST}
    ).all()
    figures = session_figures(material)
    listed = [{"alert_id": id_, "alike": alike} for id_, alike, _ in worst]
    _store(session, day, figures | {"worst": listed, "counted": counted}, material)
    words = [f"{said} (and {alike:,} more like it)" if alike else said for _, alike, said in worst]
    return _event(day, figures, words, _before(session, day))


def _counted(session: ServiceSession, day: date) -> dict[str, list[int]]:
    row = list(session.execute(_COUNTED, {"day": day}).one())
    return {"alerts": row[0:2], "steps": row[2:4], "corrections": row[4:6]}


def _material(
    session: ServiceSession, day: date, calendar: SessionCalendar, checked: int, counted: Mapping[str, list[int]]
) -> DayMaterial:
    def span(table: str) -> dict[str, int]:
        after, until = counted[table]
        return {"after": after, "until": until}

    of_day = {"day": day}
    expected, present = session.execute(_LOADED, of_day).first() or session.execute(_LYING_THERE, of_day).one()
    return DayMaterial(
        checked=checked,
        found=[Found(*row) for row in session.execute(_FOUND, span("alerts"))],
        open=[Open(*row) for row in session.execute(_OPEN, {"unsettled": list(UNSETTLED)})],
        repaired=[Repaired(*row) for row in session.execute(_REPAIRED, span("steps"))],
        corrected=session.execute(_CORRECTED, span("corrections")).scalar_one(),
        expected=expected,
        present=present,
        newest_bar=day if present else session.execute(_NEWEST, of_day).scalar(),
        lags=[
            Lag(id_, newest, None if newest is None else len(calendar.between(newest, day)) - 1)
            for id_, newest in session.execute(_LAGGING, of_day)
        ],
    )


def _store(session: ServiceSession, day: date, figures: Figures, material: DayMaterial) -> None:
    claimed = update(QualityMetric).where(
        QualityMetric.session == day, QualityMetric.scope == "summary", QualityMetric.figures == {}
    )
    if not session.execute(claimed.values(figures=figures)).rowcount:  # type: ignore[attr-defined]
        raise UsedWrongly(f"the summary of {day} stands already, or nobody has claimed it")
    checks, symbols = check_figures(material), symbol_figures(material)
    session.execute(
        _ADD,
        {
            "day": day, "checks": list(checks), "symbols": list(symbols),
            "check_figures": [json.dumps(one) for one in checks.values()],
            "symbol_figures": [json.dumps(one) for one in symbols.values()],
        },
    )  # fmt: skip


def _before(session: ServiceSession, day: date) -> list[Figures]:
    """Of the summaries before this one, newest first."""
    before = (
        select(QualityMetric.figures)
        .where(QualityMetric.scope == "summary", QualityMetric.session < day, QualityMetric.figures.has_key("findings"))
        .order_by(QualityMetric.session.desc())
        .limit(MEAN_OF)
    )  # fmt: skip
    return list(session.scalars(before))


def _event(day: date, figures: Figures, worst: list[str], before: list[Figures]) -> DailySummary:
    compared = compare(figures, before)
    return DailySummary(
        session=day, symbols_checked=figures["checked"], findings=figures["findings"], by_check=figures["by_check"],
        by_verdict=figures["by_verdict"], by_severity=figures["by_severity"], repaired=figures["repaired"],
        repaired_by_check=figures["repaired_by_check"], corrected=figures["corrected"],
        bars_present=figures["bars_present"], bars_expected=figures["bars_expected"], completeness=figures["completeness"],
        newest_bar=figures["newest_bar"], lagging=figures["lagging"], without_bars=figures["without_bars"], worst=worst,
        open_by_state=figures["open_by_state"], open_by_severity=figures["open_by_severity"],
        findings_yesterday=before[0]["findings"] if before else None, findings_mean_30=compared["findings"].mean_30,
        against={name: Compared(**asdict(one)) for name, one in compared.items()},
    )  # fmt: skip
