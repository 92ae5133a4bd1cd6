"""Is this face good enough to enrol and, if not, why, in words a person can act on.

The limits stand where photographs begin to be missed, and clear of ordinary ones: docs/accuracy.md
has the figures and the commands that print them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import gt, lt
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Pixels, PixelSize, Quality, Reason
from facecog.geometry import ARCFACE_POINTS, pose, similarity_transform

Policy = Literal["strict", "standard", "off"]
"""What a face must be like to be enrolled. Even `off` needs one that can be aligned."""

POLICIES: tuple[Policy, ...] = get_args(Policy)

Luma = NDArray[np.float32]

# The part of the aligned 112x112 crop that is face whatever the hair and background: rows, columns.
FACE = (slice(30, 100), slice(22, 90))
MOUTH = (slice(84, 101), slice(36, 77))
EYES = tuple(  # a patch around the middle of each
    (slice(y - 7, y + 8), slice(x - 11, x + 12))
    for x, y in np.rint(ARCFACE_POINTS[:2]).astype(int).tolist()
)
# Rec. 601 luma of R, G and B.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Every fourth pixel of FACE, x and y.
GRID = [(x, y) for y in range(30, 100, 4) for x in range(22, 90, 4)]
CORNERS = [GRID[0], GRID[16], GRID[-17], GRID[-1]]  # with these in the picture, all of it is

TOO_SMALL = Reason("too_small", "The face is too small: come closer.")
EYES_COVERED = Reason("eyes_covered", "The eyes are covered: take off what is in front of them.")


def wide(degrees: float, limit: float) -> bool:
    """Turned by more than the limit, to whichever side."""
    return abs(degrees) > limit


class Check(NamedTuple):
    """One measure, the limits beyond which it is bad, and what to say then.

    Attributes:
        limits: policy -> limit; none where the policy has none. "judged" is the limit beyond which
            more than half of the photographs of people registered are missed, so that a face like
            that which matches nobody is not called unknown.
    """

    measure: str
    beyond: Callable[[float, float], bool]
    limits: Mapping[str, float]
    reason: Reason


CHECKS = (
    Check("eye_distance", lt, {"strict": 24, "standard": 12, "off": 4, "judged": 6}, TOO_SMALL),
    Check(
        "cut_off",
        gt,
        {"strict": 0.1, "standard": 0.3, "judged": 0.4},
        Reason("cut_off", "Part of the face is outside the picture: come back into it."),
    ),
    Check(
        "brightness",
        lt,
        {"strict": 50, "standard": 30, "judged": 10},
        Reason("too_dark", "The face is too dark: turn towards the light."),
    ),
    Check(
        "brightness",
        gt,
        {"strict": 210, "standard": 225, "judged": 240},
        Reason("too_bright", "The face is overexposed: move out of the glare."),
    ),
    Check(
        "contrast",
        lt,
        {"strict": 12, "standard": 8, "judged": 4},
        Reason("too_flat", "The face has hardly any contrast: find better light."),
    ),
    Check(
        "sharpness",
        lt,
        {"strict": 4, "standard": 2.5, "judged": 1.9},
        Reason("blurred", "The face is blurred: hold still and let the camera focus."),
    ),
    Check(
        "noise",
        gt,
        {"strict": 8, "standard": 12, "judged": 14},
        Reason("noisy", "The picture is too grainy: find more light."),
    ),
    Check("eyes", lt, {"strict": 0.3, "standard": 0.1, "judged": 0.05}, EYES_COVERED),
    Check("weaker_eye", lt, {"strict": 0.2}, EYES_COVERED),
    Check(
        "mouth",
        lt,
        {"strict": 0.2, "standard": 0.1},
        Reason("mouth_covered", "The mouth is covered: take off what is in front of it."),
    ),
    Check(
        "yaw",
        wide,
        {"strict": 30, "standard": 50},
        Reason("turned", "The face is turned away: look straight at the camera."),
    ),
    Check(
        "roll",
        wide,
        {"strict": 15, "standard": 25},
        Reason("tilted", "The head is tilted: hold it upright."),
    ),
    Check(
        "detection_score",
        lt,
        {"strict": 0.75},
        Reason("unclear", "The face is hard to make out: come closer, with nothing before it."),
    ),
)


def assess(
    aligned: Pixels, landmarks: NDArray[np.float32], size: PixelSize, detection_score: float
) -> Quality:
    """Measure a face.

    Args:
        aligned: the crop of geometry.align: RGB, uint8, shape (112, 112, 3).
        landmarks: shape (5, 2), in pixels of the picture as it was sent.
        size: of that picture.
        detection_score: 0 to 1.

    Returns:
        the verdict on these measures:

        - eye_distance: pixels between the eyes' centres (ISO/IEC 29794-5 inter-eye distance).
        - cut_off: the part, 0 to 1, of the face in the aligned crop that the picture does not show.
        - brightness: mean luma of the face, 0 to 255 (Rec. 601).
        - contrast: standard deviation of the same.
        - sharpness: standard deviation of its Laplacian, in levels (Pertuz et al., Pattern
          Recognition 46(5), 2013, "LAPV").
        - noise: standard deviation of Gaussian noise, in levels (Immerkaer, CVIU 64(2), 1996).
        - eyes, weaker_eye: standard deviation of luma around the better and the less visible eye,
          as a part of contrast. What covers them is seen where it is plain.
        - mouth: the same around the mouth.
        - yaw, pitch, roll: degrees, 0 looks straight at the camera (geometry.pose). Landmarks
          follow a tilted head to about 45 degrees; beyond, they stay behind, and so does roll.
        - detection_score: as it was given.
    """
    luma = aligned @ LUMA
    brightness, contrast = _level(luma[FACE]), _spread(luma[FACE])
    eyes = sorted(_visible(luma[eye], contrast) for eye in EYES)
    head = pose(landmarks)
    measures = {
        "eye_distance": math.dist(*landmarks[:2].tolist()),
        "cut_off": _cut_off(landmarks, size),
        "brightness": brightness,
        "contrast": contrast,
        "sharpness": _spread(_laplacian(luma)),
        "noise": _noise(luma),
        "eyes": eyes[1],
        "weaker_eye": eyes[0],
        "mouth": _visible(luma[MOUTH], contrast),
        "yaw": head.yaw,
        "pitch": head.pitch,
        "roll": head.roll,
        "detection_score": detection_score,
    }
    return verdict({name: round(value, 3) for name, value in measures.items()})


def verdict(measures: dict[str, float]) -> Quality:
    """What the standard policy says of a face, and whether it can be judged."""
    return Quality(measures, reasons(measures, "standard"), not reasons(measures, "judged"))


def reasons(
    measures: Mapping[str, float], limits: Policy | Literal["judged"]
) -> tuple[Reason, ...]:
    """Why a face is refused, in the order of CHECKS; a measure that was not taken is not bad."""
    found = (
        check.reason
        for check in CHECKS
        if limits in check.limits
        and check.measure in measures
        and check.beyond(measures[check.measure], check.limits[limits])
    )
    return tuple(dict.fromkeys(found))


def _cut_off(landmarks: NDArray[np.float32], size: PixelSize) -> float:
    to_picture = similarity_transform(ARCFACE_POINTS, landmarks)
    (a, b, left), (c, d, top) = to_picture.tolist()

    def hidden(x: int, y: int) -> bool:
        # Pixel centres are whole numbers, so the picture reaches half a pixel further.
        across, down = a * x + b * y + left, c * x + d * y + top
        return not (-0.5 < across < size.width - 0.5 and -0.5 < down < size.height - 0.5)

    if not any(hidden(x, y) for x, y in CORNERS):
        return 0.0  # as with nearly every face
    return sum(hidden(x, y) for x, y in GRID) / len(GRID)


def _laplacian(luma: Luma) -> Luma:
    """Of FACE, whose neighbours all lie in the crop."""
    rows, columns = FACE
    above, below = (slice(rows.start + by, rows.stop + by) for by in (-1, 1))
    left, right = (slice(columns.start + by, columns.stop + by) for by in (-1, 1))
    sides = luma[above, columns] + luma[below, columns] + luma[rows, left] + luma[rows, right]
    response: Luma = sides - 4 * luma[FACE]
    return response


def _noise(luma: Luma) -> float:
    """Immerkaer's mask is the difference of two Laplacians, blind to edges and gradients."""
    rows, columns = FACE
    patch = luma[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
    down = patch[:-2] - 2 * patch[1:-1] + patch[2:]
    response = down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]
    return math.sqrt(math.pi / 2) / 6 * _level(np.abs(response))


def _visible(patch: Luma, contrast: float) -> float:
    return _spread(patch) / max(contrast, 1.0)


def _level(patch: Luma) -> float:
    """The mean."""
    return float(patch.sum()) / patch.size


def _spread(patch: Luma) -> float:
    """The standard deviation. On so few numbers NumPy's own takes twice as long."""
    apart = patch - np.float32(_level(patch))
    return math.sqrt(float(np.vdot(apart, apart)) / patch.size)
