"""Bad input: exit code 2 or 1, one clear sentence and what to do, no traceback, nothing stored, no process left."""

import socket
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from tests.builders import Played
from tests.conftest import Servers
from tests.e2e.conftest import START, Tickstock
from tickstock_automation.settings import Settings

pytestmark = pytest.mark.integration


def refused(tickstock: Tickstock, code: int, words: str, *arguments: str, **environment: str) -> None:
    done = tickstock(*arguments, **environment)
    said = " ".join(done.stderr.split())
    assert done.returncode == code, said
    assert words in said, said
    assert "Traceback" not in said
    assert done.stdout == ""
    assert tickstock.left() == []


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("is not a folder", ("--data", "/nowhere/at/all")),
        ("neither bars.csv nor bars.csv.gz", ("--data", "/etc")),
        ("outside the data, which reach from 2024-01-02 to 2024-03-08", ("--data", "FOLDER", "--as-of", "2023-12-01")),
        ("outside the data", ("--data", "FOLDER", "--as-of", "2024-03-11")),
        ("only 3 sessions", ("--data", "FOLDER", "--as-of", "2024-03-06", "--days", "9")),
        ("is in the future", ("--data", "FOLDER", "--as-of", "2999-01-04")),
        ("is no date", ("--data", "FOLDER", "--as-of", "yesterday")),
        ("--only takes scan, details, eod, quality", ("--data", "FOLDER", "--only", "scan,tea")),
        ("two different markets", ("--data", "FOLDER", "--generate")),
        ("no fault 'htm': did you mean html?", ("--data", "FOLDER", "--fault", "htm@2024-02-01")),
        ("not of the form NAME@YYYY-MM-DD", ("--data", "FOLDER", "--fault", "html")),
        ("html@2025-02-03 is outside the data", ("--data", "FOLDER", "--fault", "html@2025-02-03")),
    ],
)
def test_impossible_wishes(tickstock: Tickstock, folder: Path, words: str, arguments: tuple[str, ...]) -> None:
    given = [str(folder) if one == "FOLDER" else one for one in arguments]
    refused(tickstock, 2, words, "up", "--once", "--json", *given)


def test_a_fault_that_nobody_would_play(tickstock: Tickstock) -> None:
    words = "--fault is played by the replay, and the vendor itself is used"
    refused(tickstock, 2, words, "up", "--once", "--fault", f"html@{START}", POLYGON_API_KEY="a-real-one")
    assert list(tickstock.state.iterdir()) == [], "the state directory is nobody's yet"


def test_wrong_columns(tickstock: Tickstock, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bars.csv").write_text("ticker,day,price\nA,2024-01-02,1\n")
    refused(tickstock, 2, "lacks the columns close, date, high", "up", "--once", "--data", str(tmp_path / "bad"))


def test_all_invalid_settings_at_once(tickstock: Tickstock, folder: Path) -> None:
    done = tickstock(
        "up", "--once", "--data", str(folder), REDIS_PORT="x", TICKSTOCK_BACKFILL_DAYS="0", TICKSTOCK_LOG_FORMAT="xml"
    )
    assert done.returncode == 2
    for name in ("REDIS_PORT", "TICKSTOCK_BACKFILL_DAYS", "TICKSTOCK_LOG_FORMAT"):
        assert name in done.stderr


@pytest.mark.parametrize("option", ["--postgres-port", "--valkey-port", "--vendor-port", "--flower-port"])
def test_a_port_that_is_taken_is_named(tickstock: Tickstock, folder: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(tickstock, 2, f"port {port}", "up", "--once", "--data", str(folder), option, port)


def test_a_database_that_refuses(tickstock: Tickstock, folder: Path, running: Servers) -> None:
    wrong = running.database_uri("postgres").replace("test-password", "wrong-password")
    refused(tickstock, 1, "password authentication failed", "up", "--once", "--data", str(folder), DATABASE_URI=wrong)
    nobody = "postgresql://u:p@127.0.0.1:1/x"
    refused(tickstock, 1, "check DATABASE_URI", "up", "--once", "--data", str(folder), DATABASE_URI=nobody)


def test_a_schema_newer_than_the_code(tickstock: Tickstock, folder: Path, settings: Settings) -> None:
    assert settings.database_uri is not None
    uri = settings.database_uri.get_secret_value()
    with psycopg2.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    refused(tickstock, 1, "(9999) is newer than this code", "up", "--once", "--data", str(folder), DATABASE_URI=uri)


def test_a_redis_that_is_away(tickstock: Tickstock, folder: Path) -> None:
    refused(
        tickstock, 1, "check REDIS_HOST", "up", "--once", "--data", str(folder), REDIS_HOST="127.0.0.1", REDIS_PORT="1"
    )


def test_a_wrong_api_key(tickstock: Tickstock, play: Callable[[Path], Played], folder: Path) -> None:
    played = play(folder)
    refused(
        tickstock, 1, "check POLYGON_API_KEY", "up", "--once", "--json", "--as-of", START.isoformat(),
        POLYGON_API_KEY="not-the-key", POLYGON_BASE_URL=played.base,
    )  # fmt: skip


def test_commands_without_a_stack_say_what_to_start(tickstock: Tickstock) -> None:
    refused(tickstock, 2, "run `tickstock up`", "scan")
    assert tickstock("status").returncode == 3
    assert tickstock("down").returncode == 3
    done = tickstock("doctor")
    assert done.returncode == 1
    assert "run `tickstock up`" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_replay_on_a_taken_port(tickstock: Tickstock, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(
            tickstock,
            2,
            f"port {port} is in use",
            "vendor",
            "serve",
            "--data",
            str(folder),
            "--port",
            port,
            POLYGON_API_KEY="x",
        )
