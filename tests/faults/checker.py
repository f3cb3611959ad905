"""The properties: pure functions over a history, each giving the evidence against it, and nothing where it holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tests.faults.history import History, Row
from tests.faults.records import Seen
from tickstock_automation.events.catalogue import CANARY_CHANNEL

SHOWN = 5
Check = Callable[[History], Iterator[str]]


@dataclass(frozen=True)
class Violation:
    """A property that does not hold: its name, what it says, the first pieces of evidence and how many there are."""

    name: str
    words: str
    evidence: list[str]
    count: int


def check(history: History) -> list[Violation]:
    """All violated properties."""
    found = []
    for name, (words, holds) in PROPERTIES.items():
        evidence = holds(history)
        shown = list(islice(evidence, SHOWN))
        if shown:
            found.append(Violation(name, words, shown, len(shown) + sum(1 for _ in evidence)))
    return found


def ledger_matches_outbox(history: History) -> Iterator[str]:
    rows = defaultdict(list)
    for row in history.outbox:
        if row.channel != CANARY_CHANNEL:
            rows[row.token].append(row)
    for token, (symbol, version) in history.ledger.items():
        if [(row.symbol, row.version) for row in rows[token]] != [(symbol, version)]:
            yield f"token {token} ({symbol} version {version}) has the rows {[row.id for row in rows[token]]}"
    for token, found in rows.items():
        if token not in history.ledger:
            yield f"event {found[0].id} ({found[0].symbol} version {found[0].version}): token {token} is not in the ledger"


def acknowledged_is_committed(history: History) -> Iterator[str]:
    for token in sorted(history.acknowledged - history.ledger.keys()):
        yield f"token {token} was acknowledged and is not in the ledger"


def ids_are_unique(history: History) -> Iterator[str]:
    for id, number in Counter(row.id for row in history.outbox).items():
        if number > 1:
            yield f"id {id} stands in {number} rows of the outbox"


def same_id_same_content(history: History) -> Iterator[str]:
    content = {row.id: (row.seq, row.digest) for row in history.outbox}
    for place, one in _sights(history):
        if one.id in content and content[one.id] != (one.seq, one.digest):
            yield f"event {one.id} (seq {content[one.id][0]}) came {place} with seq {one.seq} or another content"


def committed_reaches_stream(history: History) -> Iterator[str]:
    there = {channel: {one.id for one in entries} for channel, entries in history.streams.items()}
    for row in history.outbox:
        if row.id not in there.get(row.channel, ()):
            yield f"event {_words(row)} was committed and is not in stream:{row.channel}"


def only_committed_in_stream(history: History) -> Iterator[str]:
    entries = ((f"stream:{channel}", one) for channel, found in history.streams.items() for one in found)
    yield from _uncommitted(history, entries)


def only_committed_live(history: History) -> Iterator[str]:
    yield from _uncommitted(history, (("live", one) for one in history.live))


def only_committed_handled(history: History) -> Iterator[str]:
    yield from _uncommitted(history, (("plain", one) for one in history.plain))
    yield from _uncommitted(history, (("exact", one) for one in history.exact))


def rolled_back_never_seen(history: History) -> Iterator[str]:
    for token in history.rolled_back & history.ledger.keys():
        yield f"token {token} was rolled back and is in the ledger"
    for row in history.outbox:
        if row.token in history.rolled_back:
            yield f"event {_words(row)} of a rolled-back transaction is in the outbox"
    for place, one in _sights(history):
        if one.token in history.rolled_back:
            yield f"event {_words(one)} of a rolled-back transaction came {place}"


def plain_handles_all(history: History) -> Iterator[str]:
    handled = {one.id for one in history.plain}
    for row in _told(history):
        if row.id not in handled:
            yield f"event {_words(row)} was never handled"


def exact_has_effect_once(history: History) -> Iterator[str]:
    effects = Counter(one.id for one in history.exact)
    for row in _told(history):
        if effects[row.id] != 1:
            yield f"event {_words(row)} had its effect {effects[row.id]} times"
    if history.exact_count != len(history.exact):
        yield f"the counter says {history.exact_count}, and there are {len(history.exact)} effects"


def order_in_outbox(history: History) -> Iterator[str]:
    yield from _out_of_order(sorted(_told(history), key=lambda row: row.seq))


def order_in_stream(history: History) -> Iterator[str]:
    for channel, entries in history.streams.items():
        if channel != CANARY_CHANNEL:
            yield from _out_of_order(entries)


def order_of_plain(history: History) -> Iterator[str]:
    yield from _out_of_order(history.plain)


def order_of_exact(history: History) -> Iterator[str]:
    yield from _out_of_order(history.exact)


def nothing_died(history: History) -> Iterator[str]:
    yield from history.deaths


def drained(history: History) -> Iterator[str]:
    if history.undrained:
        yield history.undrained


PROPERTIES: dict[str, tuple[str, Check]] = {
    "ledger-matches-outbox": ("each committed change has exactly one event, and each event its change", ledger_matches_outbox),
    "acknowledged-is-committed": ("what a writer saw committed stays committed", acknowledged_is_committed),
    "rolled-back-never-seen": ("nothing of a rolled-back transaction is ever seen anywhere", rolled_back_never_seen),
    "ids-are-unique": ("no two rows of the outbox have one id", ids_are_unique),
    "same-id-same-content": ("an id carries the same content wherever and however often it comes", same_id_same_content),
    "committed-reaches-stream": ("every committed event is in its stream", committed_reaches_stream),
    "stream-only-committed": ("a stream holds nothing that was not committed", only_committed_in_stream),
    "live-only-committed": ("a subscriber sees nothing that was not committed", only_committed_live),
    "handled-only-committed": ("a consumer handles nothing that was not committed", only_committed_handled),
    "plain-handles-all": ("the durable consumer handles every event at least once", plain_handles_all),
    "exact-has-effect-once": ("in the transactional consumer every event has its effect exactly once", exact_has_effect_once),
    "order-in-outbox": ("per symbol, seq follows the commits", order_in_outbox),
    "order-in-stream": ("per symbol, first occurrences in a stream follow the commits", order_in_stream),
    "order-of-plain": ("per symbol, the durable consumer first handles in the order of the commits", order_of_plain),
    "order-of-exact": ("per symbol, the transactional effects follow the commits", order_of_exact),
    "nothing-died": ("no process ends though no fault killed it", nothing_died),
    "drained": ("after all is healed, everything arrives within the time", drained),
}  # fmt: skip
"""Name to what it says and the function that checks it."""


def _told(history: History) -> Iterator[Row]:
    """What consumers of `tickstock.*` are told: no canaries."""
    return (row for row in history.outbox if row.channel != CANARY_CHANNEL)


def _sights(history: History) -> Iterator[tuple[str, Seen]]:
    """Every sight of an event outside the database, and where it was."""
    for channel, entries in history.streams.items():
        for one in entries:
            yield f"in stream:{channel}", one
    for place, found in (("live", history.live), ("to plain", history.plain), ("to exact", history.exact)):
        for one in found:
            yield place, one


def _uncommitted(history: History, sights: Iterable[tuple[str, Seen]]) -> Iterator[str]:
    committed = {row.id for row in history.outbox}
    for place, one in sights:
        if one.id not in committed:
            yield f"event {_words(one)} was seen ({place}) and never committed"


def _out_of_order(sights: Iterable[Row | Seen]) -> Iterator[str]:
    """Per symbol, versions of first occurrences must ascend; what has none was not committed, and is found elsewhere."""
    known: set[str] = set()
    newest: dict[str, Row | Seen] = {}
    for one in sights:
        if one.id in known or not one.version:
            continue
        known.add(one.id)
        before = newest.get(one.symbol)
        if before is not None and before.version >= one.version:
            yield f"event {_words(one)} came first after {_words(before)}"
        else:
            newest[one.symbol] = one


def _words(one: Row | Seen) -> str:
    return f"{one.id} (seq {one.seq}, {one.symbol or 'canary'} version {one.version})"
