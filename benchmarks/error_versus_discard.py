"""Do the measures of quality earn their place: are the faces they call poor those that are missed?

    python -m benchmarks.error_versus_discard        ten minutes the first time, then one

For each measure the error-versus-discard curve (ISO/IEC 29794-1; Grother and Tabassi, IEEE TPAMI
29(4), 2007): mated comparisons that are missed (FNMR) at a fixed threshold, as the poorest are left
out. The threshold is the card's at FMR 1e-5. A comparison is as poor as the poorer of its two
photos. `area` is the mean of the curve from 0 to 20 % left out, as a part of its beginning: 1 is
chance, lower is better. Intervals are 95 %, by bootstrap over people, who all weigh the same.

Once on the photographs of ../shared/faces as they are, once on lfw_dev's spoilt by a program
(benchmarks/spoilt.py), against an unspoilt photo of the same person. Prints Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.labelled import Photos, centred, everybody
from benchmarks.spoilt import WAYS, Spoilt, spoilt
from facecog.domain import Face, Vectors
from facecog.engines.cards import SFACE
from facecog.evaluation.intervals import Rate
from facecog.quality import CHECKS, Check, reasons

FMR = 1e-5
LEFT_OUT = np.linspace(0, 0.2, 21)
SHOWN = (0, 5, 10, 20)  # places in it: 0, 5, 10 and 20 %
DRAWS = 500
Numbers = NDArray[np.float64]

# How poor a value is; where nothing is said, low is poor.
POOR: dict[str, Callable[[Numbers], Numbers]] = {
    "brightness": lambda level: np.abs(level - 128),
    "noise": np.asarray,
    "cut_off": np.asarray,
    "yaw": np.abs,
    "pitch": np.abs,
    "roll": np.abs,
}


class Pairs(NamedTuple):
    """Mated comparisons.

    Attributes:
        person: a number for each comparison, from 0.
        missed: whether it stays below the threshold.
        measures: name -> value of the first and of the second photo, shape (2, n).
    """

    person: NDArray[np.intp]
    missed: NDArray[np.bool_]
    measures: dict[str, Numbers]

    def poor(self, measure: str) -> Numbers:
        """How poor the poorer photo of each comparison is."""
        how = POOR.get(measure, np.negative)
        poorer: Numbers = how(self.measures[measure]).max(axis=0)
        return poorer


def main() -> None:
    """Print the tables."""
    whole = everybody()
    as_they_are = ordinary(whole)
    print(f"{len(as_they_are.missed)} comparisons of {as_they_are.person.max() + 1} people.\n")
    print_curves(as_they_are)
    made = {way.__name__: spoilt(way, whole) for way in tqdm(WAYS, "spoilt", disable=None)}
    worse = {name: against_good(one, whole) for name, one in made.items()}
    print_spoilt(made, worse)
    print_areas(worse)
    print_limits(as_they_are, worse)
    print_judged(whole, made, worse)


def ordinary(whole: Photos) -> Pairs:
    """All mated pairs of the photographs as they are."""
    templates = centre(whole.plain)
    left, right = np.triu_indices(len(templates), 1)
    mated = whole.people[left] == whole.people[right]
    left, right = left[mated], right[mated]
    scores = np.sum(templates[left] * templates[right], axis=1)
    _, person = np.unique(whole.people[left], return_inverse=True)
    return Pairs(person, scores < threshold(), measured(whole.faces, left, whole.faces, right))


def against_good(one: Spoilt, whole: Photos) -> Pairs:
    """Spoilt probes with their people's unspoilt photos, which count as good."""
    scores = np.sum(centre(one.plain) * centre(whole.plain)[one.mate], axis=1)
    rows = np.arange(len(scores))
    return Pairs(rows, scores < threshold(), measured(one.faces, rows, one.faces, rows))


def measured(
    left: list[Face], left_rows: NDArray[np.intp], right: list[Face], right_rows: NDArray[np.intp]
) -> dict[str, Numbers]:
    """The measures of both photos of each comparison."""
    return {
        name: np.array(
            [
                [left[row].quality.measures[name] for row in left_rows],
                [right[row].quality.measures[name] for row in right_rows],
            ]
        )
        for name in left[0].quality.measures
    }


def centre(plain: Vectors) -> Vectors:
    """Templates as the card makes them."""
    return centred(plain, np.array(SFACE.centre, np.float32))


def threshold() -> float:
    """The score that one in 1 / FMR non-mated comparisons reaches."""
    if SFACE.calibration is None:
        raise ValueError("the card has no calibration")
    return SFACE.calibration.tail().threshold(FMR)


def curves(pairs: Pairs, measure: str, draws: int = DRAWS) -> Iterator[Numbers]:
    """FNMR with LEFT_OUT left out: of all, and then of people drawn at random."""
    random = np.random.default_rng(0)
    shuffled = random.permutation(len(pairs.missed))  # ties are left out by chance
    order = shuffled[np.argsort(-pairs.poor(measure)[shuffled], kind="stable")]
    person, missed = pairs.person[order], pairs.missed[order].astype(float)
    people = int(person.max()) + 1
    same = 1 / np.bincount(person)  # each person weighs the same, whatever the number of photos
    yield curve(missed, same[person])
    for _ in range(draws):
        drawn = np.bincount(random.integers(people, size=people), minlength=people)
        yield curve(missed, (same * drawn)[person])


def curve(missed: Numbers, weight: Numbers) -> Numbers:
    """FNMR of what is kept, poorest first in the arguments."""
    left = np.concatenate([[0], np.cumsum(weight)])
    misses = np.concatenate([[0], np.cumsum(missed * weight)])
    cut = np.searchsorted(left, LEFT_OUT * left[-1])
    rates: Numbers = (misses[-1] - misses[cut]) / (left[-1] - left[cut])
    return rates


def area(one: Numbers) -> float:
    """Its mean, as a part of its beginning."""
    return float(one.mean() / one[0]) if one[0] else 1.0


def row_of(pairs: Pairs, measure: str) -> str:
    """The curve, its area, and the area's interval."""
    first, *drawn = curves(pairs, measure)
    low, high = np.percentile([area(one) for one in drawn], [2.5, 97.5])
    shown = " | ".join(f"{first[place]:.2%}" for place in SHOWN)
    earns = "yes" if high < 1 else "no"
    return f"{shown} | {area(first):.2f} | {low:.2f} to {high:.2f} | {earns}"


CURVE = "FNMR | 5 % left out | 10 % | 20 % | area | 95 % interval | better than chance"


def print_curves(pairs: Pairs) -> None:
    """Each measure on the photographs as they are."""
    print(f"| measure | {CURVE} |\n|{'---|' * 8}")
    for measure in pairs.measures:
        print(f"| {measure} | {row_of(pairs, measure)} |", flush=True)


def print_spoilt(made: dict[str, Spoilt], worse: dict[str, Pairs]) -> None:
    """Each way of spoiling, and the measure that is there for it."""
    print(f"\n| spoilt | faces found | by | {CURVE} |\n|{'---|' * 10}")
    for way, measure in WAYS.items():
        one = made[way.__name__]
        found = f"{len(one.faces)} of {one.tried}"
        print(f"| {way.__name__} | {found} | {measure} | {row_of(worse[way.__name__], measure)} |")


def print_areas(worse: dict[str, Pairs]) -> None:
    """The areas of all measures under all ways of spoiling."""
    print(f"\n| area | {' | '.join(worse)} |\n|{'---|' * (len(worse) + 1)}")
    for measure in next(iter(worse.values())).measures:
        areas = [area(next(curves(pairs, measure, 0))) for pairs in worse.values()]
        print(f"| {measure} | {' | '.join(f'{one:.2f}' for one in areas)} |")


def print_limits(as_they_are: Pairs, worse: dict[str, Pairs]) -> None:
    """What is missed beyond each limit, of the photos as they are and of the spoilt ones."""
    names = ("strict", "standard", "judged")
    print("\n| measure | reason | missed beyond the limit: " + " | ".join(names) + " |")
    print("|---|---|---|---|---|")
    everything = [as_they_are, *worse.values()]
    for check in CHECKS:
        cells = [beyond(everything, check, name) for name in names]
        print(f"| {check.measure} | {check.reason.code} | {' | '.join(cells)} |")


def beyond(everything: list[Pairs], check: Check, name: str) -> str:
    """The limit, and the comparisons with a photo beyond it that are missed."""
    if name not in check.limits:
        return "-"
    limit, hits, trials = check.limits[name], 0, 0
    for pairs in everything:
        bad = np.array(
            [
                any(check.beyond(value, limit) for value in both)
                for both in pairs.measures[check.measure].T
            ]
        )
        hits, trials = hits + int(np.sum(pairs.missed & bad)), trials + int(np.sum(bad))
    rate = Rate(hits, trials)
    low, high = rate.interval()
    said = f"{rate.value:.0%} ({hits} of {trials}; {low:.0%} to {high:.0%})" if trials else "none"
    return f"{limit}: {said}"


def print_judged(whole: Photos, made: dict[str, Spoilt], worse: dict[str, Pairs]) -> None:
    """Of whom "unknown" is not said: of ordinary photos, and of spoilt ones that are missed."""
    poor = sum(not face.quality.judgeable for face in whole.faces)
    print(
        f"\nUncertain of the photos as they are, had they matched nobody: "
        f"{Rate(poor, len(whole.faces))}\n"
    )
    print("| spoilt | missed | uncertain | unknown | refused: strict | standard |")
    print("|---|---|---|---|---|---|")
    for name, one in made.items():
        missed = [face for face, miss in zip(one.faces, worse[name].missed, strict=True) if miss]
        uncertain = sum(not face.quality.judgeable for face in missed)
        strict, standard = (
            f"{np.mean([bool(reasons(face.quality.measures, policy)) for face in missed]):.0%}"
            for policy in ("strict", "standard")
        )
        left = len(missed) - uncertain
        print(f"| {name} | {len(missed)} | {uncertain} | {left} | {strict} | {standard} |")


if __name__ == "__main__":
    main()
