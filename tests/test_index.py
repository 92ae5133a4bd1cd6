"""The index in RAM, on a real store, against a search by brute force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facecog.domain import Candidate, Sample, Template
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


def between(a: int, b: int) -> NDArray[np.float32]:
    """Half-way between two axes."""
    return (axis(a) + axis(b)) / np.float32(2**0.5)


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

    def best(self, probe: NDArray[np.float32]) -> dict[str, float]:
        """Every subject's best score, in float64."""
        scores: dict[str, float] = defaultdict(lambda: -2.0)
        for subject_id, vector in self.vectors.values():
            score = float(vector.astype(np.float64) @ probe.astype(np.float64))
            scores[subject_id] = max(scores[subject_id], score)
        return dict(scores)

    def explains(self, found: list[Candidate], probe: NDArray[np.float32]) -> bool:
        """Whether an answer is the one of a search by brute force, up to rounding."""
        best = self.best(probe)
        scores = [candidate.score for candidate in found]
        return (
            scores == pytest.approx(sorted(best.values(), reverse=True)[:LIMIT], abs=1e-6)
            and len({candidate.subject_id for candidate in found}) == len(found)
            and all(
                self.vectors[candidate.sample_id][0] == candidate.subject_id
                and best[candidate.subject_id] == pytest.approx(candidate.score, abs=1e-6)
                and float(self.vectors[candidate.sample_id][1] @ probe)
                == pytest.approx(candidate.score, abs=1e-6)
                for candidate in found
            )
        )


names = st.sampled_from(["Anna", "Ben", "Carl", "Dora", "Emil"])
seeds = st.integers(0, 5)  # few, so that photos of two people may be alike
steps = st.one_of(
    st.tuples(st.just("add"), names, seeds),
    st.tuples(st.just("add elsewhere"), names, seeds),
    st.tuples(st.just("delete sample"), st.integers(0, 99), st.just(0)),
    st.tuples(st.just("delete subject elsewhere"), st.integers(0, 99), st.just(0)),
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
    index = MemoryIndex(stores.one, gallery.model)
    probes = [any_vector(100 + seed), any_vector(seed % 6)]

    for step, what, vector in [*history, ("search", 0, 0)]:
        store = stores.other if step.endswith("elsewhere") else stores.one
        if step.startswith("add"):
            gallery.add(store, str(what), any_vector(vector))
        elif step.startswith("delete") and gallery.vectors:
            sample_id = sorted(gallery.vectors)[int(str(what)) % len(gallery.vectors)]
            subject_id = gallery.vectors[sample_id][0]
            if "subject" in step:
                store.delete_subject(subject_id)
            else:
                store.delete_sample(sample_id)
            gallery.vectors = {
                key: value
                for key, value in gallery.vectors.items()
                if key != sample_id and not ("subject" in step and value[0] == subject_id)
            }
        elif step == "search":
            answers = index.search([gallery.probe(probe) for probe in probes], LIMIT)
            for found, probe in zip(answers, probes, strict=True):
                assert gallery.explains(found, probe)
            assert index.size() == len(gallery.vectors)


def test_a_subject_is_found_once_by_its_best_sample(stores: Stores) -> None:
    gallery = Gallery()
    gallery.add(stores.one, "Anna", axis(1))
    nearest = gallery.add(stores.one, "Anna", axis(0))
    ben = gallery.add(stores.one, "Ben", between(0, 1))

    (found,) = MemoryIndex(stores.one, gallery.model).search([gallery.probe(axis(0))], LIMIT)

    assert [one.sample_id for one in found] == [nearest.id, ben.id]
    assert [one.score for one in found] == pytest.approx([1, 0.5**0.5])


def test_of_equal_scores_the_older_comes_first(stores: Stores) -> None:
    gallery = Gallery()
    samples = [gallery.add(stores.one, name, axis(0)) for name in ("Ben", "Anna", "Carl", "Ben")]
    index = MemoryIndex(stores.one, gallery.model)

    (found,) = index.search([gallery.probe(axis(0))], LIMIT)
    assert [one.sample_id for one in found] == [sample.id for sample in samples[:3]]

    stores.other.delete_sample(samples[0].id)
    (found,) = index.search([gallery.probe(axis(0))], LIMIT)
    assert [one.sample_id for one in found] == [sample.id for sample in samples[1:]]


def test_each_probe_has_an_answer_of_its_own_in_order(stores: Stores) -> None:
    gallery = Gallery()
    samples = [gallery.add(stores.one, f"Number {place}", axis(place)) for place in range(4)]
    index = MemoryIndex(stores.one, gallery.model)

    answers = index.search([gallery.probe(axis(place)) for place in (2, 0, 3)], limit=1)

    assert [found[0].sample_id for found in answers] == [samples[i].id for i in (2, 0, 3)]
    assert all(len(found) == 1 for found in answers)
    assert index.search([], LIMIT) == []


def test_an_empty_gallery_answers_each_probe_with_nobody(stores: Stores) -> None:
    gallery = Gallery()
    index = MemoryIndex(stores.one, gallery.model)

    assert index.search([gallery.probe(axis(0))] * 2, LIMIT) == [[], []]
    assert index.size() == 0


def test_an_emptied_gallery_is_empty_and_can_be_filled_again(stores: Stores) -> None:
    gallery = Gallery()
    index = MemoryIndex(stores.one, gallery.model)
    gone = gallery.add(stores.one, "Anna", axis(0))
    assert index.size() == 1

    stores.other.delete_sample(gone.id)
    assert index.search([gallery.probe(axis(0))], LIMIT) == [[]]

    ben = gallery.add(stores.other, "Ben", axis(0))
    assert index.search([gallery.probe(axis(0))], LIMIT)[0][0].sample_id == ben.id


def test_one_gone_and_another_come_is_seen(stores: Stores) -> None:
    gallery = Gallery()
    index = MemoryIndex(stores.one, gallery.model)
    gone = gallery.add(stores.one, "Anna", axis(0))
    assert index.size() == 1

    stores.other.delete_sample(gone.id)
    come = gallery.add(stores.other, "Anna", axis(1))

    (found,) = index.search([gallery.probe(axis(0))], LIMIT)
    assert [one.sample_id for one in found] == [come.id]


def test_templates_of_another_model_are_not_searched(stores: Stores) -> None:
    gallery, another = Gallery(), Gallery()
    another.add(stores.one, "Anna", axis(0))
    ben = gallery.add(stores.one, "Ben", axis(1))

    (found,) = MemoryIndex(stores.one, gallery.model).search([gallery.probe(axis(0))], LIMIT)

    assert [one.sample_id for one in found] == [ben.id]


def test_nothing_is_read_again_while_nothing_changes(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery()
    gallery.add(stores.one, "Anna", axis(0))
    index = MemoryIndex(stores.one, gallery.model)
    asked: list[int] = []
    read = stores.one.gallery

    def counted(model: str, after: int = -1) -> object:
        asked.append(after)
        return read(model, after)

    monkeypatch.setattr(stores.one, "gallery", counted)
    for _ in range(3):
        index.search([gallery.probe(axis(0))], LIMIT)
    assert asked == [-1]

    gallery.add(stores.other, "Ben", axis(1))
    assert index.size() == 2
    assert len(asked) == 2
    assert asked[1] > 0  # only what is new


def test_several_threads_see_whole_galleries_and_their_own_writes(tmp_path: Path) -> None:
    gallery = Gallery()
    with closing(Store.on_sqlite(tmp_path / "home")) as store:
        index = MemoryIndex(store, gallery.model)

        def work(thread: int) -> None:
            for turn in range(8):
                mine = axis(thread)
                sample = gallery.add(store, f"Number {thread}", mine)
                (found,) = index.search([gallery.probe(mine)], limit=1)
                assert found[0].score == pytest.approx(1)
                assert gallery.vectors[found[0].sample_id][0] == found[0].subject_id
                if turn % 2:
                    store.delete_subject(sample.subject_id)
                    (found,) = index.search([gallery.probe(mine)], limit=9)
                    assert all(one.score < 0.5 for one in found)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))

        assert index.size() == 0
