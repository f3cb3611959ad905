"""The `tickstock` command: puts the groups together, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import logging
import sys

import redis

try:
    import structlog
    import typer
except ModuleNotFoundError:  # the base install is the consumer library alone
    sys.exit("the command line is in an extra: pip install 'tickstock-automation[server,local]'")

from tickstock_automation import __version__
from tickstock_automation.cli import (
    backfill,
    bars,
    bench,
    doctor,
    events,
    metrics,
    quality,
    queue,
    run,
    scan,
    stack,
    symbols,
    universe,
    vendor,
)
from tickstock_automation.cli.output import complain
from tickstock_automation.errors import NotFound, TickstockError, UsedWrongly

app = typer.Typer(
    name="tickstock",
    help="Keeps a stock-market database complete, correct and current, and tells other programs what changed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("up")(stack.up)
app.command("status")(stack.status)
app.command("down")(stack.down)
app.add_typer(scan.app, name="scan")
app.command("eod")(run.eod)
app.add_typer(backfill.app, name="backfill")
app.add_typer(quality.app, name="quality")
app.add_typer(bars.app, name="bars")
app.add_typer(queue.app, name="queue")
app.add_typer(symbols.app, name="symbols")
app.add_typer(universe.app, name="universe")
app.add_typer(events.app, name="events")
app.add_typer(vendor.app, name="vendor")
app.command("relay")(run.relay)
app.add_typer(bench.app, name="bench")
app.command("doctor")(doctor.doctor)
app.command("metrics")(metrics.metrics)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tickstock_automation {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say the version."),
) -> None:
    """Shared options."""


def main() -> None:
    """Exit codes: 0 good, 1 failed, 2 used wrongly, 3 not found, 6 findings where a gate was asked for, 130 interrupted."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )  # parts configure their own
    try:
        app()
    except UsedWrongly as error:
        complain(str(error))
        sys.exit(2)
    except NotFound as error:
        complain(str(error))
        sys.exit(3)
    except TickstockError as error:
        complain(str(error))
        sys.exit(1)
    except redis.RedisError as error:
        complain(f"Redis: {error}: check REDIS_HOST, REDIS_PORT, REDIS_USERNAME and REDIS_PASSWORD; `tickstock doctor`")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output left
        sys.stderr.close()
        sys.exit(0)
