"""The books of the events: what was committed against what is in the streams and what each durable group handled. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

SHOWN = 20


@dataclass(frozen=True)
class Committed:
    """A row of the outbox."""

    id: str
    seq: int
    channel: str
    batch: int | None
    set_aside: bool


@dataclass(frozen=True)
class Group:
    """A consumer group of one stream: the last entry handed to it, the entries it did not acknowledge, the ids set aside."""

    name: str
    delivered: str
    pending: frozenset[str]
    set_aside: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stream:
    """What one channel's stream holds: event id to the entries that carry it; batch and seq of its first entry."""

    channel: str
    entries: Mapping[str, Sequence[str]]
    first: tuple[int, int] | None
    groups: Sequence[Group] = ()


@dataclass
class GroupBooks:
    """Events in a stream, by how far one group has come with them."""

    name: str
    handled: int = 0
    in_hand: int = 0
    not_yet: int = 0
    set_aside: int = 0


@dataclass
class ChannelBooks:
    """One channel's books: `missing` was sent and is nowhere, `invented` was never committed."""

    channel: str
    committed: int = 0
    in_stream: int = 0
    waiting: int = 0
    set_aside: int = 0
    trimmed: int = 0
    sent_again: int = 0
    missing: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    groups: list[GroupBooks] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        return not self.missing and not self.invented


def reconcile(
    rows: Sequence[Committed], streams: Sequence[Stream], held: int, known: Collection[str]
) -> list[ChannelBooks]:
    """The books, channel by channel.

    rows: the committed events that are asked about, read before the streams; `held` is the batch number that Redis held
    before that. known: ids that are in the outbox though not among `rows`, or may have left it because of their age.
    An event that is in no stream is `trimmed`, and not missing, where it was sent before the stream's first entry.
    """
    by_channel: dict[str, list[Committed]] = {}
    for row in rows:
        by_channel.setdefault(row.channel, []).append(row)
    return [_channel(stream, by_channel.get(stream.channel, []), held, known) for stream in streams]


def _channel(stream: Stream, rows: list[Committed], held: int, known: Collection[str]) -> ChannelBooks:
    books = ChannelBooks(stream.channel, committed=len(rows))
    for row in sorted(rows, key=lambda row: row.seq):
        if row.set_aside:
            books.set_aside += 1
        elif row.id in stream.entries:
            books.in_stream += 1
            books.sent_again += len(stream.entries[row.id]) - 1
        elif row.batch is None or row.batch > held:
            books.waiting += 1
        elif stream.first is not None and _sent(row) < stream.first:
            books.trimmed += 1
        else:
            books.missing.append(row.id)
    ours = {row.id for row in rows}
    books.invented = [id_ for id_ in stream.entries if id_ not in ours and id_ not in known]
    books.groups = [_group(group, stream, ours) for group in stream.groups]
    return books


def _sent(row: Committed) -> tuple[int, int]:
    """Its place in the order of sending."""
    return row.batch or 0, row.seq


def _group(group: Group, stream: Stream, ours: set[str]) -> GroupBooks:
    books = GroupBooks(group.name)
    for id_, entries in stream.entries.items():
        if id_ not in ours:
            continue
        if id_ in group.set_aside:
            books.set_aside += 1
        elif any(_position(entry) <= _position(group.delivered) and entry not in group.pending for entry in entries):
            books.handled += 1
        elif any(entry in group.pending for entry in entries):
            books.in_hand += 1
        else:
            books.not_yet += 1
    return books


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
