"""Templates of many labelled photographs: made once, kept in a file, gone on with when stopped."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from facecog.domain import Box, Detection, Face, Template
from facecog.errors import FacecogError, InvalidDataset
from facecog.evaluation.labels import Labelled
from facecog.quality import verdict

Embed = Callable[[bytes], Detection]
"""Bytes of an image file -> its faces with templates."""

COMMIT_EVERY = 64  # photos, so that a run that is killed loses seconds

TABLE = """
CREATE TABLE IF NOT EXISTS faces
    (photo TEXT, maker TEXT, face TEXT, vector BLOB, PRIMARY KEY (photo, maker))
"""


Shown = tuple[Labelled, Face | None]
"""A photograph, and the face of the person that it is labelled with."""


@dataclass(frozen=True, slots=True)
class Faces:
    """Of labelled photographs, kept in a file.

    Attributes:
        maker: all that makes the templates, besides the code: the model, and what it was given.
    """

    embed: Embed
    maker: str
    cache: Path

    def __call__(self, photos: Sequence[Labelled], label: str) -> list[Shown]:
        found = middle_faces(
            [photo.path for photo in photos], self.embed, self.maker, self.cache, label
        )
        return list(zip(photos, found, strict=True))


def middle_faces(
    photos: Sequence[Path], embed: Embed, model: str, cache: Path, label: str = "photos"
) -> list[Face | None]:
    """The face in the middle of each photo, with its template; None where there is none.

    A label names the person in the middle; faces in the background count for nothing.

    Args:
        model: what makes the templates, besides the code.
        cache: the file to keep them in, made where it is missing. It holds templates of people:
            delete it when the measuring is done.
        label: for the progress bar.
    """
    keys = [_sha256(photo) for photo in photos]
    maker = f"{model} {_code()}"
    with _opened(cache) as connection:
        rows = connection.execute("SELECT photo FROM faces WHERE maker = ?", [maker])
        known = {key for (key,) in rows}
        missing = {key: photo for key, photo in zip(keys, photos, strict=True) if key not in known}
        _make(missing, embed, connection, maker, label)
        return [_read(connection, key, maker) for key in keys]


@contextmanager
def _opened(cache: Path) -> Iterator[sqlite3.Connection]:
    """The cache, readable by its owner alone: templates are of people. Raises: InvalidDataset."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.touch(mode=0o600)
    except OSError as error:
        raise InvalidDataset(f"{cache} cannot be written: {error.strerror}.") from error
    try:
        with closing(sqlite3.connect(cache)) as connection:
            connection.execute(TABLE)
            yield connection
    except sqlite3.Error as error:
        raise InvalidDataset(f"{cache} cannot be used as a cache: {error}.") from error


def _sha256(photo: Path) -> str:
    """Raises: InvalidDataset."""
    try:
        return hashlib.sha256(photo.read_bytes()).hexdigest()
    except OSError as error:
        raise InvalidDataset(f"{photo} cannot be read: {error.strerror}.") from error


def _make(
    missing: dict[str, Path],
    embed: Embed,
    connection: sqlite3.Connection,
    maker: str,
    label: str,
) -> None:
    if not missing:
        return
    rows: list[tuple[str, str, str | None, bytes | None]] = []

    def keep() -> None:
        # At once and seldom: another measuring may write to the same file.
        with connection:
            connection.executemany("INSERT OR REPLACE INTO faces VALUES (?, ?, ?, ?)", rows)
        rows.clear()

    with ExitStack() as stopped:
        stopped.callback(keep)  # what is done is kept, whatever ends the work
        workers = stopped.enter_context(ThreadPoolExecutor(os.cpu_count()))
        stopped.callback(workers.shutdown, wait=False, cancel_futures=True)
        faces = workers.map(lambda photo: _middle(photo, embed), missing.values())
        progress = tqdm(zip(missing, faces, strict=True), label, len(missing), disable=None)
        for done, (key, face) in enumerate(progress, start=1):
            rows.append((key, maker, *_written(face)))
            if done % COMMIT_EVERY == 0:
                keep()


def _middle(photo: Path, embed: Embed) -> Face | None:
    try:
        found = embed(photo.read_bytes())
    except FacecogError:
        return None
    x, y = found.size.width / 2, found.size.height / 2
    return min(found.faces, key=lambda face: face.box.distance(x, y), default=None)


def _code() -> str:
    """Changes with the code that a face depends on, so that no stale one is taken for new."""
    package = Path(__file__).parent.parent
    files = [
        *package.glob("engines/*"),
        *package.glob("domain/*"),
        *(package / f"{one}.py" for one in ("geometry", "image", "quality")),
    ]
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.suffix in (".py", ".json")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _written(face: Face | None) -> tuple[str | None, bytes | None]:
    if face is None or face.template is None:
        return None, None
    values = {
        "box": list(face.box),
        "landmarks": face.landmarks.tolist(),
        "detection_score": face.detection_score,
        "measures": face.quality.measures,
        "model": face.template.model,
    }
    return json.dumps(values), face.template.vector.astype("<f4").tobytes()


def _read(connection: sqlite3.Connection, key: str, maker: str) -> Face | None:
    query = "SELECT face, vector FROM faces WHERE photo = ? AND maker = ?"
    text, vector = connection.execute(query, [key, maker]).fetchone()
    if text is None:
        return None
    values: dict[str, Any] = json.loads(text)
    return Face(
        box=Box(*values["box"]),
        landmarks=np.array(values["landmarks"], np.float32),
        detection_score=values["detection_score"],
        quality=verdict(values["measures"]),
        template=Template(np.frombuffer(vector, "<f4"), values["model"]),
    )
