"""No secret stands in any log."""

import json
import logging

import pytest
import structlog
from pydantic import SecretStr

from tickstock_automation.ops.logs import HIDDEN, configure_logs
from tickstock_automation.settings import load_settings


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_hidden_in_our_lines_and_the_libraries(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    kept = list(logging.getLogger().handlers)
    found = load_settings(stack=False, POLYGON_API_KEY=SecretStr("sesame-open"), log_format=form)
    try:
        configure_logs(found)
        structlog.get_logger("ours").warning(
            "calling", url="https://x/?apiKey=sesame-open", nested={"password": "hunter2"}
        )
        logging.getLogger("library").error("key %s refused", "sesame-open")
        try:
            raise ValueError("sesame-open is wrong")
        except ValueError:
            structlog.get_logger("ours").exception("broken")
    finally:
        logging.getLogger().handlers[:] = kept
        structlog.reset_defaults()
    said = capsys.readouterr().err
    assert "sesame" not in said
    assert "hunter2" not in said
    assert said.count(HIDDEN) >= 4
    if form == "json":
        assert json.loads(said.splitlines()[0])["event"] == "calling"
