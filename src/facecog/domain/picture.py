"""A picture, and where something is in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Upright RGB, uint8, shape (H, W, 3)."""


class PixelSize(NamedTuple):
    """Width and height of an upright picture, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: upright RGB, uint8, shape (H, W, 3); may be smaller than the picture that was sent.
        size: of the upright picture as sent, in pixels. Faces are measured in these.
        finer: decodes it with more pixels; None where there are no more, or too many.
    """

    pixels: Pixels
    size: PixelSize
    finer: Callable[[], Picture] | None = None

    @property
    def scale(self) -> float:
        """Pixels of the picture as sent for one of `pixels`; 1.0 unless it was decoded smaller."""
        width: int = self.pixels.shape[1]
        return self.size.width / width

    def at(self, scale: float) -> Picture:
        """The same picture at this scale or a finer one, or as near as it can be had."""
        return self.finer() if self.finer and self.scale > scale else self


class Box(NamedTuple):
    """A face's rectangle in pixels of the upright picture; may reach over its border."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, by: float) -> Box:
        return Box(*(value * by for value in self))

    def distance(self, x: float, y: float) -> float:
        """From the box's middle to a point, in pixels."""
        return math.hypot(self.x + self.width / 2 - x, self.y + self.height / 2 - y)
