"""Measure a built-in embedder and write what its card says of its scores.

    python -m tools.calibrate_card                     src/facecog/engines/sface.json

From lfw_dev (benchmarks/labelled.py). The centre is the mean of all its people's vectors. The
calibration is cross-fitted: the people are halved, each half is compared with the centre of the
other, so that no score is lower for having helped to choose the centre.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
from benchmarks.labelled import ROOT, Photos, centred, lfw_dev

from facecog.decision import Calibration, calibration_numbers
from facecog.domain import Vectors
from facecog.evaluation.calibration import LabelledTemplates, calibrate

TARGET = ROOT / "src" / "facecog" / "engines" / "sface.json"


def main() -> None:
    """Write the file."""
    photos = lfw_dev()
    numbers = {
        "centre": [round(float(value), 6) for value in mean_of_people(photos.plain, photos.people)],
        "calibration": calibration_numbers(cross_fitted(photos, "sface")),
    }
    TARGET.write_text(json.dumps(numbers, indent=None, separators=(",", ": ")) + "\n", "utf-8")
    print(f"written to {TARGET.relative_to(Path.cwd())}")


def mean_of_people(plain: Vectors, people: np.ndarray) -> Vectors:
    """The mean over people of the mean over each one's photographs, shape (d,)."""
    _, whose = np.unique(people, return_inverse=True)
    sums = np.zeros((whose.max() + 1, plain.shape[1]))
    np.add.at(sums, whose, plain)
    means: Vectors = (sums / np.bincount(whose)[:, None]).mean(0).astype(np.float32)
    return means


def cross_fitted(photos: Photos, model: str, seed: int = 0) -> Calibration:
    """The calibration, each half of the people centred by the other."""
    names, whose = np.unique(photos.people, return_inverse=True)
    half = np.isin(whose, np.random.default_rng(seed).permutation(len(names))[: len(names) // 2])
    folds = [
        LabelledTemplates(
            centred(photos.plain[own], mean_of_people(photos.plain[~own], photos.people[~own])),
            whose[own],
        )
        for own in (half, ~half)
    ]
    data = f"LFW, people folds 2 and 3: {len(photos.people):,} photos of {len(names):,} people"
    return calibrate(folds, model, data, date.today().isoformat(), seed)


if __name__ == "__main__":
    main()
