"""Is this face good enough to enrol and, if not, why, in words a person can act on.

The limits stand clear of both sides: photographs of people in ordinary light pass, deliberately
spoilt ones do not (docs/accuracy.md has the figures and the command that prints them).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Pixels, Quality, Reason
from facecog.geometry import ARCFACE_POINTS

Luma = NDArray[np.float32]

# The part of the aligned 112x112 crop that is face whatever the hair and background: rows, columns.
FACE = (slice(30, 100), slice(22, 90))
# Half the height and width of the patch around an eye, in pixels of the aligned crop.
EYE = (7, 11)

TOO_SMALL = Reason("too_small", "The face is too small: come closer.")


class Check(NamedTuple):
    """One measure, when it is bad, and what to say then."""

    measure: str
    bad: Callable[[float], bool]
    reason: Reason


CHECKS = (
    Check("eye_distance", lambda pixels: pixels < 12, TOO_SMALL),
    Check(
        "brightness",
        lambda level: level < 30,
        Reason("too_dark", "The face is too dark: turn towards the light."),
    ),
    Check(
        "brightness",
        lambda level: level > 225,
        Reason("too_bright", "The face is overexposed: move out of the glare."),
    ),
    Check(
        "contrast",
        lambda spread: spread < 8,
        Reason("too_flat", "The face has hardly any contrast: find better light."),
    ),
    Check(
        "sharpness",
        lambda detail: detail < 2.5,
        Reason("blurred", "The face is blurred: hold still and let the camera focus."),
    ),
    Check(
        "noise",
        lambda grain: grain > 16,
        Reason("noisy", "The picture is too grainy: find more light."),
    ),
    Check(
        "eyes",
        lambda detail: detail < 0.1,
        Reason("eyes_covered", "The eyes are covered: take off what is in front of them."),
    ),
)


def assess(aligned: Pixels, landmarks: NDArray[np.float32]) -> Quality:
    """Measure a face.

    Args:
        aligned: the crop of geometry.align: RGB, uint8, shape (112, 112, 3).
        landmarks: shape (5, 2), in pixels of the picture as it was sent.

    Returns:
        the measures, and a reason for each that is bad:

        - eye_distance: pixels between the eyes' centres (ISO/IEC 29794-5 inter-eye distance).
        - brightness: mean luma of the face, 0 to 255 (Rec. 601).
        - contrast: standard deviation of the same.
        - sharpness: standard deviation of its Laplacian, in levels (Pertuz et al., Pattern
          Recognition 46(5), 2013, "LAPV").
        - noise: standard deviation of Gaussian noise, in levels (Immerkaer, CVIU 64(2), 1996).
        - eyes: standard deviation of luma around the better visible eye, as a part of contrast.
    """
    luma = (aligned @ np.array([0.299, 0.587, 0.114])).astype(np.float32)
    contrast = float(luma[FACE].std())
    measures = {
        "eye_distance": float(np.linalg.norm(landmarks[0] - landmarks[1])),
        "brightness": float(luma[FACE].mean()),
        "contrast": contrast,
        "sharpness": float(_laplacian(luma)[FACE].std()),
        "noise": _noise(luma),
        "eyes": max(_eye(luma, 0), _eye(luma, 1)) / max(contrast, 1.0),
    }
    reasons = tuple(check.reason for check in CHECKS if check.bad(measures[check.measure]))
    return Quality({name: round(value, 3) for name, value in measures.items()}, reasons)


def _laplacian(luma: Luma) -> Luma:
    padded = np.pad(luma, 1, mode="edge")
    sides = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return sides - 4 * luma


def _noise(luma: Luma) -> float:
    """Immerkaer's mask is the difference of two Laplacians, blind to edges and gradients."""
    rows = np.diff(luma, n=2, axis=0)
    response = np.diff(rows, n=2, axis=1)[FACE]
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(response).mean())


def _eye(luma: Luma, landmark: int) -> float:
    x, y = (round(float(value)) for value in ARCFACE_POINTS[landmark])
    height, width = EYE
    return float(luma[y - height : y + height + 1, x - width : x + width + 1].std())
