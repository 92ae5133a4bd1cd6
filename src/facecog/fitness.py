"""Whether faces will do: alone in the photo, and good enough for the policy in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from facecog.domain import Face, PixelSize, Reason
from facecog.errors import FaceTooSmall, LowQuality, NoFace, SeveralFaces
from facecog.quality import TOO_SMALL, Policy, reasons

Near = tuple[float, float] | None
"""x and y as parts (0 to 1) of the upright picture's width and height."""


def only_face(
    faces: Sequence[Face], size: PixelSize, doing: str, which: str = "", near: Near = None
) -> Face:
    """The one face of a photo, or of several the one nearest to a point.

    Args:
        size: of the upright picture.
        doing, which: what the photo is for and which of several it is, for the refusal's words.

    Raises:
        NoFace, SeveralFaces.
    """
    if near and faces:
        x, y = near[0] * size.width, near[1] * size.height
        return min(faces, key=lambda face: face.box.distance(x, y))
    if not faces:
        raise NoFace(f"There is no face in this photo{which}.", size)
    if len(faces) > 1:
        raise SeveralFaces(
            f"There are {len(faces)} faces in this photo{which}. {doing} takes a photo of one "
            "person alone.",
            size,
            tuple(faces),
        )
    return faces[0]


class Fitness:
    """What a policy says of faces."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def reasons(self, face: Face) -> tuple[Reason, ...]:
        """Why a face may not be registered; empty when it may."""
        return reasons(face.quality.measures, self.policy)

    def judged(self, face: Face) -> Face:
        """The face with the reasons that the policy has against it."""
        return replace(face, quality=replace(face.quality, reasons=self.reasons(face)))

    def explained(self, face: Face) -> Face:
        """The same, except that one too poor to be judged always says why."""
        judged = self.judged(face)
        return judged if face.quality.judgeable or not judged.quality.ok else face

    def refuse_poor(self, face: Face, size: PixelSize) -> None:
        """Raises: FaceTooSmall, LowQuality."""
        why = self.reasons(face)
        if TOO_SMALL in why:
            raise FaceTooSmall(TOO_SMALL.message, size, (face,))
        if why:
            said = replace(face.quality, reasons=why)
            raise LowQuality(" ".join(one.message for one in why), size, face, said)
