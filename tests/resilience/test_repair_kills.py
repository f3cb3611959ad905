"""kill -9 around each commit of a repair, a worker that sleeps past its lease, workers at once: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.repairing import DAY, ZERO, Mender, altered, market
from tests.services import Altered, System
from tickstock_automation.bars.repair.service import repair
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.quality.by_hand import Wish, ask_by_hand
from tickstock_automation.quality.repairing import remediate
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.resilience, pytest.mark.integration, pytest.mark.database]

EVERY = [f"T{number:02}" for number in range(12)]


def spoil(answer: BarsAnswer) -> BarsAnswer:
    """Half of the market's bars of the day at zero: fewer than would be one finding about all of it."""
    for ticker in EVERY:
        answer = altered(ticker, **ZERO)(answer)
    return answer


@pytest.fixture
def broken(build: Callable[..., System]) -> Mender:
    """Twelve bars of twenty-four to be mended, one a day by the limit."""
    mender = Mender(build(market(24)))
    mender.load(grouped_bars=spoil)
    return mender


def mend_in_a_process(mender: Mender, day: date, number: int, moment: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "DATABASE_URI": mender.settings.database_uri.get_secret_value(),  # type: ignore[union-attr]
        "TICKSTOCK_REPAIRS_PER_DAY": "1", "POLYGON_CALLS_PER_MINUTE": "0", "TICKSTOCK_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    arguments = [mender.system.played.base, day.isoformat(), str(number), moment]
    return subprocess.run(
        [sys.executable, "-m", "tests.mending_process", *arguments], env=environment, check=False, capture_output=True,
        text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def assert_each_mended_once(mender: Mender, number: int) -> None:
    told: dict[int, list[str]] = {}
    for one in mender.system.events("price_anomaly"):
        told.setdefault(one["alert_id"], []).append(one["state"])
    lives = sorted(map(tuple, told.values()))
    assert lives == [("open",)] * (12 - number) + [("open", "remediating", "resolved")] * number
    assert mender.rows("SELECT count(*), count(DISTINCT alert_id), min(state), max(state) FROM repair_requests") == [
        (number, number, "applied", "applied")
    ]
    assert mender.rows("SELECT count(*) FROM bar_corrections") == [(number,)]
    assert mender.rows("SELECT count(*) FROM historical_data WHERE date = :day AND open > 0", day=DAY) == [
        (12 + number,)
    ]
    assert mender.rows("SELECT count(*) FROM repair_requests WHERE told_at IS NULL") == [(0,)]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_any_commit_loses_nothing_and_repeats_nothing(broken: Mender, moment: str) -> None:
    """One bar for each kill: the next process finishes it. The first runs through, and tells how many commits there are."""
    through = mend_in_a_process(broken, DAY, 0, moment)
    assert through.returncode == 0, through.stderr
    commits = int(through.stdout.split()[-1])
    assert 6 <= commits <= 11, through.stdout
    assert_each_mended_once(broken, 1)
    for turn, number in enumerate(range(1, commits + 1), 2):
        day = DAY + timedelta(days=turn)
        killed = mend_in_a_process(broken, day, number, moment)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        broken.rows(
            "UPDATE repair_requests SET lease_until = now() - interval '1 s' WHERE state = 'running' RETURNING 1"
        )
        broken.limited(1).mend(day=day)
        assert_each_mended_once(broken, turn)


def test_the_answer_of_a_worker_that_slept_past_its_lease_is_refused(broken: Mender) -> None:
    broken.limited(1)
    remediate(DAY, calendar(), broken.settings)
    played = broken.system.played.vendor

    def slept(answer: BarsAnswer) -> BarsAnswer:
        broken.rows("UPDATE repair_requests SET lease_until = now() - interval '1 s' RETURNING 1")
        broken.mend()
        return answer

    before = broken.system.played.vendor.calls
    done = repair(Altered(played, range_bars=slept), calendar(), broken.settings)
    assert done.calls == 0, "its own answer was refused"
    assert broken.system.played.vendor.calls - before == 2
    assert_each_mended_once(broken, 1)


def test_services_at_once_mend_each_bar_once(broken: Mender) -> None:
    threads = [threading.Thread(target=lambda: [broken.turn() for _ in range(8)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    broken.mend()
    assert_each_mended_once(broken, 12)


def test_what_a_person_asked_for_is_done_though_their_command_died(broken: Mender) -> None:
    [(symbol_id,)] = broken.rows("SELECT id FROM symbols WHERE ticker = 'T03'")
    wish = Wish({"open": 13.0, "high": 14.0, "low": 12.0})
    with transaction(Role.QUALITY_MONITOR) as session:
        ask_by_hand(session, symbol_id, DAY, wish, asked_on=DAY, author="ann", reason="the tape")
    broken.limited(0).mend()
    assert broken.close("T03") == (13.0, False, "by hand")
    assert broken.life("by_hand") == ["remediating", "resolved"]
