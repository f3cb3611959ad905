"""All kinds of faults: every `Kind` of the modules named here, so that a new one is one function."""

from __future__ import annotations

from tickstock_automation.bench.planting import blocks, places, prices, rows, splits, volumes
from tickstock_automation.bench.planting.kinds import Kind

KINDS: tuple[Kind, ...] = tuple(
    value for module in (rows, prices, splits, volumes, blocks, places) for value in vars(module).values()
    if isinstance(value, Kind)
)  # fmt: skip
