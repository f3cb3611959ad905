"""`tickstock symbols` and `tickstock scan history|show|ipos` on a real database."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from tests.builders import add_symbols
from tickstock_automation.cli.main import app
from tickstock_automation.errors import BrokerUnavailable, NotFound, UsedWrongly
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]


def printed(*words: str) -> str:
    """What a command prints, on one line: where lines break is the terminal's."""
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def command(*words: str) -> Any:
    return json.loads(printed(*words, "--json"))


def write(admin: Engine, statement: str, **values: Any) -> None:
    with admin.connect() as connection:
        connection.execute(text(statement), values)


@pytest.fixture
def reused(admin: Engine) -> tuple[int, int]:
    """A ticker of two securities: the first, once called WAS, is archived; the second trades, with gaps."""
    old = add_symbols(admin, ["MMM"], active=False)["MMM"]
    write(admin, "UPDATE symbols SET delist_date = '2024-01-10' WHERE id = :id", id=old)
    write(
        admin,
        "UPDATE symbol_aliases SET valid_from = '2024-01-04', valid_to = '2024-01-10' WHERE symbol_id = :id",
        id=old,
    )
    write(admin, "INSERT INTO symbol_aliases (symbol_id, ticker, valid_to) VALUES (:id, 'WAS', '2024-01-04')", id=old)
    new = add_symbols(admin, ["MMM"])["MMM"]
    write(
        admin,
        "UPDATE symbols SET name = 'Mint Mobile', type = 'ETF', exchange = 'XNAS', composite_figi = 'F2' WHERE id = :id",
        id=new,
    )
    write(admin, "UPDATE symbol_aliases SET valid_from = '2024-01-16' WHERE symbol_id = :id", id=new)
    write(admin, "SELECT create_bar_partitions('2024-01-01', '2024-12-31')")
    write(
        admin,
        "INSERT INTO historical_data (symbol_id, date, open, high, low, close, volume, source, load_id)"
        " SELECT :id, day, 1, 1, 1, 1, 1, 'test', 1 FROM unnest(CAST(:days AS date[])) AS d (day)",
        id=new, days=["2024-01-16", "2024-01-17", "2024-01-22"],
    )  # fmt: skip
    write(admin, "INSERT INTO known_empty (symbol_id, session, reason) VALUES (:id, '2024-01-18', 'no bar')", id=new)
    write(admin, "INSERT INTO session_status (session, state, expected, stored) VALUES ('2024-01-24', 'ready', 1, 1)")
    return old, new


def test_show_gives_all_who_had_a_ticker_the_active_one_first(
    settings: Settings, admin: Engine, reused: tuple[int, int]
) -> None:
    old, new = reused
    write(admin, "INSERT INTO universe_members (universe, symbol_id, reason) VALUES ('etfs', :id, 'rule etfs')", id=new)
    write(
        admin,
        "INSERT INTO universe_choices (universe, symbol_id, included, author, reason)"
        " VALUES ('nyse', :id, false, 'ann', 'not there')", id=new,
    )  # fmt: skip
    write(admin, "SELECT queue_symbols_for_processing('STOCK_EOD')")
    write(
        admin,
        "INSERT INTO quality_alerts (finding_key, symbol_id, session, check_name, channel, severity, verdict, state, remediation, evidence)"
        " SELECT state, :id, '2024-01-17', 'price_move', 'c', 'high', 'v', state, 'none', '{\"words\": \"it jumped\"}'"
        " FROM unnest(ARRAY['open', 'resolved']) AS s (state)", id=new,
    )  # fmt: skip
    command("symbols", "pin", "MMM", "--reason", "we hold it", "--by", "ann")
    first, second = command("symbols", "show", "mmm")["securities"]
    assert (first["id"], second["id"]) == (new, old)
    assert (first["composite_figi"], first["kept_by"], first["active"]) == ("F2", "ann", True)
    assert first["names"] == [{"ticker": "MMM", "valid_from": "2024-01-16", "valid_to": None}]
    assert [one["ticker"] for one in second["names"]] == ["WAS", "MMM"]
    assert [(one["universe"], one["reason"]) for one in first["universes"]] == [("etfs", "rule etfs")]
    assert [(one["universe"], one["included"], one["author"]) for one in first["choices"]] == [("nyse", False, "ann")]
    assert first["bars"] == {"first": "2024-01-16", "last": "2024-01-22", "stored": 3, "gaps": 3, "known_empty": 1}
    assert second["bars"] is None
    assert (first["queue"]["status"], first["queue"]["reason"]) == ("pending", "asked")
    assert [(one["check_name"], one["words"]) for one in first["alerts"]] == [("price_move", "it jumped")]
    assert [(one["action"], one["author"], one["reason"]) for one in first["decisions"]] == [
        ("pin", "ann", "we hold it")
    ]
    shown = printed("symbols", "show", "MMM")
    for words in (
        "Mint Mobile",
        "pinned by ann",
        "3 missing",
        "1 known not to exist",
        "it jumped",
        "archived 2024-01-10 by a scan",
    ):
        assert words in shown


def test_show_on_a_day_gives_who_had_the_ticker_then(settings: Settings, reused: tuple[int, int]) -> None:
    old, new = reused
    for day, id_ in (("2024-01-09", old), ("2024-01-16", new), ("2025-03-03", new)):
        [one] = command("symbols", "show", "MMM", "--on", day)["securities"]
        assert one["id"] == id_
    with pytest.raises(NotFound, match="nobody was called MMM on 2024-01-10"):
        command("symbols", "show", "MMM", "--on", "2024-01-10")
    with pytest.raises(NotFound, match="no security is or was called MMN: near it: MMM"):
        command("symbols", "show", "MMN")


def test_find_by_ticker_words_and_what_they_are(settings: Settings, admin: Engine, reused: tuple[int, int]) -> None:
    old, new = reused
    add_symbols(admin, ["MINT", "AAA"])
    write(admin, "INSERT INTO universe_members (universe, symbol_id, reason) VALUES ('etfs', :id, 'rule etfs')", id=new)

    def found(*words: str) -> list[int | str]:
        return [
            one["id"] if one["ticker"] == "MMM" else one["ticker"]
            for one in command("symbols", "find", *words)["symbols"]
        ]

    assert found("mint") == ["MINT", new], "its own ticker before a word in a name"
    assert found("mint", "mobile") == [new]
    assert found("was") == [old]
    assert found("mm") == [new, old]
    assert found("mm", "--archived") == [old]
    assert found("mm", "--active") == [new]
    assert found("--type", "etf") == [new]
    assert found("--exchange", "xnas") == [new]
    assert found("--universe", "etfs") == [new]
    assert found("--without-bars") == ["AAA", "MINT", old]
    assert found("--pinned") == []
    assert found("100%") == [], "no pattern"
    assert command("symbols", "find", "--limit", "1")["found"] == 4
    assert "1 of 4" in printed("symbols", "find", "--limit", "1")
    assert "once WAS" in printed("symbols", "find", "was")
    with pytest.raises(NotFound, match=r"no universe is called etf; there are .*, etfs, "):
        found("--universe", "etf")


SO_ALREADY = {"restore": "active already", "unpin": "not pinned", "pin": "pinned already, by ann"}


def decide(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """A decision as a person makes it: with the exit code and both streams of the real command."""
    return subprocess.run(
        [sys.executable, "-m", "tickstock_automation.cli", "symbols", *words],
        env={**os.environ, "DATABASE_URI": settings.database_url.replace("+psycopg2", "")}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_decision_says_session_author_and_what_it_did(settings: Settings, admin: Engine) -> None:
    ids = add_symbols(admin, ["AAA", "BBB"])
    given = ("--reason", "a test", "--as-of", "2024-02-03", "--by", "ann")
    done = decide(settings, "archive", "AAA", "bbb", *given, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "session": "2024-02-05", "author": "ann", "reason": "a test",
        "decided": [
            {"ticker": ticker, "symbol_id": ids[ticker], "changed": True, "words": "archived, not listed from 2024-02-05 on"}
            for ticker in ("AAA", "BBB")
        ],
    }  # fmt: skip
    for action in ("restore", "unpin", "pin"):
        assert decide(settings, action, "AAA", *given).returncode == 0
        assert printed("symbols", action, "AAA", *given) == f"AAA {SO_ALREADY[action]}"
    restored = command("symbols", "restore", "BBB", "--id", str(ids["BBB"]), *given)["decided"]
    assert [(one["ticker"], one["changed"]) for one in restored] == [("BBB", True)]
    assert command("symbols", "unpin", "AAA", "--reason", "enough")["author"], "the login's name"


def test_a_decision_that_cannot_be_made_says_why_with_its_exit_code(settings: Settings, admin: Engine) -> None:
    add_symbols(admin, ["AAA"])
    unknown = decide(settings, "archive", "AAA", "AAB", "--reason", "gone")
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "no security is or was called AAB: near it: AAA" in " ".join(unknown.stderr.split())
    wrong = decide(settings, "pin", "AAA", "--reason", "x", "--as-of", "2099-01-02")
    assert wrong.returncode == 2
    assert "is in the future" in " ".join(wrong.stderr.split())
    assert decide(settings, "pin", "AAA").returncode == 2, "a reason is asked for"


def add_scans(admin: Engine) -> None:
    for day, outcome, figures, error in (
        (
            "2024-02-05",
            "done",
            {"listed": 60, "new": ["A", "B"], "changed": [], "archived": [], "coverage": 0.9991},
            None,
        ),
        (
            "2024-02-06",
            "held",
            {"listed": 40, "new": 1, "thin": {"all": "40 of 60"}, "odd": [{"a": 1}], "coverage": 0.6},
            None,
        ),
        ("2024-02-07", "failed", {}, "the vendor's listing is empty"),
    ):
        write(
            admin,
            "INSERT INTO scan_runs (session, outcome, lease_until, started_at, finished_at, vendor_calls, figures, error)"
            " VALUES (:day, :outcome, now(), '2024-02-05 12:00:00Z', '2024-02-05 12:00:02.5Z', 7, CAST(:figures AS jsonb), :error)",
            day=day, outcome=outcome, figures=json.dumps(figures), error=error,
        )  # fmt: skip


def test_scan_history_gives_the_newest_first_in_figures(settings: Settings, admin: Engine) -> None:
    assert printed("scan", "history") == "No scan was made yet."
    add_scans(admin)
    failed, held, done = command("scan", "history")["scans"]
    assert done == {
        "session": "2024-02-05", "outcome": "done", "listed": 60, "new": 2, "changed": 0, "archived": 0,
        "coverage": 0.9991, "vendor_calls": 7, "seconds": 2.5, "error": None,
    }  # fmt: skip
    assert (held["new"], held["changed"], failed["listed"], failed["error"]) == (
        1,
        None,
        None,
        "the vendor's listing is empty",
    )
    assert [one["session"] for one in command("scan", "history", "--last", "1")["scans"]] == ["2024-02-07"]
    shown = printed("scan", "history")
    assert "99.91%" in shown
    assert "the vendor's listing is empty" in shown


def test_scan_show_gives_all_that_one_scan_did(settings: Settings, admin: Engine) -> None:
    with pytest.raises(NotFound, match="no scan was made yet"):
        command("scan", "show")
    add_scans(admin)
    write(admin, "INSERT INTO held_listings (ticker, session, listing) VALUES ('FLOOD', '2024-02-06', '{}')")
    write(
        admin,
        "INSERT INTO vendor_differences (session, kind, ticker)"
        " SELECT '2024-02-06', 'bars_without_listing', 'T' || lpad(n::text, 2, '0') FROM generate_series(1, 25) n".replace("::", "\\:\\:"),
    )  # fmt: skip
    write(
        admin,
        "INSERT INTO operational_findings (check_name, severity, session, reported_by, message)"
        " VALUES ('vendor_coverage', 'critical', '2024-02-06', 'ipo_monitor', 'only 60% came')",
    )
    one = command("scan", "show", "2024-02-06")
    assert (one["session"], one["outcome"], one["figures"]["thin"]) == ("2024-02-06", "held", {"all": "40 of 60"})
    assert one["held_listings"] == ["FLOOD"]
    assert len(one["differences"]["bars_without_listing"]) == 25
    assert [(each["check_name"], each["message"]) for each in one["findings"]] == [("vendor_coverage", "only 60% came")]
    shown = printed("scan", "show", "2024-02-06")
    for words in ("thin all 40 of 60", "odd 1 (a 1)", "FLOOD", "T20 and 5 more", "only 60% came"):
        assert words in shown
    assert "T21" not in shown
    assert command("scan", "show")["session"] == "2024-02-07", "the newest"
    with pytest.raises(NotFound, match="no scan was made before session 2024-02-08"):
        command("scan", "show", "2024-02-08")


def test_ipos_are_the_coming_ones_or_all(settings: Settings, admin: Engine) -> None:
    assert "No IPO is known" in printed("scan", "ipos")
    add_symbols(admin, ["OUT"])
    today = datetime.now(UTC).date()
    for ticker, status, day, low in (
        ("RUM", "rumored", None, None), ("SOON", "pending", date(2099, 1, 5), 14.0), ("OFF", "withdrawn", date(2099, 1, 5), None),
        ("PAST", "pending", date(2024, 1, 5), None), ("OUT", "listed", today, None),
    ):  # fmt: skip
        write(
            admin,
            "INSERT INTO ipo_calendar (ticker, issuer, status, listing_date, low_price, high_price, currency, symbol_id)"
            " VALUES (:ticker, :ticker || ' Inc', :status, :day, :low, CAST(:low AS float8) + 2, 'USD',"
            "         (SELECT id FROM symbols WHERE ticker = :ticker))",
            ticker=ticker, status=status, day=day, low=low,
        )  # fmt: skip
    assert [one["ticker"] for one in command("scan", "ipos")["ipos"]] == ["SOON", "RUM"]
    assert [one["ticker"] for one in command("scan", "ipos", "--as-of", "2024-01-05")["ipos"]] == [
        "PAST",
        "SOON",
        "RUM",
    ]
    everything = command("scan", "ipos", "--all")["ipos"]
    assert [one["ticker"] for one in everything] == ["PAST", "OUT", "OFF", "SOON", "RUM"]
    assert [one["listed_as"] for one in everything] == [None, "OUT", None, None, None]
    assert "14.00–16.00 USD" in printed("scan", "ipos")


def test_scan_without_a_subcommand_is_still_the_scan_itself(settings: Settings) -> None:
    with pytest.raises(BrokerUnavailable, match="no worker answers"):
        command("scan", "--as-of", "2024-02-05")
    with pytest.raises(UsedWrongly, match="options of `scan history` stand behind its name"):
        printed("scan", "--json", "history")
