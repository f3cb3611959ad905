"""A short run of the campaign that kills workers in the middle of loads; `make bar-faults` is the long one."""

import random

import pytest

from tests.campaigns.bar_faults import kill_again_and_again
from tests.campaigns.bar_market import ordered_backfill

pytestmark = [pytest.mark.resilience, pytest.mark.integration, pytest.mark.database, pytest.mark.redis]


def test_workers_killed_in_the_middle_of_loads_lose_no_bar_and_pay_no_call_twice() -> None:
    with ordered_backfill(symbols=150, sessions=60, delay_s=0.1) as backfill:
        assert kill_again_and_again(backfill, 5, random.Random(7)) == 5
        assert backfill.violations() == []


def test_the_campaign_would_see_a_bar_that_lacks_a_call_paid_twice_and_a_figure_that_is_wrong() -> None:
    with ordered_backfill(symbols=20, sessions=12, delay_s=0) as backfill:
        kill_again_and_again(backfill, 0, random.Random(7))
        assert backfill.violations() == []
        backfill.rows("DELETE FROM historical_data WHERE date = :day", day=backfill.days[0])
        backfill.rows(
            "INSERT INTO loads (session, endpoint, arguments, answer_hash, rows, job)"
            " SELECT session, endpoint, arguments, answer_hash, rows, job FROM loads LIMIT 1"
        )
        backfill.rows("UPDATE bar_calls SET status = 'running' WHERE id = (SELECT min(id) FROM bar_calls)")
        wrong = " ".join(backfill.violations())
        assert "20 lack, 0 too much" in wrong
        assert "2 loads, the least of 0 new bars" in wrong
        assert "the job counts 12 calls, 13 loads" in wrong
        assert "1 calls are not done" in wrong
