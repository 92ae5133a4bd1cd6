"""Refusals of pictures, and of the faces in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facecog.errors.tree import InvalidInput

if TYPE_CHECKING:
    from facecog.domain import Face, PixelSize, Quality


class NotAPicture(InvalidInput):
    """The bytes are not a picture of a supported format."""

    code = "not_a_picture"


class Truncated(InvalidInput):
    """The picture's header was read but its pixels are cut off or damaged."""

    code = "truncated"


class TooLarge(InvalidInput):
    """More bytes than the limit."""

    code = "too_large"


class TooManyPixels(InvalidInput):
    """More pixels than the limit, by the header."""

    code = "too_many_pixels"


class FaceRefused(InvalidInput):
    """A picture whose faces cannot be used; it carries them, so that a page can draw them."""

    def __init__(self, message: str, size: PixelSize, faces: tuple[Face, ...] = ()) -> None:
        super().__init__(message)
        self.size = size
        self.faces = faces


class NoFace(FaceRefused):
    """No face was found."""

    code = "no_face"


class SeveralFaces(FaceRefused):
    """More than one face where exactly one was asked for."""

    code = "several_faces"


class FaceTooSmall(FaceRefused):
    """The face has too few pixels to be compared."""

    code = "face_too_small"


class LowQuality(FaceRefused):
    """The face is too dark, blurred or covered to be enrolled; `quality.reasons` says why."""

    code = "low_quality"

    def __init__(self, message: str, size: PixelSize, face: Face, quality: Quality) -> None:
        super().__init__(message, size, (face,))
        self.quality = quality
