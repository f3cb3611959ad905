"""The PostgreSQL roles, one for each kind of work. What each may do is granted by the migrations."""

from enum import StrEnum


class Role(StrEnum):
    """A NOLOGIN role; the login of DATABASE_URI is a member of all of them."""

    OWNER = "tickstock_owner"
    RELAY = "tickstock_relay"
    IPO_MONITOR = "tickstock_ipo_monitor"
    QUALITY_MONITOR = "tickstock_quality_monitor"
    APP = "tickstock_app"
