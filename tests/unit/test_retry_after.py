"""What a Retry-After asks for."""

import pytest

from tickstock_automation.vendor.http import retry_after_s

NOON = "Wed, 10 Jan 2024 12:00:00 GMT"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("17", 17.0), (" 0.5 ", 0.5), ("0", 0.0), ("Wed, 10 Jan 2024 12:25:00 GMT", 1500.0), (NOON, 0.0),
        ("Wed, 10 Jan 2024 11:00:00 GMT", 0.0), ("999999999", 3600.0), ("Wed, 10 Jan 2029 12:00:00 GMT", 3600.0), ("", None),
        ("soon", None), ("-5", None), ("nan", None), ("1.2.3", None), ("\u0665", None), ("Wed, 99 Jan 2024 12:00:00 GMT", None),
    ],
)  # fmt: skip
def test_seconds_or_a_date_by_the_vendors_own_clock_and_an_hour_at_most(told: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": told, "Date": NOON}) == seconds


def test_nothing_is_said_where_the_header_is_missing() -> None:
    assert retry_after_s({"Date": NOON}) is None


def test_without_the_vendors_clock_ours_counts() -> None:
    assert retry_after_s({"Retry-After": "Wed, 10 Jan 2024 12:25:00 GMT"}) == 0.0
