"""Refusals of people, their samples and the collections they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facecog.errors.tree import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from facecog.domain import Candidate, Face, PixelSize


class InvalidName(InvalidInput):
    """A name that is empty, too long, or holds control characters."""

    code = "invalid_name"


class SubjectNotFound(NotFound):
    """There is no subject of this id."""

    code = "subject_not_found"


class SampleNotFound(NotFound):
    """There is no sample of this id."""

    code = "sample_not_found"


class CropLost(NotFound):
    """The crop of this sample is gone or damaged."""

    code = "crop_lost"


class CollectionNotFound(NotFound):
    """There is no collection of this name or id."""

    code = "collection_not_found"


class NameTaken(Conflict):
    """Another subject has this name."""

    code = "name_taken"


class CollectionInUse(Conflict):
    """A collection that has people in it cannot be forgotten."""

    code = "collection_in_use"


class DefaultCollection(Conflict):
    """The default collection can be neither renamed nor forgotten."""

    code = "default_collection"


class MixedUp(Conflict):
    """A face and a name that do not go together, by what is stored; it carries both faces."""

    def __init__(
        self, message: str, candidate: Candidate, threshold: float, size: PixelSize, face: Face
    ) -> None:
        super().__init__(message)
        self.candidate = candidate
        self.threshold = threshold
        self.size = size
        self.faces = (face,)


class AlreadyRegisteredAs(MixedUp):
    """The face is that of a subject with another name."""

    code = "already_registered_as"


class NameBelongsToAnotherFace(MixedUp):
    """The name is that of a subject whom the face does not resemble."""

    code = "name_belongs_to_another_face"
