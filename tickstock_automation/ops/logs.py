"""Structured logs, JSON or for people, with the task's name and its session or symbol; no secret in any of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from typing import Any

import structlog

from tickstock_automation.settings import Settings

HIDDEN = "[secret]"
SECRET_NAMES = ("password", "secret", "api_key", "apikey", "authorization", "token_value")


class HideSecrets:
    """Puts stars where a value is, or holds, a secret; and where a key's name says that it is one."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = sorted((one for one in secrets if len(one) >= 4), key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, event: Any) -> Any:
        return {key: HIDDEN if self._named(key) else self._clean(value) for key, value in event.items()}

    @staticmethod
    def _named(key: str) -> bool:
        return any(name in key.lower() for name in SECRET_NAMES)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, HIDDEN)
            return value
        if isinstance(value, dict):
            return {key: HIDDEN if self._named(str(key)) else self._clean(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._clean(one) for one in value)
        return value


def configure_logs(settings: Settings) -> None:
    """One format for our own lines and for the libraries', on stderr."""
    people = settings.log_format == "console"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
        if people
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                HideSecrets(settings.secrets),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # Celery's "received" and "succeeded" say less than the services' own lines; what fails is an error, and stays.
    for noisy in (
        "urllib3",
        "exchange_calendars",
        "amqp",
        "kombu",
        "celery.worker.strategy",
        "celery.app.trace",
        "celery.beat",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
