"""A picture, and where something is in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""Upright RGB, uint8, shape (H, W, 3)."""


class PixelSize(NamedTuple):
    """Width and height of an upright picture, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        image: upright, in RGB; may be smaller than the picture that was sent.
        size: of the upright picture as sent, in pixels. Faces are measured in these.
        finer: decodes it with more pixels; None where there are no more, or too many.
    """

    image: Image.Image
    size: PixelSize
    finer: Callable[[], Picture] | None = None

    @cached_property
    def pixels(self) -> Pixels:
        """A copy of all of them, which takes a while and is made when it is first asked for."""
        return np.asarray(self.image)

    @property
    def scale(self) -> float:
        """Pixels of the picture as sent for one of `image`; 1.0 unless it was decoded smaller."""
        return self.size.width / self.image.width

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
