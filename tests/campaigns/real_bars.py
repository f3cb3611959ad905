"""All of a folder of real bars backfilled through the replay, held against the folder row by row, as traded and adjusted.

`make real-bars FAULTS="--data ../shared/data/sp500"`. Exit code 1 where anything differs or a call was too many.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
from sqlalchemy import text

from tickstock_automation.bars.adjusted import adjusted_frame
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.drafts import draft, order
from tickstock_automation.bench.load import set_market_day
from tickstock_automation.bench.market import KEY
from tickstock_automation.bench.rig import Rig, running_rig
from tickstock_automation.db.copy import read_frame
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.replay.folder import Folder, read_folder
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import load_settings, use_settings
from tickstock_automation.vendor.polygon import PolygonVendor

PRICES = ("open", "high", "low", "close")
ROUNDING = 0.5001e-4  # the replay gives four decimals of a price as traded


def main() -> int:
    """Runs it and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder of bars, as `tickstock vendor serve` takes it"
    )
    data = parser.parse_args().data.absolute()
    folder = read_folder(data)
    with running_rig(events=False) as rig:
        return _run(rig, data, folder)


def _run(rig: Rig, data: Path, folder: Folder) -> int:
    base = _serve(rig, data)
    settings = load_settings(
        stack=False, database_uri=rig.database_uri, POLYGON_CALLS_PER_MINUTE=0, POLYGON_HISTORY_YEARS=0
    )
    use_settings(settings)
    set_market_day(base, folder.last_day)
    vendor = PolygonVendor(KEY, base, 60.0)
    tickers = folder.bars["symbol"].unique().sort().to_list()
    with transaction(Role.IPO_MONITOR) as session:
        for statement in _SYMBOLS:
            session.execute(statement, {"tickers": tickers, "day": folder.last_day})
        ids = list(session.scalars(text("SELECT id FROM symbols ORDER BY id")))
        drafted = draft(session, ids, folder.first_day, folder.last_day, date.min, calendar(), reread=False)
        order(session, drafted, folder.last_day, "campaign", None)
    print(f"{len(tickers)} symbols, {folder.bars.height:,} bars, {len(drafted.calls)} calls planned")
    began = time.monotonic()
    made = make_calls(vendor, calendar(), settings)
    print(f"{made.bars:,} bars stored by {made.calls} calls in {time.monotonic() - began:.1f} s")
    wrong = _compare(folder, ids)
    if made.calls > len(tickers) + 1:  # one of them reads the splits
        wrong.append(f"{made.calls} calls, where {len(tickers)} and one for the splits were enough")
    print("\n".join(wrong) or "the table equals the folder: as traded, and adjusted")
    return bool(wrong)


_SYMBOLS = (
    text(
        "INSERT INTO symbols (ticker, name, type, equity_type, first_seen, bootstrap)"
        " SELECT t, t, 'CS', 'STOCK_EOD', :day, true FROM unnest(CAST(:tickers AS text[])) t"
    ),
    text("INSERT INTO symbol_aliases (symbol_id, ticker) SELECT id, ticker FROM symbols"),
)


def _serve(rig: Rig, data: Path) -> str:
    port = any_free()
    base = f"http://{HOST}:{port}"
    part = rig.start_part(
        "vendor", "tickstock_automation.cli", "vendor", "serve", "--data", str(data), "--port", str(port),
        POLYGON_API_KEY=KEY, POLYGON_BASE_URL=base,
    )  # fmt: skip
    rig.wait(lambda: any("serving" in line for line in part.lines), "the vendor's first sign", 120)
    return base


def _compare(folder: Folder, ids: list[int]) -> list[str]:
    """What differs: rows that lack or are too many, prices and volumes beyond the replay's rounding, flags."""
    from psycopg2 import sql

    with transaction(Role.APP) as session:
        names = {row[0]: row[1] for row in session.execute(text("SELECT id, ticker FROM symbols"))}
        traded = read_frame(
            session.connection(),
            sql.SQL("SELECT symbol_id, date, open, high, low, close, volume, flag FROM historical_data"),
            {
                "symbol_id": pl.Int64,
                "date": pl.Date,
                **dict.fromkeys((*PRICES, "volume"), pl.Float64),
                "flag": pl.String,
            },
        )
        adjusted = adjusted_frame(session, ids, folder.first_day, folder.last_day, folder.last_day)
        refused = session.scalar(text("SELECT count(*) FROM quarantined_bars"))
    symbol = pl.col("symbol_id").replace_strict(names, return_dtype=pl.String).alias("symbol")
    theirs = folder.bars.with_columns(_factor(folder).alias("factor"))
    found = [f"{refused} rows were refused"] if refused else []
    as_traded = theirs.with_columns(
        *(pl.col(name) * pl.col("factor") for name in PRICES), pl.col("volume") / pl.col("factor")
    )
    found += _differences("as traded", as_traded, traded.with_columns(symbol), pl.lit(1.0))
    found += _differences("adjusted", theirs, adjusted.with_columns(symbol), pl.col("factor"))
    for name, day, flag in traded.with_columns(symbol).filter(pl.col("flag").is_not_null()).select("symbol", "date", "flag").iter_rows():  # fmt: skip
        print(f"flagged: {name} {day} {flag}")
    return found


def _differences(what: str, theirs: pl.DataFrame, ours: pl.DataFrame, factor: pl.Expr) -> list[str]:
    keys = ["symbol", "date"]
    joined = theirs.join(ours, on=keys, how="full", suffix="_ours", coalesce=True)
    lacking, more = joined["close_ours"].null_count(), joined["close"].null_count()
    far = [(pl.col(name) - pl.col(f"{name}_ours")).abs() > ROUNDING / factor + 1e-9 for name in PRICES]
    far.append((pl.col("volume") - pl.col("volume_ours")).abs() > 0.5001 * factor)
    off = joined.filter(pl.any_horizontal(far))
    print(f"{what}: {joined.height:,} rows compared, {lacking} lack, {more} are too many, {off.height} differ")
    return [f"{what}: {lacking} lack, {more} too many, {off.height} differ"] if lacking or more or off.height else []


def _factor(folder: Folder) -> pl.Expr:
    """What the tape's price was divided by: the product of the splits after the day."""
    factor = pl.lit(1.0)
    for ticker, day, from_, to in folder.splits.iter_rows():
        factor = (
            pl.when((pl.col("symbol") == ticker) & (pl.col("date") < day)).then(factor * (to / from_)).otherwise(factor)
        )
    return factor


if __name__ == "__main__":
    sys.exit(main())
