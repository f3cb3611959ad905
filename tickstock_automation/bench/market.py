"""A quiet market of any size, and the vendor's API over it as a process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tickstock_automation.bench.rig import Rig
from tickstock_automation.local.ports import HOST, any_free

KEY = "bench"
KINDS = ("CS", "CS", "CS", "ETF", "CS", "ADRC", "ETN", "CS")


@dataclass(frozen=True)
class BenchVendor:
    """Where the replay of a made market answers."""

    base: str
    rows: int


def quiet_bars(symbols: int, sessions: Sequence[date]) -> pl.DataFrame:
    """symbol, date, open, high, low, close, volume: each goes its own gentle way, and nothing in it is worth a finding."""
    names = pl.DataFrame({"number": range(symbols)}).with_columns(
        pl.format("T{}", pl.col("number").cast(pl.String).str.zfill(5)).alias("symbol")
    )
    days = pl.DataFrame({"place": range(len(sessions)), "date": list(sessions)})
    phase = pl.col("place") * 0.31 + pl.col("number") * 0.7
    close = (20 + pl.col("number") % 300) * (1 + 0.03 * phase.sin())
    return names.join(days, how="cross").select(
        "symbol", "date", (close * (1 + 0.004 * (phase * 3).cos())).round(2).alias("open"),
        (close * 1.012).round(2).alias("high"), (close * 0.988).round(2).alias("low"), close.round(2).alias("close"),
        (100_000 + 2_000 * (pl.col("number") % 97) + 20_000 * (phase * math.sqrt(2)).sin()).round().alias("volume"),
    )  # fmt: skip


def serve_market(rig: Rig, symbols: int, sessions: Sequence[date]) -> BenchVendor:
    """Writes the market and starts its server; returns when it answers."""
    folder = rig.folder / "market"
    folder.mkdir()
    bars = quiet_bars(symbols, sessions)
    bars.write_csv(folder / "bars.csv")
    kinds = [KINDS[number % len(KINDS)] for number in range(symbols)]
    names = bars["symbol"].unique(maintain_order=True)
    about = {"ticker": names, "type": kinds, "list_date": ["2000-01-03"] * symbols}
    pl.DataFrame(about).with_columns(
        pl.format("{} Holdings Inc", "ticker").alias("name"), pl.format("BBG{}", "ticker").alias("composite_figi"),
        pl.lit("XNAS").alias("primary_exchange"), pl.lit("2100-01-01").alias("delisted_utc"),
    ).write_csv(folder / "tickers.csv")  # fmt: skip
    port = any_free()
    base = f"http://{HOST}:{port}"
    part = rig.start_part(
        "vendor", "tickstock_automation.cli", "vendor", "serve", "--data", str(folder), "--port", str(port),
        POLYGON_API_KEY=KEY, POLYGON_BASE_URL=base, POLYGON_CALLS_PER_MINUTE="0", POLYGON_HISTORY_YEARS="0",
    )  # fmt: skip
    rig.wait(lambda: any("serving" in line for line in part.lines), "the vendor's first sign", 120)
    return BenchVendor(base, bars.height)
