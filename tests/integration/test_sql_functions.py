"""The SQL functions of the contract, as another program calls them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.builders import add_symbols

pytestmark = [pytest.mark.integration, pytest.mark.database]

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def ask(admin: Engine) -> Ask:
    def run(statement: str, role: str = "tickstock_ipo_monitor", **values: Any) -> list[tuple[Any, ...]]:
        with admin.connect() as connection, connection.begin():
            connection.execute(text("SELECT set_config('role', :role, false)"), {"role": role})
            try:
                return [tuple(row) for row in connection.execute(text(statement), values)]
            finally:
                connection.execute(text("RESET ROLE"))

    return run


def test_the_config_of_a_type_is_its_row_and_of_an_unknown_one_empty(ask: Ask) -> None:
    [(config,)] = ask("SELECT get_equity_processing_config('STOCK_REALTIME')")
    assert (config["priority_level"], config["batch_size"], config["rate_limit_ms"]) == (100, 25, 6000)
    assert ask("SELECT get_equity_processing_config('NOTHING')") == [({},)]


def test_the_types_at_the_start_are_the_contracts(ask: Ask) -> None:
    rows = ask("SELECT name, priority_level, batch_size, rate_limit_ms FROM equity_types ORDER BY priority_level DESC")
    assert rows == [
        ("STOCK_REALTIME", 100, 25, 6000), ("ETF", 90, 50, 12000), ("ETN", 70, 25, 15000),
        ("STOCK_EOD", 50, 100, 12000), ("PENNY_STOCK", 30, 50, 20000), ("DEV_TESTING", 10, 10, 6000),
    ]  # fmt: skip


def test_queueing_counts_what_is_new_and_queues_nothing_twice(ask: Ask, admin: Engine) -> None:
    add_symbols(admin, ["SPY", "QQQ", "IWM"], "ETF")
    add_symbols(admin, ["GONE"], "ETF", active=False)
    assert ask("SELECT queue_symbols_for_processing('ETF', ARRAY['SPY','QQQ'])") == [(2,)]
    assert ask("SELECT queue_symbols_for_processing('ETF', ARRAY['SPY'])") == [(0,)]
    assert ask("SELECT queue_symbols_for_processing('ETF', ARRAY['IWM','IWM'])") == [(1,)]
    assert ask("SELECT queue_symbols_for_processing('ETF')") == [(0,)]
    assert ask("SELECT queue_symbols_for_processing('ETF', ARRAY[]::text[])") == [(0,)]


def test_null_means_all_active_symbols_of_the_type(ask: Ask, admin: Engine) -> None:
    add_symbols(admin, ["A", "B"])
    add_symbols(admin, ["SPY"], "ETF")
    assert ask("SELECT queue_symbols_for_processing('STOCK_EOD', NULL)") == [(2,)]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT queue_symbols_for_processing('NOTHING', NULL)", "unknown equity type: NOTHING"),
        ("SELECT queue_symbols_for_processing(NULL, NULL)", "unknown equity type: NULL"),
        ("SELECT queue_symbols_for_processing('ETF', ARRAY['SPY', 'A', 'NOPE'])", "not of type ETF: A, NOPE"),
        ("SELECT queue_symbols_for_processing('ETF', ARRAY[NULL])", "NULL"),
        ("SELECT * FROM get_symbols_for_processing('NOTHING', 5)", "unknown equity type: NOTHING"),
        ("SELECT * FROM get_symbols_for_processing('ETF', -1)", "limit must not be negative: -1"),
        ("SELECT update_processing_stats('NOTHING', 1, 0, 1)", "unknown equity type: NOTHING"),
        ("SELECT update_processing_stats('ETF', -1, 0, 1)", "processed -1"),
        ("SELECT update_processing_stats('ETF', 1, -2, 1)", "failed -2"),
        ("SELECT update_processing_stats('ETF', 1, 0, -3)", "seconds -3"),
    ],
)
def test_errors_name_what_is_wrong(ask: Ask, admin: Engine, statement: str, words: str) -> None:
    add_symbols(admin, ["A"])
    add_symbols(admin, ["SPY"], "ETF")
    with pytest.raises(DBAPIError, match=words):
        ask(statement)
    assert ask("SELECT count(*) FROM equity_processing_queue") == [(0,)], "an error queues nothing"


def test_symbols_come_by_priority_then_by_waiting_time_and_reading_claims_nothing(ask: Ask, admin: Engine) -> None:
    add_symbols(admin, ["A", "B", "C"])
    ask("SELECT queue_symbols_for_processing('STOCK_EOD', ARRAY['B'])")
    ask("SELECT queue_symbols_for_processing('STOCK_EOD', ARRAY['A', 'C'])")
    ask(
        "UPDATE equity_processing_queue SET processing_priority = 99 WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'C') RETURNING 1"
    )
    for _ in range(2):
        rows = ask("SELECT * FROM get_symbols_for_processing('STOCK_EOD', 50)")
        assert [(row[0], row[1], row[4]) for row in rows] == [
            ("C", "C Inc", 99),
            ("B", "B Inc", 50),
            ("A", "A Inc", 50),
        ]
    assert len(ask("SELECT * FROM get_symbols_for_processing('STOCK_EOD', 1)")) == 1
    ask("UPDATE equity_processing_queue SET scheduled_time = now() + interval '1 hour' RETURNING 1")
    assert ask("SELECT * FROM get_symbols_for_processing('STOCK_EOD', 50)") == []


def test_stats_are_rows(ask: Ask) -> None:
    assert ask("SELECT update_processing_stats('STOCK_EOD', 95, 5, 300)") == [(True,)]
    assert ask("SELECT equity_type, processed, failed, seconds FROM processing_stats") == [("STOCK_EOD", 95, 5, 300.0)]


def test_past_its_bound_the_queue_refuses_all(ask: Ask, admin: Engine) -> None:
    add_symbols(admin, ["A", "B", "C"])
    with pytest.raises(DBAPIError, match="queue is full: 3 would wait and 2 may"):
        ask("SELECT set_config('tickstock.queue_bound', '2', false), queue_symbols_for_processing('STOCK_EOD')")
    assert ask("SELECT count(*) FROM equity_processing_queue") == [(0,)]


def test_a_session_that_was_never_loaded_is_missing(ask: Ask) -> None:
    assert ask("SELECT * FROM get_session_status('2025-09-02')", role="tickstock_app") == [
        ("missing", 0.0, ["this session was never loaded"], None)
    ]


def test_completeness_leaves_what_is_known_to_be_empty_out(ask: Ask) -> None:
    ask(
        "INSERT INTO session_status (session, state, expected, stored, known_empty) VALUES ('2025-09-02', 'degraded', 10, 6, 2) RETURNING 1"
    )
    [(state, completeness, reasons, ready_at)] = ask("SELECT * FROM get_session_status('2025-09-02')")
    assert (state, completeness, reasons, ready_at) == ("degraded", 0.75, [], None)
