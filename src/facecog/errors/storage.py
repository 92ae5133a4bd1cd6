"""Refusals of what is kept: the database, the home, its key and its backups."""

from __future__ import annotations

from facecog.errors.tree import Conflict, FacecogError, InvalidInput, Unavailable


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


class AuditUnavailable(Unavailable):
    """What was asked cannot be recorded in the audit, so it is not answered."""

    code = "audit_unavailable"


class LegacyHome(Conflict):
    """The folder belongs to the original facecog and must not be written to."""

    code = "legacy_home"


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


class InvalidBackup(InvalidInput):
    """A file that a backup cannot be written to, or not by this name."""

    code = "invalid_backup"


class BackupDamaged(InvalidInput):
    """A backup that is torn or was altered, or a file that is none."""

    code = "backup_damaged"


class BackupTooNew(InvalidInput):
    """A backup that a newer facecog made."""

    code = "backup_too_new"


class HomeInUse(Conflict):
    """Another facecog has the home open, so that it cannot be replaced."""

    code = "home_in_use"


class HomeNotEmpty(Conflict):
    """There is something in the home that a restored backup would take the place of."""

    code = "home_not_empty"


class CropMissing(Conflict):
    """Samples have no crop, so that a backup would not be whole."""

    code = "crop_missing"
