"""`tickstock quality`: the data quality monitor's commands, each group of them in a file of its own."""

from __future__ import annotations

import typer

from tickstock_automation.cli import quality_alerts, quality_check, quality_repairs, quality_report
from tickstock_automation.cli.output import AsJson
from tickstock_automation.cli.run import AsOf, driver_for, report

app = typer.Typer(help="The data quality monitor.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The data quality monitor."""


@app.command()
def sweep(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Runs all checks over the last sessions up to one that has closed."""
    driver, day = driver_for(as_of, coming=False)
    driver.run_one(day, ("quality",))
    report(as_json, {"session": str(day), "quality": driver.swept(day)})


app.command("check")(quality_check.check)
quality_alerts.register(app)
quality_repairs.register(app)
app.command("report")(quality_report.report)
