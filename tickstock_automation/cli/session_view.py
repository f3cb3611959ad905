"""May this morning's data be used? What the last sessions' states say to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from sqlalchemy import text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role

LAST = 5
COLOURS = {"ready": "green", "pending": "yellow", "degraded": "yellow", "missing": "red"}
ANSWERS = {
    "ready": "yes",
    "degraded": "yes, but not all of it",
    "pending": "not yet",
    "missing": "no",
}

_SESSIONS = text("""
SELECT s.session, s.state, s.expected, s.stored, s.known_empty, s.refused, s.failed, s.closed, s.exchanges, s.reasons, s.ready_at, g.completeness
  FROM session_status s CROSS JOIN get_session_status(s.session) g ORDER BY s.session DESC LIMIT :last""")


def last_sessions() -> list[dict[str, Any]]:
    """The newest sessions that were loaded, or tried, newest first."""
    with transaction(Role.APP) as session:
        return [dict(row) for row in session.execute(_SESSIONS, {"last": LAST}).mappings()]


def morning(sessions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer for the newest session: `usable` is true only where everything is there or known not to exist."""
    if not sessions:
        return {
            "session": None,
            "usable": False,
            "answer": "no",
            "reasons": ["no session was ever loaded"],
            "ready_at": None,
        }
    newest = sessions[0]
    return {
        "session": newest["session"], "usable": newest["state"] == "ready", "answer": ANSWERS[newest["state"]],
        "reasons": newest["reasons"], "ready_at": newest["ready_at"],
    }  # fmt: skip


def session_rows(sessions: Sequence[dict[str, Any]]) -> dict[str, RenderableType]:
    """The answer, and below it the sessions with their counts."""
    told = morning(sessions)
    words = "; ".join(told["reasons"])
    if told["session"] is None:
        return {"usable": f"[red]no[/]: {words}"}
    colour = COLOURS[sessions[0]["state"]]
    since = f", ready since {told['ready_at']:%Y-%m-%d %H:%M} UTC" if told["ready_at"] else ""
    rows: dict[str, RenderableType] = {
        "usable": f"[bold {colour}]{told['answer']}[/]: session {told['session']}{since}"
        + (f" ({words})" if words else "")
    }
    for one in sessions:
        counts = f"{one['stored']:,} of {one['expected']:,} bars"
        rest = [f"{one[name]:,} {said}" for name, said in (
            ("known_empty", "known not to exist"), ("refused", "refused"), ("failed", "failed"),
        ) if one[name]]  # fmt: skip
        closed = "  closed" if one["closed"] else f"  {', '.join([counts, *rest])}"
        rows[f"session {one['session']}"] = f"[{COLOURS[one['state']]}]{one['state']}[/]{closed}"
    return rows
