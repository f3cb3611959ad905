"""`tickstock universe`: list, show, check, apply, add, remove and forget, as a person types them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from tests.builders import add_symbols
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.rule_file import default_rules

pytestmark = [pytest.mark.integration, pytest.mark.database]

RULES = """\
universes:
  stocks: {description: Stocks, rule: {type: [CS]}}
  mine: {description: What I watch}
equity_types: []
"""


def run(*words: str) -> Result:
    done = CliRunner().invoke(app, ["universe", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout.splitlines()[-1])  # before it, what only `main` sends to stderr


def typed(uri: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tickstock_automation.cli", "universe", *words],
        env={**os.environ, "DATABASE_URI": uri}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _market(settings: Settings, admin: Engine) -> None:
    add_symbols(admin, ["AAA", "BBB"])
    with admin.connect() as connection:
        connection.execute(
            text("INSERT INTO scan_runs (session, outcome, lease_until) VALUES ('2025-03-04', 'done', now())")
        )


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return str(path)


def test_apply_without_a_file_fills_the_shipped_universes_and_show_says_why() -> None:
    would = told("apply", "--dry-run")
    assert (would["dry_run"], would["universes"]) == (True, {"stocks": {"joined": ["AAA", "BBB"], "left": []}})
    assert all(one["members"] == 0 for one in told("list")["universes"])
    assert told("apply") == would | {"dry_run": False}
    assert told("apply")["symbols"] == 0
    listed = {one["name"]: one for one in told("list")["universes"]}
    assert listed.keys() == default_rules().descriptions.keys()
    assert (listed["stocks"]["members"], listed["stocks"]["rule"]) == (2, {"type": ["CS", "ADRC"]})
    [aaa, _] = told("show", "stocks")["members"]
    assert (aaa["ticker"], aaa["reason"]) == ("AAA", "rule stocks of 2025-03-04")


def test_a_file_is_applied_after_a_dry_run_that_said_the_same(rules: str) -> None:
    run("apply")
    would = told("apply", rules, "--dry-run")
    assert (would["rules"]["added"], would["rules"]["changed"]) == (["mine"], ["stocks"])
    assert "etfs" in would["rules"]["removed"]
    assert told("apply", rules)["rules"] == would["rules"]
    assert [one["name"] for one in told("list")["universes"]] == ["mine", "stocks"]


def test_symbols_are_put_in_taken_out_and_given_back_by_hand() -> None:
    run("apply")
    assert told("remove", "stocks", "AAA", "--reason", "a shell", "--by", "ada") == {
        "universe": "stocks", "joined": [], "left": ["AAA"],
    }  # fmt: skip
    assert told("add", "reits", "AAA", "BBB", "--reason", "they became one")["joined"] == ["AAA", "BBB"]
    assert told("apply")["symbols"] == 0
    shown = told("show", "stocks")
    assert [one["ticker"] for one in shown["members"]] == ["BBB"]
    [choice] = shown["choices"]
    assert (choice["ticker"], choice["included"], choice["author"], choice["reason"]) == (
        "AAA",
        False,
        "ada",
        "a shell",
    )
    assert told("forget", "stocks", "AAA")["joined"] == ["AAA"]
    assert told("show", "stocks")["choices"] == []
    with pytest.raises(NotFound, match="no active symbol is called WHO"):
        run("add", "reits", "WHO", "--reason", "x")
    with pytest.raises(NotFound, match="there is no universe none"):
        run("show", "none")


def test_a_file_with_a_fault_is_refused_with_its_line_and_nothing_is_changed(rules: str) -> None:
    Path(rules).write_text(
        RULES.replace("type: [CS]", "tpye: [CS]").replace("[]", "[{equity_type: NO, rule: {type: [X]}}]")
    )
    with pytest.raises(UsedWrongly) as refused:
        run("apply", rules)
    assert f"{rules}:2: universes.stocks.rule.tpye: 'tpye' is no word" in str(refused.value)
    assert f"{rules}:4: equity_types.0.equity_type: NO is no equity type; there are DEV_TESTING, ETF" in str(
        refused.value
    )
    assert "mine" not in {one["name"] for one in told("list")["universes"]}


def test_check_needs_no_database_and_its_exit_code_tells(rules: str, tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    good = typed(nowhere, "check", rules)
    assert (good.returncode, good.stderr) == (0, "")
    assert "2 universes, 0 rules of equity types, no fault" in " ".join(good.stdout.split())
    bad = tmp_path / "b.yaml"
    bad.write_text("universes: {}\nequity_types: []\nwhat: 1")
    refused = typed(nowhere, "check", str(bad))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert ":1: universes: wants a mapping" in "".join(refused.stderr.split("\n"))
    assert typed(nowhere, "check", str(tmp_path / "none.yaml")).returncode == 2


def test_a_rule_that_went_wrong_in_the_table_is_told_apart_from_the_answer(settings: Settings, admin: Engine) -> None:
    with admin.connect() as connection:
        connection.execute(text("UPDATE universes SET rule = jsonb_build_object('tpye', 1) WHERE name = 'reits'"))
    done = typed(settings.database_url, "add", "nyse", "AAA", "--reason", "x", "--by", "ada", "--json")
    assert json.loads(done.stdout) == {"universe": "nyse", "joined": ["AAA"], "left": []}
    assert "'tpye' is no word of a rule" in done.stderr
    assert "never: 'tpye' is no word" in run("list").stdout


def test_people_get_tables(rules: str) -> None:
    assert "2 symbols would change" in run("apply", "--dry-run").stdout
    assert "2 (AAA, BBB)" in run("apply").stdout
    assert "removed: bond_etfs" in run("apply", rules).stdout
    run("add", "mine", "AAA", "--reason", "look", "--by", "ada")
    assert "by hand only" in run("list").stdout
    shown = run("show", "mine").stdout
    assert "What I watch" in shown
    assert "ada: look" in shown
    assert (
        "0 in, 1 (AAA) out; 1 as before" in run("remove", "mine", "AAA", "BBB", "--reason", "no", "--by", "ada").stdout
    )
