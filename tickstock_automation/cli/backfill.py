"""`tickstock backfill`: what bars would cost, getting them, and the jobs that do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

import typer

from tickstock_automation.cli import backfill_view as view
from tickstock_automation.cli.author import By, author
from tickstock_automation.cli.output import AsJson, print_json, stderr, stdout
from tickstock_automation.errors import BrokerUnavailable, NotFound, UsedWrongly
from tickstock_automation.settings import settings

app = typer.Typer(help="Loads bars with the fewest vendor calls, as jobs.", invoke_without_command=True)

Job = Annotated[int, typer.Argument(help="The job's number, from `tickstock backfill status`.")]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=1, help="Pause after so many vendor calls for bars.")]


@app.callback()
def backfill(
    context: typer.Context,
    symbols: Annotated[
        str | None, typer.Option(help="Tickers, separated by commas; by default all active ones.")
    ] = None,
    universe: Annotated[str | None, typer.Option(help="The symbols of a universe.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="First day; by default 90 days back (TICKSTOCK_BACKFILL_DAYS)."
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; by default the last session that closed."),
    ] = None,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="Only what the database lacks; otherwise what it has is read again and compared."
        ),
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would cost, and do nothing.")] = False,
    max_calls: MaxCalls = None,
    detach: Annotated[bool, typer.Option("--detach", help="Give the terminal back; the workers go on.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Loads bars of symbols from one day to another: newest first, as a job that survives everything but `cancel`."""
    if context.invoked_subcommand is not None:
        return
    if symbols and universe:
        raise UsedWrongly("--symbols and --universe do not go together: give one of them")
    from tickstock_automation.bars.drafts import draft, order
    from tickstock_automation.bars.wanted import earliest_session
    from tickstock_automation.db.engine import transaction
    from tickstock_automation.db.roles import Role
    from tickstock_automation.sessions import calendar

    begin, end, as_of = _span(first, last)
    with transaction(Role.APP) as session:
        ids = _chosen(session, symbols, universe)
        earliest = earliest_session(as_of, settings().polygon_history_years)
        drafted = draft(session, ids, begin, end, earliest, calendar(), reread=not missing)
    told = view.draft_figures(drafted, settings().polygon_calls_per_minute, max_calls, as_of)
    if plan or not drafted.calls:
        print_json(told | {"job_id": None}) if as_json else stdout.print(view.draft_table(drafted, told, earliest))
        return
    with transaction(Role.IPO_MONITOR) as session:
        job_id = order(session, drafted, as_of, author(by), max_calls)
    stderr.print(f"backfill job {job_id}: {told['bars_wanted']:,} bars, {told['calls']:,} vendor calls")
    if not _anyone_works(job_id):
        raise typer.Exit(1)
    if detach:
        print_json(told | {"job_id": job_id}) if as_json else None
        return
    _follow(job_id, as_json=as_json, more=told)


@app.command()
def status(
    job: Annotated[int | None, typer.Argument(help="One job; by default the last ones.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it ends.")] = False,
    last: Annotated[int, typer.Option(min=1, help="How many of the last jobs.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Says how far jobs are: percent, calls left, when they will be done."""
    from tickstock_automation.bars.control import job_status, newest_jobs
    from tickstock_automation.db.engine import transaction
    from tickstock_automation.db.roles import Role

    per_minute = settings().polygon_calls_per_minute
    if follow and job is None:
        raise UsedWrongly("--follow follows one job: name it")
    if job is not None and follow:
        _follow(job, as_json=as_json)
        return
    with transaction(Role.APP) as session:
        found = [job_status(session, job, per_minute)] if job else newest_jobs(session, last, per_minute)
    if as_json:
        told = [asdict(one) for one in found]
        print_json(told[0] if job else {"jobs": told})
    elif job:
        stdout.print(view.one_job(found[0]))
    else:
        stdout.print(view.jobs_table(found) if found else "No backfill was ever asked for.")


@app.command()
def pause(job: Job, by: By = None, as_json: AsJson = False) -> None:
    """No call is made for the job until it is resumed."""
    _decide(job, as_json, lambda control, *about: control.pause(*about, author(by)))


@app.command()
def resume(job: Job, max_calls: MaxCalls = None, as_json: AsJson = False) -> None:
    """A paused job goes on where it stopped; a failed one tries what failed once more."""
    _decide(job, as_json, lambda control, *about: control.resume(*about, max_calls))


@app.command()
def cancel(job: Job, by: By = None, as_json: AsJson = False) -> None:
    """Ends a job; the bars it brought stay."""
    _decide(job, as_json, lambda control, *about: control.cancel(*about, author(by)))


def _decide(job: int, as_json: bool, decide: Callable[..., None]) -> None:
    from tickstock_automation.bars import control
    from tickstock_automation.db.engine import transaction
    from tickstock_automation.db.roles import Role
    from tickstock_automation.sessions import calendar

    with transaction(Role.IPO_MONITOR) as session:
        decide(control, session, calendar(), job)
        told = control.job_status(session, job, settings().polygon_calls_per_minute)
    print_json(asdict(told)) if as_json else stdout.print(view.one_job(told))


def _span(first: datetime | None, last: datetime | None) -> tuple[date, date, date]:
    """The days asked for, and the last session that closed."""
    from datetime import UTC, timedelta

    from tickstock_automation.sessions import calendar

    closed = calendar().last_closed(datetime.now(UTC))
    end = last.date() if last else closed
    if end > closed:
        raise UsedWrongly(f"--to {end} is in the future: the last session that closed is {closed}")
    begin = first.date() if first else end - timedelta(days=settings().backfill_days)
    if begin > end:
        raise UsedWrongly(f"--from {begin} is after --to {end}")
    if not calendar().between(begin, end):
        raise UsedWrongly(f"there is no session from {begin} to {end}")
    return begin, end, closed


def _chosen(session: Any, symbols: str | None, universe: str | None) -> Sequence[int]:
    """Ids of the symbols meant: active ones, and of named tickers without one who had them last."""
    from sqlalchemy import select

    from tickstock_automation.symbols.lookup import spelled
    from tickstock_automation.symbols.models import Symbol, Universe, UniverseMember

    if symbols is not None:
        tickers = spelled(session, [part.strip() for part in symbols.split(",") if part.strip()])
        rows = session.execute(
            select(Symbol.ticker, Symbol.id).where(Symbol.ticker.in_(tickers)).order_by(Symbol.active, Symbol.id)
        ).all()
        ids = dict(tuple(row) for row in rows)  # the active one comes last
        lacking = [ticker for ticker in tickers if ticker not in ids]
        if lacking:
            raise UsedWrongly(
                f"{', '.join(lacking)} is a former ticker: `tickstock symbols show {lacking[0]}` says whose"
            )
        return list(ids.values())
    if universe is not None:
        if session.get(Universe, universe) is None:
            raise NotFound(f"there is no universe {universe}: `tickstock universe list`")
        members = select(UniverseMember.symbol_id).where(UniverseMember.universe == universe)
        return list(session.scalars(members))
    return list(session.scalars(select(Symbol.id).where(Symbol.active)))


def _anyone_works(job_id: int) -> bool:
    """Whether a worker answers; where none does the job waits for one, and that is said."""
    from tickstock_automation.celery import make_app
    from tickstock_automation.cli.workers import await_workers

    try:
        await_workers(make_app(settings()))
    except BrokerUnavailable as away:
        stderr.print(f"{away}\nbackfill job {job_id} waits for it: `tickstock backfill status {job_id} --follow`")
        return False
    return True


def _follow(job_id: int, *, as_json: bool, more: dict[str, Any] | None = None) -> None:
    """Shows a job's progress until it ends or is paused; exit code 1 where it failed."""
    with suppress(KeyboardInterrupt):
        told = view.follow(job_id, settings())
        if as_json:
            print_json((more or {}) | asdict(told))
        else:
            stdout.print(view.one_job(told))
        if told.state == "failed":
            raise typer.Exit(1)
        return
    stderr.print(f"\nthe workers go on: `tickstock backfill status {job_id}`, or `cancel {job_id}`")
    raise typer.Exit(130)
