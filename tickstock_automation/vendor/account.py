"""Whom the calls are made to, under which key, within which budget."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tickstock_automation.errors import VendorRefused
from tickstock_automation.settings import Settings


@dataclass(frozen=True)
class Account:
    """`key` is the key's fingerprint; `budget` is calls a day (0: none), `timeout_s` the time limit of a call."""

    vendor: str
    key: str
    budget: int = 0
    timeout_s: float = 30.0


def fingerprint(api_key: str) -> str:
    """What stands for a key where the key itself must not."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:8]


def account_of(found: Settings) -> Account:
    """The account that the settings name; VendorRefused where they hold no key."""
    if found.polygon_api_key is None:
        raise VendorRefused(
            "POLYGON_API_KEY is not set: set it, or run `tickstock up`, which brings a replay of the vendor"
        )
    return Account(
        vendor=found.polygon_base_url.rstrip("/"),
        key=fingerprint(found.polygon_api_key.get_secret_value()),
        budget=found.polygon_calls_per_day,
        timeout_s=found.polygon_timeout_s,
    )
