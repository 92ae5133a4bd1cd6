"""From lists of labelled photographs to a report."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from facecog.errors import InvalidDataset
from facecog.evaluation.contents import of_identification, of_verification
from facecog.evaluation.identification import identify_all, sorted_out
from facecog.evaluation.intervals import Rate
from facecog.evaluation.labels import (
    Corrections,
    is_pairs,
    read_corrections,
    read_pairs,
    read_photos,
)
from facecog.evaluation.report import About, Report
from facecog.evaluation.templates import Faces, Shown
from facecog.evaluation.verification import of_pairs, of_photos, verify_all
from facecog.service import Facecog


def evaluate_identification(
    facecog: Facecog,
    faces: Faces,
    sources: tuple[Path, Path, Path],
    corrections: Path | None = None,
    fpir: float | None = None,
    made: str = "",
) -> Report:
    """1:N, from lists of the gallery, of probes of the same people, and of strangers.

    Args:
        corrections: a list of label errors.
        fpir: the promise, if it is not to be the one in force.
        made: the day.

    Raises:
        InvalidDataset.
    """
    known = _corrections(corrections)
    lists = sorted_out(*(read_photos(source, known) for source in sources))
    if not (lists.probes or lists.strangers):
        raise InvalidDataset(
            "Nobody is left to be searched: each probe's person is to be enrolled."
        )
    figures = identify_all(
        lists,
        faces(lists.gallery, "gallery"),
        faces(lists.probes, "probes"),
        faces(lists.strangers, "strangers"),
        lambda face: not facecog.unfit(face),
        facecog.in_force().calibration,
        facecog.promised() if fpir is None else fpir,
    )
    data = dict(zip(("gallery", "probes", "strangers"), map(str, sources), strict=True))
    return of_identification(figures, _about(facecog, data, corrections, made))


def evaluate_verification(
    facecog: Facecog,
    faces: Faces,
    source: Path,
    corrections: Path | None = None,
    made: str = "",
) -> Report:
    """1:1, from a list of pairs, or from all pairs of a list or folder of photographs.

    Raises:
        InvalidDataset.
    """
    known = _corrections(corrections)
    at = facecog.in_force_for_two()
    if is_pairs(source):
        listed = read_pairs(source, known)
        shown = faces(listed.photos, "photos")
        pairs, not_compared = of_pairs(listed, {photo.path: face for photo, face in shown})
        figures = verify_all(pairs, at, _without_face(shown), not_compared, listed.label_errors)
    else:
        shown = faces(read_photos(source, known), "photos")
        figures = verify_all(of_photos(shown), at, _without_face(shown), Rate(0, 0))
    return of_verification(figures, _about(facecog, {"data": str(source)}, corrections, made))


def _corrections(file: Path | None) -> Corrections:
    return read_corrections(file) if file else {}


def _without_face(shown: Sequence[Shown]) -> Rate:
    return Rate(sum(face is None for _, face in shown), len(shown))


def _about(facecog: Facecog, data: dict[str, str], corrections: Path | None, made: str) -> About:
    if corrections:
        data = {**data, "corrections": str(corrections)}
    return About(facecog.model, version("facecog"), made, data)
