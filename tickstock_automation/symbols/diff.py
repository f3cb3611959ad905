"""What a day's listing means for what is stored. Pure: from the listing, what is stored and what else is known, to changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from tickstock_automation.symbols.coverage import Thin, thin_groups
from tickstock_automation.symbols.identity import Matches, Stored, match, shared_figis
from tickstock_automation.vendor.client import Listing

DETAILS = ("ticker", "name", "type", "exchange", "composite_figi", "share_class_figi", "cik")
FLOOD_FEW = 10
"""So many new listings a day are no flood, however small the database."""


class Why(StrEnum):
    """Why a security is archived."""

    ABSENT_TWICE = "absent_twice"
    VENDOR_SAYS = "vendor_says_delisted"


@dataclass(frozen=True)
class Changed:
    """A known security with other details; `changes` is field to (old, new), `ticker` among them for a rename."""

    id: int
    listing: Listing
    changes: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Archived:
    """A security that is gone; `delist_date` is the first session it was not listed on."""

    id: int
    ticker: str
    delist_date: date
    why: Why = Why.ABSENT_TWICE


@dataclass(frozen=True)
class Limits:
    """`coverage`: share of what is known that must be listed; `flood`: share of new ones past which they are held back."""

    coverage: float = 0.95
    flood: float = 0.05


@dataclass(frozen=True)
class Known:
    """What is known besides the listing. All by default nothing.

    traded: ids of absent securities with a bar of a session since. unseen: ids of absent securities of which no session was
    loaded since, so that nobody knows whether they trade. delisted: id to the day from which on the vendor says
    that it is delisted. former: what the vendor's ticker events say a listed ticker's holder was called before. held_back:
    listings of an earlier session's flood, by ticker. bootstrap: the database is being filled for the first time.
    """

    traded: Collection[int] = ()
    unseen: Collection[int] = ()
    delisted: Mapping[int, date] = field(default_factory=dict)
    former: Mapping[str, Collection[str]] = field(default_factory=dict)
    held_back: Mapping[str, tuple[date, Listing]] = field(default_factory=dict)
    bootstrap: bool = False


@dataclass(frozen=True)
class Diff:
    """The changes. `waiting`: tickers whose new holder must wait until the old one is archived."""

    new: list[Listing] = field(default_factory=list)
    held_back: list[Listing] = field(default_factory=list)
    relisted: list[tuple[int, Listing]] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    archived: list[Archived] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    coverage: float = 1.0
    thin: tuple[Thin, ...] = ()

    @property
    def held(self) -> bool:
        """Whether too little came back to archive anything."""
        return bool(self.thin)

    @property
    def renamed(self) -> list[Changed]:
        return [one for one in self.changed if "ticker" in one.changes]


def compare(
    listed: Collection[Listing],
    stored: Iterable[Stored],
    session: date,
    limits: Limits = Limits(),
    known: Known = Known(),
) -> Diff:
    """Compares the listing of `session` with what is stored. Neither order matters.

    Where too little of what is known is listed, nothing is marked absent or archived. A security is archived when the
    vendor says that it is delisted, or when it was absent on an earlier session and is absent again; never one that has
    traded since, nor one that a person pinned.
    """
    stored = list(stored)
    active = [one for one in stored if one.active]
    matches = match(listed, stored, known.former)
    gone = [one for one in active if one.id not in matches.same]
    counted = [one for one in active if not one.kept]
    lost = {one.id for one in gone if not one.kept}
    thin = thin_groups(counted, lost, limits.coverage)
    shared = shared_figis(listed)
    archived = [] if thin else _archived(gone, session, known)
    occupied = _occupied(active, matches, {one.id for one in archived})
    come = {one.ticker: _own(one, shared) for one in (*matches.unknown, *matches.back.values())}
    new, held_back = _flood(
        [one for one in come.values() if one.ticker not in occupied], len(counted), session, limits, known
    )
    again = {one.ticker: id_ for id_, one in matches.back.items()}
    named = {one.id for one in archived}
    return Diff(
        new=[one for one in new if one.ticker not in again],
        held_back=held_back,
        relisted=sorted(((again[one.ticker], one) for one in new if one.ticker in again), key=lambda one: one[0]),
        changed=_changes(active, matches.same, occupied, shared),
        # what has traded since is absent anew from today on
        absent=[]
        if thin
        else [one.id for one in gone if one.id not in named and (one.absent_since is None or one.id in known.traded)],
        back=[one.id for one in active if one.absent_since is not None and one.id in matches.same],
        archived=archived,
        waiting=sorted(one.ticker for one in (*matches.unknown, *matches.back.values()) if one.ticker in occupied),
        doubled=matches.doubled,
        coverage=1 - len(lost) / len(counted) if counted else 1.0,
        thin=thin,
    )


def _archived(gone: list[Stored], session: date, known: Known) -> list[Archived]:
    found = []
    for one in gone:
        if one.kept or one.id in known.traded:
            continue
        told = known.delisted.get(one.id)
        if told is not None and told <= session:
            found.append(Archived(one.id, one.ticker, told, Why.VENDOR_SAYS))
        elif one.absent_since is not None and one.absent_since < session and one.id not in known.unseen:
            found.append(Archived(one.id, one.ticker, one.absent_since))
    return found


def _occupied(active: list[Stored], matches: Matches, freed: set[int]) -> set[str]:
    """Tickers nobody may take today: of those who are absent, and of those whose new ticker is so occupied."""
    same = matches.same
    occupied = {one.ticker for one in active if one.id not in freed and one.id not in same}
    while True:
        stuck = {
            one.ticker
            for one in active
            if one.id in same and same[one.id].ticker != one.ticker and same[one.id].ticker in occupied
        }
        if stuck <= occupied:
            return occupied
        occupied |= stuck


def _own(listing: Listing, shared: Collection[str]) -> Listing:
    """A listing without the FIGIs that another ticker has today as well: stored with both, neither could be told by it."""
    figis = {name: getattr(listing, name) for name in ("composite_figi", "share_class_figi")}
    blank: dict[str, Any] = {name: None for name, figi in figis.items() if figi in shared}
    return replace(listing, **blank) if blank else listing


def _flood(
    free: list[Listing], known_active: int, session: date, limits: Limits, known: Known
) -> tuple[list[Listing], list[Listing]]:
    """New and relisted ones to store now, and those to hold back until a scan of a later session agrees."""
    if known.bootstrap or len(free) <= max(FLOOD_FEW, limits.flood * known_active):
        return free, []

    def agreed(listing: Listing) -> bool:
        since, before = known.held_back.get(listing.ticker, (session, listing))
        return since < session and (before.composite_figi or "") == (listing.composite_figi or "")

    return [one for one in free if agreed(one)], [one for one in free if not agreed(one)]


def _changes(
    active: list[Stored], same: dict[int, Listing], occupied: set[str], shared: Collection[str]
) -> list[Changed]:
    found = []
    owners = {one.composite_figi: one.id for one in active if one.composite_figi}
    for one in active:
        listing = same.get(one.id)
        if listing is None or (listing.ticker != one.ticker and listing.ticker in occupied):
            continue
        # What the vendor leaves blank for a day is not taken back; a FIGI that two tickers have today, or that is another
        # security's, is nobody's new one.
        changes = {
            name: (getattr(one, name), new)
            for name in DETAILS
            if (new := getattr(listing, name)) is not None and new != getattr(one, name) and new not in shared
            and not (name == "composite_figi" and owners.get(new, one.id) != one.id)
        }  # fmt: skip
        if changes:
            found.append(Changed(one.id, listing, changes))
    return found
