"""Settings come from one place, are checked all at once, and keep their secrets."""

from pathlib import Path

import pytest

from tickstock_automation.errors import SettingsError
from tickstock_automation.settings import load_settings


def test_all_invalid_settings_are_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "0")
    monkeypatch.setenv("TICKSTOCK_LEASE_S", "soon")
    monkeypatch.setenv("TICKSTOCK_SERVICES", "ipo_monitor,nobody")
    monkeypatch.setenv("DATABASE_URI", "mysql://user:hunter2@host/x")
    with pytest.raises(SettingsError) as error:
        load_settings()
    for name in ("REDIS_PORT", "TICKSTOCK_LEASE_S", "TICKSTOCK_SERVICES", "DATABASE_URI"):
        assert name in str(error.value)
    assert "hunter2" not in str(error.value)


def test_secrets_print_as_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URI", "postgres://user:hunter2@host/x")
    monkeypatch.setenv("POLYGON_API_KEY", "sesame-open")
    found = load_settings()
    assert "hunter2" not in repr(found)
    assert "sesame" not in repr(found)
    assert set(found.secrets) == {"hunter2", "sesame-open"}
    assert found.database_url == "postgresql+psycopg2://user:hunter2@host/x"


def test_the_environment_stands_above_dotenv_and_that_above_the_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(tmp_path))
    (tmp_path / "stack.env").write_text("REDIS_HOST=stack\nREDIS_PORT=1\nREDIS_DB=1\n")
    (tmp_path / ".env").write_text("REDIS_HOST=dotenv\nREDIS_PORT=2\n")
    monkeypatch.setenv("REDIS_HOST", "environment")
    found = load_settings()
    assert (found.redis_host, found.redis_port, found.redis_db) == ("environment", 2, 1)
    assert load_settings(stack=False).redis_db == 0


def test_a_database_that_is_not_set_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match="tickstock up"):
        _ = load_settings(stack=False).database_url


@pytest.mark.parametrize(
    "address", ["postgresql://u:p@ss:w0rd@db/x", "postgresql://u:sesame@h:notaport/x", "postgresql://u:p@ss@db/x"]
)
def test_an_address_that_cannot_be_read_shows_nothing_of_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URI", address)
    with pytest.raises(SettingsError, match="write @ as %40") as error:
        load_settings()
    assert not any(part in str(error.value) for part in ("w0rd", "ss@", "sesame"))
