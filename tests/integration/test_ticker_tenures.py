"""Who had a ticker when: renames, reuse, and what is known of the days before anybody looked."""

from datetime import date

import pytest
from sqlalchemy import Engine, text

from tests.builders import add_symbols
from tickstock_automation.bars.holders import holders, tenures_of
from tickstock_automation.bars.security import security_until
from tickstock_automation.bars.tenure import Tenure
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]


def day(number: int) -> date:
    return date(2024, 1, number)


@pytest.fixture
def names(settings: Settings, admin: Engine) -> dict[str, int]:
    """OLD was WAS, then M until the 10th; NEW is M from the 16th on, LAST would be from the 25th on had NEW not lost it."""
    ids = add_symbols(admin, ["OLD", "NEW", "LAST"])
    rows = [
        ("OLD", "WAS", None, day(4)), ("OLD", "M", day(4), day(10)), ("NEW", "M", day(16), day(20)), ("LAST", "M", day(25), None),
    ]  # fmt: skip
    with admin.begin() as connection:
        connection.execute(text("DELETE FROM symbol_aliases"))
        for symbol, ticker, since, until in rows:
            connection.execute(
                text("INSERT INTO symbol_aliases (symbol_id, ticker, valid_from, valid_to) VALUES (:id, :ticker, :since, :until)"),
                {"id": ids[symbol], "ticker": ticker, "since": since, "until": until},
            )  # fmt: skip
    return ids


@pytest.mark.parametrize(
    ("ticker", "number", "who"),
    [
        ("WAS", 3, "OLD"), ("WAS", 4, None), ("M", 3, None), ("M", 4, "OLD"), ("M", 9, "OLD"),
        ("M", 10, "NEW"),  # nobody else is known to have had it, so the one whose first name it is
        ("M", 16, "NEW"), ("M", 19, "NEW"), ("M", 20, "LAST"), ("M", 25, "LAST"), ("X", 5, None),
    ],
)  # fmt: skip
def test_a_ticker_means_who_had_it_on_the_day(names: dict[str, int], ticker: str, number: int, who: str | None) -> None:
    with transaction(Role.APP) as session:
        found = holders(session, [(ticker, day(number))])
    assert found == ({(ticker, day(number)): names[who]} if who else {})


def test_a_security_has_all_its_tickers_in_order(names: dict[str, int]) -> None:
    with transaction(Role.APP) as session:
        found = tenures_of(session, [names["OLD"], names["LAST"]])
    assert found == {
        names["OLD"]: [Tenure("WAS", date.min, day(3)), Tenure("M", day(4), day(9))],
        names["LAST"]: [Tenure("M", day(20), day(24)), Tenure("M", day(25), date.max)],
    }


def test_who_had_it_last_is_who_is_meant_when_nobody_has_it(names: dict[str, int]) -> None:
    with transaction(Role.APP) as session:
        assert security_until(session, "WAS", day(9)).id == names["OLD"]
        assert security_until(session, "M", day(30)).id == names["LAST"]
