"""The Celery application: queues, routes, the schedule, all settings from one place.

`celery -A tickstock_automation worker|beat|flower` work as they are. See docs/decisions/0003-queues.md for the reasons.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog
from celery import Celery, signals
from celery.schedules import crontab
from kombu import Queue

from tickstock_automation import stopping
from tickstock_automation.db.engine import forget_engine
from tickstock_automation.errors import SettingsError
from tickstock_automation.ops.flower import prepare_flower
from tickstock_automation.ops.logs import configure_logs
from tickstock_automation.ops.relay_step import RelayStep
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings, settings

QUEUES = {
    "ipo_monitor": ("priority.100", "priority.90", "priority.50"),
    "data_quality_monitor": ("quality",),
}
CANARY_QUEUES = {"ipo_monitor": "priority.100", "data_quality_monitor": "quality"}
TASKS = (
    "tickstock_automation.symbols.tasks",
    "tickstock_automation.bars.tasks",
    "tickstock_automation.processing.tasks",
    "tickstock_automation.quality.tasks",
    "tickstock_automation.ops.canary",
)

# New York time. Each of these is idempotent per session: the first run of a day does the work, a later one finds it done,
# or makes good what was missed. On a day without a session they do nothing.
SCHEDULE = {
    "scan": {"task": "symbols.scan", "schedule": crontab(minute="*/10", hour="7-23", day_of_week="mon-fri")},
    "details": {"task": "symbols.fetch_details", "schedule": crontab(minute="4-59/10"), "options": {"expires": 600}},
    "end-of-day": {"task": "bars.load_session", "schedule": crontab(minute="5-59/10", hour="0-6,16-23")},
    "reread": {"task": "bars.reread", "schedule": crontab(minute="2-59/10", hour="6-8", day_of_week="mon-fri")},
    "sweep": {"task": "quality.sweep", "schedule": crontab(minute="8-59/10", hour="0-6,17-23")},
    "touched": {"task": "quality.sweep_touched", "schedule": 10.0, "options": {"expires": 10}},
    "remediate": {"task": "quality.remediate", "schedule": 60.0, "options": {"expires": 60}},
    "repairs": {"task": "bars.repair", "schedule": 30.0, "options": {"expires": 30}},
    "dispatch": {"task": "processing.dispatch", "schedule": 1.0, "options": {"expires": 5}},
    "calls": {"task": "bars.make_calls", "schedule": 10.0, "options": {"expires": 10}},
}

WITHOUT_A_CLOCK = ("dispatch", "calls", "touched", "repairs", "remediate")


def make_app(found: Settings) -> Celery:
    """The application for these settings."""
    application = Celery("tickstock_automation", broker=found.redis_url, include=list(TASKS))
    application.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_ignore_result=True,  # outcomes are rows, not results in the broker
        task_queues=[Queue(name) for service in found.services for name in QUEUES[service]],
        task_default_queue="priority.50",
        task_routes={
            "symbols.fetch_details": {"queue": "priority.50"},
            "symbols.*": {"queue": "priority.100"},
            "processing.*": {"queue": "priority.100"},
            "bars.make_calls": {"queue": "priority.50"},
            "bars.*": {"queue": "priority.90"},
            "quality.*": {"queue": "quality"},
        },
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # a second delivery finds the work done or leased
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "queue_order_strategy": "priority",  # 100 before 90 before 50, without exception
            "visibility_timeout": 3600,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        timezone="America/New_York",
        beat_schedule=SCHEDULE if found.schedule else {name: SCHEDULE[name] for name in WITHOUT_A_CLOCK},
        beat_scheduler="celery.beat:Scheduler",  # in memory: the persistent one keeps a pickle, and nothing needs it
        beat_max_loop_interval=5,
    )
    application.steps["worker"].add(RelayStep)
    return application


@signals.setup_logging.connect
def _logs(**_kwargs: Any) -> None:
    configure_logs(settings())


@signals.worker_init.connect
def _load_calendar(**_kwargs: Any) -> None:
    calendar()  # once, before the pool forks


@signals.worker_shutting_down.connect
def _tell_the_children(**_kwargs: Any) -> None:
    stopping.request()


@signals.worker_process_init.connect
def _own_connections(**_kwargs: Any) -> None:
    forget_engine()


@signals.task_prerun.connect
def _name_in_logs(task: Any, kwargs: dict[str, Any], **_rest: Any) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        task=task.name, **{key: kwargs[key] for key in ("session", "equity_type") if kwargs.get(key)}
    )


def _make() -> Celery:
    try:
        settings()
    except SettingsError as error:  # `celery` would show a traceback
        print(error, file=sys.stderr)  # noqa: T201 -- no logger is set up yet
        raise SystemExit(2) from None
    if "flower" in sys.argv[1:]:
        prepare_flower(settings(), sys.argv[1:])
    return make_app(settings())


app = _make()
