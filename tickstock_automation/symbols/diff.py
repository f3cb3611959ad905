"""What a day's listing means for what is stored. Pure: from two lists to changes.

Identity is the composite FIGI where both sides have one. A ticker alone makes two rows the same security only where no
FIGI speaks against it; when in doubt there are two securities, never a merge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from tickstock_automation.vendor.client import Listing

DETAILS = ("ticker", "name", "type", "exchange", "composite_figi", "share_class_figi", "cik")


@dataclass(frozen=True)
class Stored:
    """A security as the database has it."""

    id: int
    ticker: str
    active: bool
    name: str | None = None
    type: str | None = None
    exchange: str | None = None
    composite_figi: str | None = None
    share_class_figi: str | None = None
    cik: str | None = None
    absent_since: date | None = None


@dataclass(frozen=True)
class Changed:
    """A known security with other details; `changes` is field to (old, new), `ticker` among them for a rename."""

    id: int
    listing: Listing
    changes: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Archived:
    """A security that was absent twice; `delist_date` is the first session it was absent from."""

    id: int
    ticker: str
    delist_date: date


@dataclass(frozen=True)
class Diff:
    """The changes, and how much of what was known came back (1 where nothing was known)."""

    new: list[Listing] = field(default_factory=list)
    relisted: list[tuple[int, Listing]] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    archived: list[Archived] = field(default_factory=list)
    coverage: float = 1.0
    held: bool = False


def compare(
    listed: Collection[Listing],
    stored: Iterable[Stored],
    session: date,
    *,
    coverage_minimum: float,
    traded: Collection[int] = (),
) -> Diff:
    """Compares the listing of `session` with what is stored.

    Below `coverage_minimum` of the known active securities nothing is marked absent or archived (`held`). A security is
    archived when it was absent on an earlier session and is absent again, unless it is in `traded` (ids with bars since).
    """
    stored = list(stored)
    active = [one for one in stored if one.active]
    matched, relisted, unknown = _match(listed, stored)
    gone = [one for one in active if one.id not in matched]
    coverage = 1 - len(gone) / len(active) if active else 1.0
    held = coverage < coverage_minimum
    archived = [
        Archived(one.id, one.ticker, one.absent_since)
        for one in gone
        if not held and one.absent_since is not None and one.absent_since < session and one.id not in traded
    ]
    freed = {one.id for one in archived}
    occupied = _occupied(active, matched, freed)
    return Diff(
        new=[one for one in unknown if one.ticker not in occupied],
        relisted=[(id_, one) for id_, one in relisted if one.ticker not in occupied],
        changed=_changes(active, matched, occupied),
        absent=[] if held else [one.id for one in gone if one.absent_since is None],
        back=[one.id for one in active if one.absent_since is not None and one.id in matched],
        archived=archived,
        coverage=coverage,
        held=held,
    )


def _occupied(active: list[Stored], matched: dict[int, Listing], freed: set[int]) -> set[str]:
    """Tickers nobody may take today: of those who are absent, and of those whose new ticker is so occupied."""
    occupied = {one.ticker for one in active if one.id not in freed and one.id not in matched}
    while True:
        stuck = {
            one.ticker
            for one in active
            if one.id in matched and matched[one.id].ticker != one.ticker and matched[one.id].ticker in occupied
        }
        if stuck <= occupied:
            return occupied
        occupied |= stuck


def _match(
    listed: Collection[Listing], stored: list[Stored]
) -> tuple[dict[int, Listing], list[tuple[int, Listing]], list[Listing]]:
    """Active ids to their listing, inactive ids that came back, and listings nobody knows."""
    shared = {figi for figi, count in Counter(one.composite_figi for one in listed).items() if figi and count > 1}
    by_figi: dict[str, list[Stored]] = {}
    for one in stored:
        if one.composite_figi:
            by_figi.setdefault(one.composite_figi, []).append(one)
    by_ticker = {one.ticker: one for one in stored if one.active}
    matched: dict[int, Listing] = {}
    relisted: dict[int, Listing] = {}
    rest: list[Listing] = []
    for listing in listed:
        candidates = by_figi.get(listing.composite_figi or "", [])
        if listing.composite_figi in shared:  # when-issued shares: one FIGI on two tickers, so the ticker decides
            candidates = [one for one in candidates if one.ticker == listing.ticker]
        same = next((one for one in candidates if one.active), None)
        former = next((one for one in reversed(candidates) if not one.active), None)
        if same is not None and same.id not in matched:
            matched[same.id] = listing
        elif same is None and former is not None and former.id not in relisted:
            relisted[former.id] = listing
        else:
            rest.append(listing)
    unknown: list[Listing] = []
    for listing in rest:
        holder = by_ticker.get(listing.ticker)
        if holder is not None and holder.id not in matched and not _other_company(holder, listing):
            matched[holder.id] = listing
        else:
            unknown.append(listing)
    return matched, list(relisted.items()), unknown


def _other_company(holder: Stored, listing: Listing) -> bool:
    """Whether two rows with one ticker are two securities: their FIGIs, or failing those their CIKs, differ."""
    if holder.composite_figi and listing.composite_figi:
        return holder.composite_figi != listing.composite_figi
    return bool(holder.cik and listing.cik and holder.cik != listing.cik)


def _changes(active: list[Stored], matched: dict[int, Listing], occupied: set[str]) -> list[Changed]:
    found = []
    for one in active:
        listing = matched.get(one.id)
        if listing is None or (listing.ticker != one.ticker and listing.ticker in occupied):
            continue
        # What the vendor leaves blank for a day is not taken back.
        changes = {
            name: (getattr(one, name), new)
            for name in DETAILS
            if (new := getattr(listing, name)) is not None and new != getattr(one, name)
        }
        if changes:
            found.append(Changed(one.id, listing, changes))
    return found
