"""`tickstock vendor`: the replay of the vendor's API."""

from __future__ import annotations

from pathlib import Path

import typer

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.local.ports import HOST, is_free
from tickstock_automation.settings import settings

app = typer.Typer(help="The vendor's API, played from a folder of bars.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `serve` a subcommand."""


@app.command()
def serve(
    data: Path = typer.Option(..., help="Folder with bars.csv[.gz], and tickers.csv and splits.csv if there are any."),
    port: int = typer.Option(58080, min=1, max=65535, help="Port on 127.0.0.1."),
) -> None:
    """Serves the vendor's REST API over a folder of bars, with the key that POLYGON_API_KEY holds."""
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
    except FolderError as error:
        raise UsedWrongly(str(error)) from None
    serve_market(
        market,
        key.get_secret_value(),
        HOST,
        port,
        lambda bound: print(f"serving {data} on http://{HOST}:{bound}", flush=True),
    )
