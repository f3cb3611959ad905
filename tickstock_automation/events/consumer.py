"""The reader's side: live events from the channels. Stands on pydantic and redis alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import redis
from pydantic import ValidationError

from tickstock_automation.events.catalogue import Event, decode

ALL_CHANNELS = ("tickstock.*",)
RECONNECT_S = (0.1, 5.0)


def subscribe(
    redis_url: str,
    channels: Sequence[str] = ALL_CHANNELS,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_lost: Callable[[Exception], None] = lambda _error: None,
    on_garbage: Callable[[bytes], None] = lambda _message: None,
) -> Iterator[tuple[str, Event]]:
    """Live events as (channel, event), from channels or patterns, for ever; reconnects with growing pauses.

    What is published while the connection is lost is not seen: the streams keep it. `on_ready` is called each time the
    subscription stands, `on_lost` when the connection broke, `on_garbage` with a message that is no event.
    """
    pause = RECONNECT_S[0]
    while True:
        client = redis.Redis.from_url(
            redis_url, socket_timeout=None, socket_connect_timeout=5.0, socket_keepalive=True, health_check_interval=10
        )
        try:
            with client.pubsub() as listener:  # type: ignore[no-untyped-call]
                listener.psubscribe(*channels)
                waiting = len(channels)
                while True:
                    message = listener.get_message(timeout=1.0)
                    if message is None:
                        continue
                    if message["type"] == "psubscribe":
                        waiting -= 1
                        if waiting == 0:
                            pause = RECONNECT_S[0]
                            on_ready()
                    elif message["type"] == "pmessage":
                        try:
                            event = decode(message["data"])
                        except ValidationError:
                            on_garbage(message["data"])
                            continue
                        yield message["channel"].decode(), event
        except (redis.ConnectionError, redis.TimeoutError) as error:
            on_lost(error)
            time.sleep(pause)
            pause = min(pause * 2, RECONNECT_S[1])
        finally:
            client.close()
