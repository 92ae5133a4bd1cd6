"""Is the promise kept on people whom the calibration has never seen?

    python -m benchmarks.promise                a minute once the templates are made
    python -m benchmarks.promise --draws 20     other halves, galleries and strangers, 20 times

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

from benchmarks.labelled import Photos, centred, everybody
from facecog.decision import Calibration
from facecog.domain import GallerySize, Vectors
from facecog.evaluation.intervals import Rate
from facecog.thresholds import OWN_SUBJECTS, in_force

PROMISES = (1e-2, 1e-3)
GALLERIES = (10, 50, 150, None)  # None: half of the people there are
PHOTOS_A_STRANGER = 3


class Cell(NamedTuple):
    """One measurement: strangers that got a name, and the threshold that let them."""

    half: str
    people: int
    promise: float
    threshold: float
    named: Rate

    @property
    def kept(self) -> bool:
        return self.named.interval()[0] <= self.promise


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1)
    photos = everybody()
    draws = [draw(photos, seed) for seed in range(parser.parse_args().draws)]
    print(
        "| measured on | enrolled | promised | threshold | strangers named | 95 % interval | kept |"
    )
    print("|---|---|---|---|---|---|---|")
    for cell in draws[0]:
        print(row(cell))
    if len(draws) > 1:
        print_pooled(draws)
    if not all(cell.kept for cell in draws[0]):
        sys.exit(1)


def row(cell: Cell) -> str:
    """A line of the table."""
    low, high = cell.named.interval()
    counted = f"{cell.named.value:.2%} ({cell.named.hits} of {cell.named.trials})"
    interval = f"{low:.2%} to {high:.2%}"
    return (
        f"| {cell.half} | {cell.people} | {cell.promise:.1%} | {cell.threshold:.3f} | {counted} "
        f"| {interval} | {'yes' if cell.kept else 'NO'} |"
    )


def print_pooled(draws: list[list[Cell]]) -> None:
    """The same cells over all draws: how close to the promise the rate comes on average."""
    print(f"\nOver {len(draws)} draws, both ways:\n")
    print("| enrolled | promised | strangers named | of the promise |")
    print("|---|---|---|---|")
    for place in range(len(draws[0]) // 2):
        cells = [cells[i] for cells in draws for i in (place, place + len(cells) // 2)]
        named = Rate(sum(c.named.hits for c in cells), sum(c.named.trials for c in cells))
        first = cells[0]
        print(
            f"| {first.people} | {first.promise:.1%} | {named.value:.3%} "
            f"({named.hits} of {named.trials}) | {named.value / first.promise:.2f} |"
        )


def draw(photos: Photos, seed: int) -> list[Cell]:
    """Both ways of one halving."""
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(photos.people))
    first = np.isin(photos.people, names[: len(names) // 2])
    cells: list[Cell] = []
    for half, learnt in (("second half", first), ("first half", ~first)):
        known = Photos([], photos.people[learnt], [], photos.plain[learnt])
        calibration = cross_fitted(known, "sface", seed)
        centre = mean_of_people(known.plain, known.people)
        templates = centred(photos.plain[~learnt], centre)
        cells += measure(half, templates, photos.people[~learnt], calibration, random)
    return cells


def measure(
    half: str,
    templates: Vectors,
    people: NDArray[np.str_],
    calibration: Calibration,
    random: np.random.Generator,
) -> list[Cell]:
    """All galleries and promises on people who are new to the calibration."""
    cells = []
    names = random.permutation(np.unique(people))
    for size in GALLERIES:
        enrolled = names[: size or len(names) // 2]
        gallery = np.stack(
            [templates[random.choice(np.flatnonzero(people == n))] for n in enrolled]
        )
        probes = [
            row
            for name in names[len(enrolled) :]
            for row in random.permutation(np.flatnonzero(people == name))[:PHOTOS_A_STRANGER]
        ]
        best = (templates[probes] @ gallery.T).max(axis=1)
        for promise in PROMISES:
            force = in_force(
                calibration, promise, GallerySize({1: len(gallery)}), gallery[:OWN_SUBJECTS]
            )
            threshold = force.operation.threshold
            named = Rate(int(np.sum(best >= threshold)), len(best))
            cells.append(Cell(half, len(gallery), promise, threshold, named))
    return cells


if __name__ == "__main__":
    main()
