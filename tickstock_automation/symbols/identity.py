"""Which row of a listing is which stored security. Pure.

Identity is the composite FIGI where both sides have one, then the share-class FIGI. Where the vendor gives none, a ticker
that stays is the same security unless CIK, or type and name, speak against it; and another ticker is the same security
only if CIK, name, type and exchange all agree, or the vendor's ticker events say so, and nobody else comes into question.
When in doubt there are two securities, never a merge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from tickstock_automation.vendor.client import Listing


@dataclass(frozen=True)
class Stored:
    """A security as the database has it. `kept`: a person pinned it; `shut`: a person archived it."""

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
    kept: bool = False
    shut: bool = False


@dataclass
class Matches:
    """`same`: active securities by id; `back`: inactive ones that are listed again; `shut`: rows of those a person archived;
    `unknown`: rows nobody knows; `doubled`: tickers that stood twice with different rows."""

    same: dict[int, Listing] = field(default_factory=dict)
    back: dict[int, Listing] = field(default_factory=dict)
    shut: list[Listing] = field(default_factory=list)
    unknown: list[Listing] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


def match(listed: Collection[Listing], stored: Iterable[Stored], former: Mapping[str, Collection[str]]) -> Matches:
    """Pairs rows with securities, whatever the order of either. `former`: what the vendor's ticker events say a ticker's
    holder was called before."""
    active = [one for one in stored if one.active]
    inactive = sorted((one for one in stored if not one.active), key=lambda one: -one.id)  # the newest first
    found = Matches()
    found.unknown, found.doubled = _one_each(listed, active)
    _by_figi(found, active)
    _by_share_class(found, active)
    _by_ticker(found, active)
    _by_words(found, active, former)
    _come_back(found, inactive)
    return found


def other_company(one: Stored, listing: Listing) -> bool:
    """Whether two with one ticker are two securities: their FIGIs differ, else their CIKs, else their names together with type,
    exchange, or a gap in the listing. A name alone that changes is a change."""
    if one.composite_figi and listing.composite_figi:
        return one.composite_figi != listing.composite_figi
    if one.cik and listing.cik:
        return one.cik != listing.cik
    elsewhere = (
        _differ(one.type, listing.type) or _differ(one.exchange, listing.exchange) or one.absent_since is not None
    )
    return elsewhere and _differ(plain(one.name), plain(listing.name))


def shared_figis(listed: Iterable[Listing]) -> set[str]:
    """FIGIs, of either kind, that stand on more than one ticker of a listing: when-issued shares, or a fault."""
    pairs = {(figi, one.ticker) for one in listed for figi in (one.composite_figi, one.share_class_figi) if figi}
    return _more_than_once(figi for figi, _ in pairs)


def plain(name: str | None) -> str | None:
    """A name without what changes from day to day: case, blanks, commas and points."""
    return " ".join(name.replace(",", " ").replace(".", " ").casefold().split()) if name else None


def _differ(one: str | None, other: str | None) -> bool:
    return bool(one and other and one != other)


def _order(listing: Listing) -> tuple[str, ...]:
    return (
        listing.ticker, listing.name or "", listing.type or "", listing.exchange or "", listing.composite_figi or "",
        listing.share_class_figi or "", listing.cik or "",
    )  # fmt: skip


def _one_each(listed: Collection[Listing], active: list[Stored]) -> tuple[list[Listing], list[str]]:
    """One row a ticker: the one of the security that has the ticker, else the fullest."""
    by_ticker: dict[str, set[Listing]] = defaultdict(set)
    for listing in listed:
        by_ticker[listing.ticker].add(listing)
    doubled = sorted(ticker for ticker, rows in by_ticker.items() if len(rows) > 1)
    figis = {one.ticker: one.composite_figi for one in active} if doubled else {}

    def rank(listing: Listing) -> tuple[bool, int, tuple[str, ...]]:
        known = figis.get(listing.ticker)
        return (not (known and listing.composite_figi == known), _order(listing).count(""), _order(listing))

    ones = (min(rows, key=rank) if len(rows) > 1 else next(iter(rows)) for rows in by_ticker.values())
    return sorted(ones, key=lambda one: one.ticker), doubled


def _pair(
    found: Matches, securities: Iterable[Stored], key: Callable[[Stored | Listing], Hashable | None],
    fits: Callable[[Stored, Listing], bool] = lambda _one, _listing: True,
) -> None:  # fmt: skip
    """Pairs what has the same key: those with the same ticker first, then what is left if it is one on each side."""
    sides: dict[Hashable, tuple[list[Stored], list[Listing]]] = defaultdict(lambda: ([], []))
    for one in securities:
        if one.id not in found.same and (its := key(one)) is not None:
            sides[its][0].append(one)
    for listing in found.unknown:
        if (its := key(listing)) in sides:
            sides[its][1].append(listing)
    taken = set()
    for ones, listings in sides.values():
        at = {listing.ticker: listing for listing in listings}
        pairs = [(one, at[one.ticker]) for one in ones if one.ticker in at]
        for one, listing in pairs:
            ones.remove(one)
            listings.remove(listing)
        if len(ones) == len(listings) == 1:
            pairs.append((ones[0], listings[0]))
        for one, listing in pairs:
            if fits(one, listing):
                found.same[one.id] = listing
                taken.add(listing.ticker)
    if taken:
        found.unknown = [one for one in found.unknown if one.ticker not in taken]


def _by_figi(found: Matches, active: list[Stored]) -> None:
    """Another ticker's FIGI renames nobody whose own ticker is still listed as his, nor into a ticker whose holder stays."""
    rows = {listing.ticker: listing for listing in found.unknown}
    holders = {one.ticker: one for one in active}

    def fits(one: Stored, listing: Listing) -> bool:
        if one.ticker == listing.ticker:
            return True
        own, holder = rows.get(one.ticker), holders.get(listing.ticker)
        return not (own and _stays(one, own)) and not (holder and _stays(holder, listing))

    _pair(found, active, lambda one: one.composite_figi, fits)


def _stays(one: Stored, row: Listing) -> bool:
    """Whether a row under the security's own ticker is his, as far as all but the FIGI tells."""
    same_company = bool(one.cik and one.cik == row.cik and plain(one.name) == plain(row.name))
    return same_company or not other_company(one, row)


def _by_share_class(found: Matches, active: list[Stored]) -> None:
    def fits(one: Stored, listing: Listing) -> bool:
        return one.ticker == listing.ticker or not _differ(one.composite_figi, listing.composite_figi)

    _pair(found, active, lambda one: one.share_class_figi, fits)


def _by_ticker(found: Matches, active: list[Stored]) -> None:
    _pair(found, active, lambda one: one.ticker, lambda one, listing: not other_company(one, listing))


def _by_words(found: Matches, active: list[Stored], former: Mapping[str, Collection[str]]) -> None:
    """A rename of what has no FIGI on one side at least."""

    def open_(one: Stored, listing: Listing) -> bool:
        return not (one.composite_figi and listing.composite_figi) and not _differ(one.cik, listing.cik)

    def all_words(one: Stored | Listing) -> Hashable | None:
        values = (one.cik, plain(one.name), one.type, one.exchange)
        return values if all(values) else None

    # Issues of one company alike in all words (preferreds, warrants) are told apart by nothing.
    alike = _several(map(all_words, active)) | _several(map(all_words, (*found.same.values(), *found.unknown)))

    def words(one: Stored | Listing) -> Hashable | None:
        return None if (its := all_words(one)) in alike else its

    _pair(found, active, words, open_)
    gone = {one.ticker: one for one in active if one.id not in found.same}
    claims = defaultdict(list)
    for listing in found.unknown:
        for ticker in former.get(listing.ticker, ()):
            if ticker in gone and open_(gone[ticker], listing):
                claims[ticker].append(listing)
    told = {ticker: listings[0] for ticker, listings in claims.items() if len(listings) == 1}
    claimed = [listing.ticker for listing in told.values()]
    for ticker, listing in told.items():
        if claimed.count(listing.ticker) == 1:
            found.same[gone[ticker].id] = listing
            found.unknown.remove(listing)


def _come_back(found: Matches, inactive: list[Stored]) -> None:
    """Listed again: by FIGI; without one on either side, by ticker, CIK, name and type together."""
    by_figi = _newest(inactive, lambda one: one.composite_figi)
    by_words = _newest(inactive, _all_words)
    shut = _newest((one for one in inactive if one.shut), lambda one: one.ticker)
    listed_twice = _more_than_once(one.composite_figi for one in (*found.unknown, *found.same.values()))
    unknown = []
    for listing in found.unknown:
        figi = listing.composite_figi if listing.composite_figi not in listed_twice else None
        one = by_figi.get(figi) if figi else by_words.get(_all_words(listing))
        barred = shut.get(listing.ticker)
        if one is not None and one.id not in found.back:
            if one.shut:
                found.shut.append(listing)
            else:
                found.back[one.id] = listing
        elif barred is not None and not other_company(barred, listing):
            found.shut.append(listing)
        else:
            unknown.append(listing)
    found.unknown = unknown


def _all_words(one: Stored | Listing) -> Hashable | None:
    values = (one.ticker, one.cik, plain(one.name), one.type)
    return values if all(values) else None


def _newest(inactive: Iterable[Stored], key: Callable[[Stored], Hashable | None]) -> dict[Hashable, Stored]:
    found: dict[Hashable, Stored] = {}
    for one in inactive:
        if (its := key(one)) is not None:
            found.setdefault(its, one)
    return found


def _several(values: Iterable[Hashable | None]) -> set[Hashable]:
    return {value for value, number in Counter(values).items() if value is not None and number > 1}


def _more_than_once(values: Iterable[str | None]) -> set[str]:
    seen: set[str] = set()
    return {value for value in values if value and (value in seen or seen.add(value))}  # type: ignore[func-returns-value]
