"""A worker that is frozen or told to stop in the middle of a vendor call."""

import time

import pytest

from tests.campaigns.bar_market import Backfill, freeze, ordered_backfill, thaw

pytestmark = [pytest.mark.resilience, pytest.mark.integration, pytest.mark.database, pytest.mark.redis]

DELAY_S = 0.5
GRACE_S = 20


def work_off(backfill: Backfill) -> None:
    """Sends make_calls, as beat does, until the job is over."""
    sent = 0.0

    def over() -> bool:
        nonlocal sent
        if time.monotonic() - sent > 1:
            backfill.send()
            sent = time.monotonic()
        return backfill.over()

    backfill.rig.wait(over, "the job's end", 90)


def in_a_call(backfill: Backfill, calls: int) -> None:
    """Waits until the vendor was asked that many times and has not answered the last."""
    backfill.rig.wait(lambda: len(backfill.asked()) >= calls, "the vendor's call", 40, every_s=0.01)


def test_what_a_frozen_worker_brings_after_its_lease_is_refused() -> None:
    with ordered_backfill(symbols=30, sessions=8, delay_s=DELAY_S) as backfill:
        frozen = backfill.start_workers(1)
        backfill.send()
        in_a_call(backfill, 3)
        freeze(frozen)
        held = backfill.rows("SELECT id, claim_token FROM bar_calls WHERE status = 'running'")
        assert len(held) == 1, "it was to be frozen in the middle of a call"
        backfill.start_workers(1)
        work_off(backfill)
        ((id_, token),) = held
        assert backfill.one("SELECT claim_token FROM bar_calls WHERE id = :id", id=id_) > token
        before = backfill.rows("SELECT symbol_id, date, load_id, loaded_at FROM historical_data ORDER BY 1, 2")

        thaw(frozen)

        backfill.rig.wait(lambda: any("call lost" in line for line in frozen.lines), "the refusal", 30)
        assert backfill.rows("SELECT symbol_id, date, load_id, loaded_at FROM historical_data ORDER BY 1, 2") == before
        assert backfill.violations() == []


def test_a_worker_told_to_stop_keeps_the_calls_it_made_and_leaves_the_others_to_the_next() -> None:
    with ordered_backfill(symbols=50, sessions=20, delay_s=DELAY_S) as backfill:
        told = backfill.start_workers(1)
        backfill.send()
        in_a_call(backfill, 3)
        backfill.expect_end(told)

        told.process.terminate()
        told.process.wait(GRACE_S)

        made = backfill.one("SELECT count(*) FROM loads")
        assert 0 < made < 20
        assert made == len(backfill.asked()), "the call it was making is finished and kept"
        assert backfill.calls_running() == 0
        assert backfill.one("SELECT max(attempts) FROM bar_calls WHERE status = 'waiting'") == 0
        backfill.start_workers(2)
        work_off(backfill)
        assert backfill.violations() == []
        assert len(backfill.asked()) == 20, "none was asked for twice"
