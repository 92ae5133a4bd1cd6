"""Whether each part that an answer takes works at the moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image

from facecog.domain import Picture, PixelSize
from facecog.engines import FaceEngine
from facecog.errors import NotReady, Unavailable
from facecog.index import FaceIndex
from facecog.store import Store

PARTS = ("database", "models", "index", "collection")
SIDE = 64  # pixels of a picture of nobody
NOBODY = Picture(Image.new("RGB", (SIDE, SIDE)), PixelSize(SIDE, SIDE))


class Readiness:
    """Asks each part for a little of what it is for."""

    def __init__(self, engine: FaceEngine, store: Store, index: FaceIndex) -> None:
        self._looks: dict[str, Callable[[], Any]] = {
            "database": lambda: store.revision(),
            "models": lambda: engine.detect(NOBODY),
            "index": lambda: index.size(),  # which reads what was written since
            "collection": lambda: store.refuse_gone(),
        }

    def broken(self) -> dict[str, str]:
        """What is wrong, in a sentence, by the part that it is wrong with; nothing when ready."""
        return {part: said for part in PARTS if (said := self._wrong(part))}

    def check(self) -> None:
        """Raises: NotReady."""
        if broken := self.broken():
            raise NotReady(f"Not ready: {', '.join(broken)}.", broken)

    def _wrong(self, part: str) -> str | None:
        try:
            self._looks[part]()
        except Unavailable as error:
            return str(error)
        return None
