"""Shares with the interval in which they may lie; pure. Wilson's score interval of 95 %."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from math import sqrt

Z = 1.959964  # 95 %
LEAST = 10  # cases under which nothing is compared


class Verdict(enum.StrEnum):
    """How a share stands to that of all together."""

    ABOVE = "above"
    BELOW = "below"
    ALIKE = "alike"  # chance alone may make such a difference
    TOO_FEW = "too_few"


@dataclass(frozen=True)
class Share:
    """`good` of `cases`."""

    good: int
    cases: int

    def __add__(self, other: Share) -> Share:
        return Share(self.good + other.good, self.cases + other.cases)

    @property
    def value(self) -> float | None:
        """The share; None without cases."""
        return self.good / self.cases if self.cases else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """From where to where the share may lie, 0 to 1; None without cases."""
        if not self.cases:
            return None
        n, p = self.cases, self.good / self.cases
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        reach = Z / (1 + Z * Z / n) * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)


def verdict(share: Share, whole: Share) -> Verdict:
    """Whether the interval of a share leaves out that of the whole; few cases say nothing."""
    if share.cases < LEAST or whole.value is None or share.interval is None:
        return Verdict.TOO_FEW
    low, high = share.interval
    if low > whole.value:
        return Verdict.ABOVE
    return Verdict.BELOW if high < whole.value else Verdict.ALIKE
