"""`tickstock events`: tail, replay, status, dead, schema, reconcile, on events that the real relay sent."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis
import yaml
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from tests.publishing import Running, in_stream, new, publish, until
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, Stop, UsedWrongly
from tickstock_automation.events.catalogue import Channel, Event
from tickstock_automation.events.consumer import Consumer
from tickstock_automation.events.outbox import Pending
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database, pytest.mark.redis]
STREAM = Channel.SYMBOLS_NEW.stream


def command(*words: str, exit_code: int = 0) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(app, ["events", *words, "--json"], catch_exceptions=False)
    assert done.exit_code == exit_code, done.output
    return json.loads(done.stdout)


def publish_all(*names: str) -> None:
    publish(*(Pending(new(name)) for name in names))


def handle_all(settings: Settings, count: int, *, bad: str = "") -> list[str]:
    """A durable consumer handles so many, and stops."""
    got: list[str] = []
    consumer = Consumer("app", settings.redis_url, attempts=1)

    @consumer.on("tickstock.*")
    def handle(event: Event, _data: Any) -> None:
        if event.symbol == bad:
            raise ValueError("bad one")
        got.append(event.symbol or "")
        if len(got) == count:
            consumer.stop()

    consumer.run()
    return got


def test_tail_shows_what_the_streams_hold_for_one_symbol_or_behind_an_event(
    relays: Callable[[], Running], broker: redis.Redis
) -> None:
    publish_all("A", "B", "C")
    relays()
    until(lambda: len(in_stream(broker)) == 3)

    def tailed(*words: str) -> list[str]:
        done = CliRunner().invoke(app, ["events", "tail", "--stop", "--json", *words], catch_exceptions=False)
        return [json.loads(line)["event"]["data"]["symbol"] for line in done.stdout.splitlines()]

    assert tailed("--since", "1h") == ["A", "B", "C"]
    assert tailed("--since", "1h", "--symbol", "b", "--symbol", "C") == ["B", "C"]
    entries: Any = broker.xrange(STREAM)
    assert tailed("--since", entries[0][1]["id"]) == ["B", "C"]
    assert tailed("--since", "1h", "--channel", "tickstock.quality.*") == []
    shown = CliRunner().invoke(app, ["events", "tail", "--stop", "--since", "2020-01-01"], catch_exceptions=False)
    assert "new_symbol" in shown.stdout
    with pytest.raises(UsedWrongly, match="is no event's id, no time"):
        tailed("--since", "yesterday")
    with pytest.raises(UsedWrongly, match="no channel is named"):
        tailed("--since", "1h", "--channel", "tickstock.tea.*")
    with pytest.raises(NotFound, match="is in the streams"):
        tailed("--since", "00000000-0000-4000-8000-000000000000")


def test_replay_says_what_it_will_do_and_sends_again_under_the_same_ids(
    relays: Callable[[], Running], broker: redis.Redis, settings: Settings
) -> None:
    names = [f"S{number}" for number in range(1200)]
    publish_all(*names)
    relays()
    until(lambda: len(in_stream(broker)) == 1200)
    assert handle_all(settings, 1200) == names
    asked = CliRunner().invoke(app, ["events", "replay", "--since", "1h"], input="n\n", catch_exceptions=False)
    assert asked.exit_code == 1
    assert "Sends 1,200 events again" in asked.stdout
    assert len(in_stream(broker)) == 1200
    done = command("replay", "--since", "1h", "--channel", "tickstock.automation.*", "--yes")
    assert done == {"sent": 1200, "channels": {Channel.SYMBOLS_NEW: 1200}}
    entries: Any = broker.xrange(STREAM)
    ids = [fields["id"] for _, fields in entries]
    assert ids[1200:] == ids[:1200]
    publish_all("AFTER")
    assert handle_all(settings, 1) == ["AFTER"], "repeats are hidden"
    with pytest.raises(NotFound, match="holds no sent event"):
        command("replay", "--since", "1h", "--channel", "tickstock.quality.*", "--yes")


def test_replay_without_a_relay_withdraws_and_says_so(
    relays: Callable[[], Running], broker: redis.Redis, admin: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = relays()
    publish_all("A")
    until(lambda: in_stream(broker) == ["A"])
    running.stop()
    monkeypatch.setattr("tickstock_automation.cli.events_replay.PATIENCE_S", 0.3)
    with pytest.raises(Stop, match="no relay sent anything"):
        command("replay", "--since", "1h", "--yes")
    with admin.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox_replays WHERE done_at IS NULL")).scalar() == 0


def test_status_shows_channels_consumers_and_what_is_set_aside(
    relays: Callable[[], Running], broker: redis.Redis, settings: Settings
) -> None:
    relays()
    publish_all("A", "BAD", "C")
    until(lambda: len(in_stream(broker)) == 3)
    handle_all(settings, 2, bad="BAD")
    publish_all("D")
    until(lambda: len(in_stream(broker)) == 4)
    found = command("status")
    [group] = found["groups"]
    assert group == {"name": "app", "channels": 12, "lag": 1, "in_hand": 0, "set_aside": 1, "active": False}
    [channel] = [one for one in found["channels"] if one["entries"]]
    assert (channel["channel"], channel["entries"], channel["last_minute"]) == (Channel.SYMBOLS_NEW, 4, 4)
    assert found["outbox"]["waiting"] == 0
    shown = CliRunner().invoke(app, ["events", "status"], catch_exceptions=False)
    assert "automation.symbols.new" in shown.stdout


def test_what_was_set_aside_is_listed_shown_sent_back_and_dropped(
    relays: Callable[[], Running], broker: redis.Redis, settings: Settings
) -> None:
    relays()
    publish_all("A", "BAD", "C")
    until(lambda: len(in_stream(broker)) == 3)
    assert handle_all(settings, 2, bad="BAD") == ["A", "C"]
    [dead] = command("dead", "list")["set_aside"]
    assert (dead["consumer"], dead["reason"]) == ("app", "ValueError: bad one")
    assert json.loads(command("dead", "show", "app", dead["number"])["event"])["data"]["symbol"] == "BAD"
    assert command("dead", "retry", "app", dead["number"]) == {"sent_back": 1, "not_found": []}
    assert handle_all(settings, 1) == ["BAD"]
    publish_all("BAD")
    until(lambda: len(in_stream(broker)) == 4)
    publish_all("D")
    assert handle_all(settings, 1, bad="BAD") == ["D"]
    assert command("dead", "drop", "app", "--all", "--yes") == {"dropped": 1, "not_found": []}
    assert command("dead", "list") == {"set_aside": []}
    with pytest.raises(NotFound, match="nothing of app is set aside with the number"):
        command("dead", "retry", "app", "1-1")
    with pytest.raises(UsedWrongly, match="is no number"):
        command("dead", "retry", "app", "first")
    with pytest.raises(UsedWrongly, match="needs a yes"):
        command("dead", "drop", "app", "--all")


def test_what_the_relay_set_aside_is_sent_after_it_was_mended(
    relays: Callable[[], Running], broker: redis.Redis, admin: Engine
) -> None:
    broker.set(STREAM, "somebody's")
    running = relays()
    publish_all("A")
    until(lambda: running.relay.figures.set_aside == 1)
    [dead] = command("dead", "list")["set_aside"]
    assert (dead["consumer"], dead["number"]) == ("outbox", "1")
    broker.delete(STREAM)
    assert command("dead", "retry", "outbox", "1") == {"sent_back": 1, "not_found": []}
    until(lambda: in_stream(broker) == ["A"])


def test_schema_prints_the_contract() -> None:
    printed = CliRunner().invoke(app, ["events", "schema"], catch_exceptions=False)
    assert yaml.safe_load(printed.stdout) == command("schema")


def test_the_books_balance_while_all_is_well_and_say_what_is_missing_or_invented(
    relays: Callable[[], Running], broker: redis.Redis, settings: Settings
) -> None:
    running = relays()
    publish_all(*(f"S{number}" for number in range(20)))
    until(lambda: len(in_stream(broker)) == 20)
    handle_all(settings, 5)
    books = command("reconcile")
    assert books["balanced"]
    [channel] = [one for one in books["channels"] if one["committed"]]
    assert (channel["committed"], channel["in_stream"]) == (20, 20)
    assert channel["groups"] == [{"name": "app", "handled": 5, "in_hand": 15, "not_yet": 0, "set_aside": 0}]
    assert command("reconcile", "--session", "2024-01-02")["channels"] == books["channels"]
    assert not any(one["committed"] for one in command("reconcile", "--session", "2024-01-03")["channels"])
    running.stop()
    entries: Any = broker.xrange(STREAM)
    broker.xdel(STREAM, entries[12][0])
    message = entries[3][1]["event"].replace(entries[3][1]["id"], "00000000-0000-4000-8000-000000000000")
    broker.xadd(STREAM, {"event": message, "id": "00000000-0000-4000-8000-000000000000", "batch": "1"})
    books = command("reconcile", exit_code=6)
    [channel] = [one for one in books["channels"] if one["committed"]]
    assert channel["missing"] == [entries[12][1]["id"]]
    assert channel["invented"] == ["00000000-0000-4000-8000-000000000000"]
    publish_all("WAITS")
    shown = CliRunner().invoke(app, ["events", "reconcile"], catch_exceptions=False)
    assert shown.exit_code == 6
    assert "The books do not balance." in shown.stdout


def test_trimmed_events_are_no_missing_ones(relays: Callable[[], Running], broker: redis.Redis) -> None:
    relays()
    for number in range(20):
        publish_all(f"S{number}")
        until(lambda count=number + 1: len(in_stream(broker)) == count)
    broker.xtrim(STREAM, maxlen=5, approximate=False)
    [channel] = [one for one in command("reconcile")["channels"] if one["committed"]]
    assert (channel["in_stream"], channel["trimmed"], channel["missing"]) == (5, 15, [])
