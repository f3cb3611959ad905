"""Bulk load: a Polars frame into a temporary table by COPY."""

from __future__ import annotations

import io
from typing import cast

import polars as pl
from psycopg2 import sql
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from sqlalchemy import Connection


def copy_frame(connection: Connection, frame: pl.DataFrame, table: str) -> None:
    """Writes all rows of `frame` into `table`, by the frame's column names, inside the caller's transaction."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False)
    buffer.seek(0)
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    driver = cast(Psycopg2Connection, connection.connection.driver_connection)
    with driver.cursor() as cursor:
        cursor.copy_expert(statement, buffer)
