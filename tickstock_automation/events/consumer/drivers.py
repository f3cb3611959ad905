"""Do what the deciding part asks for: one driver blocks, one is for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickstock_automation.events.consumer.effects import SCRIPTS, AwaitNews, Command, Effect, Give, Handle, Pause, Run
from tickstock_automation.events.consumer.entries import Entry

Step = Generator[Effect, Any, Any]
ANSWER_S = 10.0
SLICE_S = 0.2  # a pause is taken in slices: who is told to stop does not sleep on
OPTIONS: Mapping[str, Any] = {
    "decode_responses": True, "socket_connect_timeout": 5.0, "socket_keepalive": True, "protocol": 2,
}  # fmt: skip


def news(effect: AwaitNews) -> list[str | int]:
    """The blocking read: one entry of any stream wakes."""
    return [
        "XREAD", "COUNT", 1, "BLOCK", int(effect.seconds * 1000), "STREAMS",
        *effect.behind.keys(), *effect.behind.values(),
    ]  # fmt: skip


def _client(kind: Any, retry: Any, redis_url: str) -> Any:
    """A client that does not repeat a command by itself, whatever the address says: the first one's answer may be lost."""
    client = kind.from_url(redis_url, socket_timeout=ANSWER_S, **OPTIONS)
    client.connection_pool.connection_kwargs["retry"] = retry
    return client


def named(trouble: redis.RedisError) -> redis.RedisError:
    """A right that a script lacks, named as one that a command lacks is."""
    if isinstance(trouble, redis.ResponseError) and str(trouble).startswith("ACL failure"):
        return redis.exceptions.NoPermissionError(str(trouble))
    return trouble


class Blocking:
    """Does effects with a blocking client."""

    def __init__(self, redis_url: str, keep_on: Callable[[], bool]) -> None:
        self.client: Any = _client(redis.Redis, Retry(NoBackoff(), 0), redis_url)
        self.scripts = {name: self.client.register_script(text) for name, text in SCRIPTS.items()}
        self.keep_on = keep_on

    def run(self, step: Step, handle: Callable[[list[Entry]], Exception | None]) -> None:
        """Runs it to its end."""
        for effect, answer in self.give(step):
            assert isinstance(effect, Handle)
            answer(handle(list(effect.entries)))

    def give(self, step: Step) -> Generator[tuple[Handle | Give, Callable[[Any], None]], None, None]:
        """Does what it can do itself, and yields the rest with a function for the answer."""
        reply: Any = None
        error: redis.RedisError | None = None

        def answer(value: Any) -> None:
            nonlocal reply
            reply = value

        try:
            while True:
                effect = step.throw(error) if error is not None else step.send(reply)
                reply = error = None
                if isinstance(effect, Handle | Give):
                    yield effect, answer
                    continue
                try:
                    reply = self.do(effect)
                except redis.RedisError as trouble:
                    error = named(trouble)
                    self.client.connection_pool.disconnect()  # its server may be a replica now
        except StopIteration:
            return
        finally:
            self.client.close()

    def do(self, effect: Run | Command | AwaitNews | Pause) -> Any:
        match effect:
            case Run():
                return self.scripts[effect.script](keys=effect.keys, args=effect.arguments)
            case Command():
                return self.client.execute_command(*effect.arguments)
            case AwaitNews():
                return self.client.execute_command(*news(effect))
            case Pause():
                until = time.monotonic() + effect.seconds
                while self.keep_on() and (left := until - time.monotonic()) > 0:
                    time.sleep(min(left, SLICE_S))
        return None


class Async:
    """Does effects with asyncio's client."""

    def __init__(self, redis_url: str, keep_on: Callable[[], bool]) -> None:
        self.client: Any = _client(redis.asyncio.Redis, AsyncRetry(NoBackoff(), 0), redis_url)
        self.scripts = {name: self.client.register_script(text) for name, text in SCRIPTS.items()}
        self.keep_on = keep_on

    async def run(self, step: Step, handle: Callable[[Handle | Give], Awaitable[Any]]) -> None:
        """Runs it to its end; what it cannot do itself, `handle` does."""
        reply: Any = None
        error: redis.RedisError | None = None
        try:
            while True:
                effect = step.throw(error) if error is not None else step.send(reply)
                reply = error = None
                if isinstance(effect, Handle | Give):
                    reply = await handle(effect)
                    continue
                try:
                    reply = await self.do(effect)
                except redis.RedisError as trouble:
                    error = named(trouble)
                    await self.client.connection_pool.disconnect()
        except StopIteration:
            return
        finally:
            await self.client.aclose()

    async def do(self, effect: Run | Command | AwaitNews | Pause) -> Any:
        match effect:
            case Run():
                return await self.scripts[effect.script](keys=effect.keys, args=effect.arguments)
            case Command():
                return await self.client.execute_command(*effect.arguments)
            case AwaitNews():
                return await self.client.execute_command(*news(effect))
            case Pause():
                until = time.monotonic() + effect.seconds
                while self.keep_on() and (left := until - time.monotonic()) > 0:
                    await asyncio.sleep(min(left, SLICE_S))
        return None
