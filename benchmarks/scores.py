"""What makes scores better, and what does not earn its cost.

    python -m benchmarks.scores              ten minutes the first time, then one

The people of lfw_dev are halved by chance, both ways, DRAWS times. What is learnt (centre,
whitening, cohort) is learnt from one half; people of the other are enrolled and searched, and its
people with one photo are the strangers. Given is the FNIR at an FPIR of 1 %, at the strangers' own
threshold, as a mean over the draws, and as a part of the FNIR of the plain cosine with one photo in
the same draw. Prints Markdown.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tools.calibrate_card import mean_of_people

from benchmarks.labelled import FACES, Photos, centred, lfw_dev, unit
from facecog.domain import Vectors

DRAWS = 20
FPIR = 0.01
PROBES_A_PERSON = 8
Rows = NDArray[np.intp]
Scores = NDArray[np.float32]


class Split(NamedTuple):
    """One draw: rows of photos.

    gallery: shape (people, samples); probes and whose (a place in gallery) they are.
    """

    learnt: NDArray[np.bool_]
    gallery: Rows
    probes: Rows
    whose: Rows
    strangers: Rows


Making = Callable[[Split], Vectors]
Fusing = Callable[[Vectors, Split, Rows], Vectors]
Adjusting = Callable[[Scores, Vectors, Vectors, Split], Scores]


class Variant(NamedTuple):
    """A way to make templates, and a way to score probes against a gallery of several samples."""

    name: str
    cost: str
    gallery: Making
    probes: Making
    fuse: Fusing | None = None
    adjust: Adjusting | None = None


def main() -> None:
    """Measure all and print."""
    plain, mirrored = lfw_dev().plain, lfw_dev("mirrored").plain
    half, twice = lfw_dev("half").plain, lfw_dev("twice").plain
    photos = lfw_dev()
    one, three = splits(photos, 1), splits(photos, 3)
    base = [fnir(plain_cosine(plain), split) for split in one]
    print_table(
        "One photo a person", single_variants(photos, plain, mirrored, half, twice), one, base
    )
    alone = [fnir(plain_cosine(plain), first_sample(split)) for split in three]
    print_table(
        "Three photos a person (of those with four or more)",
        fused_variants(photos, plain),
        three,
        alone,
    )
    print_regions(photos, plain)


def splits(photos: Photos, samples: int) -> list[Split]:
    """All draws, both ways."""
    return [split(photos, samples, seed, way) for seed in range(DRAWS) for way in (False, True)]


def split(photos: Photos, samples: int, seed: int, way: bool) -> Split:
    """One draw, one way."""
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(photos.people))
    learnt = np.isin(photos.people, names[: len(names) // 2]) ^ way
    gallery, probes, whose, strangers = [], [], [], []
    for name in np.unique(photos.people[~learnt]):
        rows = random.permutation(np.flatnonzero(photos.people == name))
        if len(rows) == 1:
            strangers.append(rows[0])
        elif len(rows) > samples:
            mated = rows[samples : samples + PROBES_A_PERSON]
            probes += list(mated)
            whose += [len(gallery)] * len(mated)
            gallery.append(rows[:samples])
    return Split(learnt, *(np.array(part) for part in (gallery, probes, whose, strangers)))


def first_sample(of: Split) -> Split:
    """The same people and probes with one sample each."""
    return of._replace(gallery=of.gallery[:, :1])


def fnir(variant: Variant, at: Split) -> float:
    """Misses among the probes at the threshold that one stranger in a hundred reaches."""
    entries, asked = variant.gallery(at), variant.probes(at)
    if variant.fuse:
        gallery = variant.fuse(entries, at, at.gallery)
    else:
        gallery = unit(entries[at.gallery].sum(axis=1))

    def scores(rows: Rows) -> Scores:
        raw: Scores = asked[rows] @ gallery.T
        if raw.shape[1] > len(at.gallery):  # every sample by itself: the best counts
            raw = raw.reshape(len(rows), len(at.gallery), -1).max(axis=2)
        return variant.adjust(raw, asked[rows], gallery, at) if variant.adjust else raw

    threshold = np.quantile(scores(at.strangers).max(axis=1), 1 - FPIR)
    mated = scores(at.probes)
    right = (mated.argmax(axis=1) == at.whose) & (mated.max(axis=1) >= threshold)
    return float(np.mean(~right))


def print_table(title: str, variants: list[Variant], at: list[Split], base: list[float]) -> None:
    """One line a variant."""
    print(f"\n### {title}\n")
    print("| | cost | FNIR at FPIR 1 % | of the plain cosine with one | in 80 % of draws |")
    print("|---|---|---|---|---|")
    for variant in variants:
        rates = np.array([fnir(variant, one) for one in at])
        low, high = np.quantile(rates / np.maximum(base, 1e-9), [0.1, 0.9])
        part = rates.mean() / np.mean(base)
        cells = (variant.name, variant.cost, f"{rates.mean():.2%}", f"**{part:.2f}**")
        print(f"| {' | '.join(cells)} | {low:.2f} to {high:.2f} |")


# -- the variants -----------------------------------------------------------------------------


def same(vectors: Vectors) -> Making:
    """Templates that learn nothing."""
    return lambda _: vectors


def centring(vectors: Vectors, people: NDArray[np.str_]) -> Making:
    """The mean of the learnt people taken away."""
    return lambda at: centred(vectors, mean_of_people(vectors[at.learnt], people[at.learnt]))


def whitening(vectors: Vectors, people: NDArray[np.str_], within: bool, kept: float) -> Making:
    """Directions in which photos of one person (within) or all photos vary count less.

    `kept` is how much of the covariance is left alone (shrinkage towards the identity).
    """

    def made(at: Split) -> Vectors:
        templates = centring(vectors, people)(at)
        known, names = templates[at.learnt], people[at.learnt]
        if within:
            parts = [known[names == n] - known[names == n].mean(0) for n in np.unique(names)]
            known = np.concatenate([part for part in parts if len(part) > 1])
        covariance = known.T @ known / len(known)
        identity = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
        values, axes = np.linalg.eigh((1 - kept) * covariance + kept * identity)
        return unit((templates @ (axes * values**-0.5)).astype(np.float32))

    return made


def against_cohort(templates: Making, top: int, part: float) -> Adjusting:
    """Scores less a part of what probe and subject score against their most alike learnt people.

    Symmetric adaptive normalisation (Matejka et al., Interspeech 2017), without the division by the
    deviation, which the few scores at hand make noisier than it helps.
    """

    def adjust(raw: Scores, probes: Vectors, gallery: Vectors, at: Split) -> Scores:
        cohort = templates(at)[at.learnt]

        def likeness(vectors: Vectors) -> Scores:
            highest: Scores = np.sort(vectors @ cohort.T, axis=1)[:, -top:].mean(axis=1)
            return highest

        return raw - part * (likeness(probes)[:, None] + likeness(gallery)[None]) / 2

    return adjust


def plain_cosine(plain: Vectors) -> Variant:
    """What everything is compared with."""
    return Variant("plain cosine", "-", same(plain), same(plain))


def single_variants(
    photos: Photos, plain: Vectors, mirrored: Vectors, half: Vectors, twice: Vectors
) -> list[Variant]:
    """With one photo a person."""
    people = photos.people
    both = unit(plain + mirrored)
    centre, centre_both = centring(plain, people), centring(both, people)
    return [
        plain_cosine(plain),
        Variant("**centred (in use)**", "none", centre, centre),
        Variant("mirrored crop added at enrolment", "2x to enrol", same(both), same(plain)),
        Variant("mirrored crop added at both", "2x to embed", same(both), same(both)),
        Variant("centred, mirrored at enrolment", "2x to enrol", centre_both, centre),
        Variant("centred, mirrored at both", "2x to embed", centre_both, centre_both),
        *(
            Variant(f"whitened within people, {kept:.0%} kept", "16k numbers", made, made)
            for kept in (0.7, 0.5)
            for made in [whitening(plain, people, within=True, kept=kept)]
        ),
        *(
            Variant(f"whitened over all, {kept:.0%} kept", "16k numbers", made, made)
            for kept in (0.7,)
            for made in [whitening(plain, people, within=False, kept=kept)]
        ),
        *(
            Variant(
                f"centred, less {part:.0%} of the likeness to a cohort's top {top}",
                "the faces of a cohort",
                centre,
                centre,
                adjust=against_cohort(centre, top, part),
            )
            for top, part in ((30, 0.5), (100, 0.5), (100, 1.0))
        ),
        Variant(
            "centred, faces found at half the size",
            "a quarter to find",
            *[centring(half, people)] * 2,
        ),
        Variant("centred, landmarks looked at twice", "2x to find", *[centring(twice, people)] * 2),
    ]


def fused_variants(photos: Photos, plain: Vectors) -> list[Variant]:
    """With three photos a person."""
    centre = centring(plain, photos.people)
    sharp = np.array([face.quality.measures["sharpness"] for face in photos.faces])
    sure = np.array([face.detection_score for face in photos.faces])

    def weighted(weights: NDArray[np.float64]) -> Fusing:
        return lambda v, _, rows: unit(
            (v[rows] * weights[rows][..., None]).sum(1).astype(np.float32)
        )

    def every(vectors: Vectors, _: Split, rows: Rows) -> Vectors:
        return vectors[rows].reshape(-1, vectors.shape[1])

    return [
        Variant("plain cosine, maximum", "3 comparisons", same(plain), same(plain), every),
        Variant("plain cosine, mean", "none", same(plain), same(plain)),
        Variant("centred, maximum", "3 comparisons", centre, centre, every),
        Variant("**centred, mean (in use)**", "none", centre, centre),
        Variant(
            "centred, mean weighted by sharpness", "none", centre, centre, weighted(np.sqrt(sharp))
        ),
        Variant(
            "centred, mean weighted by detection score", "none", centre, centre, weighted(sure**4)
        ),
    ]


# -- regions ----------------------------------------------------------------------------------


def print_regions(photos: Photos, plain: Vectors) -> None:
    """How often two people of one region match at a threshold that one in 1,000 of all reaches.

    From region_slices_informal.csv, some 30 people: a rough probe, not a measurement.
    """
    with (FACES / "lfw_dev" / "region_slices_informal.csv").open(newline="") as opened:
        region = {row["name"]: row["slice"] for row in csv.DictReader(opened)}
    at = splits(photos, 1)[:10]
    centre = centring(plain, photos.people)
    ways = {
        "plain": (same(plain), None),
        "centred": (centre, None),
        "cohort": (centre, against_cohort(centre, 100, 1.0)),
    }
    print("\n### People of one region\n")
    print("| region | people | plain | centred | centred, less the likeness to a cohort |")
    print("|---|---|---|---|---|")
    for name in sorted(set(region.values())):
        members = {person for person, where in region.items() if where == name}
        cells = [f"{within(photos, members, *way, at):.2%}" for way in ways.values()]
        print(f"| {name} | {len(members)} | {' | '.join(cells)} |")


def within(
    photos: Photos, members: set[str], templates: Making, adjust: Adjusting | None, at: list[Split]
) -> float:
    """Part of the pairs of two members that reach the threshold of 1 in 1,000 of all pairs."""
    rates = []
    for one in at:
        vectors = templates(one)
        rows = np.flatnonzero(~one.learnt)
        _, first = np.unique(photos.people[rows], return_index=True)
        rows = rows[first]
        scores = vectors[rows] @ vectors[rows].T
        if adjust:
            scores = adjust(scores, vectors[rows], vectors[rows], one)
        off = ~np.eye(len(rows), dtype=bool)
        threshold = np.quantile(scores[off], 1 - 1e-3)
        of_them = np.isin(photos.people[rows], list(members))
        pairs = off & of_them[:, None] & of_them[None]
        if pairs.any():
            rates.append(float(np.mean(scores[pairs] >= threshold)))
    return float(np.mean(rates))


if __name__ == "__main__":
    main()
