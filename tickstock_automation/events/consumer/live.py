"""Live events from the channels. What is published while nobody is connected is not seen; `follow` sees it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import redis
import redis.asyncio
from pydantic import ValidationError

from tickstock_automation.events.catalogue import Event, decode
from tickstock_automation.events.consumer.entries import ALL_CHANNELS

RECONNECT_S = (0.1, 5.0)
PING_S = 5.0
MOST_UNANSWERED = 3
OPTIONS: dict[str, Any] = {
    "socket_timeout": None, "socket_connect_timeout": 5.0, "socket_keepalive": True,
}  # fmt: skip


class _Listening:
    """What one connection subscribes to, and what its messages mean."""

    def __init__(
        self, channels: Sequence[str], on_ready: Callable[[], None], on_garbage: Callable[[bytes], None]
    ) -> None:
        self.patterns = list(dict.fromkeys(name for name in channels if any(sign in name for sign in "*?[")))
        self.names = [
            name
            for name in dict.fromkeys(channels)
            if name not in self.patterns and not any(fnmatchcase(name, pattern) for pattern in self.patterns)
        ]
        self.waiting = len(self.patterns) + len(self.names)
        self.next_ping, self.unanswered = time.monotonic() + PING_S, 0
        self.on_ready, self.on_garbage = on_ready, on_garbage

    def ping_is_due(self) -> bool:
        """Whether to ask the server for a sign; raises ConnectionError where it gave none to several: a link that is silently
        cut looks quiet."""
        if time.monotonic() < self.next_ping:
            return False
        if self.unanswered >= MOST_UNANSWERED:
            raise redis.ConnectionError(f"the server has not answered {self.unanswered} pings")
        self.next_ping = time.monotonic() + PING_S
        self.unanswered += 1
        return True

    def take(self, message: dict[str, Any] | None) -> tuple[str, Event] | None:
        if message is not None and message["type"] in ("psubscribe", "subscribe"):
            self.waiting -= 1
            if self.waiting == 0:
                self.on_ready()
        elif message is not None and message["type"] == "pong":
            self.unanswered = 0
        elif message is not None and message["type"] in ("pmessage", "message"):
            try:
                return message["channel"].decode(), decode(message["data"])
            except ValidationError:
                self.on_garbage(message["data"])
        return None


def subscribe(
    redis_url: str,
    channels: Sequence[str] = ALL_CHANNELS,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_lost: Callable[[Exception], None] = lambda _error: None,
    on_garbage: Callable[[bytes], None] = lambda _message: None,
) -> Iterator[tuple[str, Event]]:
    """Live events as (channel, event), from channels or patterns, for ever; reconnects with growing, jittered pauses.

    `on_ready` is called each time the subscription stands, `on_lost` when the connection broke, `on_garbage` with a
    message that is no event. Raises redis.AuthenticationError for a wrong password and redis.exceptions.NoPermissionError.
    """
    pause = RECONNECT_S[0]
    while True:
        client = redis.Redis.from_url(redis_url, **OPTIONS)
        state = _Listening(channels, on_ready, on_garbage)
        try:
            with client.pubsub() as listener:  # type: ignore[no-untyped-call]
                for subscribe_to, names in ((listener.psubscribe, state.patterns), (listener.subscribe, state.names)):
                    if names:
                        subscribe_to(*names)
                while True:
                    found = state.take(listener.get_message(timeout=1.0))
                    if state.ping_is_due():
                        listener.ping()
                    if state.waiting == 0:
                        pause = RECONNECT_S[0]
                    if found is not None:
                        yield found
        except redis.AuthenticationError:
            raise  # waiting does not help
        except (redis.ConnectionError, redis.TimeoutError) as error:
            on_lost(error)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
            pause = min(pause * 2, RECONNECT_S[1])
        finally:
            client.close()


async def subscribe_async(
    redis_url: str,
    channels: Sequence[str] = ALL_CHANNELS,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_lost: Callable[[Exception], None] = lambda _error: None,
    on_garbage: Callable[[bytes], None] = lambda _message: None,
) -> AsyncIterator[tuple[str, Event]]:
    """`subscribe` for asyncio."""
    pause = RECONNECT_S[0]
    while True:
        client: Any = redis.asyncio.Redis.from_url(redis_url, **OPTIONS)
        state = _Listening(channels, on_ready, on_garbage)
        try:
            async with client.pubsub() as listener:
                for subscribe_to, names in ((listener.psubscribe, state.patterns), (listener.subscribe, state.names)):
                    if names:
                        await subscribe_to(*names)
                while True:
                    found = state.take(await listener.get_message(timeout=1.0))
                    if state.ping_is_due():
                        await listener.ping()
                    if state.waiting == 0:
                        pause = RECONNECT_S[0]
                    if found is not None:
                        yield found
        except redis.AuthenticationError:
            raise  # waiting does not help
        except (redis.ConnectionError, redis.TimeoutError) as error:
            on_lost(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
            pause = min(pause * 2, RECONNECT_S[1])
        finally:
            await client.aclose()
