"""The relay as a process: started by `tickstock relay`, or by a worker as its child."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from tickstock_automation.events.relay import Relay, RelayOptions
from tickstock_automation.ops.logs import configure_logs
from tickstock_automation.ops.relay_metrics import show_metrics
from tickstock_automation.settings import Settings, settings

WITH_PARENT = "--with-parent"


def relay_options(found: Settings) -> RelayOptions:
    """What a relay needs of the settings."""
    return RelayOptions(
        dsn=found.database_url.replace("postgresql+psycopg2://", "postgresql://", 1),
        redis_url=found.redis_url,
        stream_max_length=found.stream_max_length,
        stream_max_age_s=found.stream_max_age_s,
        live_max_age_s=found.live_max_age_s,
        outbox_keep_s=found.outbox_keep_s,
        message_max_bytes=found.message_max_bytes,
    )


def run_relay(*, with_parent: bool) -> None:
    """Runs a relay until it is told to stop; `with_parent`, also when its parent ended."""
    configure_logs(settings())
    stopped = False
    parent = os.getppid()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    relay = Relay(relay_options(settings()), lambda: not stopped and (not with_parent or os.getppid() == parent))
    if settings().relay_metrics_port:
        show_metrics(relay.figures, settings().relay_metrics_port)
    relay.run()


if __name__ == "__main__":
    run_relay(with_parent=WITH_PARENT in sys.argv)
