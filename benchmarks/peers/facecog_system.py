"""facecog, as the worker is told to use it."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from tests.assets import MODELS

from benchmarks.filled import fill
from benchmarks.peers.worker import Seen, Vector, keep_stdout, serve
from facecog import Settings, open_facecog
from facecog.domain import Template
from facecog.service import CANDIDATES, Facecog
from facecog.store import Store

KNOWN = "Anna"


class FacecogSystem:
    """A home for each gallery, and a precision (FACECOG_PRECISION)."""

    version = f"facecog {version('facecog')}"

    def __init__(self, scratch: Path, precision: str) -> None:
        self._scratch, self._asked, self._homes = scratch, precision, 0
        self._facecog = self._opened()

    @property
    def precision(self) -> str:
        """What runs: fast is exact where the processor has nothing faster."""
        return self._facecog.inference.precision

    def faces(self, photo: Path) -> list[Seen]:
        return [
            Seen(
                face.box.x + face.box.width / 2,
                face.box.y + face.box.height / 2,
                face.template.vector,
            )
            for face in self._facecog.embed(photo.read_bytes()).faces
            if face.template
        ]

    def fill(self, vectors: Vector, known: Path) -> None:
        self._facecog.close()
        self._homes += 1
        with closing(Store.on_sqlite(self._home)) as store:
            fill(store, vectors, self._facecog.model)
        self._facecog = self._opened()
        self._facecog.enrol(KNOWN, known.read_bytes())

    def search(self, vector: Vector) -> None:
        facecog = self._facecog
        found = facecog._index.search([Template(vector, facecog.model)], CANDIDATES)
        facecog._store.named(found.candidates)

    def recognise(self, photo: Path) -> bool:
        faces = self._facecog.identify(photo.read_bytes()).faces
        return any(face.match is not None and face.match.name == KNOWN for face in faces)

    @property
    def _home(self) -> Path:
        return self._scratch / str(self._homes)

    def _opened(self) -> Facecog:
        settings = Settings(home=self._home, models=MODELS, precision=self._asked)
        return open_facecog(settings)


if __name__ == "__main__":
    out = keep_stdout()
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
        serve(FacecogSystem(Path(folder), sys.argv[2]), out)
