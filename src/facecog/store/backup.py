"""Writing a backup while others go on.

Crops first, which takes the time; then, in one moment, the rows, with the crops that came
meanwhile. What was erased meanwhile is taken out of the file again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import mkstemp
from typing import IO

from sqlalchemy import Connection, Engine, select

from facecog.archive import Plain, Reader, Told, Writer
from facecog.errors import CropMissing, InvalidBackup, StorageUnavailable
from facecog.store import rows
from facecog.store.crops import Crops, sync_folder
from facecog.store.database import HEAD
from facecog.store.dumping import BACKED_UP, dumped, kinds_of
from facecog.store.erasing import kept_ids
from facecog.store.tables import revision, samples
from facecog.store.transactions import begin, parts, refuse_other_sealing
from facecog.store.wholeness import FORMAT, refuse_unwhole

AGAIN = 20  # times that crops may go between the moment of the rows and their copying
NAMED = 5  # samples in an error


@dataclass(frozen=True, slots=True)
class BackedUp:
    """
    Attributes:
        size: of the file, in bytes.
    """

    subjects: int
    samples: int
    size: int
    sealed: bool


def backup(engine: Engine, crops: Crops, file: Path, secret: bytes | None, told: Told) -> BackedUp:
    """Raises: InvalidBackup, CropMissing, StorageUnavailable."""
    with _new(file) as out, closing(Writer(out)) as writer:
        copied = _copied(engine, crops, writer, told)
        manifest = _of_one_moment(engine, crops, writer, copied, told)
        writer.finish(manifest, secret)
        _on_the_disk(out)
        reader = Reader(out)
        reader.refuse_forged(secret)
        refuse_unwhole(reader)
        size = out.seek(0, os.SEEK_END)
    counts = manifest["rows"]
    return BackedUp(counts["subjects"], counts["samples"], size, manifest["sealed"])


def wanted_ids(connection: Connection) -> set[str]:
    """Of all samples that have a crop: live ones, and those that a change keeps."""
    live = connection.execute(select(rows.joined(samples.c.id, " "))).scalar_one()
    return {*live.split(), *kept_ids(connection)}


def _copied(engine: Engine, crops: Crops, writer: Writer, told: Told) -> set[str]:
    """Copy the crops that are there; ids of those that were."""
    with begin(engine) as connection:
        wanted = sorted(wanted_ids(connection))
    copied: set[str] = set()
    for some in parts(wanted):
        with begin(engine) as connection:
            copied.update(set(some) - _copy(connection, crops, writer, set(some), told))
    return copied


def _copy(
    connection: Connection, crops: Crops, writer: Writer, sample_ids: set[str], told: Told
) -> set[str]:
    """Ids of those that are not there."""
    missing = set()
    for one in sorted(sample_ids):
        stored = crops.get(connection, one)
        if stored is None:
            missing.add(one)
        else:
            writer.put_crop(one, stored)
            told(1)
    return missing


def _of_one_moment(
    engine: Engine, crops: Crops, writer: Writer, copied: set[str], told: Told
) -> Plain:
    """The rows, and crops for exactly them; the manifest."""
    missing: set[str] = set()
    for _ in range(AGAIN):
        with begin(engine) as connection:
            sealed = connection.execute(select(revision.c.sealed)).scalar_one()
            refuse_other_sealing(connection, sealed)
            wanted = wanted_ids(connection)
            _refuse_missing(missing & wanted)
            missing = _copy(connection, crops, writer, wanted - copied, told)
            copied |= wanted - missing
            if missing:  # erased since, unless they are still wanted when one looks again
                continue
            for one in copied - wanted:
                writer.forget_crop(one)
            return _rows(connection, writer, len(wanted), sealed)
    raise CropMissing("So much is being erased that no backup can be made. Try again.")


def _rows(connection: Connection, writer: Writer, crops: int, sealed: bool) -> Plain:
    counts = {name: writer.put_rows(name, dumped(connection, name)) for name in BACKED_UP}
    return {
        "format": FORMAT,
        "facecog": version("facecog"),
        "schema": HEAD,
        "made_at": rows.now().isoformat(),
        "sealed": sealed,
        "crops": crops,
        "rows": counts,
        "columns": {name: kinds_of(name) for name in BACKED_UP},
    }


def _refuse_missing(sample_ids: set[str]) -> None:
    if sample_ids:
        named = ", ".join(sorted(sample_ids)[:NAMED])
        raise CropMissing(
            f"{len(sample_ids):,} samples have no picture, so this would not be a whole backup: "
            f"{named}. See `facecog check`."
        )


@contextmanager
def _new(file: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when it is done, and is gone where it is not."""
    if file.exists():
        raise InvalidBackup(f"{file} is there already, and a backup is never written over.")
    try:
        # Which nobody else may read.
        descriptor, part = mkstemp(".part", f"{file.name}.", file.parent)
        try:
            with os.fdopen(descriptor, "r+b") as out:
                yield out
            Path(part).rename(file)
            sync_folder(file.parent)
        finally:
            Path(part).unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"{file} cannot be written: {error.strerror}.") from error


def _on_the_disk(out: IO[bytes]) -> None:
    """So that what is read back comes from the disk, where the system can be told so."""
    out.flush()
    os.fsync(out.fileno())
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
