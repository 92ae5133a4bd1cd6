"""What an index reads of the store: all of it, or what changed; on SQLite and on a PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from facecog.domain import Change, GalleryPart
from facecog.index.memory import MemoryIndex
from facecog.store import Store, gallery, removals, rows
from facecog.store.removals import HEARD
from tests.databases import MODEL, Database, add, put, template, texts

OTHER = "another model"


@pytest.fixture
def store(database: Database) -> Store:
    return database.store()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Turns the clock on."""
    now = rows.now

    def later(by: timedelta) -> None:
        monkeypatch.setattr(rows, "now", lambda: now() + by)

    return later


class Follower:
    """The templates of a model as an index keeps them that reads only what changed."""

    def __init__(self, store: Store, model: str = MODEL) -> None:
        self._store, self._model = store, model
        self.revision: int | None = None
        self.read_whole = 0
        self.known: dict[str, tuple[str, str, int, bytes]] = {}

    def follow(self) -> dict[str, tuple[str, str, int, bytes]]:
        part = self._store.gallery(self._model, self.revision)
        if part.whole:
            self.known, self.read_whole = {}, self.read_whole + 1
        for sample_id in texts(part.gone):
            self.known.pop(sample_id, None)
        self.known |= of(part)
        self.revision = part.revision
        return self.known


def of(part: GalleryPart) -> dict[str, tuple[str, str, int, bytes]]:
    """Sample -> subject, collection, revision, vector."""
    ids = (texts(part.subject_ids), texts(part.collection_ids))
    values = zip(*ids, part.revisions.tolist(), map(bytes, part.vectors), strict=True)
    found = dict(zip(texts(part.sample_ids), values, strict=True))
    assert len(found) == len(part.sample_ids)
    return found


def sure(change: Change | None) -> Change:
    assert change is not None
    return change


class People:
    """Anna and Ben, each with two photos of which one shows both; Cleo, with a photo of her own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.anna, self.one = add(store, "Anna", "one")
        _, self.both = add(store, "Anna", "both")
        self.ben, self.two = add(store, "Ben", "two")
        add(store, "Ben", "both")
        self.cleo, self.three = add(store, "Cleo", "three")
        put(store, "Cleo", "three", model=OTHER)
        add(store, "Dora", "four", model=OTHER)
        self.gone = sure(store.journal.remove(add(store, "Ben", "five")[1].id))


CHANGES: dict[str, Callable[[People], object]] = {
    "register": lambda p: add(p.store, "Anna", "six"),
    "register somebody new": lambda p: add(p.store, "Emil", "six"),
    "register with another model": lambda p: add(p.store, "Emil", "six", model=OTHER),
    "give a template of this model": lambda p: put(p.store, "Dora", "four"),
    "send a photo again": lambda p: put(p.store, "Anna", "one"),
    "rename": lambda p: p.store.journal.rename(p.anna.id, "Bea")[1],
    "move": lambda p: p.store.journal.move(p.one.id, p.ben.id)[2],
    "move what the other has": lambda p: p.store.journal.move(p.both.id, p.ben.id)[2],
    "move to a new name": lambda p: p.store.journal.move(p.one.id, name="Emil")[2],
    "merge": lambda p: p.store.journal.merge(p.anna.id, p.ben.id)[1],
    "remove": lambda p: p.store.journal.remove(p.one.id),
    "remove forever": lambda p: p.store.journal.remove(p.one.id, forever=True),
    "delete": lambda p: p.store.journal.delete(p.anna.id),
    "delete forever": lambda p: p.store.journal.delete(p.anna.id, forever=True),
    "delete one of two models": lambda p: p.store.journal.delete(p.cleo.id),
    "undo": lambda p: p.store.journal.undo(p.gone.id),
    "erase": lambda p: p.store.journal.erase(p.gone.id),
    "erase all": lambda p: p.store.journal.erase_all(),
    "promise": lambda p: p.store.promises.set_fpir(0.01),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_index_of_another_process_follows_each_change_and_its_undoing(
    database: Database, change: Callable[[People], object]
) -> None:
    people, other = People(database.store()), database.store()
    followers = [Follower(other), Follower(other, OTHER)]
    index = MemoryIndex.of(other, MODEL)
    for one in followers:
        one.follow()
    index.size()

    def is_followed() -> None:
        for one, model in zip(followers, (MODEL, OTHER), strict=True):
            assert one.follow() == of(people.store.gallery(model))
        probes, fresh = [template("both"), template("six")], MemoryIndex.of(other, MODEL)
        assert index.search(probes, 9) == fresh.search(probes, 9)

    done = change(people)
    is_followed()
    if isinstance(done, Change):
        people.store.journal.undo(done.id)
        is_followed()

    assert [one.read_whole for one in followers] == [1, 1]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["Anna", "Ben", "Cleo"]), st.integers(0, 4)),
        st.tuples(st.just("move"), st.sampled_from(["Anna", "Ben", "Emil"]), st.integers(0, 99)),
        st.tuples(st.sampled_from(["remove", "delete", "merge"]), st.just(""), st.integers(0, 99)),
        st.tuples(st.sampled_from(["undo", "look"]), st.just(""), st.just(0)),
    ),
    min_size=4,
    max_size=20,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_history_is_followed(database: Database, history: list[tuple[str, str, int]]) -> None:
    model = uuid4().hex  # unlike any other's, since the database goes on
    store, follower = database.store(), Follower(database.store(), model)
    undoable: list[str] = []
    for step, name, number in history:
        known = sorted(of(store.gallery(model)).items())
        sample_id, (subject_id, *_) = known[number % len(known)] if known else ("", ("",))
        change: Change | None = None
        if step == "add":
            add(store, f"{name} {model}", f"{number} {model}", model)
        elif step == "undo" and undoable:
            store.journal.undo(undoable.pop())
        elif step == "look":
            follower.follow()
        elif known and step == "move":
            change = store.journal.move(sample_id, name=f"{name} {model}")[2]
        elif known and step == "remove":
            change = store.journal.remove(sample_id)
        elif known and step == "delete":
            change = store.journal.delete(subject_id)
        elif known and step == "merge" and known[0][1][0] != subject_id:
            change = store.journal.merge(subject_id, known[0][1][0])[1]
        undoable = [] if step == "add" else [*undoable, *([change.id] if change else [])]

    assert follower.follow() == of(store.gallery(model))
    assert follower.read_whole == 1


def test_a_gallery_of_several_batches_is_read_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "BATCH", 3)
    added = {}
    for number in range(8):
        subject, sample = add(store, f"Person {number % 5}", f"photo {number}")
        vector = template(f"photo {number}").vector
        added[sample.id] = (subject.id, store.revision(), vector.tobytes())

    found = of(store.gallery(MODEL))

    assert {key: (one[0], *one[2:]) for key, one in found.items()} == added


def test_an_empty_gallery_has_no_rows(store: Store) -> None:
    for after in (None, 0):
        part = store.gallery(MODEL, after)
        assert (part.revision, part.whole) == (0, after is None)
        for ids in (part.sample_ids, part.subject_ids, part.collection_ids, part.gone):
            assert ids.shape == (0, 16)
        assert len(part.revisions) == len(part.vectors) == 0


def test_each_template_says_its_collection(store: Store) -> None:
    _, sample = add(store, "Anna")
    club = store.collections.add("club").id
    _, of_ben = add(store.within(club), "Ben")

    for after in (None, 0):
        part = store.gallery(MODEL, after)
        found = of(part)
        assert found[of_ben.id][1] == club
        assert found[sample.id][1] == texts(np.frombuffer(part.collection, "u1")[None])[0] != club


# -- what is known of removals -----------------------------------------------------------------


def remembered(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(connection.execute(text("SELECT sample_id FROM removals")).scalars())


def test_a_removal_is_told_of_for_an_hour_and_then_forgotten(
    store: Store, database: Database, later: Callable[[timedelta], None]
) -> None:
    before = store.revision()
    _, sample = add(store, "Anna")
    store.journal.remove(sample.id, forever=True)
    since = store.revision()

    later(HEARD - timedelta(minutes=1))
    store.journal.purge()
    assert texts(store.gallery(MODEL, before).gone) == [sample.id]

    later(HEARD + timedelta(minutes=1))
    store.journal.purge()
    assert remembered(database) == set()
    assert store.gallery(MODEL, before).whole
    assert not store.gallery(MODEL, since).whole


def test_many_that_go_at_once_are_not_noted_one_by_one(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "AT_MOST", 2)
    anna, _ = add(store, "Anna", "one")
    ben, sample = add(store, "Ben", "four")
    for photo in ("two", "three"):
        add(store, "Anna", photo)
    follower = Follower(store)
    follower.follow()

    store.journal.delete(ben.id)
    assert follower.follow().keys() == of(store.gallery(MODEL)).keys()
    assert (remembered(database), follower.read_whole) == ({sample.id}, 1)

    store.journal.delete(anna.id)
    assert follower.follow() == {}
    assert (remembered(database), follower.read_whole) == (set(), 2)


def test_an_index_that_is_ahead_of_a_restored_database_reads_everything(store: Store) -> None:
    add(store, "Anna")

    assert store.gallery(MODEL, after=store.revision() + 1).whole
