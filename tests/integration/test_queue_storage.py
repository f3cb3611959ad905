"""What a claim reads, counted: with a hundred thousand that wait, and while somebody holds an old snapshot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.queueing import WorkList
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.processing import dispatcher, queue
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]

MANY = 100_000
BATCHES = 50


def vacuum(work: WorkList) -> None:
    with work.admin.connect() as connection:
        connection.execute(text("VACUUM (ANALYZE) equity_processing_queue"))


@pytest.fixture
def crowded(settings: Settings, admin: Engine) -> WorkList:
    """A hundred thousand symbols of one type, all due, and what was done for years."""
    work = WorkList(settings, admin)
    with admin.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO symbols (ticker, type, equity_type, first_seen)"
                " SELECT 'T' || n, 'CS', 'STOCK_EOD', '2024-01-02' FROM generate_series(1, :many) n"
            ),
            {"many": MANY},
        )
        connection.execute(
            text(
                "INSERT INTO equity_processing_queue (equity_type, symbol_id, processing_priority, status, scheduled_time, last_attempt)"
                " SELECT 'STOCK_EOD', id, 50, 'done', now() - interval '1 day', now() - interval '1 day' FROM symbols"
            )
        )
        connection.execute(
            text(
                "INSERT INTO equity_processing_queue (equity_type, symbol_id, processing_priority, scheduled_time)"
                " SELECT 'STOCK_EOD', id, 50, now() - make_interval(secs => id % 3000) FROM symbols"
            )
        )
    vacuum(work)
    work.set_type("STOCK_EOD", rate_limit_ms=0)
    [(work.now,)] = work.rows("SELECT now()")
    return work


def plan(work: WorkList, statement: Any, **values: Any) -> dict[str, Any]:
    with work.admin.connect() as connection, connection.begin() as tried:
        found = connection.execute(
            text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}"), values
        ).scalar_one()
        tried.rollback()
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]  # type: ignore[no-any-return]


def nodes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [found, *(node for child in found.get("Plans", ()) for node in nodes(child))]


def reads(found: dict[str, Any]) -> int:
    return int(found["Shared Hit Blocks"] + found["Shared Read Blocks"])


def assert_by_index(found: dict[str, Any], rows: int) -> None:
    kinds = {node["Node Type"] for node in nodes(found)}
    assert not kinds & {"Seq Scan", "Sort", "Incremental Sort", "Bitmap Heap Scan"}, kinds
    assert all(node["Actual Rows"] <= rows for node in nodes(found))


def claim_and_finish(work: WorkList, batches: int) -> None:
    for _ in range(batches):
        with transaction(Role.IPO_MONITOR) as session:
            batch = queue.claim_batch(session, "STOCK_EOD", 100, lease_s=300, starving_s=3600, now=work.now)
            assert batch is not None
        work.begin(batch.token)
        work.finish(batch.token)


def test_a_claim_goes_by_index_also_while_an_old_snapshot_keeps_dead_rows(crowded: WorkList) -> None:
    due = {"type": "STOCK_EOD", "size": 100, "now": crowded.now}
    starving = due | {"bound": 1500}
    with crowded.admin.connect().execution_options(isolation_level="REPEATABLE READ") as reader:
        reader.execute(text("SELECT count(*) FROM equity_types"))
        fresh = plan(crowded, queue._NEXT_DUE, **due)
        assert_by_index(fresh, 100)
        assert_by_index(plan(crowded, queue._NEXT_STARVING, **starving), 100)
        claim_and_finish(crowded, BATCHES)
        vacuum(crowded)
        aged = plan(crowded, queue._NEXT_DUE, **due)
        assert_by_index(aged, 100)
        # Each dead entry before the first live one is looked at once, with its page of the heap: one block each at most.
        assert reads(aged) <= reads(fresh) + BATCHES * 100 * 1.1
        assert_by_index(plan(crowded, queue._NEXT_STARVING, **starving), 100)
        reader.execute(text("SELECT 1"))
    vacuum(crowded)
    assert reads(plan(crowded, queue._NEXT_DUE, **due)) <= 2 * reads(fresh), "and they go with the snapshot"


def test_what_else_a_dispatch_asks_goes_by_index(crowded: WorkList) -> None:
    claim_and_finish(crowded, 2)
    crowded.dispatch()
    for statement, values in (
        (dispatcher._ALLOWANCE, {"type": "STOCK_EOD", "now": crowded.now, "bound": 3600, "most": 10}),
        (dispatcher._DUE_TYPES, {"now": crowded.now}),
        (queue._TAKE_BACK, {"now": crowded.now, "most": 5}),
        (queue._RENEW, {"now": crowded.now, "token": 3, "lease": 300}),
    ):
        found = plan(crowded, statement, **values)
        scanned = {node.get("Relation Name") for node in nodes(found) if node["Node Type"] == "Seq Scan"}
        assert "equity_processing_queue" not in scanned, statement.text
        assert reads(found) < 3000, statement.text


def test_a_sign_of_life_is_written_in_place(crowded: WorkList) -> None:
    """No index is touched: the row's new version lies in its own page."""
    with transaction(Role.IPO_MONITOR) as session:
        batch = queue.claim_batch(session, "STOCK_EOD", 100, lease_s=300, starving_s=3600, now=crowded.now)
    assert batch is not None
    count = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'equity_processing_queue'"
    with transaction(Role.IPO_MONITOR) as session:
        before = session.execute(text(count)).one()
        queue.renew(session, batch.token, 300, now=crowded.now)
        queue.renew(session, batch.token, 300, now=crowded.now)
        after = session.execute(text(count)).one()
    assert [now - then for now, then in zip(after, before, strict=True)] == [200, 200]
