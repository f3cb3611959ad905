"""Runs the migrations against DATABASE_URI. Every migration of ours works as `tickstock_owner` (see `db.migration`)."""

import re

from alembic import context
from alembic.util import CommandError

import tickstock_automation.bars.models
import tickstock_automation.db.operational
import tickstock_automation.db.vendor_differences
import tickstock_automation.events.models
import tickstock_automation.processing.models
import tickstock_automation.quality.models
import tickstock_automation.quality.sweep_models
import tickstock_automation.symbols.models
import tickstock_automation.vendor.models  # noqa: F401
from tickstock_automation.db.base import Base
from tickstock_automation.db.engine import make_engine
from tickstock_automation.errors import SettingsError
from tickstock_automation.settings import settings

PARTITION = re.compile(r"historical_data_\d{4}")


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions are made by a SQL function, ahead of the bars; they are not in the models."""
    return not (kind == "table" and name and PARTITION.fullmatch(name))


def _run() -> None:
    common = {"target_metadata": Base.metadata, "include_name": _ours, "compare_server_default": False}
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **common)
        with context.begin_transaction():
            context.run_migrations()
        return
    given = context.config.attributes.get("connection")
    if given is not None:
        context.configure(connection=given, **common)
        with context.begin_transaction():
            context.run_migrations()
        return
    try:
        url = settings().database_url
    except SettingsError as error:
        raise CommandError(str(error)) from None
    with make_engine(url, application="alembic").connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, **common)
        with context.begin_transaction():
            context.run_migrations()


_run()
