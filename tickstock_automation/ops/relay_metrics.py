"""A relay's figures for Prometheus, at http://127.0.0.1:PORT/metrics."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tickstock_automation.events.relay import Figures

log = structlog.get_logger("relay")


class RelayCollector(Collector):
    """Reads the figures when it is asked for them."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def collect(self) -> Iterator[Metric]:
        """Standbys show the backlog too, so that it is seen while nobody sends."""
        now = self.figures
        yield GaugeMetricFamily("tickstock_relay_active", "1 where this relay sends, 0 where it stands by", now.active)
        yield GaugeMetricFamily("tickstock_outbox_backlog_events", "Events that wait, 100,000 at most", now.backlog)
        yield GaugeMetricFamily("tickstock_outbox_oldest_seconds", "Age of the oldest event that waits", now.oldest_s)
        yield CounterMetricFamily("tickstock_relay_sent_events", "Events sent, repeats included", now.sent)
        yield CounterMetricFamily("tickstock_relay_repeated_events", "Events sent again after a doubt", now.sent_again)
        yield CounterMetricFamily("tickstock_relay_set_aside_events", "Events that could not be sent", now.set_aside)


def show_metrics(figures: Figures, port: int) -> None:
    """Serves them in a thread, on loopback. Where the port is taken it says so: events matter more than their figures."""
    registry = CollectorRegistry()
    registry.register(RelayCollector(figures))
    try:
        start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        log.warning("no metrics: TICKSTOCK_RELAY_METRICS_PORT cannot be served", port=port, reason=error.strerror)
