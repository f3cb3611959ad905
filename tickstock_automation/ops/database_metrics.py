"""What the database says of the services, for Prometheus: how the last scan and load ended, sessions, the queue, findings."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import TextClause, text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role

# Each gives rows of labels, then the value.
GAUGES: tuple[tuple[str, str, tuple[str, ...], TextClause], ...] = (
    ("tickstock_last_run_failed", "1 where the newest run of a task failed", ("task",), text("""
     (SELECT 'scan', (outcome = 'failed')::int FROM scan_runs ORDER BY session DESC LIMIT 1)
     UNION ALL (SELECT 'end_of_day', (outcome = 'failed')::int FROM eod_runs ORDER BY session DESC LIMIT 1)""")),
    ("tickstock_last_run_held", "1 where the newest scan archived nothing, too little was listed", ("task",), text(
     "SELECT 'scan', (outcome = 'held')::int FROM scan_runs ORDER BY session DESC LIMIT 1")),
    ("tickstock_last_good_run_timestamp_seconds", "When a task last ended well", ("task",), text("""
     SELECT 'scan', extract(epoch FROM max(finished_at))::float8 FROM scan_runs WHERE outcome IN ('done', 'held') HAVING count(*) > 0
     UNION ALL SELECT 'end_of_day', extract(epoch FROM max(finished_at))::float8 FROM eod_runs WHERE outcome = 'done' HAVING count(*) > 0""")),
    ("tickstock_scan_coverage_ratio", "Share of the known active symbols in the newest listing", (), text("""
     SELECT (figures ->> 'coverage')::float8 FROM scan_runs WHERE figures ? 'coverage' ORDER BY session DESC LIMIT 1""")),
    ("tickstock_active_symbols", "Symbols that are listed", (), text("SELECT count(*) FROM symbols WHERE active")),
    ("tickstock_queue_symbols", "Entries of the work list", ("status",), text("""
     SELECT status, count(*) FROM equity_processing_queue WHERE status IN ('pending', 'running', 'failed') GROUP BY 1""")),
    ("tickstock_findings_last_day", "Operational findings of the last 24 hours", ("check", "severity"), text("""
     SELECT check_name, severity, count(*) FROM operational_findings WHERE created_at > now() - interval '1 day' GROUP BY 1, 2""")),
)  # fmt: skip


class DatabaseCollector(Collector):
    """Asks the database when it is asked itself; where that cannot be reached, the scrape fails and says so."""

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked at registration."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One short reading transaction."""
        with transaction(Role.APP) as session:
            for name, meaning, labels, statement in GAUGES:
                family = GaugeMetricFamily(name, meaning, labels=labels)
                for *values, number in session.execute(statement):
                    family.add_metric([str(value) for value in values], float(number))
                yield family
