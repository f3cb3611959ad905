"""`tickstock quality report`: a session's summary on the terminal, as a page, or as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tickstock_automation.cli import quality_report_view
from tickstock_automation.cli.output import AsJson, print_json, stderr
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import UsedWrongly


def report(
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Session; by default the newest summed up.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as one self-contained page.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a session's sweep found, what was repaired, how complete and fresh the bars are, beside the days before."""
    from tickstock_automation.quality.report import gather
    from tickstock_automation.quality.report_page import page

    with transaction(Role.APP) as session:
        found = gather(session, day.date() if day else None)
    if html is not None:
        try:
            html.write_text(page(found), encoding="utf-8")
        except OSError as error:
            raise UsedWrongly(f"the page cannot be written to {html}: {error.strerror}") from None
    if as_json:
        print_json(asdict(found))
    elif html is None:
        quality_report_view.show(found)
    if html is not None:
        stderr.print(f"written: {html}", highlight=False, markup=False, soft_wrap=True)
