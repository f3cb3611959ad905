"""Whether there is anybody to send a task to."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from tickstock_automation.errors import BrokerUnavailable

HINT = "start the whole with `tickstock up`, or a worker with `celery -A tickstock_automation worker`"


def await_workers(application: Celery, timeout_s: float = 2.0) -> None:
    """Raises BrokerUnavailable where Redis is away or no worker answers."""
    try:
        with application.connection_for_write() as connection:  # one that has lain idle in a pool may be closed by now
            answers = application.control.ping(timeout=timeout_s, limit=1, connection=connection)
    except (KombuError, OSError, RedisError) as error:
        raise BrokerUnavailable(
            f"Redis cannot be reached ({error}): check REDIS_HOST and REDIS_PORT, or {HINT}"
        ) from None
    if not answers:
        raise BrokerUnavailable(f"no worker answers: {HINT}")
