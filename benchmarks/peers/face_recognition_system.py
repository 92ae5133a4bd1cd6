"""face_recognition on dlib: HOG for the faces, and a list of encodings, as its examples use it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import face_recognition
import numpy as np

from benchmarks.peers.worker import Seen, Vector, keep_stdout, serve

TOLERANCE = 0.6  # of `face_recognition.compare_faces`


class FaceRecognitionSystem:
    """The gallery is an array; the person of `known` is its last row."""

    version = f"face_recognition {version('face_recognition')}"
    precision = "exact"

    def __init__(self) -> None:
        self._encodings: Vector = np.zeros((0, 128))

    def faces(self, photo: Path) -> list[Seen]:
        image = face_recognition.load_image_file(photo)
        places = face_recognition.face_locations(image)
        encodings = face_recognition.face_encodings(image, places)
        return [
            Seen((left + right) / 2, (top + bottom) / 2, encoding)
            for (top, right, bottom, left), encoding in zip(places, encodings, strict=True)
        ]

    def fill(self, vectors: Vector, known: Path) -> None:
        (face,) = self.faces(known)
        self._encodings = np.vstack([vectors, face.vector])

    def search(self, vector: Vector) -> None:
        self._nearest(vector)

    def recognise(self, photo: Path) -> bool:
        found = [self._nearest(face.vector) for face in self.faces(photo)]
        last = len(self._encodings) - 1
        return any(nearest == last and distance <= TOLERANCE for nearest, distance in found)

    def _nearest(self, vector: Vector) -> tuple[int, float]:
        distances = face_recognition.face_distance(self._encodings, vector)
        nearest = int(np.argmin(distances))
        return nearest, float(distances[nearest])


if __name__ == "__main__":
    out = keep_stdout()
    serve(FaceRecognitionSystem(), out)
