"""Every setting, its type, default and meaning: the only reader of the environment.

A setting comes from, first found wins: the environment, `.env` in the working directory, `stack.env` in the state
directory (written by a running `tickstock up`, so that a command typed beside it finds the embedded servers).
"""

from __future__ import annotations

import os
from datetime import time
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tickstock_automation.errors import SettingsError

SERVICES = ("ipo_monitor", "data_quality_monitor")
DEFAULT_STATE_DIR = Path(".tickstock")
STACK_ENV = "stack.env"


def state_dir() -> Path:
    """Where the embedded stack keeps its data: `TICKSTOCK_STATE_DIR`, else `.tickstock` in the working directory."""
    return Path(os.environ.get("TICKSTOCK_STATE_DIR") or DEFAULT_STATE_DIR).expanduser().absolute()


class Settings(BaseSettings):
    """All settings. Secrets are `SecretStr`: they print as stars."""

    model_config = SettingsConfigDict(
        env_prefix="TICKSTOCK_",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    database_uri: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URI",
        description="PostgreSQL, as postgresql://user:password@host:port/database.",
    )
    redis_host: str | None = Field(None, validation_alias="REDIS_HOST")
    redis_port: int = Field(6379, ge=1, le=65535, validation_alias="REDIS_PORT")
    redis_username: str | None = Field(None, validation_alias="REDIS_USERNAME")
    redis_password: SecretStr | None = Field(None, validation_alias="REDIS_PASSWORD")
    redis_db: int = Field(0, ge=0, validation_alias="REDIS_DB")

    polygon_api_key: SecretStr | None = Field(None, validation_alias="POLYGON_API_KEY")
    polygon_base_url: str = Field(
        "https://api.polygon.io",
        pattern=r"^https?://",
        validation_alias="POLYGON_BASE_URL",
        description="The vendor's host; the embedded stack sets it to its replay.",
    )
    polygon_calls_per_minute: int = Field(
        5,
        ge=0,
        validation_alias="POLYGON_CALLS_PER_MINUTE",
        description="What the vendor's plan allows, shared by all workers; 0 is no limit.",
    )
    polygon_calls_per_day: int = Field(
        0,
        ge=0,
        validation_alias="POLYGON_CALLS_PER_DAY",
        description="Vendor calls that all workers together may make on a New York day; 0 is no limit.",
    )
    polygon_history_years: float = Field(
        2.0,
        ge=0,
        allow_inf_nan=False,
        validation_alias="POLYGON_HISTORY_YEARS",
        description="Years of bars that the vendor's plan reaches back, 2 on the free one; 0 is all there are.",
    )
    polygon_timeout_s: float = Field(
        30.0,
        gt=0,
        validation_alias="POLYGON_TIMEOUT_S",
        description="Seconds for one call, connecting and each wait for data.",
    )

    services: Annotated[tuple[str, ...], NoDecode] = Field(
        SERVICES,
        description="Which services a worker serves, separated by commas.",
    )
    relay_in_worker: bool = Field(
        True,
        description="A worker starts a relay as its child; off where `tickstock relay` runs by itself.",
    )
    schedule: bool = Field(
        True,
        description="Off: beat only dispatches what is queued. `tickstock up` sets it so for a market of the past.",
    )
    backfill_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="Calendar days of bars loaded for a new symbol.",
    )
    coverage_minimum: float = Field(
        0.95,
        gt=0,
        le=1,
        description="Share of the known active symbols a listing must hold before anything may be archived.",
    )
    flood_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Share of the known active symbols past which a day's new listings are held back until a second scan agrees.",
    )
    questions_per_scan: int = Field(
        20,
        ge=0,
        le=1000,
        description="Vendor calls that a scan may spend on single tickers: whether the absent are delisted, what the renamed were.",
    )
    details_per_day: int = Field(
        300,
        ge=0,
        description="Vendor calls a day for tickers' details (market cap, list date, industry), new symbols first.",
    )
    missing_pauses_s: Annotated[tuple[float, ...], NoDecode] = Field(
        (300.0, 1800.0),
        description="Seconds after which a bar that an end-of-day answer lacks is asked for again, each time, separated by commas.",
    )
    late_after_s: int = Field(
        6 * 3600,
        ge=60,
        description="Seconds after a session's close past which a vendor without its bars is an alert; it is waited for all the same.",
    )
    reread_sessions: int = Field(
        3,
        ge=0,
        le=30,
        description="How many of the last sessions are read once more each morning: vendors correct silently.",
    )
    dividends: bool = Field(
        False,
        description="Each morning's re-read also reads cash dividends, for bars that are adjusted for them; a few calls more.",
    )
    ready_by: time = Field(
        time(8),
        description="Time in New York by which the data of the session before are to be ready; a metric says whether they were.",
    )
    queue_bound: int = Field(
        100_000,
        ge=1,
        description="Waiting symbols past which new work is refused.",
    )
    max_attempts: int = Field(
        5,
        ge=1,
        description="After so many failed attempts a queued symbol is left for a person.",
    )
    lease_s: int = Field(
        300,
        ge=5,
        description="Seconds a claimed batch belongs to its worker without a sign of life.",
    )
    starvation_bound_s: int = Field(
        3600,
        ge=1,
        description="A symbol that waited longer is dispatched on priority.100, whatever its type.",
    )
    sweep_sessions: int = Field(
        63,
        ge=1,
        le=1000,
        description="Sessions that each sweep looks at, newest last.",
    )
    sweep_shard_symbols: int = Field(
        12_000,
        ge=1,
        description="Symbols of one part of a sweep; parts are shared among the workers, sixteen at most.",
    )
    mass_symbols: int = Field(
        50,
        ge=2,
        description="From so many symbols on, which one check finds on one session, they are one market-wide alert ...",
    )
    mass_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="... if they are at least this share of the market.",
    )
    mass_small_share: float = Field(
        0.6,
        gt=0,
        le=1,
        description="In a small market, this share of it (five symbols at least) is one market-wide alert too.",
    )
    repairs_per_day: int = Field(
        200,
        ge=0,
        le=100_000,
        description="Findings a New York day that are put right by themselves, the most severe first; 0: none.",
    )
    stream_max_length: int = Field(
        1_000_000,
        ge=1000,
    )
    stream_max_age_s: int = Field(
        7 * 86400,
        ge=60,
    )
    live_max_age_s: float = Field(
        60.0,
        gt=0,
        description="What is sent again goes live only while it is younger than this.",
    )
    outbox_keep_s: int = Field(
        7 * 86400,
        ge=60,
    )
    message_max_bytes: int = Field(
        1_000_000,
        ge=10_000,
        description="A larger event is set aside, with an alert.",
    )
    relay_metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Where a relay shows its figures for Prometheus, on 127.0.0.1; 0: nowhere.",
    )
    flower_password: SecretStr | None = Field(
        None,
        validation_alias="FLOWER_PASSWORD",
        description="Without it Flower refuses to start; the user is `tickstock`.",
    )
    flower_port: int = Field(5555, ge=1, le=65535, validation_alias="FLOWER_PORT")
    log_format: str = Field(
        "console",
        pattern="^(console|json)$",
    )
    log_level: str = Field(
        "INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
    )

    @field_validator("services", mode="before")
    @classmethod
    def _known_services(cls, value: object) -> object:
        names = tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        if isinstance(names, tuple) and (not names or set(names) - set(SERVICES)):
            raise ValueError(f"must name at least one of {', '.join(SERVICES)} and nothing else")
        return names

    @field_validator("missing_pauses_s", mode="before")
    @classmethod
    def _pauses(cls, value: object) -> object:
        try:
            pauses = tuple(float(part) for part in value.split(",")) if isinstance(value, str) else value
        except ValueError:
            pauses = ()
        if isinstance(pauses, tuple) and (not pauses or any(not 0 <= pause <= 86_400 for pause in pauses)):
            raise ValueError("must be seconds from 0 to 86400, separated by commas, at least one")
        return pauses

    @field_validator("database_uri")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(
            ("postgresql://", "postgres://", "postgresql+")
        ):
            raise ValueError("must begin with postgresql://")
        if value is not None:
            try:
                host = make_url(value.get_secret_value()).host or ""
            except (ArgumentError, ValueError):
                host = "@"
            if "@" in host:  # neither said nor shown: it may be a part of the password
                raise ValueError("cannot be read: in user and password, write @ as %40, : as %3A, / as %2F")
        return value

    @property
    def database_url(self) -> str:
        """`DATABASE_URI` with the driver this project installs, secret included: never print it."""
        if self.database_uri is None:
            raise SettingsError(
                "DATABASE_URI is not set: set it to postgresql://user:password@host/database, or run `tickstock up`"
            )
        _, _, rest = self.database_uri.get_secret_value().partition("://")
        return f"postgresql+psycopg2://{rest}"

    @property
    def redis_url(self) -> str:
        """The broker's address, secret included: never print it."""
        user = quote(self.redis_username or "", safe="")
        password = f"{user}:{quote(self.redis_password.get_secret_value(), safe='')}@" if self.redis_password else ""
        return f"redis://{password}{self.redis_host or '127.0.0.1'}:{self.redis_port}/{self.redis_db}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any log."""
        fields = (self.redis_password, self.polygon_api_key, self.flower_password)
        found = [field.get_secret_value() for field in fields if field is not None]
        if self.database_uri is not None:
            login = self.database_uri.get_secret_value().partition("://")[2].rpartition("@")[0]
            found.append(login.partition(":")[2])
        return tuple(secret for secret in found if secret)


def load_settings(*, stack: bool = True, **given: object) -> Settings:
    """Reads the settings anew; `given` ones stand above all others.

    `stack=False` leaves a running stack's addresses out. Raises SettingsError with one line for each invalid setting.
    """
    files = [state_dir() / STACK_ENV] if stack else []
    try:
        return Settings(_env_file=[*files, Path(".env")], _env_file_encoding="utf-8", **given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"  {_variable(str(issue['loc'][0]))}: {issue['msg']}" for issue in error.errors(include_input=False)]
        raise SettingsError(
            "\n".join(["these settings are invalid, mend them in the environment or .env:", *lines])
        ) from None


def _variable(name: str) -> str:
    """The environment variable that an error of pydantic's means."""
    return name if name.isupper() or "TICKSTOCK_" in name.upper() else f"TICKSTOCK_{name.upper()}"


_current: Settings | None = None


def use_settings(given: Settings) -> None:
    """Makes these the settings of this process: for `tickstock up`, which knows its servers before anyone else does."""
    global _current
    _current = given


def settings() -> Settings:
    """The settings of this process, read once."""
    if _current is None:
        use_settings(load_settings())
    assert _current is not None
    return _current
