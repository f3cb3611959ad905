"""`tickstock vendor`: the replay of the vendor's API."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.table import Table

from tickstock_automation.cli.output import AsJson, print_json, stdout
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.local.ports import HOST, is_free
from tickstock_automation.settings import settings

app = typer.Typer(help="The vendor's API, played from a folder of bars.", no_args_is_help=True)


@app.command()
def serve(
    data: Path = typer.Option(
        ..., help="Folder with bars.csv[.gz], and tickers.csv, splits.csv, dividends.csv and ipos.csv if there are any."
    ),
    port: int = typer.Option(58080, min=1, max=65535, help="Port on 127.0.0.1."),
    fault: list[str] | None = typer.Option(
        None,
        metavar="NAME[:ANSWER]@DATE[*N]",
        help="A fault of the vendor's on that market day; may be given more than once.",
    ),
) -> None:
    """Serves the vendor's REST API over a folder of bars, with the key that POLYGON_API_KEY holds."""
    from tickstock_automation.replay.faults.switch import FaultError
    from tickstock_automation.replay.folder import FolderError, read_folder
    from tickstock_automation.replay.market import Market
    from tickstock_automation.replay.server import serve as serve_market

    key = settings().polygon_api_key
    if key is None:
        raise UsedWrongly("POLYGON_API_KEY is not set: the replay asks its callers for that key, any word will do")
    if not is_free(port):
        raise UsedWrongly(f"port {port} is in use: give another with --port")
    try:
        market = Market(read_folder(data.expanduser()))
        market.faults.set(fault or ())
    except (FolderError, FaultError) as error:
        raise UsedWrongly(str(error)) from None
    serve_market(
        market,
        key.get_secret_value(),
        HOST,
        port,
        lambda bound: print(f"serving {data} on http://{HOST}:{bound}", flush=True),
    )


@app.command()
def faults(as_json: AsJson = False) -> None:
    """Lists the faults that `--fault` can switch on for a market day."""
    from tickstock_automation.replay.faults.every import FAULTS

    if as_json:
        print_json(
            {
                "faults": [
                    {"name": one.name, "what": one.what, "answers": sorted(one.answers), "requests": one.requests,
                     "lasting": one.lasting, "source": one.source}
                    for one in FAULTS.values()
                ]
            }
        )  # fmt: skip
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", style="bold", no_wrap=True)
    table.add_column("what comes", overflow="fold")
    table.add_column("where seen", style="dim", overflow="fold")
    for one in FAULTS.values():
        table.add_row(one.name, one.what, one.source)
    stdout.print(table)
