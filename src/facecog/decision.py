"""Scores -> match, unknown or uncertain, at the threshold that keeps a promised error rate.

The promise is a false-positive identification rate (FPIR, ISO/IEC 19795-1): of strangers who are
searched, the part that gets a name. A `Calibration` says how often two different people reach a
score; the gallery's size says how many chances a search gives a stranger; the threshold follows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Candidate, Decision, Face, IdentifiedFace, Operation, Template

# A false match rate at which a sample resembles its subject enough to be one of its photos: far
# looser than a search, since the name has been given and only a mix-up is looked for.
RESEMBLE_FMR = 1e-3
# Never reached by a cosine: the promise cannot be kept by any threshold, so nobody is named.
OUT_OF_REACH = 1.01


@dataclass(frozen=True, slots=True)
class Tail:
    """How often two different people reach a score.

    Attributes:
        points: (false match rate, score) with falling rates and rising scores, at least one.
            Between two points the logarithm of the rate is linear in the score; beyond the last
            it goes on as between the last two, which is the exponential tail that extreme-value
            theory gives where the shape is 0 (Pickands, Annals of Statistics 3(1), 1975).

    Raises:
        ValueError: no point, one out of range, or rates that do not fall while scores rise.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError("state at least one, fmr and threshold")
        # A score above 1 is one that the line reaches at a rate so low that no cosine does.
        if not all(0 < rate < 1 and -1 <= score < math.inf for rate, score in self.points):
            raise ValueError("fmr is between 0 and 1, a threshold at least -1")
        for (rate, score), (next_rate, next_score) in pairwise(self.points):
            if not (next_rate < rate and next_score > score):
                raise ValueError("a lower fmr needs a higher threshold")
        if len(self.points) == 1 and self.points[0][1] <= 0:
            raise ValueError("one fmr alone needs a threshold above 0")

    def threshold(self, fmr: float) -> float:
        """The score that at most a part `fmr` of non-mated comparisons reaches."""
        rates, scores = self._ends()
        return _line(math.log10(max(fmr, 1e-300)), rates[::-1], scores[::-1])

    def fmr(self, score: float) -> float:
        """The part of non-mated comparisons that reaches `score`."""
        rates, scores = self._ends()
        return float(min(1.0, 10.0 ** _line(score, scores, rates)))

    def _ends(self) -> tuple[list[float], list[float]]:
        """log10 of the rates and the scores, both in the order of rising scores."""
        if len(self.points) == 1:
            return _ends_of_one(*self.points[0])
        return [math.log10(rate) for rate, _ in self.points], [score for _, score in self.points]


def _ends_of_one(rate: float, score: float) -> tuple[list[float], list[float]]:
    """One point alone, stretched on the strict side both ways.

    Below it as a normal distribution around 0, where log10 of the rate falls with the square of
    the score; beyond it in the straight line from (1, 0), which is above that curve.
    """
    depth, parts = math.log10(rate), [0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
    return (
        [*(depth * part for part in parts), 2 * depth],
        [*(score * math.sqrt(part) for part in parts), 2 * score],
    )


def _line(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Linear between points with rising `xs`, and on in a straight line beyond both ends."""
    i = min(max(bisect_left(xs, x), 1), len(xs) - 1)
    slope = (ys[i] - ys[i - 1]) / (xs[i] - xs[i - 1])
    return ys[i] + slope * (x - xs[i])


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured of a model on labelled photographs.

    Attributes:
        model: the model card it is of.
        tails: of a probe against subjects with 1, 2, 3 ... samples; the last for all with more.
        margin: two subjects that both match are told apart when their scores differ by this much.
        made: the day, as YYYY-MM-DD; empty when not known.
        data: what it was measured on, in words.
        fixed: a threshold that holds whatever is promised, since no error rate of it is known;
            there are no tails then. It is never stored: who measures replaces it.
    """

    model: str
    tails: tuple[Tail, ...]
    margin: float = 0.1
    made: str = ""
    data: str = ""
    fixed: float | None = None

    def tail(self, samples: int = 1) -> Tail:
        """The tail against a subject with so many samples."""
        return self.tails[min(max(samples, 1), len(self.tails)) - 1]


def calibration_from(numbers: Mapping[str, Any]) -> Calibration:
    """The reverse of `calibration_numbers`. Raises: KeyError, TypeError, ValueError."""
    tails = tuple(
        Tail(tuple((float(rate), float(score)) for rate, score in points))
        for points in numbers["tails"]
    )
    return Calibration(
        str(numbers["model"]),
        tails,
        float(numbers["margin"]),
        str(numbers["made"]),
        str(numbers["data"]),
    )


def calibration_numbers(calibration: Calibration) -> dict[str, Any]:
    """Plain values, for a file or a column."""
    return {
        "model": calibration.model,
        "made": calibration.made,
        "data": calibration.data,
        "margin": calibration.margin,
        "tails": [[list(point) for point in tail.points] for tail in calibration.tails],
    }


def identification_threshold(
    calibration: Calibration, by_samples: Mapping[int, int], fpir: float
) -> float:
    """The lowest score at which a search of the whole gallery keeps the promise.

    Args:
        by_samples: number of samples -> how many subjects have so many.
        fpir: the promise, above 0 and below 1.

    A stranger stays unknown when no subject reaches the threshold, so
    1 - FPIR = product over subjects of (1 - FMR), taking comparisons as independent; they are not
    quite, and that errs on the strict side (ISO/IEC 19795-1; Grother and Phillips, CVPR 2004).
    """
    subjects: dict[Tail, int] = {}
    for samples, count in by_samples.items():
        tail = calibration.tail(samples)
        subjects[tail] = subjects.get(tail, 0) + count
    subjects = subjects if any(subjects.values()) else {calibration.tail(): 1}
    allowed = -math.log1p(-fpir)

    def expected(score: float) -> float:
        chances = [(count, min(tail.fmr(score), 1 - 1e-12)) for tail, count in subjects.items()]
        return sum(-count * math.log1p(-fmr) for count, fmr in chances)

    low, high = -1.0, OUT_OF_REACH
    if expected(high) > allowed:
        return high
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) > allowed else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class OwnGallery:
    """What the gallery's own people say of each other.

    Attributes:
        pairs: comparisons of two subjects.
        expected, found: the part of them that reaches the level `LEVEL` of the calibration, as
            the calibration has it and as it is here.
        shift: how much more alike these people are, in score, as far as it is sure; 0 or more.
    """

    pairs: int
    expected: float
    found: float
    shift: float


# Where the two distributions are compared: deep enough to be about likeness, shallow enough that a
# few hundred pairs show something and one pair of twins does not (benchmarks/promise.py).
LEVEL = 0.1
ENOUGH_SUBJECTS = 20
GROUPS = 20  # of subjects, for the jackknife
ROWS = 4
SURE = 1.645  # standard errors: one-sided 95 %


def own_gallery(vectors: NDArray[np.float32], tail: Tail) -> OwnGallery:
    """Compare the gallery's people with one another, and that with the calibration.

    Args:
        vectors: one template a subject, shape (n, d), each of norm 1.
        tail: of one sample against one sample.

    The shift is the gallery's own (1 - LEVEL) quantile, less the calibration's, less 1.645 standard
    errors by the jackknife over subjects (Efron and Stein, Annals of Statistics 9(3), 1981), since
    the pairs of one subject go together.
    """
    n = len(vectors)
    if n < ENOUGH_SUBJECTS:
        return OwnGallery(n * (n - 1) // 2, LEVEL, math.nan, 0.0)
    places = np.flatnonzero(np.triu(np.ones((n, n), bool), 1))  # each pair once
    # A few rows at a time: for more, BLAS wakes other threads, which is a loss on busy cores.
    scores = [vectors[row : row + ROWS] @ vectors.T for row in range(0, n, ROWS)]
    pairs = np.concatenate(scores).ravel()[places]
    level = tail.threshold(LEVEL)
    found = float(np.mean(pairs >= level))
    quantile, left_out = _upper_quantiles(pairs, places, n)
    spread = float(np.sum((left_out - left_out.mean()) ** 2))
    error = math.sqrt((GROUPS - 1) / GROUPS * spread)
    return OwnGallery(len(pairs), LEVEL, found, max(0.0, quantile - level - SURE * error))


def _upper_quantiles(
    pairs: NDArray[np.float32], places: NDArray[np.intp], n: int
) -> tuple[float, NDArray[np.float64]]:
    """The (1 - LEVEL) quantile of the pairs, and that without each group of subjects.

    Args:
        places: row * n + column of each pair in the table of all.

    Each is among the highest few, so these alone are sorted, once for all.
    """
    sizes = np.bincount(np.arange(n) % GROUPS)
    left = (n - sizes) * (n - sizes - 1) // 2  # pairs without each group
    enough = min(len(pairs), int(LEVEL * len(pairs)) + len(pairs) - int(left.min()) + 2)
    highest = np.flatnonzero(pairs >= np.partition(pairs, -enough)[-enough])
    highest = highest[np.argsort(-pairs[highest])]
    scores, place = pairs[highest], places[highest]
    one, other = place // n % GROUPS, place % n % GROUPS
    left_out = [
        _upper_quantile(scores[(one != group) & (other != group)], count)
        for group, count in enumerate(left.tolist())
    ]
    return _upper_quantile(scores, len(pairs)), np.array(left_out)


def _upper_quantile(falling: NDArray[np.float32], count: int) -> float:
    """The (1 - LEVEL) quantile of `count` numbers, as np.quantile has it, given the highest."""
    place, part = divmod((count - 1) * LEVEL, 1)
    above, below = falling[int(place) : int(place) + 2].tolist()
    return float(above + part * (below - above))


def decide(
    face: Face, candidates: Sequence[Candidate], at: Operation, margin: float = 0.0
) -> IdentifiedFace:
    """Say who a face is, given its candidates, best first.

    Uncertain when two subjects are above the threshold and closer than `margin`, and when nobody
    is above it but the face is too poor to be judged.
    """
    matching = [one for one in candidates if one.score >= at.threshold]
    if len(matching) > 1 and matching[0].score - matching[1].score < margin:
        decision, reason = Decision.UNCERTAIN, "look_alikes"
    elif matching:
        decision, reason = Decision.MATCH, None
    elif not face.quality.judgeable:
        decision, reason = Decision.UNCERTAIN, "poor_quality"
    else:
        decision, reason = Decision.UNKNOWN, None
    return IdentifiedFace(face, decision, at.threshold, tuple(candidates), reason)


def template_of(face: Face) -> Template:
    """The template of a face that was embedded. Raises: ValueError when it was only detected."""
    if face.template is None:
        raise ValueError("the engine gave a face without a template")
    return face.template


def score(a: Template, b: Template) -> float:
    """Cosine similarity of two templates, -1 to 1.

    Raises:
        ValueError: they were made by different models, so no number would mean anything.
    """
    if a.model != b.model:
        raise ValueError(f"templates of {a.model} and {b.model} cannot be compared")
    return float(np.dot(a.vector, b.vector))
