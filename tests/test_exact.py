"""The index's answers are the exact ones, on hostile galleries and while they change.

The judge is a search by brute force in the longest float that NumPy has here.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import combinations, pairwise
from threading import Event, Lock
from typing import NamedTuple
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facecog.domain import Candidate, GalleryPart, Template, Vector, Vectors
from facecog.index import blocks, grouping, scan
from facecog.index.memory import Galleries, MemoryIndex
from facecog.index.nearest import DECIMALS

MODEL = "model"
EXACT = 1.5 * 10.0**-DECIMALS  # how far a score may be from the judge's
LIMITS = (1, 5, 400)  # the last is more than any gallery here has
DIMENSIONS = (1, 2, 3, 127, 128, 512, 513)
Long = NDArray[np.longdouble]


class Kept(NamedTuple):
    subject: int
    revision: int
    vector: Vector
    collection: int = 0


class Listed:
    """GallerySource: samples by their numbers, which say what changed since a revision."""

    def __init__(self) -> None:
        self.now = 0
        self.kept: dict[int, Kept] = {}
        self.gone: list[tuple[int, int]] = []
        self.wholes = 0

    def put(self, sample: int, subject: int, vector: Vector, collection: int = 0) -> None:
        """A new sample, or one that is another's now."""
        self.kept[sample] = Kept(subject, self.now + 1, vector, collection)
        self.now += 1

    def take(self, *samples: int) -> None:
        for sample in samples:
            del self.kept[sample]
            self.gone.append((self.now + 1, sample))
        self.now += 1

    def revision(self) -> int:
        return self.now

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        now, kept, since = self.now, dict(self.kept), -1 if after is None else after
        self.wholes += after is None
        came = {sample: one for sample, one in kept.items() if since < one.revision <= now}
        vectors = [one.vector for one in came.values()]
        return GalleryPart(
            revision=now,
            whole=after is None,
            collection=ids([0]).tobytes(),
            sample_ids=ids(came),
            subject_ids=ids(one.subject for one in came.values()),
            collection_ids=ids(one.collection for one in came.values()),
            revisions=np.array([one.revision for one in came.values()], np.int64),
            vectors=np.array(vectors) if vectors else np.zeros((0, 0), np.float32),
            gone=ids(sample for revision, sample in self.gone if since < revision <= now),
        )


def ids(numbers: object) -> NDArray[np.uint8]:
    """Numbers as UUIDs, whose order is another than the numbers'."""
    made = [uuid(number).bytes for number in numbers]  # type: ignore[attr-defined]
    return np.frombuffer(b"".join(made), np.uint8).reshape(-1, 16)


def uuid(number: int) -> UUID:
    return UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    vectors = vectors.astype(np.float64)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def listed(vectors: Vectors, subjects: list[int] | None = None) -> Listed:
    source = Listed()
    for sample, vector in enumerate(vectors):
        source.put(sample, subjects[sample] if subjects else sample, vector)
    return source


# -- the judge ------------------------------------------------------------------------------------


class Judge:
    """Everybody's score by brute force, and who is the older of two."""

    def __init__(self, kept: dict[int, Kept]) -> None:
        owned: dict[int, list[tuple[int, bytes, Vector]]] = defaultdict(list)
        for sample, one in kept.items():
            owned[one.subject].append((one.revision, uuid(sample).bytes, one.vector))
        self.subjects = {str(uuid(subject)): own for subject, own in owned.items()}
        self.names = list(self.subjects)
        sums = [
            np.sum([v for _, _, v in own], axis=0, dtype=np.longdouble) for own in owned.values()
        ]
        self.means: Long = np.array(
            [_direction(s, len(o)) for s, o in zip(sums, owned.values(), strict=True)]
        )
        self.ages = {name: (min(own)[0], UUID(name).bytes) for name, own in self.subjects.items()}

    def scores(self, probe: Vector) -> dict[str, np.longdouble]:
        scores = (self.means * probe.astype(np.longdouble)).sum(axis=1) if self.names else []
        return dict(zip(self.names, scores, strict=True))

    def faults(self, found: list[Candidate], probe: Vector, limit: int) -> list[str]:
        """What is wrong with an answer."""
        scores, answer = self.scores(probe), [one.subject_id for one in found]
        faults = []
        if len(set(answer)) != min(limit, len(scores)):
            faults.append("not as many as there are")
        if any(abs(one.score - scores[one.subject_id]) > EXACT for one in found):
            faults.append("another score")
        others = [name for name in scores if name not in answer]
        pairs = [
            *pairwise(answer),
            *((answer[-1], one) for one in others if answer),
        ]
        faults += [f"{b} after {a}" for a, b in pairs if not self.before(scores, a, b)]
        faults += [f"the sample of {one}" for one in found if not self.likest(one, probe)]
        return faults

    def before(self, scores: dict[str, np.longdouble], one: str, other: str) -> bool:
        if scores[one] == scores[other]:
            return self.ages[one] < self.ages[other]
        return bool(scores[one] > scores[other] - EXACT)

    def likest(self, one: Candidate, probe: Vector) -> bool:
        own = self.subjects[one.subject_id]
        scores = {sample: (v.astype(np.longdouble) * probe).sum() for _, sample, v in own}
        return bool(scores[UUID(one.sample_id).bytes] >= max(scores.values()) - EXACT)


def _direction(total: Long, samples: int) -> Long:
    length = np.sqrt((total * total).sum())
    return total / length if length >= grouping.SHORTEST * samples else np.zeros_like(total)


# -- hostile galleries ----------------------------------------------------------------------------

Hostile = tuple[Vectors, list[int] | None]


def any_vectors(count: int, d: int, seed: int = 0) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((count, d)))


def duplicates(d: int) -> Hostile:
    return np.tile(any_vectors(30, d), (10, 1)), None


def near_ties(d: int) -> Hostile:
    noise = np.random.default_rng(1).standard_normal((300, d))
    return unit(any_vectors(1, d) + noise * np.logspace(-9, -5, 300)[:, None]), None


def last_bits(d: int) -> Hostile:
    vectors = np.tile(any_vectors(1, d), (300, 1))
    changed = np.arange(300)
    vectors[changed, changed % d] = np.nextafter(vectors[changed, changed % d], np.float32(2))
    return vectors, None


def flat(d: int) -> Hostile:
    signs = np.random.default_rng(2).choice([-1.0, 1.0], (300, 1))
    return unit(np.ones((300, d)) * signs), None


def one_hot(d: int) -> Hostile:
    vectors = np.zeros((300, d), np.float32)
    vectors[np.arange(300), np.arange(300) % d] = 1
    return vectors, None


def all_equal(d: int) -> Hostile:
    return np.tile(any_vectors(1, d), (300, 1)), None


def outliers(d: int) -> Hostile:
    """Among others some whose codes are far coarser, or far finer."""
    vectors = any_vectors(300, d)
    vectors[::7] = unit(0.05 * vectors[::7] + one_hot(d)[0][::7])
    vectors[::11] = flat(d)[0][::11]
    return vectors, None


def thousand_samples(d: int) -> Hostile:
    vectors = any_vectors(1_200, d)
    return vectors, [0 if n < 1_000 else n for n in range(1_200)]


def the_same_once_and_often(d: int) -> Hostile:
    return np.tile(any_vectors(1, d), (300, 1)), [n * n // 600 for n in range(300)]


def cancelling(d: int) -> Hostile:
    """Means of every length from 1 to nothing."""
    vectors = any_vectors(150, d)
    away = np.random.default_rng(3).standard_normal((150, d)) * np.logspace(-8.2, 0, 150)[:, None]
    return np.concatenate([vectors, unit(away - vectors)]), [*range(150), *range(150)]


HOSTILE: list[Callable[[int], Hostile]] = [
    *(duplicates, near_ties, last_bits, flat, one_hot, all_equal, outliers),
    *(thousand_samples, the_same_once_and_often, cancelling),
]


def probes_for(vectors: Vectors) -> Vectors:
    d = vectors.shape[1]
    own = vectors[[0, len(vectors) // 2, -1]]
    others = [unit(own[:1] + 0.3 * any_vectors(1, d, 5)), any_vectors(2, d, 4), one_hot(d)[0][:1]]
    return np.concatenate([own, -own[:1], *others])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BLOCK": 64, "SMALLEST": 16, "AT_ONCE": 24}.items():
        monkeypatch.setattr(blocks, name, value)
    monkeypatch.setattr(grouping, "AT_ONCE", 24)
    monkeypatch.setattr(scan, "SEED", 32)
    monkeypatch.setattr(scan, "TOGETHER", 4)


def templates(vectors: Vectors) -> list[Template]:
    return [Template(vector, MODEL) for vector in vectors]


def faults(source: Listed, probes: Vectors, index: MemoryIndex | None = None) -> list[str]:
    """What is wrong with the answers to some probes, together and alone."""
    index, judge = index or MemoryIndex.of(source, MODEL), Judge(source.kept)
    found = []
    for limit in LIMITS:
        answers = index.search(templates(probes), limit).candidates
        for probe, answer in zip(probes, answers, strict=True):
            found += judge.faults(answer, probe, limit)
        if index.search(templates(probes[:1]), limit).candidates != answers[:1]:
            found.append("another answer to a lone probe")
    return found


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_nearest_are_those_of_brute_force(hostile: Callable[[int], Hostile], d: int) -> None:
    vectors, subjects = hostile(d)

    assert faults(listed(vectors, subjects), probes_for(vectors)) == []


def test_the_nearest_of_many_are_those_of_brute_force() -> None:
    """With blocks as they are, and more probes than are compared in one pass."""
    vectors = np.concatenate([any_vectors(20_000, 8), near_ties(8)[0]])

    assert (
        faults(listed(vectors), np.concatenate([probes_for(vectors), any_vectors(40, 8, 9)])) == []
    )


floats = st.floats(-1, 1, width=32).filter(lambda x: x == 0 or abs(x) > 1e-10)


@st.composite
def galleries(draw: st.DrawFn) -> tuple[Listed, Vectors]:
    d = draw(st.integers(1, 5))
    rows = st.lists(floats, min_size=d, max_size=d).filter(lambda row: np.linalg.norm(row) > 0.01)
    count = draw(st.integers(1, 12))
    vectors = unit(np.array(draw(st.lists(rows, min_size=count, max_size=count))))
    subjects = draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    return listed(vectors, subjects), unit(np.array(draw(st.lists(rows, min_size=1, max_size=3))))


@settings(max_examples=150, deadline=None)
@given(galleries())
def test_the_nearest_of_any_gallery_are_those_of_brute_force(made: tuple[Listed, Vectors]) -> None:
    assert faults(*made) == []


# -- the bound ------------------------------------------------------------------------------------


def residuals(vectors: Vectors) -> Vectors:
    """For each row the probe for which the bound is nearly reached: along what its codes lose."""
    codes = scan.coded(vectors.astype(np.float64), least=scan.usual(vectors.shape[1]))
    lost = vectors - codes.scales[:, None].astype(np.float64) * codes.codes
    return unit(lost[np.linalg.norm(lost, axis=1) > 1e-9])


def outside(source: Listed, probes: Vectors) -> int:
    """How many scores are not within their bounds."""
    galleries, judge = Galleries(source, MODEL), Judge(source.kept)
    count = 0
    exactly = probes.astype(np.float64)
    for start in range(0, len(probes), scan.PROBES):
        some = exactly[start : start + scan.PROBES]
        asked = scan.Probes(scan.coded(some), np.linalg.norm(some, axis=1))
        for block in galleries.fresh().gallery(None).blocks:
            dots = asked.dots(block.rows)
            found = asked.bounded([block.rows], [scan.Passed(0, np.arange(len(dots)), dots)])
            names = [str(UUID(bytes=bytes(one))) for one in block.store.subjects[: block.count]]
            rows = [judge.names.index(name) for name in names]
            true = (judge.means[rows][:, None] * probes[start:][: len(some)]).sum(axis=2).ravel()
            count += int(((true < found.lower) | (true > found.upper)).sum())
    return count


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_every_score_is_within_its_bounds(hostile: Callable[[int], Hostile], d: int) -> None:
    vectors, subjects = hostile(d)
    probes = np.concatenate([probes_for(vectors), residuals(vectors[:60])])

    assert outside(listed(vectors, subjects), probes) == 0


@contextmanager
def tighter(monkeypatch: pytest.MonkeyPatch, factor: float) -> Iterator[None]:
    """Bounds that are a part of what they must be."""
    made = scan.Probes.bounded

    def bounded(*args: object) -> scan.Hits:
        found = made(*args)  # type: ignore[arg-type]
        middle, error = (found.lower + found.upper) / 2, (found.upper - found.lower) / 2
        return found._replace(bounds=np.array([middle - factor * error, middle + factor * error]))

    with monkeypatch.context() as patched:
        patched.setattr(scan.Probes, "bounded", bounded)
        yield


def test_a_bound_that_is_too_tight_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = any_vectors(60, 16)
    source, probes = listed(vectors), residuals(vectors)
    assert outside(source, probes) == 0
    with tighter(monkeypatch, 0.3):
        assert outside(source, probes) > 0

    source, probes = listed(near_ties(128)[0]), probes_for(near_ties(128)[0])
    assert faults(source, probes) == []
    with tighter(monkeypatch, 0.0):
        assert faults(source, probes) != []


# -- a gallery that changes -----------------------------------------------------------------------

numbers = st.integers(0, 40)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("put"), numbers, numbers),
        st.tuples(st.just("put"), numbers, st.integers(0, 2)),  # subjects of many samples
        st.tuples(st.just("move"), numbers, st.integers(0, 6)),
        st.tuples(st.just("take"), numbers, numbers),
        st.tuples(st.just("take subject"), numbers, numbers),
        st.tuples(st.just("look"), numbers, numbers),
    ),
    max_size=60,
)


def change(source: Listed, step: str, what: int, other: int, vectors: Vectors) -> None:
    kept = sorted(source.kept)
    if step == "put":
        source.put(what, other, vectors[what])
    elif step == "move" and kept:
        sample = kept[what % len(kept)]
        source.put(sample, other, source.kept[sample].vector)
    elif step == "take" and kept:
        source.take(kept[what % len(kept)])
    elif step == "take subject" and kept:
        subject = source.kept[kept[what % len(kept)]].subject
        source.take(*(one for one in kept if source.kept[one].subject == subject))


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=60, deadline=None)
@given(changes, st.sampled_from([1, 3, 64, 300]))
def test_an_index_that_follows_changes_is_as_one_made_anew(
    steps: list[tuple[str, int, int]], d: int
) -> None:
    vectors = np.concatenate([duplicates(d)[0][:30], any_vectors(20, d, 8)])
    source = Listed()
    index = MemoryIndex.of(source, MODEL)
    asked = templates(probes_for(vectors))
    for step, what, other in [*steps, ("look", 0, 0)]:
        change(source, step, what, other, vectors)
        if step == "look" or what % 2:  # several changes at once too
            anew = MemoryIndex.of(source, MODEL)
            assert index.search(asked, 5) == anew.search(asked, 5)
            assert index.people(7).tolist() == anew.people(7).tolist()
            assert index.alike(0.5, 9) == anew.alike(0.5, 9)
            samples = Counter(one.subject for one in source.kept.values())
            assert dict(index.size().by_samples) == Counter(samples.values())
    assert faults(source, probes_for(vectors), index) == []
    assert (
        source.wholes - 1 <= len([step for step in steps if step[1] % 2 or step[0] == "look"]) + 2
    )


@pytest.mark.usefixtures("small_blocks")
def test_a_subject_loses_its_thousand_samples_one_by_one() -> None:
    vectors, subjects = thousand_samples(16)
    source = listed(vectors, subjects)
    index, probes = MemoryIndex.of(source, MODEL), probes_for(vectors)

    for sample in range(1_000):
        source.take(sample)
        assert index.size().by_samples.get(999 - sample, 0) >= (sample < 999)
        if sample % 100 == 99:
            assert faults(source, probes, index) == []

    assert index.size().by_samples == {1: 200}


@pytest.mark.usefixtures("small_blocks")
def test_when_everything_is_deleted_another_dimension_may_come() -> None:
    source = listed(any_vectors(200, 16))
    index = MemoryIndex.of(source, MODEL)
    assert index.size().subjects == 200

    source.take(*range(200))
    assert index.search(templates(any_vectors(2, 16)), 5).candidates == [[], []]
    assert index.size().subjects == 0

    source.put(0, 0, any_vectors(1, 3)[0])
    assert index.search(templates(any_vectors(1, 3)), 5).candidates[0][0].score == pytest.approx(1)


def test_a_collection_is_searched_by_itself() -> None:
    vectors = any_vectors(6, 8)
    source, other = Listed(), str(uuid(7))
    for n, vector in enumerate(vectors):
        source.put(n, n, vector, collection=0 if n < 4 else 7)
    index = MemoryIndex.of(source, MODEL)

    assert len(index.search(templates(vectors[:1]), 9).candidates[0]) == 4
    (found,) = index.within(other).search(templates(vectors[:1]), 9).candidates
    assert {one.subject_id for one in found} == {str(uuid(4)), str(uuid(5))}
    assert index.within(str(uuid(8))).search(templates(vectors[:1]), 9).candidates == [[]]

    source.put(4, 4, vectors[4])  # is in the default one now
    assert index.size().subjects == 5
    assert len(index.within(other).search(templates(vectors[:1]), 9).candidates[0]) == 1


def test_look_alikes_are_those_of_brute_force(small_blocks: None) -> None:
    vectors = np.concatenate([near_ties(32)[0][::10], any_vectors(60, 32)])
    source = listed(vectors, [n % 70 for n in range(90)])
    judge = Judge(source.kept)
    scores = (judge.means[:, None] * judge.means[None]).sum(axis=2)
    expected = {
        frozenset((judge.names[a], judge.names[b]))
        for a, b in combinations(range(len(judge.names)), 2)
        if scores[a, b] >= 0.3
    }
    pairs = MemoryIndex.of(source, MODEL).alike(0.3, 10_000)

    assert {frozenset(one.subject_id for one in pair.people) for pair in pairs} == expected
    assert len(pairs) == len(expected) > 100
    for pair in pairs:
        one, other = (judge.names.index(who.subject_id) for who in pair.people)
        assert abs(pair.score - scores[one, other]) <= EXACT
        assert judge.ages[judge.names[one]] < judge.ages[judge.names[other]]


@pytest.mark.usefixtures("small_blocks")
def test_searches_see_whole_revisions_while_others_write() -> None:
    """Each answer is the one of the revision that it says it is of."""
    vectors = any_vectors(300, 16)
    source = listed(vectors[:100])
    index, probes = MemoryIndex.of(source, MODEL), probes_for(vectors)
    before = {source.now: dict(source.kept)}
    done, searched = Event(), Event()
    random = np.random.default_rng(6)

    def write() -> None:
        for n in range(400):
            step = ("put", "move", "take")[int(random.integers(3))]
            kept = dict(source.kept)
            following = Listed()
            following.now, following.kept = source.now, kept
            change(following, step, int(random.integers(300)), int(random.integers(60)), vectors)
            before[following.now] = dict(following.kept)
            with writing:
                source.kept = following.kept
                source.gone += following.gone
                source.now = following.now
            if n % 8 == 0:  # however slow the machine, searches and writes take turns
                searched.clear()
                searched.wait(60)
        done.set()

    writing = Lock()
    read = source.gallery

    def at_one_moment(model: str, after: int | None = None) -> GalleryPart:
        with writing:
            return read(model, after)

    source.gallery = at_one_moment  # type: ignore[method-assign]

    def search() -> list[tuple[int, list[list[Candidate]]]]:
        seen = []
        while not done.is_set():
            found = index.search(templates(probes), 5)
            seen.append((found.revision, found.candidates))
            searched.set()
        return seen

    with ThreadPoolExecutor(4) as pool:
        searches = [pool.submit(search) for _ in range(3)]
        pool.submit(write).result()
        seen = [one for done_search in searches for one in done_search.result()]

    assert len({revision for revision, _ in seen}) > 10
    for revision, answers in seen[:: max(1, len(seen) // 200)]:
        judge = Judge(before[revision])
        for probe, answer in zip(probes, answers, strict=True):
            assert judge.faults(answer, probe, 5) == []


def test_a_template_takes_no_more_memory_than_is_said() -> None:
    count = 2 * blocks.BLOCK
    source = listed(any_vectors(count, 128))
    part = source.gallery(MODEL)
    source.gallery = lambda model, after=None: part  # type: ignore[method-assign]
    tracemalloc.start()
    try:
        index = MemoryIndex.of(source, MODEL)
        index.size()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert index.size().subjects == count
    assert taken / count <= 128 + 512 + 64


def key(subject: int) -> int:
    """What the lowest are picked by, written down once more."""
    return int.from_bytes(uuid(subject).bytes[8:], sys.byteorder)


@pytest.mark.parametrize("least", [0, 9 * 2**64 // 10])
def test_people_are_those_of_the_lowest_ids_however_these_are_spread(least: int) -> None:
    numbers = [number for number in range(2_000) if key(number) >= least]
    vectors = any_vectors(len(numbers), 16)
    index = MemoryIndex.of(listed(vectors, numbers), MODEL)
    lowest = sorted(range(len(numbers)), key=lambda at: key(numbers[at]))

    for limit in (1, 20, len(numbers), 5_000):
        assert index.people(limit).tolist() == vectors[lowest[:limit]].tolist()
