"""One tree of refusals. Each has a stable `code`, and a sentence that a person understands.

`web/errors.py` turns them into HTTP answers and `cli` into a line on stderr; nobody else does.
Anything that is not a FacecogError is a bug.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from facecog.domain import Candidate, Face, PixelSize, Quality


Obstacle = Literal["done", "gone", "renamed", "name_taken", "moved_on", "erased", "same_photo"]
"""What stands in the way of an undo."""


class FacecogError(Exception):
    """A refusal. `str(error)` is the sentence for the person who asked."""

    code: ClassVar[str] = "error"


class InvalidInput(FacecogError):
    """What was sent cannot be used as it is."""

    code = "invalid_input"


class NotFound(FacecogError):
    """There is nothing of that id or name."""

    code = "not_found"


class Conflict(FacecogError):
    """It contradicts what is already stored."""

    code = "conflict"


class Unavailable(FacecogError):
    """A part that facecog needs is not there (a model, the database)."""

    code = "unavailable"


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


class InvalidName(InvalidInput):
    """A name that is empty, too long, or holds control characters."""

    code = "invalid_name"


class InvalidCursor(InvalidInput):
    """A paging cursor that facecog did not give out."""

    code = "invalid_cursor"


class InvalidLimit(InvalidInput):
    """The length asked for a page is not one that facecog gives."""

    code = "invalid_limit"


class InvalidSort(InvalidInput):
    """An order that facecog does not list people in."""

    code = "invalid_sort"


class InvalidSize(InvalidInput):
    """A picture is not given in this size."""

    code = "invalid_size"


class InvalidFilter(InvalidInput):
    """Something to look for in the audit that cannot be read."""

    code = "invalid_filter"


class InvalidPromise(InvalidInput):
    """An error rate that cannot be promised."""

    code = "invalid_promise"


class InvalidRetention(InvalidInput):
    """A time for which people cannot be kept."""

    code = "invalid_retention"


class InvalidConsent(InvalidInput):
    """What is said of a consent is empty, or too long to be kept."""

    code = "invalid_consent"


class ConsentNeeded(InvalidInput):
    """The person must agree first, to the text in force, and nobody says that they did."""

    code = "consent_needed"

    def __init__(self, message: str, text_version: str, purpose: str) -> None:
        super().__init__(message)
        self.text_version = text_version
        self.purpose = purpose


class InvalidCard(InvalidInput):
    """A model card that cannot be read."""

    code = "invalid_card"


class InvalidSetting(InvalidInput):
    """A FACECOG_ variable with a value that cannot be used."""

    code = "invalid_setting"


class InvalidCertificate(InvalidInput):
    """A certificate for https that cannot be used."""

    code = "invalid_certificate"


class InvalidDataset(InvalidInput):
    """A list of labelled photographs that cannot be read."""

    code = "invalid_dataset"


class InvalidBackup(InvalidInput):
    """A file that a backup cannot be written to, or not by this name."""

    code = "invalid_backup"


class BackupDamaged(InvalidInput):
    """A backup that is torn or was altered, or a file that is none."""

    code = "backup_damaged"


class BackupTooNew(InvalidInput):
    """A backup that a newer facecog made."""

    code = "backup_too_new"


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


class SubjectNotFound(NotFound):
    """There is no subject of this id."""

    code = "subject_not_found"


class SampleNotFound(NotFound):
    """There is no sample of this id."""

    code = "sample_not_found"


class CropLost(NotFound):
    """The crop of this sample is gone or damaged."""

    code = "crop_lost"


class ChangeNotFound(NotFound):
    """There is no such change, or the time in which it could be undone is over."""

    code = "change_not_found"


class CollectionNotFound(NotFound):
    """There is no collection of this name or id."""

    code = "collection_not_found"


class ConsentNotFound(NotFound):
    """Of this subject there is no consent in force."""

    code = "consent_not_found"


class CalibrationNotFound(NotFound):
    """There is no calibration of the owner's own."""

    code = "calibration_not_found"


class InvalidPassword(InvalidInput):
    """A password that is too short or too long."""

    code = "invalid_password"


class InvalidRole(InvalidInput):
    """A role that facecog does not have."""

    code = "invalid_role"


class InvalidExpiry(InvalidInput):
    """An API key cannot be good for so long."""

    code = "invalid_expiry"


class AccountNotFound(NotFound):
    """There is no account of this id or name."""

    code = "account_not_found"


class KeyNotFound(NotFound):
    """There is no API key of this id."""

    code = "api_key_not_found"


class AccountTaken(Conflict):
    """Another account has this name."""

    code = "account_taken"


class LastOwner(Conflict):
    """Nobody would be left who may do everything."""

    code = "last_owner"


class NameTaken(Conflict):
    """Another subject has this name."""

    code = "name_taken"


class CollectionInUse(Conflict):
    """A collection that has people in it cannot be forgotten."""

    code = "collection_in_use"


class DefaultCollection(Conflict):
    """The default collection can be neither renamed nor forgotten."""

    code = "default_collection"


class CannotUndo(Conflict):
    """Something has happened since that a change cannot be undone around.

    Attributes:
        obstacle: what it is, as a stable word.
        names: of the people whom the sentence names: `name`, and `other` for a second one.
    """

    code = "cannot_undo"

    def __init__(self, obstacle: Obstacle, message: str, **names: str) -> None:
        super().__init__(message)
        self.obstacle = obstacle
        self.names = names


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


class HomeInUse(Conflict):
    """Another facecog has the home open, so that it cannot be replaced."""

    code = "home_in_use"


class HomeNotEmpty(Conflict):
    """There is something in the home that a restored backup would take the place of."""

    code = "home_not_empty"


class CropMissing(Conflict):
    """Samples have no crop, so that a backup would not be whole."""

    code = "crop_missing"


class LegacyHome(Conflict):
    """The folder belongs to the original facecog and must not be written to."""

    code = "legacy_home"


class Busy(Unavailable):
    """So many photos are waiting that no more are taken for some `seconds`."""

    code = "busy"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class ModelUnavailable(Unavailable):
    """A model file could not be had."""

    code = "model_unavailable"


class ExtraMissing(Unavailable):
    """An optional package is asked for and not installed."""

    code = "extra_missing"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or is not one that facecog can use."""

    code = "database_unavailable"


class DatabaseBusy(Unavailable):
    """Another program holds the database; it can be tried again after some `seconds`."""

    code = "database_busy"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class StorageUnavailable(Unavailable):
    """Nothing can be kept: the disk is full, read-only or broken."""

    code = "storage_unavailable"


class NotReady(Unavailable):
    """A part of facecog does not work at the moment; `parts` says which, and what is wrong."""

    code = "not_ready"

    def __init__(self, message: str, parts: dict[str, str]) -> None:
        super().__init__(message)
        self.parts = parts


class KeyMissing(Unavailable):
    """The home is encrypted, and its key was not given."""

    code = "key_missing"


class KeyWrong(Unavailable):
    """The key that was given is not the one that the home is encrypted with."""

    code = "key_wrong"


class NotEncrypted(Conflict):
    """A key was given, and what is in the home is not encrypted."""

    code = "not_encrypted"


class SealedValueDamaged(FacecogError):
    """Something that is stored encrypted was altered, or put where something else belongs."""

    code = "sealed_value_damaged"


class AuditUnavailable(Unavailable):
    """What was asked cannot be recorded in the audit, so it is not answered."""

    code = "audit_unavailable"


class MalformedRequest(InvalidInput):
    """The request itself cannot be read."""

    code = "malformed_request"


class MissingField(MalformedRequest):
    """A field that the request needs is not in it."""

    code = "missing_field"


class MalformedBase64(MalformedRequest):
    """A picture that was sent as text is not base64."""

    code = "malformed_base64"


class MalformedJson(MalformedRequest):
    """The body says it is JSON and is not, or is not an object."""

    code = "malformed_json"


class UnsupportedMediaType(InvalidInput):
    """The body is of a content type that is not taken here."""

    code = "unsupported_media_type"


class AccessCodeNeeded(FacecogError):
    """The server asks everybody for an access code, and the request has none."""

    code = "access_code_needed"


class AccessCodeWrong(AccessCodeNeeded):
    """The access code that was sent is not the server's."""

    code = "access_code_wrong"


class AccessNeeded(FacecogError):
    """The server asks who is there, and the request does not say."""

    code = "access_needed"


class ApiKeyWrong(AccessNeeded):
    """The API key that was sent is not one of this server, has expired or was revoked."""

    code = "api_key_wrong"


class WrongPassword(FacecogError):
    """Name and password do not go together."""

    code = "wrong_password"


class AccessNotSetUp(FacecogError):
    """There is no account yet, so that only this machine itself is let in."""

    code = "access_not_set_up"


class TooManyAttempts(FacecogError):
    """So many codes, passwords or keys were wrong that none is looked at for some `seconds`."""

    code = "too_many_attempts"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class NotAllowed(FacecogError):
    """Whoever asked may not do this."""

    code = "not_allowed"


class CrossOrigin(FacecogError):
    """Another web site's page tried to use this facecog through its visitor's browser."""

    code = "cross_origin"


class HostNotAllowed(FacecogError):
    """The request is for a host name that is not known to be one of this facecog."""

    code = "host_not_allowed"


class TooManyRequests(FacecogError):
    """A client has sent so many requests that no more are taken for some `seconds`."""

    code = "too_many_requests"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
