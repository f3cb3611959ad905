"""The schema by Alembic, from inside a program."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, OperationalError

from tickstock_automation.db.engine import first_line, make_engine
from tickstock_automation.errors import DatabaseUnavailable, SchemaMismatch

ROOT = Path(__file__).parents[2]


def config() -> Config:
    """Alembic's settings: alembic.ini at the top of the checkout."""
    return Config(ROOT / "alembic.ini")


def upgrade(url: str) -> None:
    """Brings the schema to this code's revision.

    Raises SchemaMismatch where the database is newer than the code, or refuses; DatabaseUnavailable where it is away.
    """
    engine = make_engine(url, application="tickstock migrate")
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_heads()
            scripts = ScriptDirectory.from_config(config())
            known = {script.revision for script in scripts.walk_revisions()}
            unknown = set(found) - known
            if unknown:
                raise SchemaMismatch(
                    f"the database's schema ({', '.join(sorted(unknown))}) is newer than this code"
                    f" ({scripts.get_current_head()}): update the code; nothing was changed"
                )
            connection.rollback()
            if set(found) != set(scripts.get_heads()):
                given = config()
                given.attributes["connection"] = connection
                command.upgrade(given, "head")
    except OperationalError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL refuses the connection: {first_line(error.orig)}: check DATABASE_URI"
        ) from None
    except DBAPIError as error:
        hint = getattr(getattr(error.orig, "diag", None), "message_hint", None)
        said = first_line(error.orig) + (f" {hint}" if hint else "")
        raise SchemaMismatch(f"PostgreSQL refuses the migration: {said}") from None
    finally:
        engine.dispose()
