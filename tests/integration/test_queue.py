"""The work list: what is dispatched, retried, refused, paused, and who may still finish it."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from tests.queueing import MIDNIGHT, PAUSE_S, WorkList
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import LeaseLost, QueueFull
from tickstock_automation.processing import by_hand
from tickstock_automation.processing.dispatcher import MOST_UNBEGUN, dispatch
from tickstock_automation.processing.queue import Batch, queue_symbols

pytestmark = [pytest.mark.integration, pytest.mark.database]


def names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{at:03}" for at in range(number)]


def sizes(sent: list[tuple[Batch, str]]) -> list[tuple[str, int, str]]:
    return [(batch.equity_type, len(batch.symbol_ids), to) for batch, to in sent]


def test_higher_types_go_first_each_to_its_own_queue(work: WorkList) -> None:
    for equity_type in ("DEV_TESTING", "STOCK_EOD", "ETF", "ETN", "STOCK_REALTIME"):
        work.symbols(equity_type, [equity_type])
        work.queue(equity_type)
    assert sizes(work.dispatch()) == [
        ("STOCK_REALTIME", 1, "priority.100"), ("ETF", 1, "priority.90"), ("ETN", 1, "priority.50"),
        ("STOCK_EOD", 1, "priority.50"), ("DEV_TESTING", 1, "priority.50"),
    ]  # fmt: skip


def test_a_changed_row_acts_at_the_next_dispatch(work: WorkList) -> None:
    work.symbols("STOCK_EOD", names("A", 300))
    work.queue("STOCK_EOD")
    assert sizes(work.dispatch()) == [("STOCK_EOD", 100, "priority.50")]
    work.later(11.9)
    assert work.dispatch() == [], "12 s are not over"
    work.set_type("STOCK_EOD", rate_limit_ms=11_000, batch_size=20, priority_level=95)
    assert sizes(work.dispatch()) == [("STOCK_EOD", 20, "priority.90")]
    work.set_type("STOCK_EOD", rate_limit_ms=0)
    assert {size for _, size, _ in sizes(work.dispatch())} == {20}


def test_a_paused_type_is_queued_and_not_dispatched_until_it_is_resumed(work: WorkList) -> None:
    work.symbols("ETF", ["SPY"])
    with transaction(Role.IPO_MONITOR) as session:
        assert by_hand.pause(session, "ETF", "ada", "the vendor's ETFs are wrong")
        assert not by_hand.pause(session, "ETF", "bob", "me too"), "who paused it first is kept"
    assert work.queue("ETF") == 1
    assert work.dispatch() == []
    assert work.rows("SELECT * FROM get_symbols_for_processing('ETF', 5)") == []
    assert work.rows("SELECT paused_by, paused_reason FROM equity_types WHERE name = 'ETF'") == [
        ("ada", "the vendor's ETFs are wrong")
    ]
    with transaction(Role.IPO_MONITOR) as session:
        assert by_hand.resume(session, "ETF")
        assert not by_hand.resume(session, "ETF")
    assert sizes(work.dispatch()) == [("ETF", 1, "priority.90")]


def test_what_is_read_is_what_a_dispatcher_claims(work: WorkList) -> None:
    """By the entries' priority, then by waiting time, with some that wait for a later moment."""
    work.symbols("STOCK_EOD", names("A", 8))
    for at, name in enumerate(names("A", 8)):
        work.queue("STOCK_EOD", [name])
        work.rows(
            "UPDATE equity_processing_queue SET processing_priority = :level,"
            " scheduled_time = now() + make_interval(mins => :minutes) WHERE symbol_id = :id RETURNING 1",
            level=(50, 80)[at % 2], minutes=(-1, -5, -4, -2, 7, -3, -1, 9)[at], id=work.ids[name],
        )  # fmt: skip
    work.set_type("STOCK_EOD", batch_size=1, rate_limit_ms=0)
    read = [row[0] for row in work.rows("SELECT symbol FROM get_symbols_for_processing('STOCK_EOD', 50)")]
    [(work.now,)] = work.rows("SELECT now()")
    by_id = {id_: name for name, id_ in work.ids.items()}
    assert [by_id[batch.symbol_ids[0]] for batch, _ in work.dispatch()] == read
    assert read == ["A001", "A005", "A003", "A002", "A000", "A006"]


def test_pauses_grow_by_chance_too_each_symbol_by_its_own_attempts(work: WorkList) -> None:
    work.symbols("STOCK_EOD", names("A", 40))
    work.set_type("STOCK_EOD", rate_limit_ms=0)
    work.queue("STOCK_EOD", names("A", 20))
    shortest = PAUSE_S
    for attempt in range(1, work.settings.max_attempts + 1):
        if attempt == 3:
            work.queue("STOCK_EOD", names("A", 40))  # twenty more, in their first attempt
        [(batch, _)] = work.dispatch()
        work.begin(batch.token)
        failed = work.fail(batch.token)
        pauses = work.rows(
            "SELECT extract(epoch FROM scheduled_time - :now) FROM equity_processing_queue"
            " WHERE attempts = :attempt AND status = 'pending'", now=work.now, attempt=attempt,
        )  # fmt: skip
        if attempt < work.settings.max_attempts:
            assert failed == []
            assert all(shortest <= row[0] <= 1.5 * shortest for row in pauses)
            assert len({row[0] for row in pauses}) == 20, "no two at the same moment"
        shortest *= 2
        work.later(shortest)
    assert sorted(failed) == sorted(work.ids[name] for name in names("A", 20))
    assert work.rows("SELECT DISTINCT status, attempts, error_message FROM equity_processing_queue ORDER BY 1") == [
        ("failed", 5, "it broke"), ("pending", 3, "it broke"),
    ]  # fmt: skip


def test_a_worker_that_died_has_used_an_attempt_and_a_batch_that_nobody_began_has_not(work: WorkList) -> None:
    work.symbols("STOCK_EOD", ["BEGUN"])
    work.symbols("ETF", ["WAITS"])
    work.queue("STOCK_EOD")
    work.queue("ETF")
    for _ in range(2):
        by_type = {batch.equity_type: batch for batch, _ in work.dispatch()}
        work.begin(by_type["STOCK_EOD"].token)
        work.later(work.settings.lease_s + 1)
    assert work.take_back() == 2
    assert (work.state("BEGUN"), work.state("WAITS")) == (("pending", 2), ("pending", 0))
    assert work.rows("SELECT error_message FROM equity_processing_queue WHERE attempts = 2") == [
        ("its worker ended in the middle of attempt 2",)
    ]
    waiting = work.rows("SELECT scheduled_time FROM equity_processing_queue WHERE attempts = 0")
    assert waiting == [(MIDNIGHT,)], "and it keeps its place"


def test_an_old_token_changes_nothing_of_the_new_holders(work: WorkList) -> None:
    work.symbols("STOCK_EOD", ["A", "B"])
    work.set_type("STOCK_EOD", rate_limit_ms=0)
    work.queue("STOCK_EOD")
    [(old, _)] = work.dispatch()
    work.begin(old.token)
    work.later(work.settings.lease_s + 1)
    [(new, _)] = work.dispatch()
    work.begin(new.token)
    everything = "SELECT * FROM equity_processing_queue ORDER BY id"
    before = work.rows(everything)
    for refused in (work.begin, work.finish):
        with pytest.raises(LeaseLost, match=f"batch {old.token} was taken over"):
            refused(old.token)
    assert work.fail(old.token) == []
    work.give_back(old.token)
    assert work.rows(everything) == before
    assert sorted(work.finish(new.token)) == new.symbol_ids
    with pytest.raises(LeaseLost):
        work.finish(new.token)  # done is done


def test_what_is_finished_in_part_leaves_the_rest_to_fail(work: WorkList) -> None:
    work.symbols("STOCK_EOD", ["A", "B"])
    work.queue("STOCK_EOD")
    [(batch, _)] = work.dispatch()
    work.begin(batch.token)
    assert work.finish(batch.token, [work.ids["A"]]) == [work.ids["A"]]
    work.fail(batch.token)
    assert (work.state("A"), work.state("B")) == (("done", 1), ("pending", 1))


def test_where_a_batch_cannot_be_sent_it_waits_untried(work: WorkList) -> None:
    work.symbols("STOCK_EOD", ["A"])
    work.queue("STOCK_EOD")

    def away(_batch: Batch, _queue: str) -> None:
        raise ConnectionError("Redis is away")

    with pytest.raises(ConnectionError):
        dispatch(work.settings, away, now=work.now)
    assert work.state("A") == ("pending", 0)
    work.later(12)
    assert len(work.dispatch()) == 1


def test_a_type_whose_batches_nobody_begins_sends_no_more_than_its_share(work: WorkList) -> None:
    """So that what lies in Celery's queues is bounded, and with it the wait of who comes last there."""
    work.symbols("STOCK_EOD", names("A", 100))
    work.set_type("STOCK_EOD", batch_size=2, rate_limit_ms=0)
    work.queue("STOCK_EOD")
    sent = work.dispatch()
    assert len(sent) == MOST_UNBEGUN
    assert work.dispatch() == []
    work.begin(sent[0][0].token)
    assert len(work.dispatch()) == 1


def together(count: int, act: Callable[[int], None]) -> None:
    """Runs `act` in so many threads, which begin at one moment."""
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait(10)
        act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_dispatchers_at_once_share_what_a_type_may(work: WorkList) -> None:
    work.symbols("STOCK_EOD", names("A", 60))
    work.set_type("STOCK_EOD", batch_size=7, rate_limit_ms=60_000)
    work.queue("STOCK_EOD")
    work.rows("UPDATE equity_processing_queue SET scheduled_time = now() RETURNING 1")
    sent: list[Batch] = []
    together(6, lambda _: dispatch(work.settings, lambda batch, _to: sent.append(batch)) and None)
    assert [len(batch.symbol_ids) for batch in sent] == [7]


def test_many_that_queue_at_once_do_not_overshoot_the_bound(work: WorkList) -> None:
    for at in range(8):
        work.symbols("STOCK_EOD", names(f"{'ABCDEFGH'[at]}", 10))
    outcomes: list[str] = []

    def queue_ten(number: int) -> None:
        try:
            with transaction(Role.IPO_MONITOR) as session:
                queue_symbols(session, "STOCK_EOD", names("ABCDEFGH"[number], 10), "asked", 35)
            outcomes.append("queued")
        except QueueFull as full:
            outcomes.append(str(full))

    together(8, queue_ten)
    assert sorted(outcomes) == ["queued"] * 3 + ["the processing queue is full: 40 would wait and 35 may"] * 5
    assert work.rows("SELECT count(*) FROM equity_processing_queue") == [(30,)]


def test_all_of_a_type_are_queued_or_none(work: WorkList) -> None:
    work.symbols("STOCK_EOD", names("A", 10))
    asked = "SELECT set_config('tickstock.queue_bound', :bound, false), queue_symbols_for_processing('STOCK_EOD', NULL)"
    with pytest.raises(DBAPIError, match="queue is full: 10 would wait and 9 may"):
        work.rows(asked, bound="9")
    assert work.rows("SELECT count(*) FROM equity_processing_queue") == [(0,)]
    assert work.rows(asked, bound="10") == [("10", 10)]


def test_failed_ones_are_put_back_within_the_bound_and_no_symbol_twice(work: WorkList) -> None:
    work.symbols("STOCK_EOD", ["A", "B", "C"])
    work.queue("STOCK_EOD", ["A", "B"])
    work.rows("UPDATE equity_processing_queue SET status = 'failed', attempts = 5, completed_at = now() RETURNING 1")
    work.queue("STOCK_EOD", ["A", "C"])  # A was queued again: its failure is no more the last word
    with pytest.raises(QueueFull, match="3 would wait and 2 may"), transaction(Role.IPO_MONITOR) as session:
        by_hand.retry(session, tickers=None, equity_type=None, bound=2)
    with transaction(Role.IPO_MONITOR) as session:
        assert by_hand.retry(session, tickers=None, equity_type=None, bound=3) == ["B"]
    assert work.state("B") == ("pending", 0)


def test_what_nobody_has_begun_can_be_called_off_and_what_is_at_work_is_left(work: WorkList) -> None:
    work.symbols("STOCK_EOD", ["A", "B", "C"])
    work.set_type("STOCK_EOD", batch_size=1, rate_limit_ms=0)
    work.queue("STOCK_EOD", ["A", "B"])
    (first, _), (second, _) = work.dispatch()
    work.queue("STOCK_EOD", ["C"])
    work.begin(first.token)
    with transaction(Role.IPO_MONITOR) as session:
        done = by_hand.cancel(session, tickers=None, equity_type="STOCK_EOD", author="ada")
    assert (done.cancelled, done.running) == (["B", "C"], ["A"])
    with pytest.raises(LeaseLost):
        work.begin(second.token)
    assert work.finish(first.token) == [work.ids["A"]]
