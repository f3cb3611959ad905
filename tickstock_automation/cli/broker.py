"""The Redis of the settings, for a command that asks it something and ends."""

from __future__ import annotations

import redis

from tickstock_automation.settings import settings

CONNECT_S = 5.0
ANSWER_S = 30.0


def broker() -> redis.Redis:
    """A client whose answers are text; what it raises, `main` says in a sentence."""
    return redis.Redis.from_url(
        settings().redis_url, decode_responses=True, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S
    )
