"""The checker of `make faults` finds each property violated in a history made to violate it, and nothing in a good one."""

from collections.abc import Callable

import pytest

from tests.faults.checker import PROPERTIES, check
from tests.faults.history import History, Row
from tests.faults.records import Seen
from tickstock_automation.events.catalogue import CANARY_CHANNEL, Channel

CHANGED = Channel.SYMBOLS_CHANGED.value
STREAM = f"stream:{CHANGED}"


def row(number: int, symbol: str, version: int) -> Row:
    return Row(f"id-{number}", number, CHANGED, symbol, f"token-{number}", f"digest-{number}", version)


def sight(one: Row, at_ns: int = 0) -> Seen:
    return Seen(at_ns, one.id, one.seq, one.symbol, one.token, one.digest, one.version)


ROWS = [row(1, "A", 1), row(2, "B", 1), row(3, "A", 2), row(5, "B", 2), row(6, "A", 3)]
CANARY = Row("id-4", 4, CANARY_CHANNEL, "", "probe", "digest-4")
GHOST = Seen(9, "id-ghost", 7, "A", "token-ghost", "digest-ghost")
SENT = [sight(one) for one in ROWS]


def good() -> History:
    """Five changes, a canary, something rolled back; sent again from the third on, and handled again."""
    return History(
        outbox=sorted([*ROWS, CANARY], key=lambda one: one.seq),
        ledger={one.token: (one.symbol, one.version) for one in ROWS},
        acknowledged={one.token for one in ROWS[:4]},
        rolled_back={GHOST.token},
        streams={CHANGED: [*SENT, *SENT[2:]], CANARY_CHANNEL: [sight(CANARY)]},
        live=[SENT[4], SENT[2]],
        plain=[*SENT[:4], *SENT[1:]],
        exact=list(SENT),
        exact_count=len(SENT),
    )


def test_a_good_history_violates_nothing() -> None:
    assert check(good()) == []


def a_row_without_its_change(history: History) -> None:
    del history.ledger["token-6"]
    history.acknowledged.discard("token-6")


def a_change_without_its_row(history: History) -> None:
    history.ledger["token-99"] = ("A", 4)


def a_change_with_two_rows(history: History) -> None:
    history.outbox.append(ROWS[0]._replace(id="id-double"))


def a_lost_commit(history: History) -> None:
    history.acknowledged.add("token-99")


def an_id_twice(history: History) -> None:
    history.outbox.append(CANARY._replace(seq=9))


def another_content(history: History) -> None:
    history.streams[CHANGED].append(SENT[4]._replace(digest="another"))


def another_seq(history: History) -> None:
    history.live.append(SENT[4]._replace(seq=8))


def never_sent(history: History) -> None:
    history.streams[CHANGED] = [one for one in history.streams[CHANGED] if one.id != "id-5"]


def in_the_wrong_stream(history: History) -> None:
    history.streams[CHANGED] = [*SENT, sight(CANARY)]
    history.streams[CANARY_CHANNEL] = []


def a_ghost_in_the_stream(history: History) -> None:
    history.streams[CHANGED].append(GHOST._replace(token="unknown"))


def a_ghost_live(history: History) -> None:
    history.live.append(GHOST._replace(token="unknown"))


def a_ghost_handled(history: History) -> None:
    history.plain.append(GHOST._replace(token="unknown"))


def a_ghost_had_its_effect(history: History) -> None:
    history.exact.append(GHOST._replace(token="unknown"))
    history.exact_count += 1


def rolled_back_and_live(history: History) -> None:
    history.live.append(GHOST)


def rolled_back_and_committed(history: History) -> None:
    history.rolled_back.add("token-6")


def never_handled(history: History) -> None:
    history.plain = [one for one in history.plain if one.id != "id-2"]


def no_effect(history: History) -> None:
    history.exact.pop(1)
    history.exact_count -= 1


def a_double_effect(history: History) -> None:
    history.exact.append(SENT[4])
    history.exact_count += 1


def counted_without_effect(history: History) -> None:
    history.exact_count += 1


def numbered_against_the_commits(history: History) -> None:
    a, b = history.outbox[0], history.outbox[2]
    history.outbox[0], history.outbox[2] = b._replace(seq=a.seq), a._replace(seq=b.seq)


def sent_late(history: History) -> None:
    history.streams[CHANGED] = [SENT[0], SENT[1], SENT[3], SENT[4], SENT[2]]


def handled_late(history: History) -> None:
    history.plain = [SENT[2], *history.plain]


def effect_late(history: History) -> None:
    history.exact = [SENT[2], SENT[0], SENT[1], *SENT[3:]]


def a_death(history: History) -> None:
    history.deaths.append("relay-a ended by itself")


def something_on_its_way(history: History) -> None:
    history.undrained = "after 30 s 1 event has not arrived"


BROKEN: list[tuple[str, Callable[[History], None], str]] = [
    ("ledger-matches-outbox", a_row_without_its_change, "id-6"),
    ("ledger-matches-outbox", a_change_without_its_row, "token-99"),
    ("ledger-matches-outbox", a_change_with_two_rows, "id-double"),
    ("acknowledged-is-committed", a_lost_commit, "token-99"),
    ("ids-are-unique", an_id_twice, "id-4"),
    ("same-id-same-content", another_content, STREAM),
    ("same-id-same-content", another_seq, "live with seq 8"),
    ("committed-reaches-stream", never_sent, "id-5"),
    ("committed-reaches-stream", in_the_wrong_stream, "id-4"),
    ("stream-only-committed", a_ghost_in_the_stream, "id-ghost"),
    ("live-only-committed", a_ghost_live, "id-ghost"),
    ("handled-only-committed", a_ghost_handled, "id-ghost"),
    ("handled-only-committed", a_ghost_had_its_effect, "id-ghost"),
    ("rolled-back-never-seen", rolled_back_and_live, "id-ghost"),
    ("rolled-back-never-seen", rolled_back_and_committed, "token-6"),
    ("plain-handles-all", never_handled, "id-2"),
    ("exact-has-effect-once", no_effect, "0 times"),
    ("exact-has-effect-once", a_double_effect, "2 times"),
    ("exact-has-effect-once", counted_without_effect, "the counter says 6"),
    ("order-in-outbox", numbered_against_the_commits, "A version 1"),
    ("order-in-stream", sent_late, "id-3"),
    ("order-of-plain", handled_late, "id-1"),
    ("order-of-exact", effect_late, "id-1"),
    ("nothing-died", a_death, "relay-a"),
    ("drained", something_on_its_way, "30 s"),
]


@pytest.mark.parametrize(("name", "violate", "word"), BROKEN, ids=[violate.__name__ for _, violate, _ in BROKEN])
def test_a_violated_property_is_named_with_its_evidence(
    name: str, violate: Callable[[History], None], word: str
) -> None:
    history = good()
    violate(history)
    [found] = [one for one in check(history) if one.name == name]
    assert any(word in evidence for evidence in found.evidence)


def test_every_property_is_tried() -> None:
    assert {name for name, _, _ in BROKEN} == set(PROPERTIES)


def test_much_evidence_is_counted_and_some_of_it_shown() -> None:
    history = good()
    history.deaths = [f"death {number}" for number in range(40)]
    [found] = check(history)
    assert (found.count, len(found.evidence)) == (40, 5)
