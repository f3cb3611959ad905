"""Whatever the last batches Redis loses and wherever a relay dies: nothing is lost, nothing out of order, ids stay."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.publishing import new, publish
from tests.redis_model import RedisModel
from tickstock_automation.events.catalogue import Channel, decode
from tickstock_automation.events.outbox import Pending
from tickstock_automation.events.relay import LeaseTaken, Relay
from tickstock_automation.events.sending import SEND_BATCH, NumberRefused, Sender
from tickstock_automation.ops.relay_process import relay_options
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 3)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("number, then die"), st.just(0)),
        st.tuples(st.just("send, answer lost"), st.just(0)),
        st.tuples(st.just("redis loses"), st.integers(1, 9)),
        st.tuples(st.just("postgres loses the last number"), st.just(0)),
        st.tuples(st.just("another relay"), st.just(0)),
    ),
    max_size=25,
)


class World:
    """One outbox, the model of Redis, and the relay of the moment."""

    def __init__(self, settings: Settings, admin: Engine) -> None:
        self.settings, self.admin = settings, admin
        self.redis = RedisModel()
        self.committed: list[str] = []
        self.in_doubt = False
        with admin.connect() as connection:
            connection.execute(text("TRUNCATE outbox"))
            connection.execute(text("UPDATE relay_state SET last_batch = 0, heartbeat_at = NULL"))
        self.relay = self.new_relay()

    def new_relay(self) -> Relay:
        relay = Relay(relay_options(self.settings))
        relay.holder = "the only one"  # takes the lease from a dead one without waiting
        options: Any = self.redis
        relay._sender = Sender(options, "", 1000, 1000)
        relay._connect()
        assert relay._take_lease()
        relay._catch_up()
        return relay

    def close(self) -> None:
        assert self.relay._database is not None
        self.relay._database.close()

    def step(self, what: str, count: int) -> None:
        match what:
            case "commit":
                names = [f"S{len(self.committed) + at}" for at in range(count)]
                publish(*(Pending(new(name)) for name in names))
                self.committed += names
            case "send":
                self.send_all()
            case "number, then die":
                self.look_again()
                self.relay._rows_to_send()
                self.replace()
            case "send, answer lost":
                self.look_again()
                rows = self.relay._rows_to_send()
                if rows:
                    with contextlib.suppress(NumberRefused):  # Redis had lost something before: the same doubt
                        self.relay._send(rows[0].batch, rows, again=False)
                    self.in_doubt = True  # its client raises; whatever happens meanwhile, it looks before it goes on
            case "redis loses":
                self.redis.lose(count)
            case "postgres loses the last number":
                self.forget_number()
            case "another relay":
                self.replace()

    def forget_number(self) -> None:
        """What a crash of PostgreSQL does to the last commit that was not yet on disk."""
        with self.admin.begin() as connection:
            last = connection.execute(text("SELECT last_batch FROM relay_state")).scalar_one()
            connection.execute(text("UPDATE outbox SET batch = NULL WHERE batch = :last"), {"last": last})
            connection.execute(text("UPDATE relay_state SET last_batch = greatest(0, last_batch - 1)"))
        self.replace()

    def look_again(self) -> None:
        """What the relay does after an error of Redis's, once it is connected anew."""
        if self.in_doubt:
            assert self.relay._take_lease()
            self.relay._catch_up()
            self.in_doubt = False

    def replace(self) -> None:
        self.in_doubt = False  # the next one begins with looking
        self.close()
        self.relay = self.new_relay()

    def send_all(self) -> None:
        try:
            self.look_again()
            while rows := self.relay._rows_to_send():
                self.relay._send(rows[0].batch, rows, again=False)
            self.relay.sender.check()
        except (NumberRefused, LeaseTaken):
            self.relay._take_lease()
            self.relay._catch_up()
            self.send_all()

    def in_stream(self) -> list[str]:
        return [decode(entry["event"]).symbol or "" for entry in self.redis.streams[Channel.SYMBOLS_NEW.stream]]


@given(STEPS)
@how(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_lost_all_that_was_committed_is_there_in_order(
    settings: Settings, admin: Engine, steps: list[tuple[str, int]]
) -> None:
    world = World(settings, admin)
    for what, count in steps:
        world.step(what, count)
    world.send_all()
    found = world.in_stream()
    world.close()
    assert list(dict.fromkeys(found)) == world.committed
    contents: dict[str, str] = {}
    for entry in world.redis.streams[Channel.SYMBOLS_NEW.stream]:
        assert contents.setdefault(entry["id"], entry["event"]) == entry["event"]
    if not any(what.startswith(("postgres", "send, answer")) for what, _ in steps):
        assert len(found) == len(world.committed), "each once, where no answer and no number was lost"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.lists(st.sampled_from("AB"), max_size=3)), max_size=8)
)
@how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_model_answers_as_redis_does(broker: redis.Redis, calls: list[tuple[int, int, list[str]]]) -> None:
    broker.flushall()
    model = RedisModel()
    for believed, number, channels in calls:
        words: list[Any] = [believed, number, 1000]
        for channel in channels:
            words += [channel, f"id {channel}", f"message {channel}", "0"]
        ask: Callable[..., Any] = broker.eval
        real = ask(SEND_BATCH, 1, "number", *words)
        assert real == model.eval(SEND_BATCH, 1, "number", *words)
        assert broker.get("number") == model.get("number")
    for channel in "AB":
        entries: Any = broker.xrange(f"stream:{channel}")
        assert [fields for _, fields in entries] == model.streams[f"stream:{channel}"]
