"""Which rows wait, whatever the order in which transactions commit: the relay's memory against a model of the outbox."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tickstock_automation.events.waiting import BATCH, EXECUTE_NEW, Waiting

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "commit", "roll back", "number", "beat", "number and beat"]), st.integers(0, 2), st.integers(1, 1200)
    ),
    max_size=60,
)  # fmt: skip


class Outbox:
    """Transactions that add rows, and what a statement of the relay's sees."""

    def __init__(self) -> None:
        self.waiting = Waiting()
        self.next_seq, self.next_transaction = 1, 1
        self.open: dict[int, tuple[int, list[int]]] = {}
        self.visible: set[int] = set()
        self.committed: set[int] = set()
        self.numbered: list[int] = []
        self.waiting.begin(0, self.next_transaction)

    def add(self, slot: int, count: int) -> None:
        if slot not in self.open:
            self.open[slot] = (self.next_transaction, [])
            self.next_transaction += 1
        self.open[slot][1].extend(range(self.next_seq, self.next_seq + count))
        self.next_seq += count

    def end(self, slot: int, *, commit: bool) -> None:
        _, seqs = self.open.pop(slot, (0, []))
        if commit:
            self.visible.update(seqs)
            self.committed.update(seqs)

    def number(self) -> int:
        statement, values = self.waiting.statement()
        found = self.visible
        if statement == EXECUTE_NEW:
            found = {seq for seq in found if seq > values["seen"] or seq in values["missing"]}
        taken = sorted(found)[:BATCH]
        self.visible -= set(taken)
        self.numbered += taken
        self.waiting.took(taken)
        return len(taken)

    def beat(self) -> None:
        oldest = min((transaction for transaction, _ in self.open.values()), default=self.next_transaction)
        if self.waiting.grow_older(oldest, self.next_transaction):
            gone = set(self.numbered)
            newest = max(gone | self.visible, default=self.waiting.seen)
            absent = [seq for seq in range(self.waiting.seen + 1, newest + 1) if seq not in gone]
            self.waiting.settle(newest, absent)


BUSY = [  # a late one, while the relay is too far behind to read everything between two heartbeats
    ("add", 0, 1), ("add", 1, 600), ("commit", 1, 1), ("number", 0, 1), ("beat", 0, 1), ("commit", 0, 1), ("beat", 0, 1), ("beat", 0, 1),
]  # fmt: skip


@given(STEPS, st.booleans())
@example(BUSY, True)
@settings(max_examples=400)
def test_every_committed_row_is_numbered_once_and_soon(steps: list[tuple[str, int, int]], settled: bool) -> None:
    outbox = Outbox()
    if settled:
        outbox.waiting.settle(0, [])
    for what, slot, count in steps:
        match what:
            case "add":
                outbox.add(slot, count)
            case "commit":
                outbox.end(slot, commit=True)
            case "roll back":
                outbox.end(slot, commit=False)
            case "number":
                outbox.number()
            case "beat":
                outbox.beat()
            case "number and beat":
                outbox.number()
                outbox.beat()
    for slot in list(outbox.open):
        outbox.end(slot, commit=True)
    while outbox.number():
        pass
    assert sorted(outbox.numbered) == sorted(outbox.committed)


def test_what_was_rolled_back_is_forgotten_and_what_is_open_is_not() -> None:
    outbox = Outbox()
    for _ in range(3):
        outbox.number()
        outbox.beat()
    assert outbox.waiting.settled
    outbox.add(1, 2)
    outbox.add(2, 3)
    outbox.end(1, commit=False)
    outbox.add(3, 1)
    outbox.end(3, commit=True)
    outbox.number()
    assert set(outbox.waiting.missing) == {1, 2, 3, 4, 5}
    outbox.end(2, commit=False)
    for _ in range(3):
        outbox.number()
        outbox.beat()
    assert outbox.waiting.missing == {}
