"""Splits and dividends as the vendor lists them today, and what it lists no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.action_diff import Action, Change, Known, compare
from tickstock_automation.bars.holders import holders
from tickstock_automation.bars.models import CorporateAction
from tickstock_automation.db import operational
from tickstock_automation.events.catalogue import Service
from tickstock_automation.vendor.client import Dividend, Split

Kind = Literal["split", "dividend"]
Listed = TypeVar("Listed", Split, Dividend)
DOLLARS = "USD"
SPLITS_BACK_DAYS = 200
"""What each end-of-day load reads: the longest window that a sweep adjusts, and late corrections of the vendor's."""

log = structlog.get_logger("corporate_actions")

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('tickstock.corporate_actions'))")

_ADD = text("""
INSERT INTO corporate_actions (symbol_id, kind, ex_date, split_from, split_to, cash_amount)
SELECT id, :kind, day, split_from, split_to, cash
  FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[]), CAST(:froms AS float8[]), CAST(:tos AS float8[]),
              CAST(:cash AS float8[])) AS x (id, day, split_from, split_to, cash)
    ON CONFLICT DO NOTHING""")

_WITHDRAW = text("""
WITH gone AS (DELETE FROM corporate_actions WHERE id = ANY (:ids) RETURNING *)
INSERT INTO withdrawn_actions (symbol_id, kind, ex_date, split_from, split_to, cash_amount, loaded_at)
SELECT symbol_id, kind, ex_date, split_from, split_to, cash_amount, loaded_at FROM gone""")

_DOUBT = text("""
UPDATE corporate_actions SET absent_since = CASE WHEN id = ANY (:doubted) THEN coalesce(absent_since, :day) END
 WHERE (id = ANY (:doubted) AND absent_since IS NULL) OR (id = ANY (:present) AND absent_since IS NOT NULL)""")

# Only what has bars before an ex-date that came or went looks different now.
_ADJUSTED_ANEW = text("""
SELECT DISTINCT x.id FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[])) AS x (id, day)
 WHERE EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = x.id AND h.date < x.day) ORDER BY 1""")


@dataclass(frozen=True)
class Refreshed:
    """What a list of the vendor's changed.

    `doubted`: lacking in it and kept all the same; `nobodys`: of tickers that nobody had on the day, or in another
    currency; `symbol_ids`: whose adjusted history is another now, in order.
    """

    added: int
    withdrawn: int
    doubted: int
    nobodys: int
    symbol_ids: tuple[int, ...]


def refresh_splits(session: Session, splits: Sequence[Split], first: date, last: date) -> Refreshed:
    """Stores what the vendor lists with execution dates from `first` to session `last`, and withdraws what it lists no more.

    Each belongs to the security that had its ticker on that day. An answer that lacks many of the known ones is not
    believed at once: they stay, and an operational finding says so (`action_diff`).
    """

    def action(symbol_id: int, one: Split) -> Action:
        return Action(symbol_id, one.execution_date, one.split_from, one.split_to)

    named = [(one.ticker, one.execution_date, one) for one in splits]
    return _refresh(session, "split", named, action, first, last)


def refresh_dividends(session: Session, dividends: Sequence[Dividend], first: date, last: date) -> Refreshed:
    """The same for cash dividends by their ex-dates; those in other currencies than US dollars are left out.

    Two of the same amount on one day are one, as vendors list some twice.
    """

    def action(symbol_id: int, one: Dividend) -> Action:
        return Action(symbol_id, one.ex_date, cash_amount=one.cash_amount)

    named = [(one.ticker if one.currency == DOLLARS else "", one.ex_date, one) for one in dividends]
    return _refresh(session, "dividend", named, action, first, last)


def _refresh(
    session: Session,
    kind: Kind,
    named: Sequence[tuple[str, date, Listed]],
    action: Callable[[int, Listed], Action],
    first: date,
    last: date,
) -> Refreshed:
    session.execute(_ONE_AT_A_TIME)
    within = [(ticker, day, one) for ticker, day, one in named if first <= day <= last]
    who = holders(session, {(ticker, day) for ticker, day, _ in within})
    listed = [action(who[ticker, day], one) for ticker, day, one in within if (ticker, day) in who]
    known = _known(session, kind, first, last)
    change: Change = compare(known, listed, first, last)
    _store(session, kind, change, last)
    if change.doubted:
        _report(session, kind, change, known, first, last)
    changed: list[Action] = [*change.added, *(one.action for one in change.withdrawn)]
    refreshed = Refreshed(
        added=len(change.added), withdrawn=len(change.withdrawn), doubted=len(change.doubted),
        nobodys=len(within) - len(listed), symbol_ids=_adjusted_anew(session, changed),
    )  # fmt: skip
    if changed or change.doubted:
        log.info(f"{kind}s refreshed", session=str(last), added=refreshed.added, withdrawn=refreshed.withdrawn, doubted=refreshed.doubted)  # fmt: skip
    return refreshed


def _known(session: Session, kind: Kind, first: date, last: date) -> list[Known]:
    one = CorporateAction
    wanted = select(one.id, one.absent_since, one.symbol_id, one.ex_date, one.split_from, one.split_to, one.cash_amount)
    rows = session.execute(wanted.where(one.kind == kind, one.ex_date.between(first, last)).order_by(one.id))
    return [
        Known(row.id, Action(row.symbol_id, row.ex_date, row.split_from, row.split_to, row.cash_amount), row.absent_since)
        for row in rows
    ]  # fmt: skip


def _store(session: Session, kind: Kind, change: Change, day: date) -> None:
    if change.withdrawn:
        session.execute(_WITHDRAW, {"ids": [one.id for one in change.withdrawn]})
    if change.added:
        session.execute(
            _ADD,
            {
                "kind": kind, "ids": [one.symbol_id for one in change.added], "days": [one.ex_date for one in change.added],
                "froms": [one.split_from for one in change.added], "tos": [one.split_to for one in change.added],
                "cash": [one.cash_amount for one in change.added],
            },
        )  # fmt: skip
    doubted = [one.id for one in change.doubted]
    session.execute(_DOUBT, {"doubted": doubted, "present": [one.id for one in change.present], "day": day})


def _adjusted_anew(session: Session, changed: Collection[Action]) -> tuple[int, ...]:
    if not changed:
        return ()
    asked = {"ids": [one.symbol_id for one in changed], "days": [one.ex_date for one in changed]}
    return tuple(session.scalars(_ADJUSTED_ANEW, asked))


def _report(session: Session, kind: Kind, change: Change, known: Sequence[Known], first: date, last: date) -> None:
    operational.report(
        session, check=f"vendor_{kind}s", severity="high", day=last, reported_by=Service.IPO_MONITOR,
        message=f"the vendor lists {len(change.present):,} of the {len(known):,} {kind}s known from {first} to {last}:"
        f" {len(change.doubted):,} are kept until the answer of a later session lacks them too; look at the vendor's list of"
        f" {kind}s where this goes on",
        evidence={"known": len(known), "listed": len(change.present), "kept": len(change.doubted)},
    )  # fmt: skip
