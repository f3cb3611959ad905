"""What a person did to a bar, for the alerts that stand beside it: which of them it settles, which it opens again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from tickstock_automation.bars.repair.life import Action, State
from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.quality.alerts import Step, take_steps
from tickstock_automation.quality.checks import CHECKS
from tickstock_automation.quality.rejudging import read_window
from tickstock_automation.quality.remediation import BY_HAND_CHECK, Beside, beside
from tickstock_automation.sessions import SessionCalendar

NAMES = frozenset(check.__name__ for check in CHECKS)
PERSONAL = frozenset({Action.FIX, Action.DELETE, Action.MARK})

_BESIDE = text("""
SELECT a.id, a.symbol_id, a.session, a.check_name, a.state
  FROM quality_alerts a
  JOIN unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS k (id, day) ON a.symbol_id = k.id AND a.session = k.day
 WHERE a.state IN ('open', 'given_up', 'resolved') AND a.check_name <> :by_hand AND a.check_name = ANY (:checks)
 ORDER BY a.id""")


def settle_beside(session: ServiceSession, ended: Sequence[Any], calendar: SessionCalendar) -> None:
    """Judges the other alerts of days that a person set, marked or put back, in the transaction that tells of it.

    `ended`: rows with symbol_id, session, action, state, undoes, new, author, reason.
    """
    done = {
        (row.symbol_id, row.session): row
        for row in ended
        if row.state == State.APPLIED and (row.action in PERSONAL or (row.undoes in PERSONAL))
    }
    if not done:
        return
    asked = {"symbols": [id_ for id_, _ in done], "days": [day for _, day in done]}
    alerts = session.execute(_BESIDE, {**asked, "by_hand": BY_HAND_CHECK, "checks": sorted(NAMES)}).all()
    if not alerts:
        return
    findings = read_window(session, set(done), calendar).findings()
    steps = []
    for alert in alerts:
        row = done[alert.symbol_id, alert.session]
        act = Beside(Action(row.action), row.author, row.reason, (row.new or {}).get("suspect"))
        found = any(
            (one.symbol_id, one.date, one.check) == (alert.symbol_id, alert.session, alert.check_name)
            for one in findings
        )
        end = beside(act, alert.state, found=found)
        if end is not None:
            steps.append(Step(alert.id, end.state, row.author, end.words, person=True))
    take_steps(session, steps)
