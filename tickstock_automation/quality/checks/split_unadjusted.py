"""A lasting step of the prices by a split's ratio."""

from __future__ import annotations

import math
from datetime import date, timedelta

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context, Prices
from tickstock_automation.quality.levels import Step
from tickstock_automation.quality.ratios import Ratio, split_ratio, unit_ratio

SURE = 8.0  # usual gaps
NOISE = 2.5  # usual moves that the ratio may be off by
UNIT_NOISE = 0.08
CALM = 4.0  # usual moves within the day, at most
# Up to this step: the ln of volume over usual that is not a market's, and how far the ratio may be off, always and at the most.
LIMITS = ((0.38, 0.6, 0.01, 0.02), (0.6, 1.6, 0.02, 0.06), (1.3, 1.6, 0.04, 0.08), (float("inf"), 2.0, 0.08, 0.08))
NEAR = timedelta(days=4)  # of a split that is known
SAME = 1e-3  # of a ratio, as a logarithm
LISTED, LISTED_OFF, LISTED_NOISE = 5.0, 0.04, 4.0  # the same limits where such a split is known: it explains the step
BEYOND = math.log(50.0)  # a step that no market makes
UNIT_HEAVY = 2.0  # beside a smaller one by a unit, as by a split, trading is ordinary
COMPLAINT = Complaint("split_unadjusted", Channel.PRICE_ANOMALY, "usual moves")


def split_unadjusted(context: Context) -> list[Finding]:
    """A step overnight that stays, by the ratio of a split or of a unit, within the symbol's noise, while trading is ordinary.

    A crash that happens to be a third trades several times its usual volume for days; a split does not (in shares, the level
    of the volume changes with it, which is taken out). In bars as traded, splits that are known are taken out of the prices
    first: a step that is left is a split that is not known, or a known one that the bars do not show. In adjusted bars any
    such step is an error. That a split is known of these days speaks for a step by its ratio, however much was traded. A
    spin-off's step is no split's ratio, and no finding of this check.
    """
    known = _known(context)
    found = []
    for step in context.levels.steps:
        for row in context.rows([step.at]):
            listed = _listed(step, known.get(row["symbol_id"], {}), row["date"], context.prices)
            ratio = listed or _ratio(step)
            if ratio is None:
                continue
            words = f"prices step by {math.exp(step.shift):.4g} and stay: {ratio.words}; volume {math.exp(step.volume):.1f} times the usual"
            near = [day for day in known.get(row["symbol_id"], {}) if abs(day - row["date"]) <= NEAR]
            if near and context.prices == "traded":
                words += f"; the split of {near[0]} is known, the bars do not show it so"
            elif near:
                words += f"; a split of {near[0]} is known, and these prices are not adjusted for it"
            else:
                words += "; no such split is known"
            found.append(
                COMPLAINT.about(
                    row, words, "data_error", "high", "look_up_split", observed=row["close"],
                    expected=row["close"] * math.exp(-step.shift), threshold=LISTED if listed else SURE, z=round(step.z, 1),
                    factor=math.exp(step.shift),
                )
            )  # fmt: skip
    return found


def _known(context: Context) -> dict[int, dict[date, float]]:
    splits: dict[int, dict[date, float]] = {}
    for symbol_id, day, ratio in context.splits.select("symbol_id", "ex_date", "ratio").iter_rows():
        splits.setdefault(symbol_id, {})[day] = ratio
    return splits


def _listed(step: Step, known: dict[date, float], day: date, prices: Prices) -> Ratio | None:
    """The split that is known of these days, where the step is by its ratio: however much was traded on it."""
    for when, ratio in known.items():
        shift = math.log(ratio) if prices == "traded" else -math.log(ratio)
        off = max(LISTED_OFF, LISTED_NOISE * step.noise)
        if abs(when - day) <= NEAR and step.z > LISTED and abs(step.shift - shift) < min(off, abs(shift) / 2):
            named = split_ratio(shift, SAME)
            return named or Ratio(f"{ratio:g}:1 split", False, abs(step.shift - shift))
    return None


def _ratio(step: Step) -> Ratio | None:
    """The ratio that explains a step, None where none does, or where the market may as well have done it."""
    if step.z < SURE:
        return None
    size = abs(step.shift)
    volume = max(step.volume, step.volume_next)
    unit = unit_ratio(step.shift, UNIT_NOISE)
    if unit is not None and (size > BEYOND or volume < UNIT_HEAVY):
        return unit
    _, heavy, least, most = next(limit for limit in LIMITS if size < limit[0])
    ratio = split_ratio(step.shift, min(most, max(least, NOISE * step.noise)))
    if ratio is None or volume > heavy or step.body_z > CALM:
        return None
    return ratio
