"""deepface on its ONNX engine, with the detector and the embedder that facecog has too.

Its own database on SQLite and its own exact search, `DeepFace.search`. With the option "one
thread" ONNX Runtime and OpenCV are told so; deepface itself has no setting for it, and held to one
core by the system it still starts a thread for each that the machine has.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"

import cv2
import onnxruntime
from deepface import DeepFace
from deepface.modules import datastore

from benchmarks.peers.worker import Seen, Vector, keep_stdout, serve

USED = {"model_name": "SFace", "detector_backend": "yunet"}
# From so many faces on their pictures, 150 kB each, are left out: 15 GB with 100,000.
WITHOUT_PICTURES = 50_000
COLUMNS = (
    "img_name, face, face_shape, model_name, detector_backend, aligned, l2_normalized, embedding,"
    " face_hash, embedding_hash"
)
KNOWN = "Anna"


class DeepFaceSystem:
    """A SQLite file for each gallery."""

    version = f"deepface {version('deepface')}"
    precision = "exact"

    def __init__(self, scratch: Path) -> None:
        self._file = scratch / "faces.db"
        self._database = sqlite3.connect(self._file)

    def faces(self, photo: Path) -> list[Seen]:
        try:
            found = DeepFace.represent(str(photo), **USED)
        except ValueError:  # there is no face
            return []
        return [_seen(face) for face in found]

    def fill(self, vectors: Vector, known: Path) -> None:
        self._database.close()
        self._file.unlink(missing_ok=True)
        self._database = sqlite3.connect(self._file)
        DeepFace.register(
            str(known), KNOWN, **USED, database_type="sqlite", connection=self._database
        )
        (row,) = self._database.execute(f"SELECT {COLUMNS} FROM embeddings")
        face = b"" if len(vectors) >= WITHOUT_PICTURES else row[1]
        others = (
            (f"Person {n}", face, *row[2:7], vector.astype("<f8").tobytes(), f"{n}", f"{n}")
            for n, vector in enumerate(vectors)
        )
        places = ", ".join("?" * len(row))
        with self._database:
            self._database.executemany(
                f"INSERT INTO embeddings ({COLUMNS}) VALUES ({places})", others
            )

    def search(self, vector: Vector) -> None:
        """What `DeepFace.search` does once it has the embedding."""
        face = {"embedding": vector.tolist(), "facial_area": {}}
        with patch.object(datastore, "__get_embeddings", lambda **_: [face]):
            self._found("given")

    def recognise(self, photo: Path) -> bool:
        return any(hits and hits[0]["img_name"] == KNOWN for hits in self._found(str(photo)))

    def _found(self, photo: str) -> list[list[dict[str, Any]]]:
        """For each face the rows within the threshold, nearest first."""
        found: list[list[dict[str, Any]]] = DeepFace.search(
            photo,
            **USED,
            database_type="sqlite",
            connection=self._database,
            return_type="dict",
        )
        return found


def _seen(face: dict[str, Any]) -> Seen:
    area = face["facial_area"]
    middle = area["x"] + area["w"] / 2, area["y"] + area["h"] / 2
    return Seen(*middle, np.array(face["embedding"]))


def one_thread() -> None:
    """Before any model is loaded."""
    cv2.setNumThreads(1)
    default = onnxruntime.SessionOptions

    def options() -> Any:
        made = default()
        made.intra_op_num_threads = made.inter_op_num_threads = 1
        return made

    onnxruntime.SessionOptions = options


if __name__ == "__main__":
    out = keep_stdout()
    if sys.argv[2] == "one thread":
        one_thread()
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
        serve(DeepFaceSystem(Path(folder)), out)
