"""The declarative base of every table, and the column types that all of them use."""

from datetime import date, datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, Date, DateTime, Double, Identity, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

Id = Annotated[
    int, mapped_column(BigInteger, Identity(), primary_key=True)
]  # an identity, so no role needs its sequence


class Base(DeclarativeBase):
    """Every table of the system: text without length, 64-bit ids, double prices, moments with their zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it as it is
        str: Text,
        int: BigInteger,
        float: Double,
        date: Date,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
    }
