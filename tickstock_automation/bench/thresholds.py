"""The thresholds that a half of the symbols may choose: where each stands, and the values that are tried."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from tickstock_automation.quality.checks import CHECKS, Check

QUALITY = "tickstock_automation.quality"


@dataclass(frozen=True)
class Threshold:
    """A constant that decides what a check finds. `module`, below `quality`, and `name`: where it stands; `values`: what is
    tried, from the loosest to the strictest."""

    check: str
    module: str
    name: str
    values: tuple[float, ...]

    @property
    def path(self) -> str:
        """`module.NAME`, for people."""
        return f"{self.module}.{self.name}"

    @property
    def ships(self) -> float:
        """The value in force."""
        return float(vars(import_module(f"{QUALITY}.{self.module}"))[self.name])

    @property
    def function(self) -> Check:
        """The check that it decides for."""
        return next(check for check in CHECKS if check.__name__ == self.check)

    def put(self, value: float) -> None:
        """Puts a value in force in this process."""
        setattr(import_module(f"{QUALITY}.{self.module}"), self.name, value)


def _outlier(module: str, name: str, *values: float) -> Threshold:
    return Threshold("price_outlier", f"outliers.{module}", name, values)


def _check(check: str, name: str, *values: float) -> Threshold:
    return Threshold(check, f"checks.{check}", name, values)


THRESHOLDS: tuple[Threshold, ...] = (
    _outlier("segments", "SURE", 4.5, 5.0, 6.0, 7.0, 8.0),
    _outlier("segments", "CLEAR", 0.065, 0.075, 0.085, 0.095, 0.11),
    _outlier("segments", "CERTAIN", 0.07, 0.08, 0.09, 0.1, 0.12),
    _outlier("wicks", "SURE", 6.0, 8.0, 10.0, 12.0, 15.0),
    _outlier("wicks", "LEAST", 0.07, 0.09, 0.11, 0.13, 0.15),
    _outlier("closes", "LEAST", 0.06, 0.07, 0.08, 0.09, 0.1, 0.12),
    _outlier("closes", "LEAST_Z", 3.5, 4.5, 5.5, 6.5, 8.0),
    _outlier("crooked", "SURE", 4.0, 5.0, 6.0, 7.0, 8.0),
    _outlier("crooked", "LEAST", 0.045, 0.05, 0.06, 0.07, 0.08),
    _outlier("crooked", "LEFT", 0.65, 0.55, 0.45, 0.35, 0.25),
    _outlier("digits", "LEAST_Z", 3.0, 4.0, 5.0, 6.0),
    _outlier("digits", "FITS", 2.5, 2.0, 1.5, 1.0),
    _outlier("edges", "FIRST", 0.15, 0.2, 0.25, 0.3, 0.4),
    _outlier("edges", "QUIET_LEAST", 0.12, 0.15, 0.18, 0.21, 0.25),
    _outlier("edges", "QUIET_Z", 8.0, 10.0, 12.0, 14.0, 18.0),
    _check("split_unadjusted", "SURE", 5.0, 6.0, 8.0, 10.0, 12.0),
    _check("split_unadjusted", "NOISE", 3.5, 3.0, 2.5, 2.0, 1.5),
    _check("split_unadjusted", "CALM", 6.0, 5.0, 4.0, 3.0, 2.0),
    _check("volume_spike", "WILD", 14.0, 18.0, 22.0, 26.0, 32.0),
    _check("volume_spike", "BESIDE", 3.0, 2.5, 2.1, 1.8, 1.5),
    _check("volume_spike", "QUIET", 4.0, 3.5, 3.0, 2.5, 2.0),
    _check("volume_drought", "ERROR", 1 / 13, 1 / 16, 1 / 20, 1 / 30, 1 / 40),
    _check("stale_close", "ERROR", 7.5, 8.0, 8.5, 9.0, 9.5, 10.0),
    _check("stale_close", "AWAY", 1.5, 2.0, 2.5, 3.0, 4.0),
    _check("stuck_price", "NEVER", *(math.log(1 / bars) for bars in (3e4, 3e5, 1e6, 1e7, 1e8))),
    _check("open_close_swapped", "ERROR", 8.0, 9.0, 10.0, 11.0, 12.0),
    _check("open_close_swapped", "SHORT_ERROR", 12.0, 13.0, 14.0, 15.0, 16.0),
    _check("copied_bar", "EARLY", 1.0, 1.5, 2.0, 3.0, 4.0),
    _check("copied_bar", "SURE_SHIFT", 3.5, 4.5, 5.5, 6.5, 8.0),
    _check("copied_bar", "MARGIN", 1.0, 2.0, 3.0, 4.0, 5.0),
)


@contextmanager
def in_force(values: Mapping[Threshold, float]) -> Iterator[None]:
    """These values, and afterwards what was in force before."""
    before = {threshold: threshold.ships for threshold in values}
    try:
        for threshold, value in values.items():
            threshold.put(value)
        yield
    finally:
        for threshold, value in before.items():
            threshold.put(value)
