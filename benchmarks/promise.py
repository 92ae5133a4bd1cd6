"""Is the promise kept on people whom the calibration has never seen?

    python -m benchmarks.promise                some minutes the first time, then seconds
    python -m benchmarks.promise --draws 10     other halves, galleries and strangers, 10 times

All people of ../shared/faces are halved by chance. One half makes the centre and the calibration;
of the other half some are enrolled, with one photo each, and the photos of the rest are searched as
strangers. Then the other way round. A cell is kept when the promise is not below the 95 % interval
of the rate measured. Prints Markdown; exits 1 when a cell of the first draw is not kept.
"""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tools.calibrate_card import cross_fitted, mean_of_people

from benchmarks.labelled import Photos, centred, everybody, unit
from facecog.decision import Calibration
from facecog.domain import GallerySize, Vectors
from facecog.evaluation.intervals import Rate
from facecog.thresholds import OWN_SUBJECTS, InForce, in_force

PROMISES = (1e-2, 1e-3)
GALLERIES = (10, 50, 150, None)  # None: half of the people there are
PHOTOS_A_STRANGER = 3
# What registering more photos of a person gains.
SAMPLES, PROBES_A_PERSON = (1, 2, 3), 8
# Galleries of people chosen for being alike, and how many of them for each draw.
ALIKE, FAMILIES = (30, 60, 120), 10

Rows = NDArray[np.intp]


class Unseen(NamedTuple):
    """People whom a calibration has not seen: templates, shape (n, d), and whose they are."""

    half: str
    calibration: Calibration
    templates: Vectors
    people: NDArray[np.str_]


class Cell(NamedTuple):
    """One measurement: strangers that got a name, and the threshold that let them."""

    half: str
    enrolled: int
    promise: float
    threshold: float
    named: Rate

    @property
    def kept(self) -> bool:
        """Whether the promise is not below the interval."""
        return self.named.interval()[0] <= self.promise


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1)
    photos = everybody()
    draws = [halves(photos, seed) for seed in range(parser.parse_args().draws)]
    cells = [
        [cell for unseen in draw for cell in measured(unseen, np.random.default_rng(seed))]
        for seed, draw in enumerate(draws)
    ]
    print_cells(cells[0])
    if len(draws) > 1:
        print_pooled(cells)
    ways = [unseen for draw in draws for unseen in draw]
    print_cost(ways)
    print_alike(ways)
    if not all(cell.kept for cell in cells[0]):
        sys.exit(1)


def halves(photos: Photos, seed: int) -> list[Unseen]:
    """Both ways of one halving."""
    names = np.random.default_rng(seed).permutation(np.unique(photos.people))
    first = np.isin(photos.people, names[: len(names) // 2])
    return [
        unseen_half("second half", photos, first, seed),
        unseen_half("first half", photos, ~first, seed),
    ]


def unseen_half(half: str, photos: Photos, learnt: NDArray[np.bool_], seed: int) -> Unseen:
    """Centre and calibration from the photos that are learnt from, templates of the others."""
    known = Photos([], photos.people[learnt], [], photos.plain[learnt])
    centre = mean_of_people(known.plain, known.people)
    calibration = cross_fitted(known, "sface", seed)
    return Unseen(half, calibration, centred(photos.plain[~learnt], centre), photos.people[~learnt])


def measured(unseen: Unseen, random: np.random.Generator) -> list[Cell]:
    """All galleries and promises."""
    names = random.permutation(np.unique(unseen.people))
    cells = []
    for size in GALLERIES:
        enrolled = size or len(names) // 2
        gallery = unseen.templates[photos_of(unseen, names[:enrolled], 1, random)]
        strangers = photos_of(unseen, names[enrolled:], PHOTOS_A_STRANGER, random)
        for promise in PROMISES:
            force, best = searched(unseen, gallery, strangers, promise)
            threshold = force.operation.threshold
            named = Rate(int(np.sum(best >= threshold)), len(best))
            cells.append(Cell(unseen.half, enrolled, promise, threshold, named))
    return cells


def photos_of(
    unseen: Unseen, names: NDArray[np.str_], at_most: int, random: np.random.Generator
) -> Rows:
    """Rows of some photos of each of these people."""
    return np.concatenate(
        [random.permutation(np.flatnonzero(unseen.people == name))[:at_most] for name in names]
    )


def searched(
    unseen: Unseen, gallery: Vectors, strangers: Rows, promise: float
) -> tuple[InForce, NDArray[np.float32]]:
    """What holds for this gallery, and each stranger's highest score in it."""
    size = GallerySize({1: len(gallery)})
    force = in_force(unseen.calibration, promise, size, gallery[:OWN_SUBJECTS])
    return force, (unseen.templates[strangers] @ gallery.T).max(axis=1)


def print_cells(cells: list[Cell]) -> None:
    """The first draw, cell by cell."""
    print("| measured on | enrolled | promised | threshold | strangers named | interval | kept |")
    print("|---|---|---|---|---|---|---|")
    for cell in cells:
        low, high = cell.named.interval()
        print(
            f"| {cell.half} | {cell.enrolled} | {cell.promise:.1%} | {cell.threshold:.3f} "
            f"| {cell.named.value:.2%} ({cell.named.hits} of {cell.named.trials}) "
            f"| {low:.2%} to {high:.2%} | {'yes' if cell.kept else 'NO'} |"
        )


def print_pooled(draws: list[list[Cell]]) -> None:
    """The same cells over all draws: how close to the promise the rate comes on average."""
    print(f"\nOver {len(draws)} draws, both ways:\n")
    print("| enrolled | promised | strangers named | of the promise |")
    print("|---|---|---|---|")
    both = len(draws[0]) // 2
    for place in range(both):
        cells = [cells[way] for cells in draws for way in (place, place + both)]
        hits = sum(cell.named.hits for cell in cells)
        named = Rate(hits, sum(cell.named.trials for cell in cells))
        first = cells[0]
        print(
            f"| {first.enrolled} | {first.promise:.1%} | {named.value:.3%} "
            f"({named.hits} of {named.trials}) | {named.value / first.promise:.2f} |"
        )


def print_cost(ways: list[Unseen]) -> None:
    """Known people who are missed, with one photo and with several of each registered.

    Those with more than so many photos are all enrolled; their other photos are searched.
    """
    print("\nWhat it costs, of the same people with more or fewer photos registered:\n")
    print("| photos of each | promised | missed names (FNIR) | given another's name |")
    print("|---|---|---|---|")
    for samples in SAMPLES:
        for promise in PROMISES:
            counts = [missed(unseen, samples, promise) for unseen in ways]
            lost, wrong, searches = np.sum(counts, axis=0)
            rates = f"{lost / searches:.2%} ({lost} of {searches}) | {wrong / searches:.2%}"
            print(f"| {samples} | {promise:.1%} | {rates} |")


def missed(unseen: Unseen, samples: int, promise: float) -> tuple[int, int, int]:
    """Mated probes that do not get their name, that get another's, and all of them."""
    random = np.random.default_rng(0)
    names = [n for n in np.unique(unseen.people) if np.sum(unseen.people == n) > max(SAMPLES)]
    rows = [random.permutation(np.flatnonzero(unseen.people == name)) for name in names]
    gallery = unit(np.array([unseen.templates[own[:samples]].sum(axis=0) for own in rows]))
    probes = [own[max(SAMPLES) :][:PROBES_A_PERSON] for own in rows]
    whose = np.repeat(np.arange(len(names)), [len(own) for own in probes])
    force = in_force(unseen.calibration, promise, GallerySize({samples: len(names)}), gallery)
    scores = unseen.templates[np.concatenate(probes)] @ gallery.T
    reached = scores.max(axis=1) >= force.operation.threshold
    right = scores.argmax(axis=1) == whose
    return int(np.sum(~(reached & right))), int(np.sum(reached & ~right)), len(whose)


def print_alike(ways: list[Unseen]) -> None:
    """People who look alike, with and without what their own gallery says of them.

    A person is taken by chance, with the people of the unseen half who are most alike to him or
    her; a half of these is enrolled, the photos of the others are the strangers.
    """
    print("\nPeople chosen for being alike:\n")
    print(
        "| enrolled | promised | named at the model's threshold | at the raised one | raised by |"
    )
    print("|---|---|---|---|---|")
    for enrolled in ALIKE:
        for promise in PROMISES:
            families = [
                alike(unseen, enrolled, promise, np.random.default_rng(seed))
                for unseen in ways
                for seed in range(FAMILIES)
            ]
            model, raised, searches = np.sum([family[:3] for family in families], axis=0)
            shift = np.mean([family[3] for family in families])
            rates = f"{model / searches:.2%} | {raised / searches:.2%}"
            print(f"| {enrolled} | {promise:.1%} | {rates} | {shift:.3f} |")


def alike(
    unseen: Unseen, enrolled: int, promise: float, random: np.random.Generator
) -> tuple[int, int, int, float]:
    """Strangers named at the model's threshold and at the raised one, of how many; the shift."""
    names = np.unique(unseen.people)
    first = photos_of(unseen, names, 1, random)
    likeness = unseen.templates[first] @ unseen.templates[random.choice(first)]
    near = random.permutation(np.argsort(-likeness)[: 2 * enrolled])
    strangers = photos_of(unseen, names[near[enrolled:]], PHOTOS_A_STRANGER, random)
    gallery = unseen.templates[first[near[:enrolled]]]
    force, best = searched(unseen, gallery, strangers, promise)
    raised, shift = force.operation.threshold, force.own.shift
    named = [int(np.sum(best >= threshold)) for threshold in (raised - shift, raised)]
    return named[0], named[1], len(best), shift


if __name__ == "__main__":
    main()
