"""`tickstock up --once`: the contract that scripts rely on."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import DAYS, START, Tickstock
from tickstock_automation.events.catalogue import Channel

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_the_cycle_on_a_folder_and_the_same_again(tickstock: Tickstock, folder: Path) -> None:
    arguments = ("--data", str(folder), "--as-of", START.isoformat(), "--days", "3")
    told = tickstock.once(*arguments)
    assert list(told) == ["as_of", "cycles", "events", "seconds"]
    assert told["as_of"] == START.isoformat()
    first, second, third = told["cycles"]
    assert [cycle["session"] for cycle in told["cycles"]] == [day.isoformat() for day in DAYS[40:43]]
    assert first["scan"] == {"listed": 4, "new": ["AAA", "BBB", "CCC", "DDD"], "changed": [], "archived": []}
    assert first["backfill"] == {"symbols": 4, "bars": 4 * 40}
    assert first["bars"] == {"loaded": 4, "updated": 0, "refused": 0}
    ranges, day, ipos, details = 4, 3, 2, 4
    assert first["vendor_calls"] <= ranges + day + ipos + details, "four ranges are cheaper than forty days"
    assert second["scan"]["new"] == ["IPO"]
    assert second["quality"] == {"checked": 5, "findings": 0, "by_check": {}}, "a known split is no finding"
    assert third["quality"] == {"checked": 5, "findings": 1, "by_check": {"price_outlier": 1}}
    assert list(told["events"]) == [channel.value for channel in Channel]
    assert all(one["committed"] == one["received"] for one in told["events"].values())
    assert told["events"][Channel.SYMBOLS_NEW]["received"] == 5
    assert told["events"][Channel.DAILY_SUMMARY]["received"] == 3
    assert tickstock.left() == []

    again = tickstock.once(*arguments)
    for cycle in again["cycles"]:
        assert cycle["scan"] == {"listed": 0, "new": [], "changed": [], "archived": []}
        assert cycle["bars"] == {"loaded": 0, "updated": 0, "refused": 0}
        assert cycle["backfill"] == {"symbols": 0, "bars": 0}
        assert cycle["quality"] == {"checked": 0, "findings": 0, "by_check": {}}
        assert cycle["vendor_calls"] == 0
    assert all(one == {"committed": 0, "received": 0} for one in again["events"].values())
    assert tickstock.left() == []

    other = tickstock("up", "--once", "--generate")
    assert other.returncode == 2
    assert "holds the data of another market" in other.stderr


def test_a_fault_of_the_vendor_reaches_the_cycle(tickstock: Tickstock, folder: Path) -> None:
    faults = ("--fault", f"delayed@{START}", "--fault", f"401:grouped@{START}")
    done = tickstock("up", "--once", "--data", str(folder), "--as-of", START.isoformat(), *faults)
    assert done.returncode == 1
    assert "the vendor refuses (401)" in " ".join(done.stderr.split())
    assert tickstock.left() == []


def test_a_generated_market_shows_a_table(tickstock: Tickstock) -> None:
    done = tickstock("up", "--once", "--generate", "--as-of", "2025-03-03")
    assert done.returncode == 0, done.stderr
    for words in ("2025-03-03", "300", "events received", "price_move"):
        assert words in done.stdout
    assert "Traceback" not in done.stderr
    assert tickstock.left() == []


def test_a_session_that_cannot_be_loaded_is_told_and_keeps_no_other_from_it(tickstock: Tickstock, folder: Path) -> None:
    """A closure that nobody announced: there are no bars of that day, on any later day either."""
    closed = f"special-closure@{DAYS[41]}"
    done = tickstock(
        "up", "--once", "--json", "--data", str(folder), "--as-of", START.isoformat(), "--days", "3", "--fault", closed
    )
    assert done.returncode == 1
    first, second, third = json.loads(done.stdout)["cycles"]
    assert (first["failed"], second["failed"], third["failed"]) == (False, True, False), (
        "with the next session's bars it is known that nothing traded on that day"
    )
    assert [cycle["bars"]["loaded"] for cycle in (first, second, third)] == [4, 0, 5]
    assert f"the vendor has no bars of {DAYS[41]} yet" in second["problems"][0]
    assert tickstock.left() == []
