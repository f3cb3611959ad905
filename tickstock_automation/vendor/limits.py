"""The vendor's call limit, shared by all workers through Redis."""

from __future__ import annotations

import time
from functools import lru_cache

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from tickstock_automation.errors import VendorUnavailable

SHORT_WAIT_S = 2.0
PAGE_WAIT_S = 65.0
"""Between the pages of one listing: given up in the middle, its first pages would be paid for again, and again."""


class CallLimit:
    """At most so many calls in any minute, over all workers."""

    def __init__(self, redis_url: str, calls_per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(calls_per_minute) if calls_per_minute else None
        self._limiter = (
            MovingWindowRateLimiter(storage_from_string(redis_url, wrap_exceptions=True)) if self._item else None
        )

    def take(self, longest_wait_s: float = SHORT_WAIT_S) -> None:
        """Takes one call: waits where that is short, else raises VendorUnavailable with the wait."""
        if self._limiter is None or self._item is None:
            return
        try:
            while not self._limiter.hit(self._item, "vendor"):
                wait = max(0.05, self._limiter.get_window_stats(self._item, "vendor").reset_time - time.time())
                if wait > longest_wait_s:
                    raise VendorUnavailable(f"the plan's {self._item.amount} calls a minute are spent", after_s=wait)
                time.sleep(wait)
        except StorageError as error:
            raise VendorUnavailable("the call limit cannot be read while Redis is away", after_s=5.0) from error


@lru_cache(maxsize=4)
def call_limit(redis_url: str, calls_per_minute: int) -> CallLimit:
    """The limit of this process."""
    return CallLimit(redis_url, calls_per_minute)
