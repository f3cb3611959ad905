"""What the migrations stand on: SQL files, and working as the schema's owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from alembic import op
from sqlalchemy import TextClause, text

SQL = files("tickstock_automation.db") / "sql"


def run_sql(name: str) -> None:
    """Runs one file of `db/sql`. Functions there are `CREATE OR REPLACE`: a later change comes with its own migration."""
    op.get_context().impl.execute(_verbatim((SQL / f"{name}.sql").read_text()))


def _verbatim(statement: str) -> TextClause:
    # what looks like a parameter (::jsonb, 'a:b') is none
    return text(statement.replace("\\", "\\\\").replace(":", "\\:"))


@contextmanager
def as_owner() -> Iterator[None]:
    """The statements inside run as `tickstock_owner`, which so owns what they make."""
    op.execute("SET ROLE tickstock_owner")
    yield
    op.execute("RESET ROLE")
