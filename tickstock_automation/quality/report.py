"""Gathers the report of a day from what its summary wrote down and from what became of it since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.figures import MEAN_OF, Figures, compare
from tickstock_automation.quality.models import QualityMetric
from tickstock_automation.quality.report_values import (
    SESSIONS,
    AgeLine,
    PlottedBar,
    Repair,
    Report,
    SymbolLine,
    WorstFinding,
    age_lines,
    check_lines,
    day_of,
    nearest,
)
from tickstock_automation.quality.summary import UNSETTLED

MOST_REPAIRS = 40
MOST_SYMBOLS = 20

_STATUS = text("""
SELECT s.session, s.state, g.completeness FROM session_status s CROSS JOIN LATERAL get_session_status(s.session) g
 WHERE s.session = ANY (:sessions)""")
_WORST = text("""
SELECT a.id AS alert_id, s.ticker AS symbol, a.session, a.check_name AS check, a.severity, a.verdict, a.state,
       coalesce(a.evidence ->> 'words', '') AS words, a.expected, a.channel = :volume AS by_volume
  FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS w (id, place) JOIN quality_alerts a ON a.id = w.id
  LEFT JOIN symbols s ON s.id = a.symbol_id ORDER BY w.place""")
_AROUND = text("""
SELECT a.id, h.date, h.low, h.high, h.close, h.volume
  FROM quality_alerts a JOIN historical_data h ON h.symbol_id = a.symbol_id AND h.date BETWEEN a.session - 45 AND a.session + 30
 WHERE a.id = ANY (:ids) ORDER BY a.id, h.date""")
# Bars that were put right, each with its newest change; and changes of bars that no such alert stands for.
_REPAIRS = text("""
WITH changed AS (SELECT c.* FROM bar_corrections c WHERE c.id > :corrections_after AND c.id <= :corrections_until),
 resolved AS (
    SELECT DISTINCT ON (a.id) a.id, a.symbol_id, a.session, a.check_name, s.words
      FROM quality_alert_steps s JOIN quality_alerts a ON a.id = s.alert_id
     WHERE s.id > :steps_after AND s.id <= :steps_until AND s.state = 'resolved' AND a.state = 'resolved'
       AND EXISTS (SELECT 1 FROM quality_alert_steps r WHERE r.alert_id = s.alert_id AND r.id < s.id AND r.state = 'remediating')
     ORDER BY a.id, s.id DESC),
 put_right AS (
    SELECT coalesce(r.symbol_id, q.symbol_id) AS symbol_id, coalesce(q.session, r.session) AS session, r.check_name, r.words
      FROM resolved r LEFT JOIN repair_requests q ON q.alert_id = r.id AND r.symbol_id IS NULL AND q.state IN ('applied', 'done')),
 all_of_them AS (
    SELECT p.symbol_id, p.session, p.check_name, p.words, c.old, coalesce(c.new, to_jsonb(h)) AS new
      FROM put_right p
      LEFT JOIN LATERAL (SELECT old, new FROM bar_corrections c WHERE c.symbol_id = p.symbol_id AND c.session = p.session ORDER BY c.id DESC LIMIT 1) c ON true
      LEFT JOIN historical_data h ON h.symbol_id = p.symbol_id AND h.date = p.session
    UNION ALL
    SELECT symbol_id, session, NULL, reason, old, new FROM changed c
     WHERE NOT EXISTS (SELECT 1 FROM put_right p WHERE p.symbol_id = c.symbol_id AND p.session = c.session))
SELECT s.ticker, r.session, r.check_name, r.words, r.old, r.new, count(*) OVER ()
  FROM all_of_them r JOIN symbols s ON s.id = r.symbol_id
 ORDER BY r.check_name IS NULL, r.session DESC, s.ticker LIMIT :most""")
# Bucket 0: found before the first of these summaries; n: by the n-th of them.
_AGES = text("""
SELECT width_bucket(id, CAST(:bounds AS bigint[])), severity, count(*) FROM quality_alerts
 WHERE id <= :until AND (state = ANY (:unsettled) OR closed_at > :at) GROUP BY 1, 2""")
_SYMBOLS = text("""
WITH most AS (
    SELECT symbol_id, sum((figures ->> 'findings')::int) AS findings, sum((figures ->> 'repaired')::int) AS repaired,
           coalesce(max((figures ->> 'open')::int) FILTER (WHERE session = :day), 0) AS open
      FROM quality_metrics WHERE scope = 'symbol' AND session = ANY (:sessions) GROUP BY 1
    HAVING sum((figures ->> 'findings')::int) > 0 ORDER BY 2 DESC, 4 DESC, 1 LIMIT :most),
 checks AS (
    SELECT m.symbol_id, c.check_name, sum(number::int) AS number
      FROM quality_metrics m CROSS JOIN LATERAL jsonb_each_text(m.figures -> 'by_check') AS c (check_name, number)
     WHERE m.scope = 'symbol' AND m.session = ANY (:sessions) AND m.symbol_id IN (SELECT symbol_id FROM most) GROUP BY 1, 2)
SELECT s.ticker, s.name, m.findings, m.repaired, m.open,
       (SELECT coalesce(jsonb_object_agg(c.check_name, c.number), '{}') FROM checks c WHERE c.symbol_id = m.symbol_id)
  FROM most m JOIN symbols s ON s.id = m.symbol_id ORDER BY m.findings DESC, m.open DESC, s.ticker""")


def gather(session: Session, wanted: date | None = None) -> Report:
    """The report of a session, by default of the newest that is summed up. NotFound where it is not, with which are."""
    day = _chosen(session, wanted)
    summaries = _summaries(session, day)
    sessions = [one.session for one in summaries]
    checks = _checks(session, sessions)
    status = {row[0]: (row[1], row[2]) for row in session.execute(_STATUS, {"sessions": sessions})}
    newest, before = summaries[-1], [one.figures for one in summaries[-2::-1]]
    repairs, in_all = _repairs(session, newest.figures)
    return Report(
        session=day,
        summed_up_at=newest.created_at,
        state=status[day][0] if day in status else None,
        figures={name: value for name, value in newest.figures.items() if name not in ("counted", "worst")},
        compared=compare(newest.figures, before),
        days=[
            day_of(
                one.session,
                status[one.session][1] if one.session in status else one.figures.get("completeness"),
                one.figures,
                checks[one.session],
            )
            for one in summaries
        ],
        checks=check_lines([checks[one] for one in sessions]),
        worst=_worst(session, newest.figures.get("worst", [])),
        repairs=repairs,
        repairs_in_all=in_all,
        ages=_ages(session, summaries),
        symbols=_symbols(session, day, sessions[-MEAN_OF:]),
    )


def _chosen(session: Session, wanted: date | None) -> date:
    known = list(session.scalars(
        select(QualityMetric.session).where(QualityMetric.scope == "summary").order_by(QualityMetric.session)
    ))  # fmt: skip
    if not known:
        raise NotFound("no session is summed up yet: `tickstock quality sweep` does it once its bars are loaded")
    if wanted is not None and wanted not in known:
        near = " and ".join(map(str, nearest(wanted, known)))
        count = f"there are {len(known):,}, from {known[0]} to {known[-1]}" if len(known) > 1 else "there is one"
        raise NotFound(f"there is no summary of {wanted}: {count}; the nearest: {near}")
    return wanted or known[-1]


def _summaries(session: Session, day: date) -> list[QualityMetric]:
    """Up to this day, oldest first."""
    found = (
        select(QualityMetric)
        .where(QualityMetric.scope == "summary", QualityMetric.session <= day)
        .order_by(QualityMetric.session.desc())
        .limit(SESSIONS)
    )
    return list(session.scalars(found))[::-1]


def _checks(session: Session, sessions: Sequence[date]) -> dict[date, dict[str, Figures]]:
    rows = session.execute(
        select(QualityMetric.session, QualityMetric.check_name, QualityMetric.figures).where(
            QualityMetric.scope == "check", QualityMetric.session.in_(sessions)
        )
    )
    found: dict[date, dict[str, Figures]] = defaultdict(dict)
    for day, check, figures in rows:
        found[day][str(check)] = figures
    return found


def _worst(session: Session, listed: Sequence[dict[str, int]]) -> list[WorstFinding]:
    alike = {one["alert_id"]: one["alike"] for one in listed}
    bars: dict[int, list[PlottedBar]] = defaultdict(list)
    for id_, *bar in session.execute(_AROUND, {"ids": list(alike)}):
        bars[id_].append(PlottedBar(*bar))
    rows = session.execute(_WORST, {"ids": list(alike), "volume": Channel.VOLUME_ANOMALY})
    return [WorstFinding(**row, alike=alike[row["alert_id"]], bars=bars[row["alert_id"]]) for row in rows.mappings()]


def _repairs(session: Session, figures: Figures) -> tuple[list[Repair], int]:
    """What was put right between the summary before and this one, and how many there are in all."""
    if (counted := figures.get("counted")) is None:
        return [], 0
    asked: dict[str, Any] = {"most": MOST_REPAIRS}
    for table in ("steps", "corrections"):
        asked[f"{table}_after"], asked[f"{table}_until"] = counted[table]
    rows = session.execute(_REPAIRS, asked).all()
    return [Repair(*row[:6]) for row in rows], rows[0][6] if rows else 0


def _ages(session: Session, summaries: Sequence[QualityMetric]) -> list[AgeLine]:
    """Of the alerts that nobody had settled when the last of these summaries was made."""
    counting = sorted((one.figures["counted"]["alerts"], one.session) for one in summaries if "counted" in one.figures)
    if not counting:
        return []
    newest = summaries[-1]
    bounds = [counting[0][0][0] + 1, *(until + 1 for (_, until), _ in counting)]
    rows = session.execute(
        _AGES,
        {"bounds": bounds, "until": counting[-1][0][1], "unsettled": list(UNSETTLED), "at": newest.created_at},
    )
    since = {one.session: len(summaries) - 1 - at for at, one in enumerate(summaries)}
    return age_lines((since[counting[at - 1][1]] if at else None, severity, number) for at, severity, number in rows)


def _symbols(session: Session, day: date, sessions: Sequence[date]) -> list[SymbolLine]:
    rows = session.execute(_SYMBOLS, {"day": day, "sessions": list(sessions), "most": MOST_SYMBOLS})
    return [SymbolLine(*row) for row in rows]
