"""Scores -> match or unknown. Never the nearest name when nobody is near enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facecog.domain import (
    Candidate,
    Decision,
    Face,
    IdentifiedFace,
    Operation,
    Template,
)

# False match rates that the thresholds are taken at. A search compares a probe with everybody, so
# it has to be stricter than one comparison of two photographs.
IDENTIFY_FMR = 1e-5
VERIFY_FMR = 1e-4


def operation(points: Sequence[tuple[float, float]], model: str, fmr: float) -> Operation:
    """The loosest measured point that keeps `fmr`, or the strictest there is.

    Args:
        points: (false match rate, cosine threshold), in any order, at least one.
        model: the model card they were measured with.
        fmr: the rate asked for.
    """
    kept = [point for point in points if point[0] <= fmr]
    rate, threshold = max(kept) if kept else min(points)
    return Operation(threshold=threshold, fmr=rate, model=model)


def decide(face: Face, candidates: Sequence[Candidate], at: Operation) -> IdentifiedFace:
    """Say who a face is, given its candidates, best first."""
    matched = bool(candidates) and candidates[0].score >= at.threshold
    decision = Decision.MATCH if matched else Decision.UNKNOWN
    return IdentifiedFace(face, decision, at.threshold, tuple(candidates))


def score(a: Template, b: Template) -> float:
    """Cosine similarity of two templates, -1 to 1.

    Raises:
        ValueError: they were made by different models, so no number would mean anything.
    """
    if a.model != b.model:
        raise ValueError(f"templates of {a.model} and {b.model} cannot be compared")
    return float(np.dot(a.vector, b.vector))
