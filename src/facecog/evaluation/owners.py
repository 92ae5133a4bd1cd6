"""A calibration of the owner's own: from labelled photographs, or from the gallery itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facecog.decision import Calibration, Tail
from facecog.domain import Vectors
from facecog.errors import InvalidDataset
from facecog.evaluation.calibration import (
    ENOUGH_PEOPLE,
    RATES,
    SAMPLES,
    TAIL,
    LabelledTemplates,
    calibrate,
)
from facecog.evaluation.labels import Labelled
from facecog.evaluation.report import Table, round_rate
from facecog.evaluation.templates import Shown
from facecog.evaluation.verification import Compared, of_photos
from facecog.thresholds import InForce

Item = TypeVar("Item")

# More people than these say nothing new, and every one is compared with every other.
MOST_PEOPLE = 2000
ALIKE = 5
LOWER = "The threshold falls: fewer people are missed. Be sure that no label is wrong."
LOOK = "Look whether these are two people each: a wrong label raises the threshold for everybody."
BLOCK = 512  # templates that are compared with all others at once


@dataclass(frozen=True, slots=True)
class Proposal:
    """A calibration that is not in force yet.

    Attributes:
        people, photos: that it is made from.
        look_alikes: pairs of people that were not learnt from, since they match each other.
        alike: the most alike photographs of two people; look whether their labels are right.
    """

    calibration: Calibration
    people: int
    photos: int
    look_alikes: int = 0
    alike: tuple[Compared, ...] = ()


def from_photos(shown: Sequence[Shown], present: Calibration, name: str, made: str) -> Proposal:
    """Of labelled photographs.

    Args:
        present: the calibration in force; it says what so few photographs cannot.
        name: of the photographs, to be told by later.

    Raises:
        InvalidDataset: too few people, or one photo of two of them.
    """
    _refuse_copies(shown)
    found = [(photo.identity, face.template) for photo, face in shown if face and face.template]
    vectors = np.array([template.vector for _, template in found], np.float32)
    templates = _most(_labelled([identity for identity, _ in found], vectors))
    data = f"{name}: {len(templates.people):,} photos of {_count(templates):,} people"
    calibration = _completed(_calibrated(templates, present, data, made), templates, present)
    pairs = of_photos(shown)
    rows = np.flatnonzero(~pairs.same)
    first = rows[np.argsort(-pairs.values[rows])[:ALIKE]].tolist()
    names = [one.name for one in pairs.photos]
    alike = [Compared(names[pairs.a[i]], names[pairs.b[i]], pairs.values[i]) for i in first]
    return Proposal(calibration, _count(templates), len(templates.people), 0, tuple(alike))


def _refuse_copies(shown: Sequence[Shown]) -> None:
    first: dict[bytes, Labelled] = {}
    for photo, face in shown:
        if not (face and face.template):
            continue
        known = first.setdefault(face.template.vector.tobytes(), photo)
        if known.identity != photo.identity:
            raise InvalidDataset(
                f"{known.name} and {photo.name} are one photo of two people, "
                f"{known.identity} and {photo.identity}."
            )


def from_gallery(owners: Sequence[str], vectors: Vectors, force: InForce, made: str) -> Proposal:
    """Of the templates that are registered.

    People who match each other may be one person under two names: of two of them one is left out.

    Args:
        owners: whose each template is.
        vectors: shape (n, d), of norm 1.
        force: what is in force.

    Raises:
        InvalidDataset: too few people, or so many who match that the threshold must be wrong.
    """
    present, threshold = force.calibration, force.operation.threshold
    templates = _most(_labelled(owners, vectors))
    pairs = _matching(templates, threshold)
    people = _count(templates)
    if people >= ENOUGH_PEOPLE and len(pairs) > TAIL * people * (people - 1) / 2:
        raise InvalidDataset(
            f"{len(pairs):,} pairs of the {people:,} people registered match each other. These "
            "are no few look-alikes: calibrate from photos that somebody has labelled."
        )
    templates = _without(templates, _to_leave_out(pairs))
    data = f"the gallery: {len(templates.people):,} photos of {_count(templates):,} people"
    calibration = _completed(_calibrated(templates, present, data, made), templates, present)
    return Proposal(calibration, _count(templates), len(templates.people), len(pairs))


def changes(before: InForce, after: InForce, proposal: Proposal) -> list[Table]:
    """What a proposal would change."""
    old, new = before.calibration, after.calibration
    tables = [
        Table(
            "What would change",
            ("", "before", "after"),
            (
                ("threshold of a search", *_scores(before, after, lambda f: f.operation.threshold)),
                ("of it, raised for this gallery", *_scores(before, after, lambda f: f.own.shift)),
                ("told apart from the second by", *_scores(old, new, lambda c: c.margin)),
            ),
            "" if after.operation.threshold >= before.operation.threshold else LOWER,
        )
    ]
    for samples in range(1, len(new.tails) + 1):
        rows = [
            (round_rate(rate), _score(old, rate, samples), _score(new, rate, samples))
            for rate in RATES
        ]
        title = f"Score that so many other people reach, compared with {samples} photos of one"
        tables.append(
            Table(title.replace("1 photos", "1 photo"), ("rate", "before", "after"), tuple(rows))
        )
    if proposal.alike:
        alike = tuple((f"{one.score:.3f}", one.a, one.b) for one in proposal.alike)
        columns = ("score", "photo", "photo")
        tables.append(Table("The most alike photos of two people", columns, alike, LOOK))
    return tables


def _scores(before: Item, after: Item, value: Callable[[Item], float]) -> tuple[str, str]:
    return f"{value(before):.3f}", f"{value(after):.3f}"


def _score(calibration: Calibration, rate: float, samples: int) -> str:
    return f"{calibration.tail(samples).threshold(rate):.3f}" if calibration.tails else "-"


def _calibrated(
    templates: LabelledTemplates, present: Calibration, data: str, made: str
) -> Calibration:
    return calibrate([templates], present.model, data, made)


def _completed(new: Calibration, templates: LabelledTemplates, present: Calibration) -> Calibration:
    """With what the photographs do not show taken from the calibration in force.

    More samples of a subject make a stranger's score higher: where too few people have so many,
    by as much as the present calibration says. The margin needs people with three photos.
    """
    tails = list(new.tails)
    for samples in SAMPLES[len(tails) : len(present.tails)]:
        tails.append(_raised(tails[-1], present.tail(samples - 1), present.tail(samples)))
    most = int(np.bincount(templates.people).max(initial=0))
    margin = new.margin if most >= 3 else present.margin
    return replace(new, tails=tuple(tails), margin=margin)


def _raised(tail: Tail, fewer: Tail, more: Tail) -> Tail:
    """A tail, raised by what another pair of tails differs."""
    steps = [max(0.0, more.threshold(rate) - fewer.threshold(rate)) for rate in RATES]
    points = [(rate, tail.threshold(rate) + step) for rate, step in zip(RATES, steps, strict=True)]
    # A step that shrinks faster than the scores rise would put them out of order.
    rising = np.maximum.accumulate([score for _, score in points])
    return Tail(
        tuple(
            (rate, round(float(score) + 1e-4 * place, 4))
            for place, (rate, score) in enumerate(zip(RATES, rising, strict=True))
        )
    )


def _labelled(owners: Sequence[str], vectors: Vectors) -> LabelledTemplates:
    people: NDArray[np.intp] = np.unique(np.array(owners, np.str_), return_inverse=True)[1]
    return LabelledTemplates(vectors, people)


def _count(templates: LabelledTemplates) -> int:
    return len(np.unique(templates.people))


def _most(templates: LabelledTemplates, seed: int = 0) -> LabelledTemplates:
    """At most MOST_PEOPLE of them, drawn by chance."""
    people = np.unique(templates.people)
    drawn = np.random.default_rng(seed).permutation(people)[MOST_PEOPLE:]
    return _without(templates, set(drawn.tolist()))


def _without(templates: LabelledTemplates, people: set[int]) -> LabelledTemplates:
    """Those of everybody else, who are numbered anew."""
    kept = ~np.isin(templates.people, list(people))
    numbers: NDArray[np.intp] = np.unique(templates.people[kept], return_inverse=True)[1]
    return LabelledTemplates(templates.vectors[kept], numbers)


def _matching(templates: LabelledTemplates, threshold: float) -> set[tuple[int, int]]:
    """Pairs of people with templates that match each other."""
    vectors, people = templates.vectors, templates.people
    found: set[tuple[int, int]] = set()
    for start in range(0, len(vectors), BLOCK):
        rows, columns = np.nonzero(vectors[start : start + BLOCK] @ vectors.T >= threshold)
        one, other = people[start + rows], people[columns]
        below = one < other
        found |= set(zip(one[below].tolist(), other[below].tolist(), strict=True))
    return found


def _to_leave_out(pairs: set[tuple[int, int]]) -> set[int]:
    """People without whom no pair is left: each time the one who is in most of them."""
    left, gone = set(pairs), set[int]()
    while left:
        counts = Counter(one for pair in left for one in pair)
        worst = max(counts, key=lambda person: (counts[person], -person))
        gone.add(worst)
        left = {pair for pair in left if worst not in pair}
    return gone
