"""Faults of known place planted into daily bars, and the count of what was found. Pure: a seed decides everything."""

from tickstock_automation.bench.planting.flaws import flaws, listed_flaws
from tickstock_automation.bench.planting.plant import Fault, Planted, plant
from tickstock_automation.bench.planting.registry import KINDS
from tickstock_automation.bench.planting.score import Alarm, Score, Told, score

__all__ = ["KINDS", "Alarm", "Fault", "Planted", "Score", "Told", "flaws", "listed_flaws", "plant", "score"]
