"""The index in RAM, on a real store, against a search by brute force."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facecog.domain import Candidate, GallerySize, Sample, Template
from facecog.index import alike
from facecog.index.memory import MemoryIndex
from facecog.store import Store

WIDTH = 16
LIMIT = 3


@dataclass
class Stores:
    """Two handles on one database, as two processes have them."""

    one: Store
    other: Store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    home = tmp_path_factory.mktemp("index") / "home"
    with closing(Store.on_sqlite(home)) as one, closing(Store.on_sqlite(home)) as other:
        yield Stores(one, other)


def axis(place: int) -> NDArray[np.float32]:
    vector = np.zeros(WIDTH, np.float32)
    vector[place] = 1
    return vector


def between(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-way between two vectors at right angles."""
    return (a + b) / np.float32(2**0.5)


def any_vector(seed: int) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).standard_normal(WIDTH)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclass
class Gallery:
    """The templates of one model, unlike any other's, as a test put them there."""

    model: str = field(default_factory=lambda: uuid4().hex)
    vectors: dict[str, tuple[str, NDArray[np.float32]]] = field(default_factory=dict)

    def add(self, store: Store, name: str, vector: NDArray[np.float32]) -> Sample:
        subject, sample, _ = store.add_sample(
            f"{name} {self.model}", Template(vector, self.model), b"jpeg", uuid4().hex, "test", {}
        )
        self.vectors[sample.id] = (subject.id, vector)
        return sample

    def probe(self, vector: NDArray[np.float32]) -> Template:
        return Template(vector, self.model)

    def scores(self, probe: NDArray[np.float32]) -> dict[str, float]:
        """Every subject's score, in float64: the cosine with the mean of its unit templates."""
        owned: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        for subject_id, vector in self.vectors.values():
            owned[subject_id].append(vector.astype(np.float64))
        return {
            subject_id: cosine(np.mean(own, axis=0), probe) for subject_id, own in owned.items()
        }

    def means(self) -> dict[str, NDArray[np.float32]]:
        """Every subject's mean template, of norm 1."""
        sums: dict[str, NDArray[np.float32]] = {}
        for subject_id, vector in self.vectors.values():
            sums[subject_id] = sums.get(subject_id, 0) + vector
        return {who: (total / np.linalg.norm(total)).astype("f4") for who, total in sums.items()}

    def best_sample(self, subject_id: str, probe: NDArray[np.float32]) -> float:
        """The best score that one of a subject's samples has alone."""
        return max(cosine(own, probe) for who, own in self.vectors.values() if who == subject_id)

    def by_samples(self) -> dict[int, int]:
        return dict(Counter(Counter(who for who, _ in self.vectors.values()).values()))

    def is_right(self, one: Candidate, probe: NDArray[np.float32]) -> bool:
        """Whether a candidate has its subject's score, and the sample most like the probe."""
        owner, vector = self.vectors[one.sample_id]
        return (
            owner == one.subject_id
            and one.score == pytest.approx(self.scores(probe)[owner], abs=1e-6)
            and cosine(vector, probe) == pytest.approx(self.best_sample(owner, probe), abs=1e-6)
        )

    def explains(self, found: list[Candidate], probe: NDArray[np.float32]) -> bool:
        """Whether an answer is the one of a search by brute force, up to rounding."""
        best = sorted(self.scores(probe).values(), reverse=True)[:LIMIT]
        return (
            [one.score for one in found] == pytest.approx(best, abs=1e-6)
            and len({one.subject_id for one in found}) == len(found)
            and all(self.is_right(one, probe) for one in found)
        )


def cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def nearest_to(index: MemoryIndex, probe: Template, limit: int = LIMIT) -> list[Candidate]:
    (found,) = index.search([probe], limit).candidates
    return found


NAMES = ["Anna", "Ben", "Carl", "Dora", "Emil"]
names = st.sampled_from(NAMES)
seeds = st.integers(0, 5)  # few, so that photos of two people may be alike
steps = st.one_of(
    st.tuples(st.just("add"), names, seeds),
    st.tuples(st.just("add elsewhere"), names, seeds),
    st.tuples(st.just("delete sample"), st.integers(0, 99), st.just(0)),
    st.tuples(st.just("delete subject elsewhere"), st.integers(0, 99), st.just(0)),
    st.tuples(st.just("move"), st.integers(0, 99), st.integers(0, 4)),
    st.tuples(st.just("move elsewhere"), st.integers(0, 99), st.integers(0, 4)),
    st.tuples(st.just("undo"), st.just(0), st.just(0)),
    st.tuples(st.just("undo elsewhere"), st.just(0), st.just(0)),
    st.tuples(st.just("search"), st.just(0), st.just(0)),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(steps, min_size=3, max_size=14), st.integers(0, 99))
def test_every_answer_is_that_of_a_search_by_brute_force(
    stores: Stores, history: list[tuple[str, object, int]], seed: int
) -> None:
    gallery = Gallery()
    index = MemoryIndex.of(stores.one, gallery.model)
    probes = [any_vector(100 + seed), any_vector(seed % 6)]
    before: list[tuple[str, dict[str, tuple[str, NDArray[np.float32]]]]] = []

    for step, what, vector in [*history, ("search", 0, 0)]:
        store = stores.other if step.endswith("elsewhere") else stores.one
        if step.startswith("add"):
            before = []  # what was done until then cannot be undone in this test
            gallery.add(store, str(what), any_vector(vector))
        elif step.startswith("delete") and gallery.vectors:
            sample_id = sorted(gallery.vectors)[int(str(what)) % len(gallery.vectors)]
            subject_id = gallery.vectors[sample_id][0]
            if "subject" in step:
                change = store.journal.delete(subject_id)
            else:
                change = store.journal.remove(sample_id)
            assert change
            before.append((change.id, gallery.vectors))
            gallery.vectors = {
                key: value
                for key, value in gallery.vectors.items()
                if key != sample_id and not ("subject" in step and value[0] == subject_id)
            }
        elif step.startswith("move") and gallery.vectors:
            sample_id = sorted(gallery.vectors)[int(str(what)) % len(gallery.vectors)]
            name = f"{NAMES[vector]} {gallery.model}"
            _, subject, change = store.journal.move(sample_id, name=name)
            if change:
                before.append((change.id, gallery.vectors))
                moved = (subject.id, gallery.vectors[sample_id][1])
                gallery.vectors = gallery.vectors | {sample_id: moved}
        elif step.startswith("undo") and before:
            change_id, gallery.vectors = before.pop()
            store.journal.undo(change_id)
        elif step == "search":
            answer = index.search([gallery.probe(probe) for probe in probes], LIMIT)
            for found, probe in zip(answer.candidates, probes, strict=True):
                assert gallery.explains(found, probe)
            assert answer.gallery.by_samples == gallery.by_samples()
            assert answer.revision == stores.one.revision()
            assert index.size() == answer.gallery
            assert index.size().samples == len(gallery.vectors)


def test_a_subject_is_compared_by_its_mean_and_the_sample_nearest_is_named(
    stores: Stores,
) -> None:
    gallery = Gallery()
    gallery.add(stores.one, "Anna", axis(1))
    nearest = gallery.add(stores.one, "Anna", axis(0))
    ben = gallery.add(stores.one, "Ben", between(between(axis(0), axis(1)), axis(2)))
    index = MemoryIndex.of(stores.one, gallery.model)

    found = nearest_to(index, gallery.probe(axis(0)))
    assert [one.sample_id for one in found] == [nearest.id, ben.id]
    assert [one.score for one in found] == pytest.approx([0.5**0.5, 0.5])

    stores.other.journal.remove(nearest.id)
    found = nearest_to(index, gallery.probe(axis(0)))
    assert [one.score for one in found] == pytest.approx([0.5, 0])


@pytest.mark.parametrize("people", [1, 6])
def test_one_subject_is_scored_as_a_search_scores_it(stores: Stores, people: int) -> None:
    gallery = Gallery()
    samples = [gallery.add(stores.one, f"Number {n % people}", any_vector(n)) for n in range(9)]
    index, probe = MemoryIndex.of(stores.one, gallery.model), any_vector(100)

    for candidate in index.search([gallery.probe(probe)], 9).candidates[0]:
        alone = index.score(gallery.probe(probe), candidate.subject_id)
        assert alone == replace(candidate, score=pytest.approx(candidate.score, abs=1e-6))

    stores.other.journal.delete(samples[0].subject_id)
    assert index.score(gallery.probe(probe), samples[0].subject_id) is None
    assert index.score(gallery.probe(probe), str(uuid4())) is None


def test_a_subject_whose_samples_cancel_out_resembles_nobody(stores: Stores) -> None:
    gallery = Gallery()
    gallery.add(stores.one, "Anna", axis(0))
    gallery.add(stores.one, "Anna", -axis(0))

    (found,) = nearest_to(MemoryIndex.of(stores.one, gallery.model), gallery.probe(axis(0)))

    assert found.score == 0


def test_look_alikes_are_all_pairs_above_the_threshold_most_alike_first(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alike, "GROUP", 4)
    gallery = Gallery()
    for n in range(30):
        gallery.add(stores.one, f"Number {n % 11}", any_vector(n))
    index = MemoryIndex.of(stores.one, gallery.model)
    means = gallery.means()
    scores = {
        frozenset(pair): cosine(means[pair[0]], means[pair[1]]) for pair in combinations(means, 2)
    }

    pairs = index.alike(0.1, 99)

    expected = {pair for pair, score in scores.items() if score >= 0.1}
    assert {frozenset(one.subject_id for one in pair.people) for pair in pairs} == expected
    assert len(pairs) == len(expected) > 5
    assert [pair.score for pair in pairs] == sorted((p.score for p in pairs), reverse=True)
    for pair in pairs:
        one, other = pair.people
        assert gallery.is_right(one, means[other.subject_id])
        assert gallery.is_right(other, means[one.subject_id])
        assert one.score == other.score == pair.score
    assert index.alike(0.1, 3) == pairs[:3]
    one = pairs[0].people[0].subject_id
    of_one = index.alike(0.1, 99, of=one)
    assert {frozenset(who.subject_id for who in pair.people) for pair in of_one} == {
        both for both, score in scores.items() if one in both and score >= 0.1
    }
    assert all(pair.people[0].subject_id == one for pair in of_one)
    assert index.alike(0.1, 99, of=str(uuid4())) == []


@pytest.mark.parametrize(("limit", "given"), [(1, 1), (3, 3), (5, 5), (7, 7), (99, 7)])
def test_people_are_one_template_each_of_some_of_the_subjects(
    stores: Stores, limit: int, given: int
) -> None:
    gallery = Gallery()
    for place in (0, 1, 2, 3, 4, 5, 6, 0, 3):
        gallery.add(stores.one, f"Number {place}", axis(place))

    people = MemoryIndex.of(stores.one, gallery.model).people(limit)

    assert people.shape == (given, WIDTH)
    assert len({int(row.argmax()) for row in people}) == given


def test_of_equal_scores_the_older_comes_first(stores: Stores) -> None:
    gallery = Gallery()
    samples = [gallery.add(stores.one, name, axis(0)) for name in ("Ben", "Anna", "Carl", "Ben")]
    index = MemoryIndex.of(stores.one, gallery.model)

    found = nearest_to(index, gallery.probe(axis(0)))
    assert [one.sample_id for one in found] == [sample.id for sample in samples[:3]]

    stores.other.journal.remove(samples[0].id)
    found = nearest_to(index, gallery.probe(axis(0)))
    assert [one.sample_id for one in found] == [sample.id for sample in samples[1:]]


def test_each_probe_has_an_answer_of_its_own_in_order(stores: Stores) -> None:
    gallery = Gallery()
    samples = [gallery.add(stores.one, f"Number {place}", axis(place)) for place in range(4)]
    index = MemoryIndex.of(stores.one, gallery.model)

    answers = index.search([gallery.probe(axis(place)) for place in (2, 0, 3)], 1).candidates

    assert [found[0].sample_id for found in answers] == [samples[i].id for i in (2, 0, 3)]
    assert all(len(found) == 1 for found in answers)
    assert index.search([], LIMIT).candidates == []
    assert index.search([], LIMIT).gallery.subjects == 4


def test_an_empty_gallery_answers_each_probe_with_nobody(stores: Stores) -> None:
    gallery = Gallery()
    index = MemoryIndex.of(stores.one, gallery.model)

    assert index.search([gallery.probe(axis(0))] * 2, LIMIT).candidates == [[], []]
    assert index.size() == GallerySize({})
    assert index.score(gallery.probe(axis(0)), str(uuid4())) is None
    assert index.alike(-1, LIMIT) == []
    assert len(index.people(LIMIT)) == 0


def test_an_emptied_gallery_is_empty_and_can_be_filled_again(stores: Stores) -> None:
    gallery = Gallery()
    index = MemoryIndex.of(stores.one, gallery.model)
    gone = gallery.add(stores.one, "Anna", axis(0))
    assert index.size().samples == 1

    stores.other.journal.remove(gone.id)
    assert nearest_to(index, gallery.probe(axis(0))) == []

    ben = gallery.add(stores.other, "Ben", axis(0))
    assert nearest_to(index, gallery.probe(axis(0)))[0].sample_id == ben.id


def test_one_gone_and_another_come_is_seen(stores: Stores) -> None:
    gallery = Gallery()
    index = MemoryIndex.of(stores.one, gallery.model)
    gone = gallery.add(stores.one, "Anna", axis(0))
    assert index.size().samples == 1

    stores.other.journal.remove(gone.id)
    come = gallery.add(stores.other, "Anna", axis(1))

    found = nearest_to(index, gallery.probe(axis(0)))
    assert [one.sample_id for one in found] == [come.id]


def test_a_moved_sample_is_its_new_subjects_without_all_being_read_again(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery()
    anna = gallery.add(stores.one, "Anna", axis(0))
    odd = gallery.add(stores.one, "Anna", axis(1))
    ben = gallery.add(stores.one, "Ben", axis(2))
    index = MemoryIndex.of(stores.one, gallery.model)
    assert index.size().by_samples == {1: 1, 2: 1}
    asked: list[int | None] = []
    read = stores.one.gallery

    def counted(model: str, after: int | None = None) -> object:
        asked.append(after)
        return read(model, after)

    monkeypatch.setattr(stores.one, "gallery", counted)

    _, _, change = stores.other.journal.move(odd.id, ben.subject_id)
    (found, *_) = nearest_to(index, gallery.probe(axis(1)))
    assert (found.subject_id, found.sample_id) == (ben.subject_id, odd.id)
    (found, *_) = nearest_to(index, gallery.probe(axis(0)))
    assert (found.subject_id, found.score) == (anna.subject_id, pytest.approx(1))

    assert change
    stores.other.journal.undo(change.id)
    (found, *_) = nearest_to(index, gallery.probe(axis(2)))
    assert (found.subject_id, found.score) == (ben.subject_id, pytest.approx(1))
    assert (index.size().by_samples, len(asked)) == ({1: 1, 2: 1}, 2)
    assert all(asked)  # never everything


def held(index: MemoryIndex) -> list[NDArray[np.float32]]:
    """All templates in the arrays, those of the dead too."""
    (gallery,) = index._galleries.fresh().galleries.values()
    return [row for block in gallery.blocks for row in block.store.samples.vectors[: block.used]]


def is_held(index: MemoryIndex, vector: NDArray[np.float32]) -> bool:
    return any(np.array_equal(row, vector) for row in held(index))


def test_what_goes_is_wiped_out_of_the_arrays_at_once(stores: Stores) -> None:
    gallery = Gallery()
    anna = gallery.add(stores.one, "Anna", any_vector(1))
    for number in range(2, 30):
        gallery.add(stores.one, f"Number {number}", any_vector(number))
    index = MemoryIndex.of(stores.one, gallery.model)
    assert is_held(index, any_vector(1))

    stores.other.journal.delete(anna.subject_id, forever=True)
    assert index.size().samples == 28

    (block,) = index._gallery().blocks
    assert not is_held(index, any_vector(1))
    (dead,) = np.flatnonzero(block.rows.dead)
    assert not block.store.codes.codes[dead].any()
    assert not block.store.subjects[dead].any()
    assert not block.store.samples.ids[block.span(dead)].any()
    (found, *_) = nearest_to(index, gallery.probe(any_vector(9)))
    assert found.score == pytest.approx(1)


def test_of_a_subject_that_changes_no_second_copy_stays(stores: Stores) -> None:
    gallery = Gallery()
    gallery.add(stores.one, "Anna", any_vector(1))
    for number in range(2, 30):
        gallery.add(stores.one, f"Number {number}", any_vector(number))
    index = MemoryIndex.of(stores.one, gallery.model)
    assert index.size().samples == 29

    gallery.add(stores.one, "Anna", any_vector(99))
    assert index.size().samples == 30

    assert sum(np.array_equal(row, any_vector(1)) for row in held(index)) == 1


def test_nothing_is_wiped_that_a_search_under_way_looks_at(stores: Stores) -> None:
    gallery = Gallery()
    anna = gallery.add(stores.one, "Anna", any_vector(1))
    ben = gallery.add(stores.one, "Ben", any_vector(2))
    for number in range(3, 30):
        gallery.add(stores.one, f"Number {number}", any_vector(number))
    index = MemoryIndex.of(stores.one, gallery.model)
    slow = index._gallery()

    stores.one.journal.delete(anna.subject_id, forever=True)
    slower = index._gallery()
    stores.one.journal.delete(ben.subject_id, forever=True)
    assert index.size().samples == 27
    assert is_held(index, any_vector(1))
    assert is_held(index, any_vector(2))

    del slower  # the one before it still looks at both
    assert is_held(index, any_vector(1))
    assert is_held(index, any_vector(2))

    del slow
    assert not is_held(index, any_vector(1))
    assert not is_held(index, any_vector(2))


def test_templates_of_another_model_are_not_searched(stores: Stores) -> None:
    gallery, another = Gallery(), Gallery()
    another.add(stores.one, "Anna", axis(0))
    ben = gallery.add(stores.one, "Ben", axis(1))

    found = nearest_to(MemoryIndex.of(stores.one, gallery.model), gallery.probe(axis(0)))

    assert [one.sample_id for one in found] == [ben.id]


def test_nothing_is_read_again_while_nothing_changes(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery()
    gallery.add(stores.one, "Anna", axis(0))
    index = MemoryIndex.of(stores.one, gallery.model)
    asked: list[int | None] = []
    read = stores.one.gallery

    def counted(model: str, after: int | None = None) -> object:
        asked.append(after)
        return read(model, after)

    monkeypatch.setattr(stores.one, "gallery", counted)
    for _ in range(3):
        index.search([gallery.probe(axis(0))], LIMIT)
    assert asked == [None]

    gallery.add(stores.other, "Ben", axis(1))
    assert index.size().samples == 2
    assert len(asked) == 2
    assert asked[1]  # only what is new


def test_several_threads_see_whole_galleries_and_their_own_writes(tmp_path: Path) -> None:
    gallery = Gallery()
    with closing(Store.on_sqlite(tmp_path / "home")) as store:
        index = MemoryIndex.of(store, gallery.model)

        def work(thread: int) -> None:
            for turn in range(8):
                mine = axis(thread)
                sample = gallery.add(store, f"Number {thread}", mine)
                found = nearest_to(index, gallery.probe(mine), limit=1)
                assert found[0].score == pytest.approx(1)
                assert gallery.vectors[found[0].sample_id][0] == found[0].subject_id
                if turn % 2:
                    store.journal.delete(sample.subject_id, forever=True)
                    found = nearest_to(index, gallery.probe(mine), limit=9)
                    assert all(one.score < 0.5 for one in found)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))

        assert index.size().samples == 0
