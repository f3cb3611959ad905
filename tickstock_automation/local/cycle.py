"""The daily cycle, driven from one place: sends the real tasks, waits for their rows, reports what they did."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, FAILED, HELD, RUNNING
from tickstock_automation.errors import TickstockError, UsedWrongly
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.account import account_of

STEPS = ("scan", "details", "eod", "quality")
TRIES = 5  # of a step whose answer was not usable, one after the other; the schedule tries every ten minutes
NO_PROGRESS_S = 5.0  # without which the details' step is over: they wait for nobody
POLL_S = 0.02
REDISPATCH_S = 0.5
RESEND_S = 2.0
REPAIRS_LIMIT_S = 600.0  # what the vendor's pace leaves is done by the schedule
STEP_LIMIT_S = 7200.0  # the first backfill of a market takes a free plan a quarter of an hour
_ORPHANED = {
    "scan_runs": "SELECT count(*) FROM scan_runs WHERE session = :day AND outcome = 'running' AND lease_until < now() - interval '10 s'",
    "eod_runs": "SELECT count(*) FROM eod_runs WHERE session = :day AND outcome = 'running' AND lease_until < now() - interval '10 s'",
}
# Requests on their way whose turn it is, and findings that are asked for as soon as somebody looks.
REPAIRS_DUE = """
SELECT EXISTS (SELECT 1 FROM repair_requests r
                WHERE r.told_at IS NULL AND r.alert_id IS NOT NULL AND NOT (r.state = 'waiting' AND r.due_at > now())
                  AND NOT (r.action = 'reload' AND r.state = 'running'
                           AND EXISTS (SELECT 1 FROM bar_requests q WHERE q.symbol_id = r.symbol_id AND q.status = 'waiting'
                                          AND q.not_before > now() AND r.session BETWEEN q.first_session AND q.last_session)))
    OR (EXISTS (SELECT 1 FROM quality_alerts a
                 WHERE a.state = 'open' AND a.remediation IN ('reload', 'refetch', 'look_up_split') AND a.session IS NOT NULL
                   AND (a.symbol_id IS NOT NULL
                        OR (jsonb_typeof(a.evidence -> 'symbols') = 'array' AND a.operational_finding_id IS NULL))
                   AND NOT EXISTS (SELECT 1 FROM repair_requests r WHERE r.alert_id = a.id AND r.state = 'undone'))
        AND (SELECT count(DISTINCT alert_id) FROM repair_requests WHERE asked_on = :day AND author = 'remediation'
              AND NOT (action = 'reload' AND state = 'done')) < :limit)"""


@dataclass
class Cycle:
    """What one session's cycle did, in the form that `--json` prints."""

    session: str
    scan: dict[str, Any] = field(default_factory=lambda: {"listed": 0, "new": [], "changed": [], "archived": []})
    bars: dict[str, int] = field(default_factory=lambda: {"loaded": 0, "updated": 0, "refused": 0})
    backfill: dict[str, int] = field(default_factory=lambda: {"symbols": 0, "bars": 0})
    quality: dict[str, Any] = field(default_factory=lambda: {"checked": 0, "findings": 0, "by_check": {}})
    repairs: dict[str, int] = field(default_factory=lambda: {"asked": 0, "repaired": 0, "marked": 0})
    vendor_calls: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    failed: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class StepFailed(TickstockError):
    """A step of a session's cycle failed, also when it was tried again: the next session's makes it good."""


class CycleDriver:
    """Runs sessions one after the other on a stack that is up. `check` raises where a part of it has died."""

    def __init__(
        self,
        settings: Settings,
        *,
        replay: bool,
        check: Callable[[], None],
        progress: Callable[[Cycle, str], None] = lambda _cycle, _step: None,
    ) -> None:
        self.settings = settings
        self.replay = replay
        self.check = check
        self.progress = progress
        self._not_loaded: list[date] = []
        from tickstock_automation.celery import make_app

        self.app = make_app(settings)

    def run(self, sessions: Sequence[date], steps: Sequence[str]) -> list[Cycle]:
        """The cycles of these sessions, in order."""
        return [self.run_one(day, steps) for day in sessions]

    def run_one(self, day: date, steps: Sequence[str]) -> Cycle:
        """One session: scan, backfill of what is new, end of day, sweep with its summary."""
        started = time.monotonic()
        cycle = Cycle(day.isoformat())
        loads_before = self._one("SELECT coalesce(max(id), 0) FROM loads")
        database_now = self._one("SELECT clock_timestamp()")
        if "scan" in steps:
            if not self._is_done("scan_runs", day):
                self._try(cycle, self._scan, day)
            self._backfill(day, cycle, database_now)
        if "details" in steps:
            self._details(day, cycle)
        if "eod" in steps and not self._is_done("eod_runs", day):
            self._try(cycle, self._end_of_day, day)
        if "quality" in steps and day not in self._not_loaded and not self._summary(day):
            self._quality(day, cycle)
            self._repairs(day, cycle)
        cycle.vendor_calls += self._one(
            "SELECT count(*) FROM loads WHERE id > :before AND job NOT LIKE 'eod:%' AND endpoint <> 'by_hand'",
            before=loads_before,
        )
        cycle.seconds = round(time.monotonic() - started, 3)
        self.progress(cycle, "")
        return cycle

    @staticmethod
    def _try(cycle: Cycle, step: Callable[[date, Cycle], None], day: date) -> None:
        """A failed step is told with its session, and the cycle goes on as it does from one day to the next."""
        try:
            step(day, cycle)
        except StepFailed as failed:
            cycle.problems.append(str(failed))
            cycle.failed = True

    def session_state(self, day: date) -> str:
        """The state that the database gives this session."""
        return str(self._one("SELECT state FROM get_session_status(:day)", day=day))

    def bars_of(self, symbol_ids: Sequence[int], days: Sequence[date]) -> int:
        """How many bars are stored of these symbols and days."""
        return int(
            self._one(
                "SELECT count(*) FROM historical_data WHERE symbol_id = ANY (:ids) AND date = ANY (:days)",
                ids=list(symbol_ids), days=list(days),
            )
        )  # fmt: skip

    def events_since(self, seq: int) -> dict[str, int]:
        """Committed events a channel, all channels, numbered above `seq`."""
        rows = self._rows("SELECT channel, count(*) FROM outbox WHERE seq > :seq GROUP BY channel", seq=seq)
        counted = {row[0]: row[1] for row in rows}
        return {channel.value: counted.get(channel.value, 0) for channel in Channel}

    def swept(self, day: date) -> dict[str, Any] | None:
        """What the standing summary of a session says; None without one."""
        found = self._summary(day)
        return dict(found[0][0]) if found else None

    def last_loaded(self) -> date | None:
        """The newest session whose end-of-day load is done."""
        found = self._one("SELECT max(session) FROM eod_runs WHERE outcome = 'done'")
        assert found is None or isinstance(found, date)
        return found

    def last_event(self) -> int:
        """The highest number given so far."""
        return int(self._one("SELECT coalesce(max(seq), 0) FROM outbox"))

    def _scan(self, day: date, cycle: Cycle) -> None:
        newest = self._one("SELECT max(session) FROM scan_runs WHERE outcome IN ('done', 'held')")
        if newest is not None and newest > day:
            raise UsedWrongly(f"{newest} is scanned already: a scan of {day} would take the listing back to that day")
        self.progress(cycle, "scan")
        self.set_market(day, closed=False)
        figures, calls = self._run_task("symbols.scan", "priority.100", "scan_runs", day, "the scan")
        cycle.scan = {name: figures[name] for name in ("listed", "new", "changed", "archived")}
        cycle.vendor_calls += calls
        if figures["thin"]:
            cycle.problems.append(f"the scan of {day} archived nothing, too little was listed: {figures['thin'][0]}")
        if figures["held_back"]:
            cycle.problems.append(f"the scan of {day} held {len(figures['held_back'])} new listings back")

    def _backfill(self, day: date, cycle: Cycle, started: datetime) -> None:
        """Of what is new; after a killed start also of what that one had found."""
        self.progress(cycle, "backfill")
        self.drain(day, "new_listing")
        symbols, bars = self._rows(
            "SELECT coalesce(sum(symbols), 0), coalesce(sum(bars), 0) FROM backfill_jobs"
            " WHERE reason = 'new_listing' AND finished_at >= :started",
            started=started,
        )[0]
        cycle.backfill = {"symbols": int(symbols), "bars": int(bars)}

    def _details(self, day: date, cycle: Cycle) -> None:
        """Of symbols that have none yet; what the budget or the vendor leaves waits for another day."""
        read = "SELECT count(*) FROM symbols WHERE details_on = :day"
        wanting = "SELECT count(*) FROM symbols WHERE active AND absent_since IS NULL AND details_on IS NULL"
        before = seen = self._one(read, day=day)
        if not self._one(wanting) or before >= self.settings.details_per_day:
            return
        self.progress(cycle, "details")
        self.set_market(day, closed=False)
        self._send("symbols.fetch_details", "priority.50", session=day.isoformat(), refresh=False)
        moved = time.monotonic()
        while self._one(wanting) and seen < self.settings.details_per_day and time.monotonic() - moved < NO_PROGRESS_S:
            self.check()
            time.sleep(POLL_S)
            if (now := self._one(read, day=day)) != seen:
                seen, moved = now, time.monotonic()
        cycle.vendor_calls += seen - before

    def _end_of_day(self, day: date, cycle: Cycle) -> None:
        self.progress(cycle, "end of day")
        self.set_market(day, closed=True)
        missed, self._not_loaded = self._not_loaded, [*self._not_loaded, day]
        figures, calls = self._load(day)
        for earlier in missed:  # as the schedule does, with what could not be loaded in its time
            self._try(cycle, self._load_late, earlier)
        cycle.bars = {name: figures[name] for name in ("loaded", "updated", "refused")}
        cycle.vendor_calls += calls

    def _load_late(self, day: date, cycle: Cycle) -> None:
        _, calls = self._load(day)
        cycle.vendor_calls += calls

    def _load(self, day: date) -> tuple[dict[str, Any], int]:
        done = self._run_task("bars.load_session", "priority.90", "eod_runs", day, "the end-of-day load")
        self._not_loaded.remove(day)
        return done

    def _quality(self, day: date, cycle: Cycle) -> None:
        self.progress(cycle, "quality")
        self._send("quality.sweep", "quality", session=day.isoformat())
        self._await(lambda: self._summary(day), f"the sweep of {day}")
        figures = self._summary(day)[0][0]
        cycle.quality = {name: figures[name] for name in cycle.quality}

    def _repairs(self, day: date, cycle: Cycle) -> None:
        """Of what the sweep found. What waits for a pause of the vendor's, or for tomorrow's limit, waits for nobody here."""
        states = "SELECT state, count(*), count(told_at) FROM repair_requests GROUP BY state ORDER BY state"
        if not self._one(REPAIRS_DUE, day=day, limit=self.settings.repairs_per_day):
            return
        self.progress(cycle, "repairs")
        self._send("quality.remediate", "quality", session=day.isoformat())
        began = moved = time.monotonic()
        seen = self._rows(states)
        while (now := time.monotonic()) - moved < NO_PROGRESS_S and now - began < REPAIRS_LIMIT_S:
            self.check()
            time.sleep(POLL_S)
            if (found := self._rows(states)) != seen:
                seen, moved = found, now
            if not self._one(REPAIRS_DUE, day=day, limit=self.settings.repairs_per_day):
                break
        asked, repaired, marked = self._rows(
            "SELECT count(*), count(*) FILTER (WHERE state = 'applied'), count(*) FILTER (WHERE state = 'marked')"
            " FROM repair_requests WHERE asked_on = :day",
            day=day,
        )[0]
        cycle.repairs = {"asked": asked, "repaired": repaired, "marked": marked}

    def drain(self, day: date, reason: str | None = None) -> None:
        """Until nothing waits, of one reason or at all: a type's batches follow one another at the type's pace."""
        last = 0.0
        known = self._one("SELECT coalesce(max(id), 0) FROM operational_findings")

        def drained() -> bool:
            nonlocal last
            self._raise_if_refused(known)
            due, running = self._rows(
                "SELECT count(*) FILTER (WHERE status = 'pending' OR lease_until < now()),"
                " count(*) FILTER (WHERE status = 'running')"
                " FROM equity_processing_queue WHERE status IN ('pending', 'running')"
                " AND reason = coalesce(CAST(:reason AS text), reason)",
                reason=reason,
            )[0]
            if due and time.monotonic() - last > REDISPATCH_S:
                self._send("processing.dispatch", "priority.100", as_of=day.isoformat())
                last = time.monotonic()
            return not due and not running

        self._await(drained, f"what was queued by {day}")

    def _run_task(self, task: str, queue: str, table: str, day: date, what: str) -> tuple[dict[str, Any], int]:
        """Sends a task and waits for its run row to end, an earlier failure's row apart. StepFailed after a few tries;
        TickstockError at once where the vendor refuses us: that takes a person."""
        known = self._one("SELECT coalesce(max(id), 0) FROM operational_findings")
        error = None
        for _ in range(TRIES):
            outcome, figures, calls, error = self._run_once(task, queue, table, day, what)
            if outcome != FAILED:
                return dict(figures), int(calls)
            self._raise_if_refused(known)
        raise StepFailed(f"{what} of {day} failed: {error}")

    def _run_once(self, task: str, queue: str, table: str, day: date, what: str) -> tuple[str, Any, int, str | None]:
        before, last = self._run(table, day), 0.0

        def ended() -> bool:
            nonlocal last
            now = self._run(table, day)
            if now != before and now[0] != RUNNING:
                return True
            # sent again where a worker died with it, and its lease has run out
            if time.monotonic() - last > RESEND_S and (not last or self._one(_ORPHANED[table], day=day)):
                self._send(task, queue, session=day.isoformat())
                last = time.monotonic()
            return False

        self._await(ended, f"{what} of {day}")
        outcome, _, figures, calls, error = self._run(table, day)
        return outcome, figures, calls, error

    def _raise_if_refused(self, known: int) -> None:
        """A finding is told once; that the vendor refuses this key stands in the breaker for as long as it does."""
        account = account_of(self.settings)
        refused = self._rows(
            "SELECT message FROM operational_findings WHERE id > :known AND check_name = 'vendor_refused'"
            " UNION ALL SELECT last_error FROM vendor_breaker WHERE vendor = :vendor AND key = :key AND reason = 'refused'"
            " AND open_until > now()",
            known=known, vendor=account.vendor, key=account.key,
        )  # fmt: skip
        if refused:
            raise TickstockError(refused[0][0])

    def _is_done(self, table: str, day: date) -> bool:
        return self._run(table, day)[0] in (DONE, HELD)

    def _run(self, table: str, day: date) -> tuple[Any, ...]:
        statement = {
            "scan_runs": "SELECT outcome, finished_at, figures, vendor_calls, error FROM scan_runs WHERE session = :day",
            "eod_runs": "SELECT outcome, finished_at, figures, vendor_calls, error FROM eod_runs WHERE session = :day",
        }[table]
        rows = self._rows(statement, day=day)
        return rows[0] if rows else (RUNNING,)

    def _summary(self, day: date) -> list[tuple[Any, ...]]:
        return self._rows("SELECT figures FROM quality_metrics WHERE session = :day AND scope = 'summary'", day=day)

    def _await(self, done: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + STEP_LIMIT_S
        while not done():
            self.check()
            if time.monotonic() > deadline:
                raise TickstockError(f"{what} did not end within {STEP_LIMIT_S:.0f} s")
            time.sleep(POLL_S)

    def _send(self, task: str, queue: str, **arguments: str | bool) -> None:
        self.app.send_task(task, kwargs=arguments, queue=queue)

    def set_market(self, day: date | None, *, closed: bool) -> None:
        """Moves the replay's clock, and no real vendor's."""
        if not self.replay:
            return
        key = self.settings.polygon_api_key
        assert key is not None
        request = urllib.request.Request(  # noqa: S310 -- our own replay on loopback
            f"{self.settings.polygon_base_url}/replay/clock",
            data=json.dumps({"day": day.isoformat() if day else None, "closed": closed}).encode(),
            headers={"Authorization": f"Bearer {key.get_secret_value()}"},
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass

    def release_market(self) -> None:
        """Lets the replay follow the real clock again."""
        self.set_market(None, closed=False)

    def _rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with transaction(Role.APP) as session:
            return [tuple(row) for row in session.execute(text(statement), values)]

    def _one(self, statement: str, **values: Any) -> Any:
        return self._rows(statement, **values)[0][0]
