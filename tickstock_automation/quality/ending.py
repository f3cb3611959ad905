"""The end of a sweep, once all its shards are done: what is many at once is one alert, and what the whole market says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.alerts import SWEEP, Step, take_steps
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.lives import Known
from tickstock_automation.quality.market_checks import run_market_checks
from tickstock_automation.quality.market_checks.facts import together
from tickstock_automation.quality.market_checks.finding import MarketFinding, market_key
from tickstock_automation.quality.market_facts import read_market_facts
from tickstock_automation.quality.mass import Group, Standing, gather
from tickstock_automation.quality.models import QualityAlert
from tickstock_automation.quality.reading import LANES, Window
from tickstock_automation.quality.recording import (
    Transactions,
    known_alerts,
    known_market_alerts,
    plan_alerts,
    record,
    record_market,
)
from tickstock_automation.quality.shard_work import bounds, fenced, from_json, market_size, sweep_window
from tickstock_automation.quality.shards import Claimed, figures_of, hold_lanes
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings

STEPS_AT_ONCE = 1_000
SAME_AS = {"missing_session": ("market_rows", "listing_without_bars")}
"""Whole-market checks that say the same as what one check finds of many symbols: that names them."""


@dataclass(frozen=True)
class Ended:
    """The shards' counts together: symbols judged, bars of the last session, the newest bar's day."""

    checked: int
    present: int
    newest: date | None


def end_alerts(claimed: Claimed, calendar: SessionCalendar, settings: Settings) -> Ended:
    """Decides about what the shards held back, and about the market as a whole. Once more does no harm."""
    with transaction(Role.QUALITY_MONITOR) as guard:
        parts = [one for one in figures_of(guard, claimed.sweep_id) if one]
        held = [from_json(row) for part in parts for row in part["held"]]
        if claimed.whole or held or _judged(parts):
            hold_lanes(guard, range(LANES), settings.lease_s)
            _End(guard, claimed, settings, sweep_window(guard, claimed, calendar), parts, held).run()
    newest = [date.fromisoformat(one["newest"]) for one in parts if one["newest"]]
    return Ended(
        sum(one["checked"] for one in parts), sum(one["present"] for one in parts), max(newest, default=None)
    )  # fmt: skip


def _judged(parts: Sequence[dict[str, Any]]) -> set[int]:
    return {id_ for part in parts for id_ in part.get("symbols", ())}


class _End:
    """One sweep's end."""

    def __init__(
        self,
        guard: Session,
        claimed: Claimed,
        settings: Settings,
        found: Window,
        parts: Sequence[dict[str, Any]],
        held: Sequence[Finding],
    ) -> None:
        self.guard, self.claimed, self.window, self.parts, self.held = guard, claimed, found, parts, held
        self.whole = claimed.whole
        self.first, self.last = found.judged[0], found.judged[-1]
        self.transactions: Transactions = lambda: fenced(claimed, settings)
        self.market = market_size(guard, self.last)
        self.least = bounds(settings).least(self.market)
        self.known = known_market_alerts(guard, self.first, self.last)
        self.standing = {} if self.whole else self._standing()  # a whole one judged all their members

    def run(self) -> None:
        gathered = gather(self.held, self.least, self.market, self.standing)
        mass = dict(gathered.mass)
        findings = self._market_findings(mass)
        ids = record_market(findings, self._in_scope(mass), self.transactions)
        symbols = {one.symbol_id for one in self.held}
        known = known_alerts(self.guard, self.first, self.last, symbols) if symbols else []
        record(plan_alerts(gathered.alone, known, (), resolve=False), self.transactions)
        members = {one.key for one in self.held} - {one.key for one in gathered.alone}
        self._take_in([one for one in known if one.key in members], ids)

    def _market_findings(self, mass: dict[Group, MarketFinding]) -> list[MarketFinding]:
        """Of the whole-market checks, and of what is many at once; of one check and session they are one."""
        if not self.whole:
            return list(mass.values())
        days = together(part["days"] for part in self.parts if "days" in part)
        by_key = {one.key: one for one in run_market_checks(read_market_facts(self.guard, days, self.window))}
        for one in mass.values():
            for same in SAME_AS.get(one.check, ()):
                by_key.pop(market_key(same, one.date), None)
            own = by_key.get(one.key)
            by_key[one.key] = replace(own, evidence={**one.evidence, **own.evidence}) if own else one
        return list(by_key.values())

    def _in_scope(self, mass: Mapping[Group, MarketFinding]) -> list[Known]:
        """The market-wide alerts that this sweep can say something about: all, or those whose members it judged."""
        if self.whole:
            return self.known
        groups = {*mass, *self.standing}
        return [one for one in self.known if (one.check, one.session) in groups]

    def _standing(self) -> dict[Group, Standing]:
        """The market-wide alerts of whose members this sweep judged some, or found more."""
        judged, found = _judged(self.parts), {}
        held = {(one.check, one.date) for one in self.held}
        ids = [one.id for one in self.known if one.state != "resolved"]
        by_id = {one.id: one for one in self.known}
        rows = select(QualityAlert.id, QualityAlert.evidence, QualityAlert.channel, QualityAlert.remediation)
        for id_, evidence, channel, remediation in self.guard.execute(rows.where(QualityAlert.id.in_(ids))):
            alert = by_id[id_]
            members = dict(zip(evidence.get("symbol_ids", ()), evidence.get("symbols", ()), strict=False))
            if alert.session is None or not ((alert.check, alert.session) in held or judged & members.keys()):
                continue
            found[alert.check, alert.session] = Standing(
                {id_: name for id_, name in members.items() if id_ not in judged},
                Channel(channel), alert.verdict, alert.severity, remediation,
            )  # fmt: skip
        return found

    def _take_in(self, known: Sequence[Known], ids: Mapping[str, int]) -> None:
        """What had an alert of its own, and is one of many now."""
        steps = []
        for one in known:
            alert = ids.get(market_key(one.check, one.session)) if one.session else None
            if alert is not None and one.state != "resolved" and not one.closed_by_person:
                steps.append(Step(one.id, "resolved", SWEEP, f"one of many at once: see alert {alert}"))
        for start in range(0, len(steps), STEPS_AT_ONCE):
            with self.transactions() as session:
                take_steps(session, steps[start : start + STEPS_AT_ONCE])
