"""Opening a backup: nothing is read out of one that is not whole, or not of the owner's key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facecog.archive import Reader, unreadable_is_damaged
from facecog.errors import InvalidBackup, KeyMissing, NotEncrypted
from facecog.store import rows
from facecog.store.dumping import loaded
from facecog.store.sealing import Sealing
from facecog.store.wholeness import refuse_unwhole


@contextmanager
def opened(file: Path, key: bytes | None) -> Iterator[Reader]:
    """A backup that is whole, and that is opened by the key where it is encrypted.

    Raises:
        BackupDamaged, BackupTooNew, KeyMissing, KeyWrong, NotEncrypted; InvalidBackup: the file
        cannot be read.
    """
    try:
        with file.open("rb") as read:
            backup = Reader(read)
            refuse_unwhole(backup)
            backup.refuse_forged(_secret(backup, key))
            yield backup
    except OSError as error:
        raise InvalidBackup(f"{file} cannot be read: {error.strerror}.") from error


def _secret(backup: Reader, key: bytes | None) -> bytes | None:
    """What the backup is to be signed with. Raises: KeyMissing, KeyWrong, NotEncrypted."""
    with unreadable_is_damaged():
        wrapped = {
            row["id"]: loaded(backup.manifest["columns"]["collections"], row)
            for row in backup.rows("collections")
        }
        sealed = any(row.get("sealed") for row in backup.rows("revision"))
    if not sealed and key is None:
        return None
    if not sealed:
        raise NotEncrypted(
            "This backup is not encrypted. Restore it without FACECOG_KEY and FACECOG_KEY_FILE; "
            "`facecog key init` encrypts the home then."
        )
    if key is None:
        raise KeyMissing(
            "This backup is encrypted. Set FACECOG_KEY or FACECOG_KEY_FILE to its key."
        )
    sealing = Sealing(key, lambda one: wrapped[one]["wrapped_key"])
    secrets = {row["name"]: sealing.secret(one, "backup") for one, row in wrapped.items()}
    return secrets[rows.DEFAULT_COLLECTION]
