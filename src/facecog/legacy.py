"""Taking over an original facecog's folder: `faces.db` with faces(id, name), `dataset/<id>.jpg`."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facecog.domain import Agreed
from facecog.errors import FacecogError, InvalidInput, NotFound
from facecog.service import Facecog


class NotLegacy(NotFound):
    """The folder is not an original facecog's."""

    code = "not_legacy"


@dataclass(frozen=True, slots=True)
class LegacyFace:
    """One row of the old database."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one old face: added, there already, or refused for a reason."""

    face: LegacyFace
    added: bool = False
    refusal: str = ""


def legacy_faces(folder: Path) -> list[LegacyFace]:
    """The rows of an old facecog. Nothing in its folder is changed.

    Raises:
        NotLegacy: there is no faces.db with a table faces(id, name).
    """
    with tempfile.TemporaryDirectory() as scratch:
        # SQLite may write beside a database even to read it, so a copy is read.
        for file in ("faces.db", "faces.db-journal", "faces.db-wal"):
            if (folder / file).is_file():
                shutil.copy(folder / file, scratch)
        copy = Path(scratch, "faces.db")
        if not copy.is_file():
            raise NotLegacy(f"There is no faces.db in {folder}.")
        connection = sqlite3.connect(copy)
        try:
            rows = connection.execute("SELECT id, name FROM faces ORDER BY rowid").fetchall()
        except sqlite3.DatabaseError as error:
            raise NotLegacy(f"{folder / 'faces.db'} is not an old facecog's: {error}.") from None
        finally:
            connection.close()
    return [LegacyFace(str(face_id or ""), str(name or "")) for face_id, name in rows]


def import_faces(
    facecog: Facecog, folder: Path, faces: list[LegacyFace], agreed: Agreed | None = None
) -> Iterator[Outcome]:
    """Register each old crop under its name; one that is known already is not added again.

    Args:
        agreed: what all of them agreed to.
    """
    for face in faces:
        try:
            crop = _crop(folder, face.id)
            enrolment = facecog.enrol(face.name, crop, origin="legacy", agreed=agreed)
            yield Outcome(face, added=enrolment.added)
        except FacecogError as refusal:
            yield Outcome(face, refusal=str(refusal))


def _crop(folder: Path, face_id: str) -> bytes:
    file = folder / "dataset" / f"{face_id}.jpg"
    if file.parent != folder / "dataset" or not face_id:  # an id that is a path
        raise InvalidInput("Its id is not a file name.")
    try:
        return file.read_bytes()
    except (OSError, ValueError):  # ValueError: a NUL in the id
        raise NotFound(f"There is no dataset/{face_id}.jpg.") from None
