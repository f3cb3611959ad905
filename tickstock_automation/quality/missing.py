"""Reading why bars are missing, for the findings of `missing_session`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.absence import Facts
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.missing_why import CHECKS, MissingFacts, missing_day, reason, with_reason

_FACTS = text("""
SELECT p.place, s.list_date, s.delist_date, s.absent_since, s.first_seen, s.bootstrap, k.reason AS empty, u.outcome || ': ' || u.reason AS unloaded,
       EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = p.symbol_id AND r.status = 'waiting'
                  AND p.day BETWEEN r.first_session AND r.last_session) AS waiting
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) WITH ORDINALITY AS p (symbol_id, day, place)
  JOIN symbols s ON s.id = p.symbol_id
  LEFT JOIN known_empty k ON k.symbol_id = p.symbol_id AND k.session = p.day
  LEFT JOIN unloaded_bars u ON u.symbol_id = p.symbol_id AND u.session = p.day AND NOT u.again
 ORDER BY p.place""")


def explained(session: Session, findings: Sequence[Finding]) -> tuple[list[Finding], set[str]]:
    """The findings, those of missing bars with their reason; apart, the keys of those whose bars are still to come: whether
    they are missing cannot be said yet."""
    missing = [one for one in findings if one.check in CHECKS]
    if not missing:
        return list(findings), set()
    days = [missing_day(one) for one in missing]
    rows = session.execute(_FACTS, {"symbols": [one.symbol_id for one in missing], "days": days}).all()
    found, to_come = [one for one in findings if one.check not in CHECKS], set()
    for one, day, row in zip(missing, days, rows, strict=True):
        absence = Facts(
            day, list_date=row.list_date, delist_date=row.delist_date, empty=row.empty, waiting=row.waiting,
            unloaded=row.unloaded,
        )  # fmt: skip
        since = -1 if row.bootstrap else (day - row.first_seen).days
        why = reason(
            MissingFacts(absence, row.list_date is not None, since, row.absent_since, one.evidence.get("usual_volume"))
        )
        if why is None:
            to_come.add(one.key)
        else:
            found.append(with_reason(one, why))
    return sorted(found, key=lambda one: (one.symbol, one.date, one.check)), to_come
