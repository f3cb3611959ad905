"""What the database says of the services, for Prometheus: how the last scan and load ended, sessions, the queue, findings."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import TextClause, text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.settings import settings
from tickstock_automation.vendor.account import Account, account_of

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
    ("tickstock_session_state", "1 for the state of the newest session that was loaded", ("state",), text("""
     SELECT n.name, (s.state = n.name)::int FROM (SELECT state FROM session_status ORDER BY session DESC LIMIT 1) s
      CROSS JOIN (VALUES ('pending'), ('ready'), ('degraded'), ('missing')) AS n (name)""")),
    ("tickstock_session_ready_timestamp_seconds", "When the data of the newest ready session became so", (), text("""
     SELECT extract(epoch FROM ready_at)::float8 FROM session_status WHERE state = 'ready' AND ready_at IS NOT NULL ORDER BY session DESC LIMIT 1""")),
    ("tickstock_ready_in_time", "1 where the newest session whose time has come (TICKSTOCK_READY_BY) was ready by then", (), text("""
     SELECT coalesce(ready_at <= deadline, false)::int
       FROM (SELECT ready_at, ((session + 1 + CAST(:ready_by AS time)) AT TIME ZONE 'America/New_York') AS deadline, session FROM session_status) s
      WHERE deadline <= now() ORDER BY session DESC LIMIT 1""")),
    ("tickstock_bars_waiting_requests", "Requests for bars that wait, by reason", ("reason",), text("""
     SELECT reason, count(*) FROM bar_requests WHERE status = 'waiting' GROUP BY 1""")),
    ("tickstock_bar_calls_open", "Vendor calls for bars that are planned or being made", ("status",), text("""
     SELECT status, count(*) FROM bar_calls WHERE status IN ('waiting', 'running') GROUP BY 1""")),
    ("tickstock_findings_last_day", "Operational findings of the last 24 hours", ("check", "severity"), text("""
     SELECT check_name, severity, count(*) FROM operational_findings WHERE created_at > now() - interval '1 day' GROUP BY 1, 2""")),
    ("tickstock_open_alerts", "Alerts that nobody has settled: open, being put right, or given up", ("severity", "state"), text("""
     SELECT severity, state, count(*) FROM quality_alerts WHERE state IN ('open', 'remediating', 'given_up') GROUP BY 1, 2""")),
    ("tickstock_summary_completeness_ratio", "Bars stored of bars expected, by the newest daily summary", (), text("""
     SELECT (figures ->> 'completeness')::float8 FROM quality_metrics WHERE scope = 'summary' AND figures ? 'completeness' ORDER BY session DESC LIMIT 1""")),
    ("tickstock_summary_findings", "New findings by severity, by the newest daily summary", ("severity",), text("""
     SELECT s.name, coalesce((figures -> 'by_severity' ->> s.name)::int, 0)
       FROM (SELECT figures FROM quality_metrics WHERE scope = 'summary' AND figures ? 'by_severity' ORDER BY session DESC LIMIT 1) m
      CROSS JOIN (VALUES ('low'), ('medium'), ('high'), ('critical')) AS s (name)""")),
    ("tickstock_vendor_calls_today", "Vendor calls of this New York day", ("endpoint", "outcome"), text("""
     SELECT u.endpoint, o.name, o.number FROM vendor_usage u CROSS JOIN LATERAL (VALUES ('answered', u.answered), ('failed', u.failed),
            ('limited', u.limited), ('refused', u.refused), ('unusable', u.unusable)) AS o (name, number) WHERE u.day = (now() AT TIME ZONE 'America/New_York')::date""")),
    ("tickstock_vendor_budget_left_calls", "Calls that POLYGON_CALLS_PER_DAY still allows today", (), text("""
     SELECT greatest(0, :budget - (SELECT coalesce(sum(calls), 0) FROM vendor_usage WHERE day = (now() AT TIME ZONE 'America/New_York')::date)) WHERE :budget > 0""")),
    ("tickstock_vendor_breaker_open", "1 where no call goes out: the vendor is down, refuses the key, or asked to wait", ("reason",), text("""
     SELECT r.name, (CASE r.name WHEN 'held' THEN coalesce(hold_until > now(), false) ELSE reason IS NOT DISTINCT FROM r.name END)::int
       FROM vendor_breaker CROSS JOIN (VALUES ('down'), ('refused'), ('held')) AS r (name) WHERE vendor = :vendor AND key = :key""")),
)  # fmt: skip


class DatabaseCollector(Collector):
    """Asks the database when it is asked itself; where that cannot be reached, the scrape fails and says so."""

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked at registration."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One short reading transaction."""
        found = settings()
        account = account_of(found) if found.polygon_api_key else Account("", "")
        asked = {"vendor": account.vendor, "key": account.key, "budget": account.budget, "ready_by": found.ready_by}
        with transaction(Role.APP) as session:
            for name, meaning, labels, statement in GAUGES:
                family = GaugeMetricFamily(name, meaning, labels=labels)
                for *values, number in session.execute(statement, asked):
                    family.add_metric([str(value) for value in values], float(number))
                yield family
