"""Where the crops live: files in dataset/ beside SQLite, a table on PostgreSQL.

They are given as they are stored: as JPEG, or that sealed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, insert, select, update

from facecog.errors import StorageUnavailable
from facecog.store.tables import crops
from facecog.store.transactions import begin, parts

PLAIN, SEALED = ".jpg", ".sealed"


class Crops(Protocol):
    """
    Attributes:
        sealed: whether they are encrypted; all others are of nobody then.
    """

    sealed: bool

    def put(self, connection: Connection, sample_id: str, jpeg: bytes) -> None:
        """Keep a crop, lasting, before the transaction of `connection` is committed.

        Raises:
            StorageUnavailable: the disk is full, say; `drop` removes what there is of it.
        """

    def replace(self, connection: Connection, sample_id: str, jpeg: bytes) -> None:
        """The same of one that is there. Raises: StorageUnavailable."""

    def get(self, connection: Connection, sample_id: str) -> bytes | None: ...

    def beside(self) -> Crops:
        """Where they are to be once they are sealed."""

    def drop(self, sample_ids: list[str]) -> None:
        """Forget crops, after the transaction that removed their samples.

        Raises:
            StorageUnavailable: the disk is read-only, say; the next `sweep` forgets them.
        """

    def sweep(self, connection: Connection, known: set[str]) -> int:
        """Remove crops of samples that are not known; how many there were.

        Raises:
            StorageUnavailable.
        """

    def strange(self) -> list[str]:
        """Names of what is there and is no crop."""


def of_crop(sample_id: str) -> tuple[str, str, str]:
    """Where a crop belongs, wherever it is kept."""
    return "crops", "jpeg", sample_id


class TableCrops:
    """Crops in the database."""

    def __init__(self, engine: Engine, sealed: bool = False) -> None:
        self._engine, self.sealed = engine, sealed

    def put(self, connection: Connection, sample_id: str, jpeg: bytes) -> None:
        connection.execute(insert(crops).values(sample_id=sample_id, jpeg=jpeg))

    def replace(self, connection: Connection, sample_id: str, jpeg: bytes) -> None:
        this = crops.c.sample_id == sample_id
        connection.execute(update(crops).where(this).values(jpeg=jpeg))

    def beside(self) -> TableCrops:
        return self

    def get(self, connection: Connection, sample_id: str) -> bytes | None:
        query = select(crops.c.jpeg).where(crops.c.sample_id == sample_id)
        return connection.execute(query).scalar_one_or_none()

    def drop(self, sample_ids: list[str]) -> None:
        if sample_ids:
            with begin(self._engine, writes=True) as connection:
                self._delete(connection, sample_ids)

    def sweep(self, connection: Connection, known: set[str]) -> int:
        orphans = set(connection.execute(select(crops.c.sample_id)).scalars()) - known
        self._delete(connection, list(orphans))
        return len(orphans)

    def strange(self) -> list[str]:
        return []

    def _delete(self, connection: Connection, sample_ids: list[str]) -> None:
        for some in parts(sample_ids):
            connection.execute(delete(crops).where(crops.c.sample_id.in_(some)))


class FolderCrops:
    """Crops as `<sample id>.jpg` in a folder, or `<sample id>.sealed`."""

    def __init__(self, folder: Path, sealed: bool = False) -> None:
        self._folder, self.sealed = folder, sealed
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, connection: Connection, sample_id: str, jpeg: bytes) -> None:
        target = self._path(sample_id)
        part = target.with_suffix(".part")
        try:
            with open(part, "wb", opener=_own) as out:
                out.write(jpeg)
                out.flush()
                os.fsync(out.fileno())
            part.replace(target)
            sync_folder(self._folder)
        except OSError as error:
            raise StorageUnavailable(f"The picture cannot be kept: {error.strerror}.") from error

    replace = put

    def beside(self) -> FolderCrops:
        return FolderCrops(self._folder, sealed=True)

    def get(self, connection: Connection, sample_id: str) -> bytes | None:
        try:
            return self._path(sample_id).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageUnavailable(f"The picture cannot be read: {error.strerror}.") from error

    def drop(self, sample_ids: list[str]) -> None:
        self._unlink(
            name
            for sample_id in sample_ids
            for name in (f"{sample_id}{self._ending}", f"{sample_id}.part")
        )

    def sweep(self, connection: Connection, known: set[str]) -> int:
        """Only files that facecog itself may have made are touched: UUIDs with our endings."""
        # Names alone: to look at each of 100,000 files takes longer than all else at a start.
        names = os.listdir(self._folder)
        strange = [name for name in names if name.removesuffix(self._ending) not in known]
        orphans = [name for name in strange if _is_ours(name)]
        self._unlink(orphans)
        return len(orphans)

    def strange(self) -> list[str]:
        return sorted(name for name in os.listdir(self._folder) if not _is_ours(name))

    def _unlink(self, names: Iterable[str]) -> None:
        """As many as can be; then the first failure is raised."""
        failed: OSError | None = None
        for name in names:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as error:
                failed = failed or error
        if failed:
            raise StorageUnavailable(f"A picture cannot be erased: {failed.strerror}.") from failed

    def _path(self, sample_id: str) -> Path:
        return self._folder / f"{sample_id}{self._ending}"

    @property
    def _ending(self) -> str:
        return SEALED if self.sealed else PLAIN


def _own(path: str, flags: int) -> int:
    """A file that nobody else may read."""
    return os.open(path, flags, 0o600)


def _is_ours(name: str) -> bool:
    stem, dot, kind = name.rpartition(".")
    try:
        return dot + kind in (PLAIN, SEALED, ".part") and str(UUID(stem)) == stem
    except ValueError:
        return False


def sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
