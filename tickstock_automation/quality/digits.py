"""Prices of which two digits running have changed places. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

CENTS = 100
EXACT = 1e-6  # dollars off a whole cent: adjusted prices have no digits that anyone typed


def swapped(prices: Sequence[float]) -> Iterator[tuple[float, ...]]:
    """The prices (dollars) with the same two digits running in each other's place, for each two that differ in the last price;
    nothing where a price is not in whole cents, or they differ in length."""
    cents = [round(price * CENTS) for price in prices]
    if any(abs(price * CENTS - whole) > EXACT * CENTS for price, whole in zip(prices, cents, strict=True)):
        return
    written = [str(whole) for whole in cents]
    if len({len(digits) for digits in written}) > 1:
        return
    for at in range(len(written[-1]) - 1):
        if written[-1][at] != written[-1][at + 1]:
            yield tuple(int(_swap(digits, at)) / CENTS for digits in written)


def _swap(digits: str, at: int) -> str:
    return digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
