"""The life of alerts over sweeps; shards, leases and two sweeps at once; what loads touch; what is many at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.sweeping import DAYS, Swept
from tickstock_automation.db.engine import ServiceSession, engine, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import DatabaseUnavailable, LeaseLost
from tickstock_automation.local.leases import release_leases
from tickstock_automation.quality.alerts import Step, take_steps
from tickstock_automation.quality.reading import LANES
from tickstock_automation.quality.shard_work import work_shard
from tickstock_automation.quality.shards import claim_shard, hold_lanes
from tickstock_automation.quality.sweep import alert_reports, begin_sweep, begin_touched, sessions_to_sweep, sweep, work
from tickstock_automation.sessions import calendar

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAY, NEXT = DAYS[30], DAYS[31]


@pytest.fixture(autouse=True)
def market(swept: Swept) -> Swept:
    swept.symbols("AAA", "BBB", "CCC")
    swept.load(DAYS[:31])
    return swept


def step(state: str, author: str, *, person: bool = False, verdict: str | None = None) -> None:
    with transaction(Role.QUALITY_MONITOR) as session:
        take_steps(session, [Step(1, state, author, f"said {author}", verdict, person=person)])  # type: ignore[arg-type]


def test_an_alert_is_found_again_without_a_word(market: Swept) -> None:
    market.finds("AAA", DAY)
    assert market.sweep(DAY).by_check == {"price_move": 1}
    market.sweep(DAY)
    assert market.told() == [("AAA", "open", "undetermined")]
    assert market.rows("SELECT state, author FROM quality_alert_steps") == [("open", "sweep")]


@pytest.mark.parametrize(("verdict", "state"), [("market_event", "confirmed"), ("data_error", "open")])
def test_a_verdict_is_settled_by_the_next_session_with_an_event(market: Swept, verdict: str, state: str) -> None:
    market.finds("AAA", DAY)
    market.sweep(DAY)
    market.load([NEXT])
    market.finds("AAA", DAY, verdict, "high")  # type: ignore[arg-type]
    assert market.sweep_touched()
    assert market.alert("AAA") == (state, verdict, "high", 13.0)
    assert market.told() == [("AAA", "open", "undetermined"), ("AAA", state, verdict)]
    assert len(market.script.shown[-1][1]) == 3, "the touched session and two before it"


def test_what_is_gone_is_resolved_and_what_comes_back_is_open_again(market: Swept) -> None:
    market.finds("AAA", DAY, "data_error")
    market.sweep(DAY)
    market.forgets("AAA", DAY)
    market.sweep(DAY)
    market.sweep(DAY)
    market.finds("AAA", DAY, "data_error")
    market.sweep(DAY)
    assert [row[1] for row in market.told()] == ["open", "resolved", "open"]
    assert market.rows("SELECT closed_at IS NULL, closed_by_person FROM quality_alerts") == [(True, False)]
    words = [row[0] for row in market.rows("SELECT words FROM quality_alert_steps ORDER BY id")]
    assert words[1:] == ["the check does not find it any more", "found again: price_move of AAA, data_error"]


def test_what_a_person_closed_stays_so_while_the_bar_is_what_it_was(market: Swept) -> None:
    market.finds("AAA", DAY)
    market.sweep(DAY)
    step("resolved", "ann", person=True)
    market.finds("AAA", DAY, "data_error", "high")
    market.sweep(DAY)
    assert market.alert("AAA")[0] == "resolved"
    market.forgets("AAA", DAY)
    market.sweep(DAY)
    market.finds("AAA", DAY, "data_error", "high", observed=14.0)
    market.sweep(DAY)
    assert market.alert("AAA") == ("open", "data_error", "high", 14.0)
    assert [row[1] for row in market.told()] == ["open", "resolved", "open"]


def test_what_a_person_confirmed_is_not_resolved_when_it_is_gone(market: Swept) -> None:
    market.finds("AAA", DAY)
    market.sweep(DAY)
    step("confirmed", "ann", person=True)
    market.forgets("AAA", DAY)
    market.sweep(DAY)
    assert market.alert("AAA")[0] == "confirmed"


def test_what_remediation_made_of_an_alert_holds_until_the_checks_judge_otherwise(market: Swept) -> None:
    market.finds("AAA", DAY)
    market.sweep(DAY)
    step("confirmed", "remediation", verdict="market_event")
    market.sweep(DAY)
    assert market.alert("AAA")[:2] == ("confirmed", "market_event")
    market.finds("AAA", DAY, "data_error", "high")
    market.sweep(DAY)
    assert market.alert("AAA")[:2] == ("open", "data_error")


def test_a_repair_that_did_not_help_is_found_again(market: Swept) -> None:
    market.finds("AAA", DAY, "data_error")
    market.sweep(DAY)
    step("remediating", "remediation")
    market.sweep(DAY)
    assert market.alert("AAA")[0] == "remediating"
    step("given_up", "remediation")
    market.sweep(DAY)
    assert market.alert("AAA")[0] == "given_up"
    market.forgets("AAA", DAY)
    market.sweep(DAY)
    assert market.alert("AAA")[0] == "resolved"


def test_other_words_are_shown_without_an_event(market: Swept) -> None:
    market.finds("AAA", DAY)
    market.sweep(DAY)
    market.rows('UPDATE quality_alerts SET evidence = \'{"words": "old", "repair": 7}\' RETURNING 1')
    market.sweep(DAY)
    [(evidence,)] = market.rows("SELECT evidence FROM quality_alerts")
    assert (evidence["words"], evidence["repair"]) == ("price_move of AAA, undetermined", 7)
    assert len(market.told()) == 1


def test_only_what_loads_touched_is_judged_and_only_once(market: Swept) -> None:
    market.sweep(DAY)
    assert not market.sweep_touched(), "the daily sweep covered the loads"
    market.load([DAYS[10]], ["BBB"], close=11.0)
    market.finds("AAA", DAYS[10])
    market.finds("BBB", DAYS[10])
    assert market.sweep_touched()
    assert market.script.shown[-1][1] == DAYS[8:31]
    assert market.rows("SELECT figures -> 'checked' FROM quality_sweep_shards WHERE figures ? 'symbols'") == [(1,)]
    assert market.told() == [("BBB", "open", "undetermined")]
    assert not market.sweep_touched()
    assert market.events("daily_summary")[1:] == []


def test_a_range_load_touches_its_symbol_alone(market: Swept) -> None:
    market.sweep(DAY)
    [(load,)] = market.rows(
        "INSERT INTO loads (endpoint, arguments, answer_hash, rows, updated, job)"
        " VALUES ('range', jsonb_build_object('ticker', 'CCC', 'from', '2024-01-02', 'to', '2024-02-14'), 'x', 9, 1, 'suspect') RETURNING id"
    )
    market.rows(
        "UPDATE historical_data SET load_id = :load WHERE symbol_id = :id AND date = :day RETURNING 1",
        load=load, id=market.ids["CCC"], day=DAYS[20],
    )  # fmt: skip
    assert market.sweep_touched()
    assert market.script.shown[-1][1] == DAYS[18:31]
    ids = market.rows("SELECT figures -> 'symbols' FROM quality_sweep_shards WHERE figures ? 'symbols'")
    assert ids == [([market.ids["CCC"]],)]


def test_a_backfill_is_judged_when_it_is_over(market: Swept) -> None:
    market.sweep(DAY)
    [(job,)] = market.rows(
        "INSERT INTO backfill_jobs (reason, as_of, first_session, last_session, symbols, state)"
        " VALUES ('asked', :day, :day, :day, 1, 'running') RETURNING id", day=DAY,
    )  # fmt: skip
    market.load([DAYS[5]], ["AAA"])
    market.rows(
        "UPDATE loads SET job = 'backfill:' || :job WHERE id = (SELECT max(id) FROM loads) RETURNING 1", job=job
    )
    assert not market.sweep_touched()
    market.rows("UPDATE backfill_jobs SET state = 'done' RETURNING 1")
    assert market.sweep_touched()


def test_shards_find_together_what_one_would(market: Swept) -> None:
    market.settings = market.settings.model_copy(update={"sweep_shard_symbols": 1})
    for ticker in market.ids:
        market.finds(ticker, DAY, check="volume_spike")
    assert market.sweep(DAY).by_check == {"volume_spike": 3}
    assert market.rows("SELECT shards, finished_at IS NULL FROM quality_sweeps") == [(3, False)]
    assert market.rows("SELECT count(*) FROM quality_sweep_shards WHERE state = 'done'") == [(4,)]
    assert sorted(market.rows("SELECT figures -> 'checked' FROM quality_sweep_shards WHERE shard < 3")) == [(1,)] * 3
    assert market.sweep_touched() is False


def test_two_sweeps_at_once_lose_nothing_and_double_nothing(market: Swept) -> None:
    market.sweep(DAYS[29])
    for ticker in market.ids:
        market.finds(ticker, DAY)
        market.finds(ticker, DAYS[28], "data_error")
    market.load([DAYS[28], DAY], close=12.0)
    begin_touched(calendar(), market.settings)
    begin_sweep(DAY, calendar(), market.settings)
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(work, calendar(), market.settings) for _ in range(4)]:
            done.result()
    assert market.rows("SELECT count(*), count(DISTINCT finding_key) FROM quality_alerts") == [(6, 6)]
    assert len(market.told()) == 6
    assert len(market.events("daily_summary")) == 2


def test_a_dead_workers_shard_is_taken_over_and_the_dead_one_stores_nothing_more(market: Swept) -> None:
    market.finds("AAA", DAY)
    begin_sweep(DAY, calendar(), market.settings)
    with transaction(Role.QUALITY_MONITOR) as session:
        frozen = claim_shard(session, 60, 5)
    assert frozen is not None
    work(calendar(), market.settings)
    assert market.rows("SELECT count(*) FROM quality_alerts") == [(0,)], "it may be at work yet"
    market.rows(
        "UPDATE quality_sweep_shards SET lease_until = now() - interval '1 s' WHERE state = 'running' RETURNING 1"
    )
    report = work(calendar(), market.settings)
    assert report is not None
    assert report.by_check == {"price_move": 1}
    market.finds("BBB", DAY)
    with pytest.raises(LeaseLost):
        work_shard(frozen, calendar(), market.settings)
    assert market.told() == [("AAA", "open", "undetermined")]
    assert len(market.events("daily_summary")) == 1


@pytest.mark.resilience
def test_a_killed_workers_shard_is_taken_over_once_its_lease_is_over(market: Swept) -> None:
    market.finds("AAA", DAY)
    begin_sweep(DAY, calendar(), market.settings)
    assert market.settings.database_uri is not None
    uri = market.settings.database_uri.get_secret_value()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.hanging_sweep", uri], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        while killed.stdout.readline() not in ("judging\n", ""):
            pass
        killed.kill()
    assert work(calendar(), market.settings) is None, "its lease runs yet"
    release_leases()
    report = work(calendar(), market.settings)
    assert report is not None
    assert market.told() == [("AAA", "open", "undetermined")]


@pytest.mark.resilience
def test_a_frozen_workers_lanes_are_free_once_its_lease_is_over(market: Swept) -> None:
    frozen = ServiceSession(engine(), Role.QUALITY_MONITOR)
    hold_lanes(frozen, range(LANES), 1)
    assert market.sweep(DAY) is not None
    with pytest.raises(OperationalError):
        frozen.execute(text("SELECT 1"))
    frozen.invalidate()


def test_a_shard_that_always_fails_is_left_and_told_of(market: Swept) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    market.script.before = fail
    begin_sweep(DAY, calendar(), market.settings)
    for _ in range(market.settings.max_attempts):
        with pytest.raises(ZeroDivisionError):
            work(calendar(), market.settings)
    assert work(calendar(), market.settings) is None
    assert market.rows("SELECT check_name, severity FROM operational_findings") == [("sweep_failed", "critical")]
    assert DAY not in sessions_to_sweep(market.settings)
    market.script.before = lambda: None
    assert sweep(DAY, calendar(), market.settings) is not None, "asked for by its session it is tried again"


def test_passing_trouble_is_no_attempt(market: Swept) -> None:
    def away() -> None:
        raise DatabaseUnavailable("gone")

    market.script.before = away
    begin_sweep(DAY, calendar(), market.settings)
    for _ in range(market.settings.max_attempts + 1):
        with pytest.raises(DatabaseUnavailable):
            work(calendar(), market.settings)
    market.script.before = lambda: None
    assert work(calendar(), market.settings) is not None


def test_a_sweep_that_is_late_does_not_unsettle_what_a_later_session_settled(market: Swept) -> None:
    market.load([NEXT])
    market.finds("AAA", DAY, "market_event")
    sweep(DAY, calendar(), market.settings)
    assert market.script.shown[-1][1][-1] == NEXT, "it knows the session after its own"
    sweep(NEXT, calendar(), market.settings)
    assert [(one["session"], one["bars_present"]) for one in market.events("daily_summary")] == [
        (str(DAY), 3),
        (str(NEXT), 3),
    ]
    assert len(market.told()) == 1


def test_what_others_report_is_an_alert_at_once_with_its_first_step(market: Swept) -> None:
    market.rows(
        "INSERT INTO operational_findings (check_name, severity, reported_by, message) VALUES ('vendor_refused', 'critical', 'ipo_monitor', 'no') RETURNING 1"
    )
    alert_reports()
    alert_reports()
    assert market.rows("SELECT state, author, words FROM quality_alert_steps") == [("open", "sweep", "no")]
    assert [one["check"] for one in market.events("data_gap")] == ["vendor_refused"]
    assert market.sweep(DAY).by_check == {"vendor_refused": 1}


def many(market: Swept, count: int) -> list[str]:
    names = [f"M{number:02}" for number in range(20)]
    if "M00" not in market.ids:
        market.symbols(*names)
        market.load(DAYS[:31], names)
    for name in names[:count]:
        market.finds(name, DAY, "data_error")
    return names


@pytest.mark.parametrize("shard_symbols", [5_000, 6])
def test_a_mass_event_is_one_alert_with_the_list(market: Swept, shard_symbols: int) -> None:
    market.settings = market.settings.model_copy(update={"sweep_shard_symbols": shard_symbols})
    names = many(market, 16)
    market.finds("AAA", DAYS[29])
    assert market.sweep(DAY).by_check == {"price_move": 2}
    assert market.told() == [("AAA", "open", "undetermined"), (None, "open", "data_error")]
    [event] = [one for one in market.events("price_anomaly") if one["symbol"] is None]
    assert event["evidence"]["symbols"] == names[:16]
    assert (event["severity"], event["observed"], event["evidence"]["count"]) == ("high", 16.0, 16)
    market.sweep(DAY)
    assert len(market.told()) == 2


def test_few_become_many_and_few_again(market: Swept) -> None:
    names = many(market, 3)
    market.sweep(DAY)
    assert len(market.told()) == 3
    many(market, 16)
    market.sweep(DAY)
    assert market.alert(None)[0] == "open"
    assert [market.alert(name)[0] for name in names[:3]] == ["resolved"] * 3
    assert market.rows("SELECT count(*) FROM quality_alerts") == [(4,)]
    for name in names[3:16]:
        market.forgets(name, DAY)
    market.sweep(DAY)
    assert market.alert(None)[0] == "resolved"
    assert [market.alert(name)[0] for name in names[:3]] == ["open"] * 3


def test_what_is_touched_joins_and_leaves_a_market_wide_alert(market: Swept) -> None:
    names = many(market, 16)
    market.sweep(DAY)
    market.load([DAY], names[14:17], close=12.0)
    market.forgets(names[14], DAY)
    market.finds(names[16], DAY, "data_error")
    assert market.sweep_touched()
    [(evidence, state)] = market.rows("SELECT evidence, state FROM quality_alerts WHERE symbol_id IS NULL")
    assert evidence["symbols"] == [*names[:14], names[15], names[16]]
    assert state == "open"
    assert market.rows("SELECT count(*) FROM quality_alerts") == [(1,)]


def test_what_is_judged_otherwise_than_the_many_stands_alone(market: Swept) -> None:
    names = many(market, 18)
    market.finds(names[0], DAY, "market_event")
    market.sweep(DAY)
    assert market.alert(names[0])[:2] == ("confirmed", "market_event")
    assert market.alert(None)[3] == 17.0


def test_the_market_as_a_whole_is_looked_at_once_a_day(market: Swept) -> None:
    names = many(market, 0)
    market.rows("DELETE FROM historical_data WHERE date = :day AND symbol_id = ANY (:ids) RETURNING 1", day=DAY, ids=[market.ids[one] for one in names[:12]])  # fmt: skip
    market.sweep(DAY)
    assert market.alert(None, "market_rows") == ("open", "data_error", "critical", 11.0)
    market.load([DAY], names)
    market.sweep(DAY)
    assert market.alert(None, "market_rows")[0] == "resolved"
