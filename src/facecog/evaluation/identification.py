"""1:N identification through the service itself, on lists of labelled photographs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facecog.errors import FaceRefused, InvalidDataset
from facecog.evaluation.intervals import Rate
from facecog.service import Facecog

# A label names the person in the middle; faces in the background count for nothing.
MIDDLE = (0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photograph and who is in it."""

    path: Path
    identity: str


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured.

    Attributes:
        rank_1: mated probes whose nearest subject is the right one, whatever the score.
        missed: FNIR: mated probes that were not named rightly.
        named_wrongly: mated probes that got another subject's name; a part of `missed`.
        strangers_named: FPIR: strangers that got a name.
        not_enrolled, not_searched: photographs that gave no usable face (failures to acquire);
            those of mated probes count as missed.
    """

    model: str
    threshold: float
    subjects: int
    rank_1: Rate
    missed: Rate
    named_wrongly: Rate
    strangers_named: Rate
    not_enrolled: int
    not_searched: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_text(self) -> str:
        return "\n".join(
            (
                f"model {self.model}, threshold {self.threshold:.3f}, {self.subjects} subjects",
                f"rank-1                       {self.rank_1}",
                f"missed names (FNIR)          {self.missed}",
                f"wrong names, known people    {self.named_wrongly}",
                f"strangers named (FPIR)       {self.strangers_named}",
                f"no usable face: {self.not_enrolled} of the gallery, "
                f"{self.not_searched} of the probes",
            )
        )


def read_list(file: Path) -> list[Labelled]:
    """Read a CSV file with the columns path (relative to its folder) and identity.

    Raises:
        InvalidDataset: a column is missing, or a file is not there.
    """
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    if not rows or not {"path", "identity"} <= rows[0].keys():
        raise InvalidDataset(f"{file} needs the columns path and identity, and rows.")
    photos = [Labelled(file.parent / row["path"], row["identity"]) for row in rows]
    for photo in photos:
        if not photo.path.is_file():
            raise InvalidDataset(f"{file} names {photo.path}, which is not there.")
    return photos


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of the person in the middle of a photograph."""

    nearest: str | None
    named: str | None
    found: bool = True


def measure(
    facecog: Facecog,
    gallery: Sequence[Labelled],
    probes: Sequence[Labelled],
    impostors: Sequence[Labelled],
) -> Rates:
    """Enrol the gallery, search all probes, and count.

    Args:
        facecog: one that nobody is registered with yet.
        gallery, probes: photographs of the same people, different ones.
        impostors: photographs of people who are not in the gallery.
    """
    refused = sum(not _enrolled(facecog, photo) for photo in tqdm(gallery, "gallery", disable=None))
    mated = [_answer(facecog, photo) for photo in tqdm(probes, "probes", disable=None)]
    strangers = [_answer(facecog, photo) for photo in tqdm(impostors, "strangers", disable=None)]
    truth = list(zip(mated, (photo.identity for photo in probes), strict=True))
    return Rates(
        model=facecog.model,
        threshold=facecog.in_force().operation.threshold,
        subjects=facecog.counts()[0],
        rank_1=Rate(sum(said.nearest == who for said, who in truth), len(truth)),
        missed=Rate(sum(said.named != who for said, who in truth), len(truth)),
        named_wrongly=Rate(sum(said.named not in (None, who) for said, who in truth), len(truth)),
        strangers_named=Rate(sum(said.named is not None for said in strangers), len(strangers)),
        not_enrolled=refused,
        not_searched=sum(not said.found for said in mated + strangers),
    )


def _enrolled(facecog: Facecog, photo: Labelled) -> bool:
    try:
        facecog.enrol(
            photo.identity,
            photo.path.read_bytes(),
            "evaluation",
            near=MIDDLE,
            allow_duplicate=True,
            allow_mismatch=True,
        )
    except FaceRefused:
        return False
    return True


def _answer(facecog: Facecog, photo: Labelled) -> Answer:
    try:
        found = facecog.identify(photo.path.read_bytes())
    except FaceRefused:
        return Answer(None, None, found=False)
    x, y = MIDDLE[0] * found.size.width, MIDDLE[1] * found.size.height
    face = min(found.faces, key=lambda one: one.face.box.distance(x, y))
    nearest = face.candidates[0].name if face.candidates else None
    return Answer(nearest, face.match.name if face.match else None)
