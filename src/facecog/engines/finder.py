"""Where the faces of a picture are: at which sizes it is looked at, and when that is enough.

docs/models.md states the rule, docs/accuracy.md the smallest face that is found by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Picture, Pixels
from facecog.engines import yunet
from facecog.engines.runtime import Network
from facecog.geometry import ARCFACE_POINTS, pixel_of_crop, pose, similarity_transform, warp

# Long sides, in pixels, at which a picture is looked at. First at half its size, within these two:
# a face of 32 pixels still measures 16 there.
FIRST = (320, 640)
# Where no face or only small ones were found, at its whole size, within these two.
SECOND = (640, 1280)
# Where there is still none, small: a face may fill the picture, and YuNet misses those over about
# 400 pixels; and a grainy or faint one is clearer there.
THIRD = 160
# A tiny picture is enlarged at most this many times, so that its faces are at least seen.
ENLARGE = 4.0
# Where all faces are narrower than this, in pixels of the look, there may be smaller ones.
SMALL = 32
# Landmarks get better with the width of the face up to this one, and stay behind where a head is
# tilted by more than some degrees. Such a face is looked at once more by itself, turned upright,
# in a square of this side in which the crop that is aligned later would take up the middle half.
CLEAR = 48
TILTED = 5.0
UPRIGHT_SIDE = 192
UPRIGHT = ARCFACE_POINTS * (UPRIGHT_SIDE / 224) + UPRIGHT_SIDE / 4
# Each such look turns it a little more; most are upright after two.
UPRIGHT_LOOKS = 3
MIN_SCORE = 0.6
# Where this part of a picture is blown out, an overexposed face may hide in the highlights: look
# once more with them stretched, so that its owner hears "too bright" and not "no face".
BLOWN_OUT = 0.2
HIGHLIGHTS = 3 * (255 * (np.arange(256) / 255) ** 8).astype(np.uint8).tolist()


class Found(NamedTuple):
    """A face, in pixels of what was looked at.

    Attributes:
        box: x, y, width, height.
        landmarks: shape (5, 2), as domain.Face has them.
        score: 0 to 1.
        seen: its width in the network's input.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float
    seen: float

    def scaled(self, by: float) -> Found:
        """In pixels of something larger."""
        factor = np.float32(by)
        return self._replace(box=self.box * factor, landmarks=self.landmarks * factor)


class Finder:
    """A YuNet-shaped network, and the rule by which it is used."""

    def __init__(self, detector: Network) -> None:
        self.detector = detector
        # Height and width, of a file that could not be prepared for any.
        self._fixed = [side for side in detector.shape if isinstance(side, int) and side > 3]

    def find(self, picture: Picture) -> list[Found]:
        """The faces of a picture, in pixels of the picture as it was sent."""
        faces = [face.scaled(picture.scale) for face in self._survey(picture.image)]
        return [self._closely(picture, face) for face in faces]

    def _survey(self, image: Image.Image) -> list[Found]:
        longest = max(image.size)
        faces = self.look(image, min(max(longest / 2, FIRST[0]), FIRST[1]) / longest)
        if all(face.seen < SMALL for face in faces):
            second = min(max(longest, SECOND[0]), SECOND[1])
            faces = self.look(image, second / longest) or faces
        if not faces:
            faces = self.look(image, THIRD / longest)
        if not faces and np.mean(np.asarray(image) >= 250) > BLOWN_OUT:
            faces = self.look(image.point(HIGHLIGHTS), FIRST[1] / longest)
        return faces

    def _closely(self, picture: Picture, face: Found) -> Found:
        """A face that was seen small or tilted, with the landmarks of closer looks."""
        turned = 0.0
        for _ in range(UPRIGHT_LOOKS):
            roll = pose(face.landmarks).roll
            if face.seen >= CLEAR and abs(roll - turned) < TILTED:
                break
            again = self._upright(picture, face)
            if not again:
                break
            face, turned = again, roll
        return face

    def _upright(self, picture: Picture, face: Found) -> Found | None:
        """The face with its landmarks as a look at it finds them that is turned by their roll."""
        near = picture.at(pixel_of_crop(face.landmarks) * 224 / UPRIGHT_SIDE)
        forward = similarity_transform(face.landmarks / near.scale, UPRIGHT)
        seen = self.look(warp(near.image, forward, UPRIGHT_SIDE), 1)
        if not seen:
            return None
        best = min(seen, key=lambda one: _noses_apart(one.landmarks))
        if _noses_apart(best.landmarks) > best.seen / 4:
            return None
        landmarks = (best.landmarks - forward[:, 2]) @ np.linalg.inv(forward[:, :2]).T
        landmarks = (landmarks * near.scale).astype(np.float32)
        return face._replace(landmarks=landmarks, seen=best.seen)

    def look(self, image: Image.Image, scale: float) -> list[Found]:
        """What one look finds, with the picture brought to `scale` of its size."""
        longest = max(image.size)
        scale = min(_whole(scale), ENLARGE, *(side / longest for side in self._fixed))
        seen = canvas(image, scale, self._fixed)
        outputs = self.detector.run(seen, yunet.OUTPUTS)
        boxes, landmarks, scores = yunet.decode(outputs, seen.shape[1], MIN_SCORE)
        return [
            Found(box, points, float(score), float(box[2])).scaled(1 / scale)
            for box, points, score in zip(boxes, landmarks, scores, strict=True)
        ]


def _noses_apart(landmarks: NDArray[np.float32]) -> float:
    """How far the nose is from where an upright face has it, in pixels."""
    return float(np.linalg.norm(landmarks[2] - UPRIGHT[2]))


def _whole(scale: float) -> float:
    """One nth, where that is this scale or hardly more: means of n x n pixels are taken faster."""
    n = int(1 / scale)
    return 1 / n if n > 1 and 1 / n < 1.1 * scale else scale


def _resized(image: Image.Image, scale: float) -> Image.Image:
    width, height = (max(1, round(n * scale)) for n in image.size)
    n = image.width // width
    if image.size == (n * width, n * height):
        return image.reduce(n)
    # Box-filtered by a whole number first, which is much faster and as good to find faces in.
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)


def canvas(image: Image.Image, scale: float, fixed: Sequence[int] = ()) -> Pixels:
    """The picture at `scale` of its size, black to the right and below as far as there is more.

    Args:
        fixed: height and width of what is given; whole strides of the network where not given.
    """
    small = _resized(image, scale)
    width, height = small.size
    step = yunet.STRIDES[-1]
    sides = fixed or [-(-side // step) * step for side in (height, width)]
    padded = np.zeros((*sides, 3), np.uint8)
    padded[:height, :width] = np.asarray(small)
    return padded
