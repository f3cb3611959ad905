"""The vendor's call limit, shared by all workers through Redis."""

from __future__ import annotations

import time
from functools import lru_cache

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from tickstock_automation.errors import VendorUnavailable

SHORT_WAIT_S = 2.0
PAGE_WAIT_S = 65.0
"""Between the pages of one listing: given up in the middle, its first pages would be paid for again, and again."""
ALONE_S = 60.0
"""Between two calls of one process while Redis is away: five processes then keep the smallest plan, and where there are more
the vendor's 429, which PostgreSQL shares, holds all of them off."""
REDIS_TIMEOUT_S = 2.0

log = structlog.get_logger("vendor")


class CallLimit:
    """At most so many calls in any minute, over all workers; while Redis is away, one a minute by each process's own clock."""

    def __init__(self, redis_url: str, calls_per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(calls_per_minute) if calls_per_minute else None
        self._called_at = -ALONE_S
        self._alone = False
        if self._item is not None:
            timeouts = {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S}
            storage = storage_from_string(redis_url, wrap_exceptions=True, **timeouts)
            self._limiter = MovingWindowRateLimiter(storage)

    def take(self, longest_wait_s: float = SHORT_WAIT_S) -> None:
        """Takes one call: waits where that is short, else raises VendorUnavailable with the wait."""
        if self._item is None:
            return
        while (wait := self._wait(self._item)) > 0:
            if wait > longest_wait_s:
                raise VendorUnavailable(
                    "one call a minute while Redis is away: the call limit cannot be shared"
                    if self._alone
                    else f"the plan's {self._item.amount} calls a minute are spent",
                    after_s=wait,
                )
            time.sleep(wait)
        self._called_at = time.monotonic()

    def left(self) -> int | None:
        """How many calls this minute still has for all workers; None without a limit, or while Redis is away."""
        try:
            return self._limiter.get_window_stats(self._item, "vendor").remaining if self._item else None
        except StorageError:
            return None

    def _wait(self, item: RateLimitItemPerMinute) -> float:
        """Seconds until a call may be taken; 0: it is taken."""
        try:
            taken = self._limiter.hit(item, "vendor")
            wait = 0.0 if taken else self._limiter.get_window_stats(item, "vendor").reset_time - time.time()
        except StorageError:
            self._say(alone=True)
            return max(0.0, self._called_at + ALONE_S - time.monotonic())
        self._say(alone=False)
        return 0.0 if taken else max(0.05, wait)

    def _say(self, *, alone: bool) -> None:
        if alone and not self._alone:
            log.warning("Redis is away: this process makes one vendor call a minute until it is back")
        elif self._alone and not alone:
            log.info("Redis is back: the vendor's call limit is shared again")
        self._alone = alone


@lru_cache(maxsize=4)
def call_limit(redis_url: str, calls_per_minute: int) -> CallLimit:
    """The limit of this process."""
    return CallLimit(redis_url, calls_per_minute)
