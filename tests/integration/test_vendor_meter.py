"""The breaker, the day's budget and the counts that all workers share: each meter here is another worker's."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from structlog.testing import capture_logs
from typer.testing import CliRunner

from tests.integration.test_vendor import Misbehaving, says
from tests.services import Seen
from tickstock_automation.cli.main import app
from tickstock_automation.db import engine as engine_module
from tickstock_automation.errors import BadAnswer, PlanLacks, SchemaMismatch, VendorRefused, VendorUnavailable
from tickstock_automation.ops.database_metrics import DatabaseCollector
from tickstock_automation.settings import Settings, use_settings
from tickstock_automation.vendor.account import Account, fingerprint
from tickstock_automation.vendor.limits import CallLimit
from tickstock_automation.vendor.meter import Ended, Endpoint, Outcome, Ticket, endpoint_of
from tickstock_automation.vendor.polygon import PolygonVendor
from tickstock_automation.vendor.shared_meter import Rules, SharedMeter

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAY = date(2024, 1, 10)
KEY = "key-of-ours"
GOOD = {"status": "OK", "resultsCount": 1, "results": [{"T": "A"}]}


@pytest.fixture
def seen(settings: Settings, admin: Engine) -> Seen:
    return Seen(admin)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    server = Misbehaving()
    server.answer = says(GOOD)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def worker(seen: Seen, server: Misbehaving, settings: Settings) -> Callable[..., PolygonVendor]:
    """One worker's client; another call, another worker."""

    def make(key: str = KEY, budget: int = 0, calls_per_minute: int = 0, rules: Rules | None = None) -> PolygonVendor:
        base = f"http://127.0.0.1:{server.server.server_port}"
        account = Account(base, fingerprint(key), budget, timeout_s=2.0)
        return PolygonVendor(
            key, base, 2.0, SharedMeter(account, CallLimit(settings.redis_url, calls_per_minute), rules)
        )

    return make


def fail(vendor: PolygonVendor, times: int = 5) -> VendorUnavailable:
    for _ in range(times):
        with pytest.raises(VendorUnavailable) as error:
            vendor.grouped_bars(DAY)
    return error.value


def pause_is_over(seen: Seen) -> None:
    seen.rows("UPDATE vendor_breaker SET open_until = now() - interval '1 second' RETURNING 1")


def findings(seen: Seen, check: str) -> list[str]:
    return [
        row[0] for row in seen.rows("SELECT severity FROM operational_findings WHERE check_name = :check", check=check)
    ]


def test_five_failures_in_a_row_over_all_workers_stop_everyones_calls(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    server.answer = says(b"busy", 503)
    for number in range(5):
        error = fail(worker(), 1)
        assert error.after_s is None, f"failure {number + 1}: the caller grows its own pause"
    held_off = fail(worker(), 1)
    assert held_off.after_s is not None
    assert 0 < held_off.after_s < 20
    assert len(server.paths) == 5, "the vendor was not touched"
    assert findings(seen, "vendor_down") == ["high"]


@pytest.mark.parametrize("status", [400, 404, 429, 200])
def test_what_is_no_failure_of_the_vendors_does_not_open_it(
    server: Misbehaving, worker: Callable[..., PolygonVendor], status: int
) -> None:
    vendor = worker()
    server.answer = says(b"<html>no</html>", status)
    for _ in range(12):
        with pytest.raises((BadAnswer, VendorUnavailable)):
            vendor.grouped_bars(DAY)
    assert len(server.paths) == 12


def test_an_answer_ends_the_row_of_failures(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    vendor = worker()
    for _ in range(3):
        server.answer = says(b"busy", 500)
        fail(vendor, 4)
        server.answer = says(GOOD)
        vendor.grouped_bars(DAY)
    assert findings(seen, "vendor_down") == []


def test_after_the_pause_exactly_one_caller_tries(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    server.answer = says(b"busy", 500)
    fail(worker())
    pause_is_over(seen)
    asked, answer_now = threading.Event(), threading.Event()

    def slow(request: object) -> None:
        asked.set()
        assert answer_now.wait(10)
        says(GOOD)(request)  # type: ignore[arg-type]

    server.answer = slow
    prober = threading.Thread(target=worker().grouped_bars, args=(DAY,))
    prober.start()
    assert asked.wait(10)
    others = [worker() for _ in range(4)]
    for other in others:
        assert 0 < (fail(other, 1).after_s or 0) <= 5, "they look again soon"
    assert len(server.paths) == 6
    answer_now.set()
    prober.join(10)
    for other in others:
        other.grouped_bars(DAY)
    assert len(server.paths) == 10


class AtOnce:
    """Asks for many calls that meet inside the database: its rows are locked until all of them wait."""

    def __init__(self, seen: Seen, meters: Sequence[SharedMeter]) -> None:
        self.allowed: list[Ticket] = []
        self.refused: list[VendorUnavailable] = []
        threads = [threading.Thread(target=self._ask, args=(meter,)) for meter in meters]
        with seen.admin.connect().execution_options(isolation_level="READ COMMITTED") as connection:
            connection.execute(text("SELECT 1 FROM vendor_breaker FOR UPDATE"))
            connection.execute(text("SELECT 1 FROM vendor_usage FOR UPDATE"))
            for one in threads:
                one.start()
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            until = time.monotonic() + 20
            while seen.rows(waiting) != [(len(threads),)]:
                assert time.monotonic() < until, "they never met"
            connection.rollback()
        for one in threads:
            one.join()

    def _ask(self, meter: SharedMeter) -> None:
        try:
            self.allowed.append(meter.before(Endpoint.GROUPED, 0.0))
        except VendorUnavailable as error:
            self.refused.append(error)


def test_many_at_once_at_the_end_of_a_pause_are_one_try(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    server.answer = says(b"busy", 500)
    fail(worker())
    pause_is_over(seen)
    met = AtOnce(seen, [worker()._client._meter for _ in range(8)])
    assert [one.probe for one in met.allowed] == [1]
    assert len(met.refused) == 7


def test_a_failed_try_opens_it_for_longer_and_an_answered_one_closes_it_with_one_finding_for_the_outage(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    server.answer = says(b"busy", 500)
    vendor = worker(rules=Rules(pause_s=100, longest_pause_s=500))
    fail(vendor)
    pauses = [fail(vendor, 1).after_s or 0]
    for _ in range(3):
        pause_is_over(seen)
        fail(vendor, 1)
        pauses.append(fail(vendor, 1).after_s or 0)
    for pause, expected in zip(pauses, (100, 200, 400, 500), strict=True):
        assert 0.74 * expected <= pause <= 1.26 * expected
    pause_is_over(seen)
    server.answer = says(GOOD)
    with capture_logs() as logs:
        vendor.grouped_bars(DAY)
    assert [one["event"] for one in logs if one["log_level"] == "info"] == ["the vendor answers again"]
    assert findings(seen, "vendor_down") == ["high"]
    server.answer = says(b"busy", 500)
    fail(vendor)
    assert findings(seen, "vendor_down") == ["high", "high"], "another outage"
    assert fail(vendor, 1).after_s == pytest.approx(100, rel=0.26), "its pauses begin anew"


def test_a_dead_prober_does_not_keep_the_breaker_open_and_its_late_word_does_not_count(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    server.answer = says(b"busy", 500)
    vendor = worker()
    fail(vendor)
    pause_is_over(seen)
    meter = worker()._client._meter
    dead = meter.before(Endpoint.GROUPED, 0.0)
    assert dead.probe == 1
    fail(vendor, 1)
    seen.rows("UPDATE vendor_breaker SET probe_until = now() - interval '1 second' RETURNING 1")
    second = meter.before(Endpoint.GROUPED, 0.0)
    assert second.probe == 2
    meter.after(dead, Ended(Outcome.ANSWERED))
    assert (fail(vendor, 1).after_s or 0) <= 5, "still the second one's try"
    meter.after(second, Ended(Outcome.ANSWERED))
    server.answer = says(GOOD)
    vendor.grouped_bars(DAY)
    meter.after(dead, Ended(Outcome.FAILED, error="late"))
    vendor.grouped_bars(DAY)


def test_calls_on_their_way_when_it_opens_neither_lengthen_nor_end_the_pause(
    seen: Seen, worker: Callable[..., PolygonVendor]
) -> None:
    meter = worker()._client._meter
    tickets = [meter.before(Endpoint.RANGE, 0.0) for _ in range(8)]
    for ticket in tickets[:7]:
        meter.after(ticket, Ended(Outcome.FAILED, error="no answer"))
    meter.after(tickets[7], Ended(Outcome.ANSWERED))
    assert seen.rows("SELECT openings, failures, reason FROM vendor_breaker") == [(1, 5, "down")]


def test_a_refused_key_stops_all_workers_for_an_hour_with_one_critical_finding(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    server.answer = says(f"Unknown API Key {KEY}\0".encode(), 401)
    for _ in range(3):
        with pytest.raises(VendorRefused, match="check POLYGON_API_KEY") as error:
            worker().grouped_bars(DAY)
    assert "vendor retry" in str(error.value)
    assert len(server.paths) == 1
    assert findings(seen, "vendor_refused") == ["critical"]
    assert seen.rows("SELECT open_until - now() > interval '59 minutes' FROM vendor_breaker") == [(True,)]
    pause_is_over(seen)
    with pytest.raises(VendorRefused):
        worker().grouped_bars(DAY)
    assert len(server.paths) == 2
    assert findings(seen, "vendor_refused") == ["critical"], "the same day and key"
    stored = seen.rows("SELECT row_to_json(b)::text FROM vendor_breaker b UNION ALL"
                       " SELECT row_to_json(f)::text FROM operational_findings f")  # fmt: skip
    assert len(stored) == 2
    assert KEY not in str(stored)


def test_a_new_key_begins_clean(server: Misbehaving, worker: Callable[..., PolygonVendor]) -> None:
    server.answer = says(b"{}", 401)
    with pytest.raises(VendorRefused):
        worker().grouped_bars(DAY)
    server.answer = says(GOOD)
    worker("another-key").grouped_bars(DAY)
    with pytest.raises(VendorRefused):
        worker().grouped_bars(DAY)
    assert len(server.paths) == 2


def test_what_the_plan_lacks_concerns_one_endpoint_only(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    vendor = worker()
    server.answer = says({"status": "NOT_AUTHORIZED"}, 403)
    for _ in range(6):
        with pytest.raises(PlanLacks):
            vendor.ipos(DAY, DAY)
    server.answer = says(GOOD)
    vendor.grouped_bars(DAY)
    assert seen.rows("SELECT count(*) FROM operational_findings") == [(0,)]


@pytest.mark.parametrize("as_date", [False, True])
def test_what_a_429_asks_for_holds_all_workers_off(
    server: Misbehaving, worker: Callable[..., PolygonVendor], as_date: bool
) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=1500), usegmt=True) if as_date else "1500"
    server.answer = says(b"{}", 429, Retry_After=told)
    for _ in range(2):
        assert 1400 < (fail(worker(), 1).after_s or 0) <= 1500
    assert len(server.paths) == 1


def test_a_short_hold_is_waited_for(seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]) -> None:
    server.answer = says(b"{}", 429, Retry_After="0.3")
    fail(worker(), 1)
    server.answer = says(GOOD)
    worker().grouped_bars(DAY)
    assert seen.rows("SELECT hold_until <= now() FROM vendor_breaker") == [(True,)]


def test_the_days_budget_is_spent_over_all_workers_and_to_the_call(
    seen: Seen, worker: Callable[..., PolygonVendor]
) -> None:
    for _ in range(3):
        worker(budget=5).grouped_bars(DAY)
    met = AtOnce(seen, [worker(budget=5)._client._meter for _ in range(8)])
    assert (len(met.allowed), len(met.refused)) == (2, 6)
    [(until_midnight,)] = seen.rows(
        "SELECT extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'America/New_York') + interval '1 day'"
        " - now() AT TIME ZONE 'America/New_York')::float8"
    )
    # On the two days a year when New York's clock changes, an hour more or less.
    assert abs((met.refused[-1].after_s or 0) - until_midnight) < 3700
    assert "POLYGON_CALLS_PER_DAY" in str(met.refused[-1])
    seen.rows("UPDATE vendor_usage SET day = day - 1 RETURNING 1")
    worker(budget=5).grouped_bars(DAY)


def test_calls_are_counted_by_day_endpoint_and_outcome(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    vendor = worker()
    vendor.grouped_bars(DAY)
    for status in (500, 429, 403, 418):
        server.answer = says(b"x" * 10, status)
        with pytest.raises((BadAnswer, VendorUnavailable, VendorRefused)):
            vendor.range_bars("A", DAY, DAY)
    server.answer = says({}, 404)
    assert vendor.details("NOBODY") is None
    rows = seen.rows(
        "SELECT endpoint, calls, answered, failed, limited, refused, unusable, bytes > 0, seconds > 0 FROM vendor_usage"
        " WHERE day = (now() AT TIME ZONE 'America/New_York')::date ORDER BY endpoint"
    )
    assert rows == [
        ("details", 1, 1, 0, 0, 0, 0, True, True), ("grouped", 1, 1, 0, 0, 0, 0, True, True),
        ("range", 4, 0, 1, 1, 1, 1, True, True),
    ]  # fmt: skip


def test_a_call_that_the_minute_has_no_room_for_is_not_counted(
    seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    vendor = worker(calls_per_minute=2)
    vendor.grouped_bars(DAY)
    worker(calls_per_minute=2).grouped_bars(DAY)
    error = fail(vendor, 1)
    assert (error.after_s or 0) > 50
    assert vendor.calls == 1
    assert seen.rows("SELECT calls, answered FROM vendor_usage") == [(2, 2)]


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v3/reference/tickers", "listing"), ("/v3/reference/tickers?cursor=1", "listing"), ("/v3/reference/tickers/A", "details"),
        ("/vX/reference/tickers/A/events", "events"), ("/vX/reference/ipos", "ipos"), ("/v3/reference/splits?cursor=2", "splits"),
        ("/v2/aggs/grouped/locale/us/market/stocks/2024-01-10", "grouped"), ("/v2/aggs/ticker/A/range/1/day/x/y", "range"),
        ("/v3/reference/dividends", "dividends"), ("/v1/marketstatus/now", "other"),
    ],
)  # fmt: skip
def test_each_path_has_its_endpoint(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


def test_an_answer_is_not_lost_with_its_count(
    settings: Settings, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    vendor = worker()

    def database_goes(request: object) -> None:
        engine_module.engine().dispose()
        engine_module.engine.cache_clear()
        use_settings(settings.model_copy(update={"database_uri": SecretStr("postgresql://x:y@127.0.0.1:1/none")}))
        says(GOOD)(request)  # type: ignore[arg-type]

    server.answer = database_goes
    with capture_logs() as logs:
        assert len(vendor.grouped_bars(DAY).rows) == 1
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["a vendor call is not counted"]


def test_a_schema_without_the_functions_is_told_in_a_sentence(seen: Seen, worker: Callable[..., PolygonVendor]) -> None:
    seen.rows("ALTER FUNCTION vendor_before_call RENAME TO gone; SELECT 1")
    with pytest.raises(SchemaMismatch, match="alembic upgrade head"):
        worker().grouped_bars(DAY)


def command(*words: str) -> str:
    done = CliRunner().invoke(app, ["vendor", *words])
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_the_commands_and_metrics_show_it_and_retry_lets_calls_out_again(
    settings: Settings, seen: Seen, server: Misbehaving, worker: Callable[..., PolygonVendor]
) -> None:
    use_settings(
        settings.model_copy(
            update={
                "polygon_api_key": SecretStr(KEY), "polygon_base_url": f"http://127.0.0.1:{server.server.server_port}/",
                "polygon_calls_per_day": 100,
            }
        )
    )  # fmt: skip
    assert "no vendor call" in command("usage")
    assert "breaker closed" in command("status")
    worker().grouped_bars(DAY)
    server.answer = says(b"{}", 401)
    with pytest.raises(VendorRefused):
        worker().grouped_bars(DAY)
    status = command("status")
    assert "refuses the key" in status
    assert "2 calls of 100" in status
    assert KEY not in status
    assert "grouped 2 1 0 0 1 0" in command("usage")
    assert "…" not in command("usage"), "at eighty columns nothing is cut off"
    assert '"state": "refused"' in command("status", "--json")
    assert '"endpoint": "grouped", "calls": 2' in command("usage", "--days", "3", "--json")
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    metrics = generate_latest(registry).decode()
    for line in (
        'tickstock_vendor_calls_today{endpoint="grouped",outcome="answered"} 1.0',
        'tickstock_vendor_calls_today{endpoint="grouped",outcome="refused"} 1.0',
        'tickstock_vendor_breaker_open{reason="refused"} 1.0',
        'tickstock_vendor_breaker_open{reason="down"} 0.0',
        "tickstock_vendor_budget_left_calls 98.0",
    ):
        assert line in metrics
    server.answer = says(GOOD)
    with pytest.raises(VendorRefused):
        worker().grouped_bars(DAY)
    assert "the next call goes out" in command("retry")
    worker().grouped_bars(DAY)
    assert "nothing holds calls off" in command("retry")


def test_a_ticket_of_yesterday_is_counted_for_yesterday(seen: Seen, worker: Callable[..., PolygonVendor]) -> None:
    meter = worker()._client._meter
    ticket: Ticket = meter.before(Endpoint.GROUPED, 0.0)
    seen.rows("UPDATE vendor_usage SET day = day - 1 RETURNING 1")
    meter.after(replace(ticket, day=date.fromordinal(ticket.day.toordinal() - 1)), Ended(Outcome.ANSWERED))
    assert seen.rows("SELECT calls, answered FROM vendor_usage") == [(1, 1)]
