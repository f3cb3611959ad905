"""Which days the exchange trades, and which session a moment belongs to."""

from datetime import UTC, date, datetime

import pytest

from tickstock_automation.sessions import calendar


def test_special_closures_and_holidays_are_no_sessions() -> None:
    for day in (date(2018, 12, 5), date(2015, 7, 3), date(2025, 1, 9), date(2024, 6, 19)):
        assert not calendar().is_session(day)
    assert calendar().following(date(2015, 7, 1), 4) == [date(2015, 7, day) for day in (1, 2, 6, 7)]


def test_half_days_close_at_one_in_new_york() -> None:
    assert calendar().session(date(2015, 11, 27)).closes == datetime(2015, 11, 27, 18, tzinfo=UTC)
    with pytest.raises(KeyError):
        calendar().session(date(2015, 7, 4))


def test_a_session_is_scanned_until_it_closes_and_loaded_after() -> None:
    before, after = datetime(2015, 11, 27, 17, 59, tzinfo=UTC), datetime(2015, 11, 27, 18, tzinfo=UTC)
    assert calendar().to_scan(before) == date(2015, 11, 27)
    assert calendar().to_scan(after) == date(2015, 11, 30)
    assert calendar().last_closed(before) == date(2015, 11, 25)
    assert calendar().last_closed(after) == date(2015, 11, 27)


def test_ninety_days_are_about_sixty_two_sessions() -> None:
    assert len(calendar().between(date(2015, 4, 2), date(2015, 6, 30))) == 62
    assert calendar().before(date(2015, 7, 6)) == date(2015, 7, 2)
    assert calendar().after(date(2015, 7, 2)) == date(2015, 7, 6)
