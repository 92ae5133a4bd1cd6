"""Which threshold is in force: from the promise, the calibration and the gallery of the moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from threading import Lock

from facecog.decision import (
    LEVEL,
    RESEMBLE_FMR,
    Calibration,
    OwnGallery,
    calibration_from,
    identification_threshold,
    own_gallery,
)
from facecog.domain import GallerySize, Operation, Vectors
from facecog.errors import InvalidPromise
from facecog.index import FaceIndex, Found
from facecog.store import Store

# Subjects whose likeness to one another is looked at: 44,850 pairs say enough and take 1.5 ms.
OWN_SUBJECTS = 300
# Where nothing is known that the gallery's people could be compared with.
NOT_COMPARED = OwnGallery(pairs=0, expected=LEVEL, found=math.nan, shift=0.0)


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds at one revision of the store."""

    revision: int
    calibration: Calibration
    own: OwnGallery
    operation: Operation


class Thresholds:
    """Safe to call from several threads at once."""

    def __init__(
        self, card: Calibration, store: Store, index: FaceIndex, fpir: float, fmr: float
    ) -> None:
        """
        Args:
            card: the model's own calibration, in force unless the owner made one.
            fpir: promised of a search, unless the store has a promise of its own.
            fmr: promised of a comparison of two photos.

        Raises:
            InvalidPromise.
        """
        self._card, self._store, self._index = card, store, index
        self._fpir, self._fmr = checked_rate(fpir), checked_rate(fmr)
        self._in_force: InForce | None = None
        self._making = Lock()

    def now(self) -> InForce:
        """What holds for a search at this moment."""
        return self.of_search(self._index.search([], 0))

    def with_calibration(self, calibration: Calibration) -> InForce:
        """What would hold with another calibration."""
        found = self._index.search([], 0)
        return self._made(found.revision, found.gallery, calibration)

    def of_search(self, found: Found) -> InForce:
        """What holds for a search that has been made."""
        known = self._known(found.revision)
        if known:
            return known
        with self._making:  # once, though several searches may have waited for it
            known = self._known(found.revision)
            known = known or self._made(found.revision, found.gallery, self.calibration())
            self._in_force = known
        return known

    def of_comparison(self) -> Operation:
        """For two photos."""
        calibration = self.calibration()
        if calibration.fixed:
            return _fixed(calibration, calibration.fixed)
        return Operation(
            threshold=calibration.tail().threshold(self._fmr),
            fmr=self._fmr,
            model=calibration.model,
            calibration=_in_words(calibration),
        )

    def of_resemblance(self) -> float:
        """Score from which a face may be that of the subject whose name it is given."""
        calibration = self.calibration()
        if calibration.fixed:
            return -1.0  # not known how often a person's own photos fall below any score
        return calibration.tail().threshold(RESEMBLE_FMR)

    def calibration(self) -> Calibration:
        """The one in force."""
        own = self._store.promises.calibration(self._card.model)
        return calibration_from(own) if own else self._card

    def promise(self) -> float:
        """The rate that is promised of a search."""
        return self._store.promises.fpir() or self._fpir

    def _known(self, revision: int) -> InForce | None:
        known = self._in_force
        return known if known and known.revision == revision else None

    def _made(self, revision: int, gallery: GallerySize, calibration: Calibration) -> InForce:
        people = self._index.people(OWN_SUBJECTS)
        return in_force(calibration, self.promise(), gallery, people, revision)


def in_force(
    calibration: Calibration, fpir: float, gallery: GallerySize, people: Vectors, revision: int = 0
) -> InForce:
    """What follows from a promise.

    Args:
        people: one template each of some subjects, shape (n, d), of norm 1.
    """
    if calibration.fixed:
        fixed = replace(_fixed(calibration, calibration.fixed), min_margin=calibration.margin)
        return InForce(revision, calibration, NOT_COMPARED, fixed)
    own = own_gallery(people, calibration.tail())
    base = identification_threshold(calibration, gallery.by_samples, fpir)
    operation = Operation(
        threshold=base + own.shift,
        fmr=calibration.tail().fmr(base),
        model=calibration.model,
        fpir=fpir,
        raised_by=own.shift,
        min_margin=calibration.margin,
        calibration=_in_words(calibration),
    )
    return InForce(revision, calibration, own, operation)


def _fixed(calibration: Calibration, threshold: float) -> Operation:
    """What a threshold without error rates promises: nothing."""
    return Operation(
        threshold=threshold,
        fmr=None,
        model=calibration.model,
        calibration=_in_words(calibration),
    )


def checked_rate(rate: float) -> float:
    """An error rate that can be promised. Raises: InvalidPromise."""
    if not (math.isfinite(rate) and 0 < rate <= 0.5):
        raise InvalidPromise(f"An error rate to promise is above 0 and at most 0.5, not {rate:g}.")
    return rate


def _in_words(calibration: Calibration) -> str:
    return ", ".join(part for part in (calibration.data, calibration.made) if part)
