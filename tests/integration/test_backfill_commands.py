"""`tickstock backfill`: planned, ordered, looked at, paused, resumed and cancelled, as a person types it."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.backfilling import LAST, Desk
from tests.services import DAYS
from tickstock_automation.cli.backfill_view import duration, size
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.settings import use_settings

pytestmark = [pytest.mark.integration, pytest.mark.database, pytest.mark.redis]

SPAN = ("--from", str(DAYS[0]), "--to", str(LAST))


def run(*words: str, code: int = 0, columns: int = 80) -> Any:
    done = CliRunner().invoke(app, ["backfill", *words], catch_exceptions=False, env={"COLUMNS": str(columns)})
    assert done.exit_code == code, done.output
    return done


def told(*words: str, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code).stdout.splitlines()[-1])  # before it, what a plan logs here


def ordered(desk: Desk, *words: str) -> int:
    """Asks for bars where no worker answers: the job waits for one, and that is said."""
    done = run(*SPAN, *words, code=1)
    number = int(done.stderr.split("backfill job ")[1].split(":")[0])
    assert f"backfill job {number} waits for it" in " ".join(done.stderr.split())
    assert desk.job(number).state == "planned"
    return number


def test_a_plan_says_what_it_would_cost_and_does_nothing(desk: Desk) -> None:
    plan = told(*SPAN, "--plan")
    assert (plan["symbols"], plan["bars_wanted"], plan["calls"], plan["grouped_calls"], plan["range_calls"]) == (40, 1240, 31, 31, 0)  # fmt: skip
    assert (plan["job_id"], plan["minutes"], plan["disk_bytes"], plan["splits_calls"]) == (None, 0.0, 1240 * 173, 1)
    few = told(*SPAN, "--symbols", "t01,T02", "--plan", "--max-calls", "1")
    assert (few["calls"], few["calls_now"], few["range_calls"]) == (2, 1, 2)
    assert desk.system.rows("SELECT count(*) FROM bar_requests WHERE status = 'waiting'") == [(0,)]
    said = " ".join(run(*SPAN, "--plan").stdout.split())
    assert "vendor calls 31 whole market 31, one for each session from 2024-01-02 to 2024-02-14" in said


def test_a_plan_names_minutes_at_the_plans_rate_and_what_its_history_does_not_reach(desk: Desk) -> None:
    use_settings(desk.system.settings.model_copy(update={"polygon_calls_per_minute": 5, "polygon_history_years": 2.0}))
    plan = told(*SPAN, "--plan")
    assert (plan["calls"], plan["bars_wanted"], plan["outside_history"]) == (0, 0, 1240), "it is years ago by now"
    assert "POLYGON_HISTORY_YEARS" in run(*SPAN, "--plan").stdout
    use_settings(desk.system.settings.model_copy(update={"polygon_calls_per_minute": 5}))
    assert told(*SPAN, "--plan")["minutes"] == 6.2
    assert "6 min 12 s at the plan's rate" in run(*SPAN, "--plan").stdout


def test_only_what_lacks_is_planned_where_that_is_asked_for(desk: Desk) -> None:
    desk.order("T01")
    desk.work()
    assert told(*SPAN, "--symbols", "T01", "--plan")["bars_wanted"] == 31, "what is stored is read again and compared"
    lacking = told(*SPAN, "--symbols", "T01", "--missing")
    assert (lacking["bars_wanted"], lacking["known"], lacking["job_id"]) == (0, 31, None)
    assert "Nothing to ask for." in run(*SPAN, "--symbols", "T01", "--missing").stdout


def test_a_universe_is_a_way_to_name_symbols(desk: Desk) -> None:
    desk.system.rows("INSERT INTO universes (name, description) VALUES ('mine', 'x') RETURNING 1")
    desk.system.rows("INSERT INTO universe_members (universe, symbol_id, reason) SELECT 'mine', id, 'x' FROM symbols WHERE ticker < 'T03' RETURNING 1")  # fmt: skip
    assert told(*SPAN, "--universe", "mine", "--plan")["symbols"] == 3
    with pytest.raises(NotFound, match="no universe theirs"):
        run(*SPAN, "--universe", "theirs", "--plan")


def test_a_job_is_ordered_paused_resumed_and_looked_at(desk: Desk) -> None:
    number = ordered(desk, "--max-calls", "5", "--by", "ann")
    job = str(number)
    assert desk.work() == 5 + 1, "and one for the splits of these years"
    status = told("status", job)
    assert (status["state"], status["why"], status["author"], status["calls_left"]) == ("paused", "its 5 calls are spent", "ann", 26)  # fmt: skip
    assert told("resume", job, "--max-calls", "3")["state"] == "running"
    desk.work()
    assert told("resume", job)["max_calls"] is None
    assert told("pause", job, "--by", "bob")["why"] == "paused by bob"
    assert desk.work() == 0
    run("resume", job)
    assert desk.work() == 23
    done = run("status", job, "--follow")
    assert "1,240 of 1,240 wanted" in done.stdout
    assert told("status")["jobs"][0]["state"] == "done"


def test_a_job_is_cancelled_and_what_cannot_be_done_is_said(desk: Desk) -> None:
    number = str(ordered(desk, "--symbols", "T01"))
    assert told("cancel", number, "--by", "ann")["why"] == "cancelled by ann"
    for words in (("pause", number), ("cancel", number), ("resume", number)):
        with pytest.raises(UsedWrongly, match=f"backfill job {number}"):
            run(*words)
    with pytest.raises(NotFound, match="no backfill job 99"):
        run("status", "99")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--symbols", "T01", "--universe", "x"), UsedWrongly, "do not go together"),
        (("--symbols", "NOPE", "--plan"), NotFound, "NOPE"),
        (("--from", "2024-02-01", "--to", "2024-01-02", "--plan"), UsedWrongly, "is after"),
        (("--from", "2024-01-06", "--to", "2024-01-07", "--plan"), UsedWrongly, "no session"),
        (("--to", "2999-01-02", "--plan"), UsedWrongly, "in the future"),
        (("status", "--follow"), UsedWrongly, "follows one job"),
    ],
)
def test_what_is_typed_wrongly_is_said(desk: Desk, words: tuple[str, ...], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        run(*words)


@pytest.mark.parametrize("columns", [80, 100])
def test_the_screens_fit_and_cut_nothing_off(desk: Desk, columns: int) -> None:
    number = ordered(desk, "--max-calls", "2")
    desk.work()
    for words in ((*SPAN, "--plan"), ("status",), ("status", str(number))):
        lines = run(*words, columns=columns).stdout.splitlines()
        assert max(map(len, lines)) <= columns, words
        assert not any("…" in line for line in lines), words


@pytest.mark.parametrize(("seconds", "words"), [(None, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7320, "2 h 2 min")])
def test_a_time_is_told_in_the_two_units_that_matter(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(999, "999 bytes"), (12_300, "12 KB"), (157_000_000, "157 MB"), (2.14e9, "2.1 GB")])  # fmt: skip
def test_bytes_are_told_in_the_largest_unit(count: float, words: str) -> None:
    assert size(count) == words
