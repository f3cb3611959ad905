"""The durable consumer as one uses it, blocking and for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import redis

from tickstock_automation.events.catalogue import EventData
from tickstock_automation.events.consumer.drivers import Async, Blocking
from tickstock_automation.events.consumer.durable import Durable, Figures, Options
from tickstock_automation.events.consumer.effects import Handle
from tickstock_automation.events.consumer.entries import ALL_CHANNELS, Entry, Gap, TryLater
from tickstock_automation.events.consumer.handlers import Handler, Handlers, Unknown
from tickstock_automation.events.consumer.stores import Store

log = logging.getLogger("tickstock.consumer")


class _Consumer:
    """What both kinds share: their settings, their handlers, and their decisions."""

    def __init__(
        self,
        name: str,
        redis_url: str,
        channels: Sequence[str] = ALL_CHANNELS,
        *,
        start: Literal["oldest", "newest"] = "oldest",
        unknown: Unknown = "skip",
        batch: int = 200,
        lease_s: float = 3.0,
        attempts: int = 5,
        on_gap: Callable[[Gap], None] | None = None,
        on_trouble: Callable[[Exception], None] | None = None,
    ) -> None:
        self._url = redis_url
        self._on = True
        self._handlers = Handlers(unknown)
        self._store: Store[Any] | None = None
        self._durable = Durable(
            Options(
                name, channels, start, batch, lease_s, attempts, on_gap,
                on_trouble or (lambda error: log.warning("consumer %s: %s", name, error)),
            )
        )  # fmt: skip

    @property
    def figures(self) -> Figures:
        """What it did so far, and whether it is the active one of its siblings."""
        return self._durable.figures

    def on(self, *what: type[EventData] | str) -> Callable[[Handler], Handler]:
        """Decorates a function for events of these models, or on channels of these patterns.

        It is called with the event (its envelope) and the event's data: a model, or None for an unknown type.
        """
        return self._handlers.on(*what)

    def transactional(self, store: Store[Any]) -> None:
        """Commits the handlers' effects and the event's id together: the effect of each event is exactly once.

        The handlers get the store's transaction as their third argument and are plain functions, for asyncio too.
        """
        self._store, self._durable.together = store, True

    def stop(self) -> None:
        """Lets `run` return after the event in hand, for good; from a handler, another thread, or a signal's handler."""
        self._on = False

    def _check_handlers(self, *, coroutines: bool) -> None:
        """A coroutine function that is called and not awaited would be acknowledged without having run."""
        for function in self._handlers.functions():
            if inspect.iscoroutinefunction(function) != coroutines:
                wanted = "a coroutine function (async def)" if coroutines else "a plain function"
                raise TypeError(f"the handler {function.__qualname__} must be {wanted} here: see {type(self).__name__}")

    def _in_one_transaction(self, entries: Sequence[Entry]) -> Exception | None:
        assert self._store is not None
        try:
            with self._store.transaction() as transaction:
                for entry in entries:
                    functions, data = self._handlers.of(entry.channel, entry.event)
                    assert entry.event is not None
                    if self._store.record(transaction, self._durable.options.name, str(entry.event.id)):
                        for function in functions:
                            function(entry.event, data, transaction)
        except Exception as error:  # noqa: BLE001 -- handed to the caller, who tries again or sets aside with the reason
            return TryLater(str(error)) if self._store.passing(error) else error
        return None


class Consumer(_Consumer):
    """A durable consumer: goes on where it stopped, handles each event, acknowledges after its handlers returned.

    name: who it is, for ever; processes of one name are siblings: one is active, another takes over within `lease_s`
        seconds of its death. Its keys in Redis begin with `consumer:NAME:`.
    channels: names or patterns of channels. start: where a new name begins, "oldest" event kept or "newest".
    unknown: what to do with events of a type or version this catalogue does not know, see Handlers.
    batch: events read of a channel, or handled in one transaction, at once. attempts: then an event is set aside.
    on_gap: told of events trimmed away before they were read; without it that raises EventsTrimmed.
    on_trouble: told of what is waited out (a lost connection, a sibling that took over, TryLater); logs by default.
    Needs Redis 7 or Valkey.
    """

    def run(self, keep_on: Callable[[], bool] = lambda: True) -> None:
        """Handles events until `keep_on` says no, or `stop`. Reconnects by itself.

        Raises EventsTrimmed, and redis.AuthenticationError or NoPermissionError.
        """
        self._check_handlers(coroutines=False)
        self._durable.keep_on = going = lambda: self._on and keep_on()
        over = threading.Event()
        heart = threading.Thread(target=self._renew, args=(over,), daemon=True, name="consumer's lease")
        heart.start()
        try:
            Blocking(self._url, going).run(self._durable.work(), self._handle)
        finally:
            over.set()
            heart.join()

    def _handle(self, entries: Sequence[Entry]) -> Exception | None:
        if self._store is not None:
            return self._in_one_transaction(entries)
        try:
            for entry in entries:
                functions, data = self._handlers.of(entry.channel, entry.event)
                for function in functions:
                    function(entry.event, data)
        except Exception as error:  # noqa: BLE001 -- handed to the caller, who tries again or sets aside with the reason
            return error
        return None

    def _renew(self, over: threading.Event) -> None:
        """Keeps the lease while a handler takes its time."""
        driver = Blocking(self._url, lambda: True)
        while not over.wait(self._durable.options.lease_s / 4):
            if self._durable.figures.active:
                asked = time.monotonic()
                with contextlib.suppress(redis.RedisError):  # the working connection meets the same, and says so
                    if driver.do(self._durable.renewal()):
                        self._durable.held_until = asked + self._durable.options.lease_s
        driver.client.close()


class AsyncConsumer(_Consumer):
    """The same for asyncio: handlers are coroutine functions, except with a store, whose transaction runs in a thread."""

    async def run(self, keep_on: Callable[[], bool] = lambda: True) -> None:
        """Handles events until `keep_on` says no, or `stop`; see Consumer.run."""
        self._check_handlers(coroutines=self._store is None)
        self._durable.keep_on = going = lambda: self._on and keep_on()
        heart = asyncio.create_task(self._renew())
        try:
            await Async(self._url, going).run(self._durable.work(), self._handle)
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart

    async def _handle(self, effect: Any) -> Exception | None:
        assert isinstance(effect, Handle)
        if self._store is not None:
            return await asyncio.to_thread(self._in_one_transaction, effect.entries)
        try:
            for entry in effect.entries:
                functions, data = self._handlers.of(entry.channel, entry.event)
                for function in functions:
                    await function(entry.event, data)
        except Exception as error:  # noqa: BLE001 -- handed to the caller, who tries again or sets aside with the reason
            return error
        return None

    async def _renew(self) -> None:
        driver = Async(self._url, lambda: True)
        try:
            while True:
                await asyncio.sleep(self._durable.options.lease_s / 4)
                if self._durable.figures.active:
                    asked = time.monotonic()
                    with contextlib.suppress(redis.RedisError):
                        if await driver.do(self._durable.renewal()):
                            self._durable.held_until = asked + self._durable.options.lease_s
        finally:
            await driver.client.aclose()
