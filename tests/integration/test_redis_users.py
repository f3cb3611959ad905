"""The users of deploy/redis/users.acl: each may do what it is for, and what it must not do is tried."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tickstock_automation.events.consumer import Consumer, follow, subscribe
from tickstock_automation.local import servers
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.local.supervisor import Supervisor

pytestmark = [pytest.mark.integration, pytest.mark.redis]

CHANNEL = "tickstock.quality.data_gap"
STREAM = "stream:" + CHANNEL
OURS = "consumer:tickstockapp:dead"
Act = Callable[[redis.Redis], Any]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Valkey with these users, and each one's address."""
    state = tmp_path_factory.mktemp("users")
    supervisor, port = Supervisor(state), any_free()
    passwords = servers.write_users(state)
    command = servers.valkey_command(servers.make_valkey(state), port, users=state / servers.USERS_FILE)
    part = supervisor.start("valkey", command, os.environ)
    found = {user: f"redis://{user}:{password}@{HOST}:{port}/0" for user, password in passwords.items()}
    servers.await_valkey(found["ops"], part.alive)
    yield {**found, "default": f"redis://{HOST}:{port}/0"}
    supervisor.stop()


def hear(client: redis.Redis, pattern: str) -> None:
    with client.pubsub() as listener:
        listener.psubscribe(pattern)
        listener.get_message(timeout=1.0)


MAY: dict[str, list[Act]] = {
    "relay": [
        lambda r: r.xadd(STREAM, {"event": "{}"}), lambda r: r.publish(CHANNEL, "{}"),
        lambda r: r.xtrim(STREAM, maxlen=10), lambda r: r.set("tickstock:relay:batch:1", 1),
        lambda r: r.publish("internal.canary", "{}"),
    ],
    "worker": [
        lambda r: r.lpush("priority.100", "x"), lambda r: r.publish("/0.celery.pidbox", "x"), lambda r: r.brpop("quality", 0.01),
        lambda r: r.zadd("unacked_index", {"x": 1}),
    ],
    "tickstockapp": [
        lambda r: r.xread({STREAM: "0"}), lambda r: r.xgroup_create(STREAM, "tickstockapp"), lambda r: r.set("consumer:tickstockapp:lease", 1, px=1),
        lambda r: r.xreadgroup("tickstockapp", "active", {STREAM: ">"}), lambda r: r.xadd(OURS, {"event": "x"}),
    ],
    "ops": [
        lambda r: r.xrange(STREAM), lambda r: r.xdel("consumer:anybody:dead", "1-1"), lambda r: r.config_get("maxmemory-policy"),
        lambda r: r.info(), lambda r: r.lpush("priority.100", "x"), lambda r: r.get("tickstock:relay:batch:1"),
    ],
}  # fmt: skip
FORGE: list[Act] = [
    lambda r: r.xadd(STREAM, {"event": "{}"}),
    lambda r: r.publish(CHANNEL, "{}"),
    lambda r: r.eval(f"return redis.call('XADD', '{STREAM}', '*', 'event', 'x')", 1, STREAM),
    lambda r: r.eval(f"return redis.call('PUBLISH', '{CHANNEL}', 'x')", 0),
    lambda r: r.set("tickstock:relay:batch:1", 9),
    lambda r: r.delete(STREAM),
    lambda r: r.xtrim(STREAM, maxlen=0),
    lambda r: r.flushall(),
    lambda r: r.config_set("maxmemory", 1),
    lambda r: r.acl_setuser("worker", nopass=True),
]
MAY_NOT: dict[str, list[Act]] = {
    "relay": [lambda r: r.lpush("priority.100", "x"), lambda r: r.flushall(), lambda r: r.config_get("*"), lambda r: r.xrange(STREAM)],
    "worker": [*FORGE, lambda r: r.xrange(STREAM), lambda r: r.set("consumer:tickstockapp:lease", 1)],
    "tickstockapp": [
        *FORGE, lambda r: r.lpush("priority.100", "x"), lambda r: r.publish("/0.celery.pidbox", "x"), lambda r: r.keys("*"),
        lambda r: r.set("consumer:another:lease", 1), lambda r: r.get("tickstock:relay:batch:1"), lambda r: r.xgroup_destroy(STREAM, "tickstockapp"),
        lambda r: hear(r, "*"), lambda r: r.xread({"stream:internal.canary": "0"}), lambda r: r.config_get("*"),
    ],
    "ops": [*FORGE, lambda r: r.xgroup_destroy(STREAM, "tickstockapp")],
}  # fmt: skip


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def test_each_may_do_what_it_is_for(urls: dict[str, str]) -> None:
    for user, actions in MAY.items():
        for action in actions:
            action(client(urls[user]))


@pytest.mark.parametrize(("user", "at"), [(user, at) for user, acts in MAY_NOT.items() for at in range(len(acts))])
def test_and_nothing_else(urls: dict[str, str], user: str, at: int) -> None:
    client(urls["relay"]).xadd(STREAM, {"event": "{}"})
    with pytest.raises((redis.exceptions.NoPermissionError, redis.ResponseError), match=r"(?i)permission|ACL failure"):
        MAY_NOT[user][at](client(urls[user]))


def test_nobody_gets_in_without_a_name(urls: dict[str, str]) -> None:
    with pytest.raises(redis.AuthenticationError):
        client(urls["default"]).ping()


def test_the_consumer_library_needs_no_more_than_its_user_may(urls: dict[str, str]) -> None:
    relay = client(urls["relay"])
    message = (
        '{"id": "0e5c9a1e-1111-4111-8111-%012d", "seq": 1, "timestamp": "2024-01-02T00:00:00Z", "service": "x",'
        ' "event_type": "x", "version": 1, "data": {}}'
    )
    relay.xadd(STREAM, {"event": message % 1, "id": "1", "batch": 1})
    relay.xadd(STREAM, {"event": message % 2, "id": "2", "batch": 1})
    consumer = Consumer("tickstockapp", urls["tickstockapp"], unknown="raw", attempts=1)
    got = []

    @consumer.on("tickstock.*")
    def handle(event: Any, _data: Any) -> None:
        got.append(event)
        if len(got) == 2:
            consumer.stop()
            raise ValueError("set this one aside")

    consumer.run()
    assert len(got) == 2
    assert client(urls["tickstockapp"]).xlen(OURS) >= 1
    for user in ("tickstockapp", "ops"):
        assert next(iter(follow(urls[user], since="oldest")))[0] == CHANNEL
    live = subscribe(
        urls["tickstockapp"], ["tickstock.quality.*", "tickstock.automation.symbols.new"],
        on_ready=lambda: [relay.publish(CHANNEL, message % 3), relay.publish("tickstock.automation.symbols.new", message % 4)],
    )  # fmt: skip
    assert [next(live)[0], next(live)[0]] == [CHANNEL, "tickstock.automation.symbols.new"]


def test_a_right_that_is_lacking_is_an_error_at_once_and_not_waited_for(urls: dict[str, str]) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        Consumer("another", urls["tickstockapp"]).run()
    with pytest.raises(redis.exceptions.NoPermissionError):
        next(iter(follow(urls["worker"], since="oldest")))
    with pytest.raises(redis.exceptions.NoPermissionError):
        next(subscribe(urls["tickstockapp"], ["*"]))
