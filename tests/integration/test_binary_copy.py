"""Numbers and dates come out of PostgreSQL in its binary form as they went in; a NULL is refused, not misread."""

from datetime import date

import polars as pl
import pytest
from psycopg2 import sql

from tickstock_automation.db.copy import read_numbers
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]

SCHEMA = {"id": pl.Int64, "day": pl.Date, "price": pl.Float64}
ROWS = """SELECT * FROM (VALUES (1::bigint, '1969-12-31'::date, 0.1::float8), (-5, '2024-02-29', 'NaN'), (9, '2000-01-01', 1e300), {more}) v"""


def read(more: str) -> pl.DataFrame:
    with transaction(Role.APP) as session:
        return read_numbers(session.connection(), sql.SQL(ROWS.format(more=more)), SCHEMA)


def test_they_come_out_as_they_went_in(settings: Settings) -> None:
    found = read("(7, '2100-01-01', -0.5)")
    assert found["id"].to_list() == [1, -5, 9, 7]
    assert found["day"].to_list() == [date(1969, 12, 31), date(2024, 2, 29), date(2000, 1, 1), date(2100, 1, 1)]
    assert found["price"].is_nan().to_list() == [False, True, False, False]
    assert found["price"][0] == 0.1
    assert found.schema == SCHEMA


def test_no_rows_are_an_empty_frame(settings: Settings) -> None:
    with transaction(Role.APP) as session:
        found = read_numbers(
            session.connection(), sql.SQL("SELECT 1::bigint, now()::date, 0::float8 WHERE false"), SCHEMA
        )
    assert (found.height, found.schema) == (0, SCHEMA)


@pytest.mark.parametrize("more", ["(7, NULL, 1)", "(NULL, NULL, NULL)"])
def test_a_null_is_refused(settings: Settings, more: str) -> None:
    with pytest.raises(ValueError, match="NULL"):
        read(more)
