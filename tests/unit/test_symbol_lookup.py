"""Tickers as people type them, and from when on a restored security has its own again."""

from datetime import date

import pytest

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.symbols.lookup import near, spell
from tickstock_automation.symbols.restoring import resumes

MONDAY, TUESDAY, FRIDAY = date(2024, 2, 5), date(2024, 2, 6), date(2024, 2, 9)


def test_case_does_not_matter_and_each_ticker_comes_once_in_the_order_typed() -> None:
    assert spell(["msft", "AAPL", "Msft", "bacpa"], {"AAPL", "MSFT", "BACpA"}) == (["MSFT", "AAPL", "BACpA"], [])


def test_what_is_no_ticker_is_said() -> None:
    assert spell(["AAPL", "NOPE"], {"AAPL"}) == (["AAPL"], ["NOPE"])


def test_two_that_differ_only_in_case_are_told_apart_by_typing_one_exactly() -> None:
    assert spell(["BACpA"], {"BACpA", "BACPA"}) == (["BACpA"], [])
    with pytest.raises(UsedWrongly, match="may be BACPA or BACpA: type it as it is written"):
        spell(["bacpa"], {"BACpA", "BACPA"})


def test_near_names_are_those_most_alike() -> None:
    known = ["AAPL", "APLE", "AMZN", "MSFT", "META"]
    assert near("aapk", known)[0] == "AAPL"
    assert near("QQQ", known) == []


def test_a_restored_security_has_its_ticker_again_from_when_it_lost_it() -> None:
    assert resumes([MONDAY], [], FRIDAY) == MONDAY
    assert resumes([date(2020, 1, 2), MONDAY], [date(2019, 1, 2)], FRIDAY) == MONDAY


def test_only_from_the_session_on_where_another_had_the_ticker_since() -> None:
    assert resumes([MONDAY], [TUESDAY], FRIDAY) == FRIDAY
    assert resumes([MONDAY], [FRIDAY], TUESDAY) == FRIDAY, "never two on one day"


def test_not_at_all_where_another_has_it() -> None:
    assert resumes([MONDAY], [TUESDAY, None], FRIDAY) is None
