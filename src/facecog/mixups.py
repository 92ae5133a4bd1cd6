"""Does a face go with the name that it is to be registered under, by what is stored?"""

from __future__ import annotations

from dataclasses import replace

from facecog.domain import Face, PixelSize, Template
from facecog.errors import AlreadyRegisteredAs, NameBelongsToAnotherFace
from facecog.index import FaceIndex
from facecog.names import name_key
from facecog.store import Store
from facecog.thresholds import Thresholds

NEAREST = 5  # subjects that are looked at


class MixUps:
    """Refuses a face under a second name, and a name with a second face."""

    def __init__(self, store: Store, index: FaceIndex, thresholds: Thresholds) -> None:
        self._store, self._index, self._thresholds = store, index, thresholds

    def refuse(
        self,
        name: str,
        face: Face,
        template: Template,
        size: PixelSize,
        allow_duplicate: bool = False,
        allow_mismatch: bool = False,
    ) -> None:
        """Only what is not allowed; a face that is its namesake's passes, even with a twin there.

        Raises:
            AlreadyRegisteredAs, NameBelongsToAnotherFace.
        """
        found = self._index.search([template], NEAREST)
        threshold = self._thresholds.of_search(found).operation.threshold
        nearest = self._store.named(found.candidates)[0]
        matching = [one for one in nearest if one.score >= threshold]
        if any(name_key(one.name) == name_key(name) for one in matching):
            return
        if matching and not allow_duplicate:
            said = f"This face is registered already, as {matching[0].name}."
            raise AlreadyRegisteredAs(said, matching[0], threshold, size, face)
        if not allow_mismatch:
            self._refuse_unlike(name, face, template, size)

    def _refuse_unlike(self, name: str, face: Face, template: Template, size: PixelSize) -> None:
        namesake = self._store.find_named(name)
        known = namesake and self._index.score(template, namesake.id)
        enough = self._thresholds.of_resemblance()
        if namesake and known and known.score < enough:
            said = f"{namesake.name} is registered with another face."
            candidate = replace(known, name=namesake.name)
            raise NameBelongsToAnotherFace(said, candidate, enough, size, face)
