"""The file of a backup: a zip that any tool opens, and that ends in a digest of itself.

The digest is the zip's comment and covers every byte before it, the zip's own too; where there is a
secret, so does an HMAC, which nobody without it can make anew. Nothing is read out of a file whose
digest is wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from facecog.errors import BackupDamaged

Plain = dict[str, Any]
Told = Callable[[int], object]
"""Called with how many more are done."""

MARK = b"facecog backup, sha256 "
BETWEEN = b", hmac "
DIGITS = 64
UNSIGNED = b"-" * DIGITS
SEALED_BY = len(MARK) + DIGITS + len(BETWEEN) + DIGITS  # bytes of the comment
PIECE = 1 << 20
CROPS, TABLES, MANIFEST = "crops/", "tables/", "manifest.json"


class Writer:
    """Entries in any order, and at last the digest."""

    def __init__(self, out: IO[bytes]) -> None:
        """
        Args:
            out: open for writing and reading, at its beginning.
        """
        self._out = out
        self._zip = ZipFile(out, "w")
        self._zip.comment = bytes(SEALED_BY)

    def put_crop(self, sample_id: str, stored: bytes) -> None:
        self._zip.writestr(_entry(CROPS + sample_id, ZIP_STORED), stored)

    def put_rows(self, table: str, rows: Iterator[Plain]) -> int:
        """How many there were."""
        count = 0
        entry = _entry(f"{TABLES}{table}.jsonl", ZIP_DEFLATED)
        with self._zip.open(entry, "w", force_zip64=True) as out:
            for row in rows:
                count += 1
                out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        return count

    def forget_crop(self, sample_id: str) -> None:
        """Take one back: it is listed no more, and zeros are where it was."""
        entry = self._zip.NameToInfo.pop(CROPS + sample_id)
        self._zip.filelist.remove(entry)
        self._out.seek(entry.header_offset)
        self._out.write(bytes(len(entry.FileHeader(zip64=False)) + entry.compress_size))

    def finish(self, manifest: Plain, secret: bytes | None) -> None:
        """Nothing can be put in afterwards.

        Args:
            secret: what the HMAC is made with; none where it is None.
        """
        self._zip.writestr(_entry(MANIFEST, ZIP_DEFLATED), json.dumps(manifest, indent=1))
        self._zip.close()
        end = self._out.seek(-SEALED_BY, 2)
        digest = _digest(self._out, end, lambda _: None)
        signed = _signed(secret, digest) if secret else UNSIGNED
        self._out.seek(end)
        self._out.write(MARK + digest + BETWEEN + signed)

    def close(self) -> None:
        """After `finish` or in the place of it."""
        with suppress(OSError):
            self._zip.close()


class Reader:
    """A backup whose digest is right."""

    def __init__(self, file: IO[bytes], told: Told = lambda _: None) -> None:
        """
        Args:
            told: called with the bytes that were looked at.

        Raises:
            BackupDamaged.
        """
        self._digest, self._signature = _checked(file, told)
        with unreadable_is_damaged():
            self._zip = ZipFile(file)
            self.manifest: Plain = json.loads(self._zip.read(MANIFEST))
            self.crop_ids = _crop_ids(self._zip)
            self.tables: list[str] = list(self.manifest["columns"])

    def refuse_forged(self, secret: bytes | None) -> None:
        """Raises: BackupDamaged, it was not made with this secret."""
        right = _signed(secret, self._digest) if secret else UNSIGNED
        if not hmac.compare_digest(self._signature, right):
            raise BackupDamaged("This backup was altered by somebody without the key.")

    def rows(self, table: str) -> Iterator[Plain]:
        """Raises: BackupDamaged."""
        with unreadable_is_damaged(), self._zip.open(f"{TABLES}{table}.jsonl") as lines:
            yield from map(json.loads, lines)

    def crop(self, sample_id: str) -> bytes:
        """Raises: BackupDamaged."""
        with unreadable_is_damaged():
            return self._zip.read(CROPS + sample_id)


def _entry(name: str, compression: int) -> ZipInfo:
    entry = ZipInfo(name)  # of no date: the manifest has it
    entry.compress_type = compression
    entry.external_attr = 0o600 << 16
    return entry


def _crop_ids(of: ZipFile) -> set[str]:
    """As ids alone: nothing else may become the name of a file."""
    names = [name for name in of.namelist() if name.startswith(CROPS)]
    return {str(UUID(name.removeprefix(CROPS))) for name in names}


def _checked(file: IO[bytes], told: Told) -> tuple[bytes, bytes]:
    """Digest and signature. Raises: BackupDamaged."""
    end = file.seek(0, 2) - SEALED_BY
    comment = _at(file, end, SEALED_BY) if end > 0 else b""
    digest = comment[len(MARK) :][:DIGITS]
    if not comment.startswith(MARK) or comment[len(MARK) + DIGITS :][: len(BETWEEN)] != BETWEEN:
        raise BackupDamaged("This is no backup of facecog, or it is torn.")
    if not hmac.compare_digest(digest, _digest(file, end, told)):
        raise BackupDamaged("This backup is torn or was altered. Nothing was taken from it.")
    signature = comment[-DIGITS:]
    return digest, signature


def _at(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _digest(file: IO[bytes], end: int, told: Told) -> bytes:
    """SHA-256 of what is before `end`, in hexadecimal."""
    found = hashlib.sha256()
    file.seek(0)
    while end and (piece := file.read(min(PIECE, end))):
        found.update(piece)
        end -= len(piece)
        told(len(piece))
    return found.hexdigest().encode()


def _signed(secret: bytes, digest: bytes) -> bytes:
    return hmac.new(secret, digest, hashlib.sha256).hexdigest().encode()


@contextmanager
def unreadable_is_damaged() -> Iterator[None]:
    """For a file whose digest is right and whose contents are not: somebody made it so."""
    try:
        yield
    except (
        BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,  # JSON, UTF-8, a UUID
        LookupError,
        TypeError,
        NotImplementedError,  # a compression that nobody here uses
        RuntimeError,  # an entry with a password
    ) as error:
        raise BackupDamaged("This backup cannot be read: it was not made by facecog.") from error
