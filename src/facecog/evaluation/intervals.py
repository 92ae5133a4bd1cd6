"""Rates with their uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `trials`."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        return self.hits / self.trials if self.trials else math.nan

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """The 95 % interval (Wilson, JASA 22, 1927), which holds for rates near 0 and 1 too."""
        if not self.trials:
            return (0.0, 1.0)
        n, p = self.trials, self.value
        centre = p + z * z / (2 * n)
        spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return (max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))

    def __str__(self) -> str:
        low, high = self.interval()
        return (
            f"{self.value:7.2%}  ({self.hits} of {self.trials}; "
            f"95 % interval {low:.2%} to {high:.2%})"
        )


def enough_for(rate: float) -> int:
    """Trials without which nothing can be said of a rate: 3 / rate.

    The rule of three: with none found in n trials, the rate is below 3 / n with 95 % confidence
    (Hanley and Lippman-Hand, JAMA 249, 1983).
    """
    return math.ceil(3 / rate - 1e-9)


def kept(measured: Rate, promised: float) -> bool | None:
    """Whether a promised error rate is kept; None where too few trials were made to say."""
    if measured.interval()[0] > promised:
        return False
    return True if measured.trials >= enough_for(promised) else None
