"""The sector of a SIC code. Pure.

Source: the twelve industry portfolios of the Kenneth R. French Data Library (Siccodes12), which are made for listed
companies. `technology` is French's business equipment (computers, software, electronics), `retail` his shops (retail,
wholesale, some services). What stands in no range (mines, builders, transport, hotels, entertainment) is `other`.
"""

from __future__ import annotations

from functools import cache

OTHER = "other"

RANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "consumer_nondurables": (
        (100, 999), (2000, 2399), (2700, 2749), (2770, 2799), (3100, 3199), (3940, 3989),
    ),
    "consumer_durables": (
        (2500, 2519), (2590, 2599), (3630, 3659), (3710, 3711), (3714, 3714), (3716, 3716), (3750, 3751), (3792, 3792),
        (3900, 3939), (3990, 3999),
    ),
    "manufacturing": (
        (2520, 2589), (2600, 2699), (2750, 2769), (3000, 3099), (3200, 3569), (3580, 3629), (3700, 3709), (3712, 3713),
        (3715, 3715), (3717, 3749), (3752, 3791), (3793, 3799), (3830, 3839), (3860, 3899),
    ),
    "energy": ((1200, 1399), (2900, 2999)),
    "chemicals": ((2800, 2829), (2840, 2899)),
    "technology": ((3570, 3579), (3660, 3692), (3694, 3699), (3810, 3829), (7370, 7379)),
    "telecommunications": ((4800, 4899),),
    "utilities": ((4900, 4949),),
    "retail": ((5000, 5999), (7200, 7299), (7600, 7699)),
    "healthcare": ((2830, 2839), (3693, 3693), (3840, 3859), (8000, 8099)),
    "finance": ((6000, 6999),),
}  # fmt: skip

SECTORS = (*RANGES, OTHER)


@cache
def sector_of(code: int) -> str:
    """The name of the sector a SIC code belongs to."""
    return next(
        (name for name, ranges in RANGES.items() if any(first <= code <= last for first, last in ranges)), OTHER
    )
