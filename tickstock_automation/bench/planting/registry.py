"""All kinds of faults: every `Kind` of the modules named here, so that a new one is one function."""

from __future__ import annotations

from tickstock_automation.bench.planting import blocks, places, prices, rows, splits, volumes
from tickstock_automation.bench.planting.kinds import Kind

KINDS: tuple[Kind, ...] = tuple(
    sorted(
        (
            value
            for module in (rows, prices, splits, volumes, blocks, places)
            for value in vars(module).values()
            if isinstance(value, Kind)
        ),
        key=lambda kind: kind.fault_class,
    )
)
"""Plain ones first, each class in the order in which they stand in the modules."""
