"""What a scan would do: reads the listing and what is stored, asks what is left open, decides. Stores nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import func, select

from tickstock_automation.bars.models import Bar, EodRun
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, HELD
from tickstock_automation.db.vendor_differences import Difference, Kind
from tickstock_automation.errors import BadAnswer, Fault
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.asking import Answers, ask
from tickstock_automation.symbols.diff import Diff, Known, Limits, compare
from tickstock_automation.symbols.identity import Stored
from tickstock_automation.symbols.models import HeldListing, ScanRun, Symbol
from tickstock_automation.vendor.client import Listing, ListingAnswer, Vendor

IDENTITY = [name for name in Stored.__dataclass_fields__ if name not in ("kept", "shut")]


@dataclass(frozen=True)
class Plan:
    """What a scan would do, and what it stands on."""

    answer: ListingAnswer
    diff: Diff
    answers: Answers
    bootstrap: bool
    tickers: dict[int, str]

    def told(self) -> dict[str, Any]:
        """The plan by ticker, in JSON's words."""
        diff = self.diff
        return {
            "listed": len({one.ticker for one in self.answer.listings}),
            "coverage": round(diff.coverage, 4),
            "thin": [str(one) for one in diff.thin],
            "new": [one.ticker for one in diff.new],
            "held_back": [one.ticker for one in diff.held_back],
            "relisted": [one.ticker for _, one in diff.relisted],
            "changed": {self.tickers[one.id]: one.changes for one in diff.changed},
            "archived": {one.ticker: [one.delist_date.isoformat(), one.why.value] for one in diff.archived},
            "absent": [self.tickers[id_] for id_ in diff.absent],
            "waiting": diff.waiting,
            "differences": [[one.kind.value, one.ticker, one.words] for one in self.answers.differences],
            "unasked": self.answers.unasked,
        }


def plan_scan(day: date, vendor: Vendor, settings: Settings) -> Plan:
    """Reads the vendor's listing of `day` and decides; stores nothing.

    Raises BadAnswer where the listing is empty, and what the vendor raises.
    """
    answer = vendor.listings(day)
    if not answer.listings:
        raise BadAnswer(f"the vendor's listing of {day} is empty", Fault.EMPTY)
    stored, known = _read(day)
    limits = Limits(settings.coverage_minimum, settings.flood_share)
    diff = compare(answer.listings, stored, day, limits, known)
    answers = Answers()
    if not known.bootstrap:
        answers = ask(diff, stored, day, vendor, settings.questions_per_scan)
        if answers.delisted or answers.former:
            known = replace(known, delisted=_not_trading(answers), former=answers.former)
            diff = compare(answer.listings, stored, day, limits, known)
    return Plan(answer, diff, answers, known.bootstrap, {one.id: one.ticker for one in stored})


def _read(day: date) -> tuple[list[Stored], Known]:
    """What is stored, and what else the decision stands on."""
    with transaction(Role.APP) as session:
        columns = [*(getattr(Symbol, name) for name in IDENTITY), Symbol.kept_by, Symbol.archived_by]
        rows = session.execute(select(*columns).order_by(Symbol.id))
        stored = [
            Stored(
                **dict(zip(IDENTITY, row, strict=False)), kept=row.kept_by is not None, shut=row.archived_by is not None
            )
            for row in rows
        ]
        # Not «nothing is stored»: a first scan that was interrupted goes on as what it was.
        first = session.scalar(select(func.count()).select_from(ScanRun).where(ScanRun.outcome.in_((DONE, HELD)))) == 0
        absent = [one.id for one in stored if one.active and one.absent_since is not None]
        since = select(Bar.date).where(Bar.symbol_id == Symbol.id, Bar.date >= Symbol.absent_since)
        traded = set(session.scalars(select(Symbol.id).where(Symbol.id.in_(absent), since.exists())))
        loaded = select(EodRun.session).where(
            EodRun.outcome == DONE, EodRun.session >= Symbol.absent_since, EodRun.session < day
        )
        unseen = set(session.scalars(select(Symbol.id).where(Symbol.id.in_(absent), ~loaded.exists())))
        held = {
            row.ticker: (row.session, Listing(**row.listing))
            for row in session.scalars(select(HeldListing).where(HeldListing.session <= day))
        }
    return stored, Known(traded=traded, unseen=unseen, held_back=held, bootstrap=first)


def _not_trading(answers: Answers) -> dict[int, date]:
    """Without those that have a bar on or after the day from which the vendor calls them delisted, or were first seen after it:
    noted, and not believed."""
    if not answers.delisted:
        return {}
    with transaction(Role.APP) as session:
        bars = (Bar.symbol_id == Symbol.id) & (Bar.date >= min(answers.delisted.values()))
        found = session.execute(
            select(Symbol.id, Symbol.ticker, Symbol.first_seen, func.max(Bar.date))
            .outerjoin(Bar, bars)
            .where(Symbol.id.in_(answers.delisted))
            .group_by(Symbol.id)
        ).all()
    believed = dict(answers.delisted)
    for id_, ticker, first_seen, last in found:
        told = answers.delisted[id_]
        trades = f"has a bar of {last}" if last and last >= told else ""
        came = f"was listed on {first_seen}" if first_seen >= told else ""
        if trades or came:
            words = f"its details say delisted on {told}, it {trades or came}"
            answers.differences.append(Difference(Kind.BARS_AGAINST_DETAILS, ticker, words))
            del believed[id_]
    return believed
