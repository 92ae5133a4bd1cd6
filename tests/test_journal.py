"""What is done to people can be undone, erased, or is past: on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from facecog.domain import Change, Kind, Named
from facecog.errors import (
    CannotUndo,
    ChangeNotFound,
    InvalidCursor,
    InvalidInput,
    NameTaken,
    SampleNotFound,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
from facecog.store import Store, rows, tables
from tests.databases import MODEL, Database, add, cursor_of, names, pages, put, template, texts

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def store(database: Database) -> Store:
    return database.store()


def everything(database: Database) -> dict[str, Any]:
    """All that is live, and every crop; revisions are another matter."""
    kept: dict[str, Any] = {"crops": database.crop_ids()}
    with database.engine.connect() as connection:
        for table in (tables.subjects, tables.samples, tables.templates):
            # A template that is bound to somebody, and to the one before again, is sealed anew.
            aside = ("revision", "vector") if database.key else ("revision",)
            columns = [column for column in table.c if column.name not in aside]
            found = connection.execute(select(*columns).order_by(*table.primary_key))
            kept[table.name] = [str(row) for row in found]
    part = database.opened[-1].gallery(MODEL)
    kept["gallery"] = sorted(
        zip(texts(part.sample_ids), texts(part.subject_ids), part.vectors.tolist(), strict=True)
    )
    return kept


def kept_in(database: Database) -> str:
    """Whatever the changes hold, as text."""
    with database.engine.connect() as connection:
        return str(connection.execute(text("SELECT * FROM changes")).all())


def sure(change: Change | None) -> Change:
    assert change is not None
    return change


def listed(store: Store) -> list[tuple[str, str]]:
    return [(one.kind.value, one.subject.name) for one in store.journal.changes(99).items]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Turns the clock on."""
    now = rows.now

    def later(by: timedelta) -> None:
        monkeypatch.setattr(rows, "now", lambda: now() + by)

    return later


# -- each change, and what is undone of it -----------------------------------------------------


def test_a_renamed_subject_gets_its_name_back(store: Store, database: Database) -> None:
    anna, _ = add(store, "Anna")
    before = everything(database)

    change = sure(store.journal.rename(anna.id, "Bea")[1])

    assert (change.kind, change.samples, change.undoable) == (Kind.RENAMED, 0, True)
    assert (change.subject, change.other) == (Named(anna.id, "Anna"), Named(anna.id, "Bea"))
    assert change.until - change.at == timedelta(hours=24)
    undone, subject = store.journal.undo(change.id)
    assert subject == anna
    assert (undone.undoable, undone.undone_at is not None) == (False, True)
    assert everything(database) == before


def test_a_moved_sample_is_the_others_and_comes_back(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    ben, _ = add(store, "Ben", "two")
    before = everything(database)

    moved, subject, change = store.journal.move(sample.id, ben.id)

    assert moved == replace(sample, subject_id=ben.id)
    assert (subject.id, subject.samples) == (ben.id, 2)
    assert store.subject(anna.id).samples == 0  # and stays, as after removing
    assert store.crop(sample.id) == b"one"
    change = sure(change)
    assert (change.kind, change.samples) == (Kind.MOVED, 1)
    assert (change.subject.name, change.other) == ("Anna", Named(ben.id, "Ben"))
    assert store.journal.undo(change.id)[1] == anna
    assert everything(database) == before


def test_a_sample_moved_to_a_new_name_makes_its_subject_until_that_is_undone(
    store: Store, database: Database
) -> None:
    _, sample = add(store, "Anna")
    before = everything(database)

    _, cleo, change = store.journal.move(sample.id, name="Cleo")

    assert store.subject_named("cleo") == cleo
    assert cleo.cover == sample.id
    store.journal.undo(sure(change).id)
    assert everything(database) == before


def test_a_made_subject_stays_where_it_has_got_other_samples(store: Store) -> None:
    _, sample = add(store, "Anna", "one")
    change = sure(store.journal.move(sample.id, name="Cleo")[2])
    cleo, other = add(store, "Cleo", "two")
    removal = sure(store.journal.remove(other.id))

    store.journal.undo(change.id)

    assert store.subject(cleo.id).samples == 0  # what was removed may come back to it
    store.journal.undo(removal.id)
    assert store.subject(cleo.id).samples == 1


def test_a_sample_moved_to_its_own_subject_is_no_change(store: Store) -> None:
    anna, sample = add(store, "Anna")

    assert store.journal.move(sample.id, anna.id) == (sample, anna, None)
    assert store.journal.move(sample.id, name="ANNA") == (sample, anna, None)
    assert store.journal.rename(anna.id, "Anna") == (anna, None)
    assert listed(store) == []


def test_a_photo_that_the_other_has_is_taken_away_and_comes_back(
    store: Store, database: Database
) -> None:
    _, of_anna = add(store, "Anna", "twins")
    ben, of_ben = add(store, "Ben", "twins")
    before = everything(database)

    there, subject, change = store.journal.move(of_anna.id, ben.id)

    assert (there, subject.samples) == (of_ben, 1)
    with pytest.raises(SampleNotFound):
        store.crop(of_anna.id)
    assert database.crop_ids() == {of_anna.id, of_ben.id}
    store.journal.undo(sure(change).id)
    assert store.crop(of_anna.id) == b"twins"
    assert everything(database) == before


def test_merged_subjects_are_one_and_can_be_two_again(store: Store, database: Database) -> None:
    anna, _ = add(store, "Anna", "one")
    add(store, "Anna", "twins")
    bea, of_bea = add(store, "Bea", "twins")
    before = everything(database)

    subject, change = store.journal.merge(anna.id, bea.id)

    assert (subject.id, subject.name, subject.samples) == (bea.id, "Bea", 2)
    assert of_bea in store.samples(bea.id, 9).items  # of the photo of both, hers stays
    with pytest.raises(SubjectNotFound):
        store.subject(anna.id)
    change = sure(change)
    assert (change.kind, change.samples) == (Kind.MERGED, 2)
    assert (change.subject, change.other) == (Named(anna.id, "Anna"), Named(bea.id, "Bea"))
    assert store.journal.undo(change.id)[1] == store.subject(anna.id)
    assert everything(database) == before


def test_a_subject_is_not_merged_with_itself(store: Store, database: Database) -> None:
    anna, _ = add(store, "Anna")
    before = everything(database)

    with pytest.raises(InvalidInput):
        store.journal.merge(anna.id, anna.id)
    for one, other in ((anna.id, NOWHERE), (NOWHERE, anna.id)):
        with pytest.raises(SubjectNotFound):
            store.journal.merge(one, other)

    assert everything(database) == before


def test_a_removed_sample_is_seen_nowhere_and_comes_back(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    add(store, "Anna", "two")
    before = everything(database)

    change = sure(store.journal.remove(sample.id))

    assert (change.kind, change.samples, change.other) == (Kind.REMOVED, 1, None)
    assert store.subject(anna.id).samples == 1
    assert len(store.gallery(MODEL).sample_ids) == 1
    assert UUID(sample.id).bytes not in store.gallery(MODEL).sample_ids.tobytes()
    for gone in (store.sample, store.crop, store.journal.remove):
        with pytest.raises(SampleNotFound):
            gone(sample.id)
    assert store.journal.undo(change.id)[1] == replace(anna, samples=2)
    assert everything(database) == before


def test_a_deleted_subject_comes_back_with_all_it_had(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    add(store, "Anna", "two")
    put(store, "Anna", "one", model="other")  # a second template of the first
    before = everything(database)

    change = sure(store.journal.delete(anna.id))

    assert (change.kind, change.samples) == (Kind.DELETED, 2)
    assert store.counts() == (0, 0)
    assert len(database.crop_ids()) == 2
    with pytest.raises(SubjectNotFound):
        store.journal.delete(anna.id)
    assert store.journal.undo(change.id)[1].cover == sample.id
    assert everything(database) == before


def test_a_photo_that_was_removed_can_be_registered_again(store: Store) -> None:
    _, sample = add(store, "Anna")
    change = sure(store.journal.remove(sample.id))

    _, again, added = put(store, "Anna", "Anna")

    assert added
    refuses_to_undo(store, change, "same photo")
    store.journal.remove(again.id)
    store.journal.undo(change.id)
    assert store.crop(sample.id) == b"Anna"


# -- what cannot be undone ---------------------------------------------------------------------


def refuses_to_undo(store: Store, change: Change, why: str) -> None:
    revision = store.revision()
    with pytest.raises(CannotUndo, match=why):
        store.journal.undo(change.id)
    assert store.revision() == revision  # and nothing is half done


def test_nothing_is_undone_twice(store: Store) -> None:
    _, sample = add(store, "Anna")
    change = sure(store.journal.remove(sample.id))
    store.journal.undo(change.id)

    refuses_to_undo(store, change, "already")


def test_a_change_that_is_not_there_is_said_to_be_past(store: Store) -> None:
    for refused in (store.journal.undo, store.journal.erase):
        with pytest.raises(ChangeNotFound):
            refused(NOWHERE)


def test_a_name_that_is_anothers_now_does_not_come_back(store: Store, database: Database) -> None:
    anna, _ = add(store, "Anna", "one")
    bea, _ = add(store, "Bea", "two")
    cleo, _ = add(store, "Cleo", "three")
    changes = [
        sure(store.journal.rename(anna.id, "Dora")[1]),
        sure(store.journal.delete(bea.id)),
        sure(store.journal.merge(cleo.id, anna.id)[1]),
    ]
    for name in ("anna", "BEA", "Cleo"):
        add(store, name, f"another {name}")
    before = everything(database)

    for change in changes:
        refuses_to_undo(store, change, f"named {change.subject.name}")

    assert everything(database) == before
    store.journal.rename(store.subject_named("Bea").id, "Another Bea")
    assert store.journal.undo(changes[1].id)[1].id == bea.id


def test_what_has_been_changed_since_is_to_be_undone_first(store: Store) -> None:
    anna, sample = add(store, "Anna", "one")
    ben, _ = add(store, "Ben", "two")
    moved = sure(store.journal.move(sample.id, ben.id)[2])
    onwards = sure(store.journal.move(sample.id, name="Cleo")[2])
    refuses_to_undo(store, moved, "Undo that first")
    gone = sure(store.journal.remove(sample.id))
    for change in (moved, onwards):
        refuses_to_undo(store, change, "Undo that first")
    without = sure(store.journal.delete(anna.id))
    refuses_to_undo(store, moved, "Anna has been deleted")

    for change in (without, gone, onwards, moved):
        store.journal.undo(change.id)
    assert store.subject(anna.id).samples == store.subject(ben.id).samples == 1


def test_of_two_names_the_later_is_to_be_undone_first(store: Store) -> None:
    anna, _ = add(store, "Anna")
    first = sure(store.journal.rename(anna.id, "Bea")[1])
    second = sure(store.journal.rename(anna.id, "Cleo")[1])

    refuses_to_undo(store, first, "renamed to Cleo")
    store.journal.undo(second.id)
    assert store.journal.undo(first.id)[1].name == "Anna"


def test_changes_that_do_not_meet_are_undone_in_any_order(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    add(store, "Anna", "two")
    ben, _ = add(store, "Ben", "three")
    before = everything(database)
    changes = [
        sure(store.journal.rename(anna.id, "Dora")[1]),
        sure(store.journal.remove(sample.id)),
        sure(store.journal.delete(ben.id)),
    ]

    for change in changes:
        store.journal.undo(change.id)

    assert everything(database) == before


def test_a_merge_is_undone_around_a_sample_that_was_erased_since(store: Store) -> None:
    anna, sample = add(store, "Anna", "one")
    add(store, "Anna", "two")
    ben, _ = add(store, "Ben", "three")
    change = sure(store.journal.merge(anna.id, ben.id)[1])

    store.journal.remove(sample.id, forever=True)

    assert store.journal.undo(change.id)[1].samples == 1
    assert store.subject(ben.id).samples == 1


# -- erasing -----------------------------------------------------------------------------------


def test_what_is_erased_leaves_nothing(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    _, other = add(store, "Anna", "two")
    _, third = add(store, "Ben", "three")
    first = sure(store.journal.remove(sample.id))
    sure(store.journal.delete(anna.id))

    store.journal.erase(first.id)

    assert database.crop_ids() == {other.id, third.id}
    with pytest.raises(ChangeNotFound):
        store.journal.undo(first.id)
    store.journal.erase_all()
    assert database.crop_ids() == {third.id}
    assert database.rows("changes") == 0


@pytest.mark.parametrize("deleted_before", [False, True])
def test_a_subject_deleted_forever_is_in_no_change_either(
    store: Store, database: Database, deleted_before: bool
) -> None:
    bea, _ = add(store, "Bea Secret", "one")
    cleo, _ = add(store, "Cleo Secret", "one")
    anna, sample = add(store, "Anna", "two")
    add(store, "Anna", "three")
    ben, of_ben = add(store, "Ben", "four")
    other = sure(store.journal.remove(of_ben.id))
    store.journal.merge(bea.id, cleo.id)  # keeps the photo of both
    store.journal.merge(cleo.id, anna.id)
    store.journal.move(sample.id, ben.id)
    store.journal.rename(anna.id, "Anna Secret")
    if deleted_before:
        store.journal.delete(anna.id)

    assert store.journal.delete(anna.id, forever=True) is None

    assert [one.id for one in store.journal.changes(9).items] == [other.id]
    assert "Secret" not in kept_in(database)
    assert database.crop_ids() == {of_ben.id, sample.id}  # what was given away is Ben's
    with pytest.raises(SubjectNotFound):
        store.journal.delete(anna.id, forever=True)


@pytest.mark.parametrize("removed_before", [False, True])
def test_a_sample_removed_forever_is_in_no_change_either(
    store: Store, database: Database, removed_before: bool
) -> None:
    _, sample = add(store, "Anna", "one")
    ben, other = add(store, "Ben", "two")
    moved = sure(store.journal.move(sample.id, ben.id)[2])
    if removed_before:
        store.journal.remove(sample.id)

    assert store.journal.remove(sample.id, forever=True) is None

    assert database.crop_ids() == {other.id}
    assert sample.id not in kept_in(database)
    with pytest.raises(ChangeNotFound):
        store.journal.undo(moved.id)
    with pytest.raises(SampleNotFound):
        store.journal.remove(sample.id, forever=True)


def test_a_sample_erased_out_of_a_deleted_subject_leaves_the_others(
    store: Store, database: Database
) -> None:
    anna, sample = add(store, "Anna", "one")
    _, other = add(store, "Anna", "two")
    change = sure(store.journal.delete(anna.id))

    store.journal.remove(sample.id, forever=True)

    assert store.journal.undo(change.id)[1].samples == 1
    assert database.crop_ids() == {other.id}


def test_an_undone_change_keeps_nothing(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna")
    change = sure(store.journal.delete(anna.id))
    store.journal.undo(change.id)

    assert sample.id not in kept_in(database)
    store.journal.erase(change.id)
    assert store.crop(sample.id) == b"Anna"  # which is live again


def test_where_nothing_is_to_be_kept_every_change_is_final(database: Database) -> None:
    store = database.store(undo=timedelta(0))
    anna, sample = add(store, "Anna", "one")
    ben, of_ben = add(store, "Ben", "one")
    _, third = add(store, "Cleo", "three")

    assert store.journal.rename(anna.id, "Bea")[1] is None
    assert store.journal.move(sample.id, ben.id)[2] is None
    assert database.crop_ids() == {of_ben.id, third.id}
    assert store.journal.merge(ben.id, anna.id)[1] is None
    assert store.journal.remove(third.id) is None
    assert store.journal.delete(anna.id) is None
    assert database.crop_ids() == set()
    assert (database.rows("changes"), database.rows("samples")) == (0, 0)


# -- past --------------------------------------------------------------------------------------

Ending = Callable[[Database, Store], object]
ENDINGS: dict[str, Ending] = {
    "it is looked for": lambda _, store: store.journal.purge(),
    "changes are listed": lambda _, store: store.journal.changes(9),
    "somebody registers": lambda _, store: add(store, "Carl"),
    "something is changed": lambda _, store: store.journal.rename(
        store.subject_named("Ben").id, "Benno"
    ),
    "it is opened again": lambda database, _: database.store(),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_what_is_past_is_erased_when(
    database: Database, later: Callable[[timedelta], None], ending: Ending
) -> None:
    store = database.store()
    anna, sample = add(store, "Anna")
    add(store, "Ben")
    change = sure(store.journal.delete(anna.id))
    later(timedelta(hours=23, minutes=59))
    store.journal.purge()
    assert sample.id in database.crop_ids()
    assert sure(change) in store.journal.changes(9).items

    later(timedelta(hours=24, seconds=1))
    with pytest.raises(ChangeNotFound):
        store.journal.undo(change.id)
    ending(database, store)

    assert sample.id not in database.crop_ids()
    assert "Anna" not in kept_in(database)


def test_looking_for_what_is_past_writes_nothing_where_there_is_none(store: Store) -> None:
    anna, _ = add(store, "Anna")
    store.journal.rename(anna.id, "Bea")
    before = store.revision()

    store.journal.purge()

    assert store.revision() == before
    assert listed(store) == [("renamed", "Anna")]


def test_the_sweep_knows_the_crops_of_what_is_kept(database: Database) -> None:
    store = database.store()
    anna, sample = add(store, "Anna", "one")
    _, orphan = add(store, "Ben", "two")
    change = sure(store.journal.delete(anna.id))
    with database.engine.begin() as connection:  # as a kill leaves it after the commit
        connection.execute(text("DELETE FROM samples"))

    again = database.store()

    assert database.crop_ids() == {sample.id}
    again.journal.undo(change.id)
    assert again.crop(sample.id) == b"one"
    assert orphan.id not in database.crop_ids()


# -- lists -------------------------------------------------------------------------------------


def test_changes_come_newest_first_a_page_at_a_time(store: Store, database: Database) -> None:
    people = [add(store, f"Person {n}")[0] for n in range(5)]
    changes = [sure(store.journal.delete(one.id)) for one in people]
    with database.engine.begin() as connection:  # all at one moment, which must not lose any
        connection.execute(update(tables.changes).values(at=changes[0].at))

    found = pages(lambda cursor: store.journal.changes(2, cursor))

    assert [len(page) for page in found] == [2, 2, 1]
    assert {one.id for page in found for one in page} == {one.id for one in changes}
    for cursor in (
        "abc",
        cursor_of(["name", "anna", NOWHERE]),
        cursor_of(["changes", "yesterday", NOWHERE]),
    ):
        with pytest.raises(InvalidCursor):
            store.journal.changes(2, cursor)


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_subjects_come_by_date_a_page_at_a_time(store: Store, sort: str) -> None:
    people = ["Cleo", "Anna", "Emil", "Ben", "Dora"]
    for name in people:
        add(store, name)
    expected = people if sort == "oldest" else people[::-1]

    found = pages(lambda cursor: store.subjects(2, cursor, sort=sort))

    assert [one.name for page in found for one in page] == expected
    page = store.subjects(2, sort=sort)
    for other in {"name", "newest", "oldest"} - {sort}:
        with pytest.raises(InvalidCursor):
            store.subjects(2, page.next_cursor, sort=other)


def test_a_list_says_how_long_it_is_and_shows_each_by_the_oldest_sample(store: Store) -> None:
    anna, first = add(store, "Anna", "one")
    add(store, "Anna", "two")
    add(store, "Ben", "three")
    bare, _ = add(store, "Annika", "four")
    store.journal.remove(store.subject(bare.id).cover or "")

    page = store.subjects(1, search="ann")

    assert (page.total, names(page)) == (2, ["Anna"])
    assert page.items[0].cover == store.subject(anna.id).cover == first.id
    assert store.subject(bare.id).cover is None
    assert store.subjects(1, page.next_cursor, "ann").total == 2


# -- any history -------------------------------------------------------------------------------

number = st.integers(0, 99)
deeds = st.tuples(
    st.sampled_from(["rename", "move", "move to name", "merge", "remove", "delete"]), number, number
)
NAMES = ["Anna", "Ben", "Cleo", "Dora"]


def do(store: Store, deed: str, one: int, other: int) -> Change | None:
    """One of the deeds, to some of those who are there."""
    people = store.subjects(99).items
    of_them = [sample for who in people for sample in store.samples(who.id, 99).items]
    if not of_them:
        return None
    subject, target = people[one % len(people)], people[other % len(people)]
    sample = of_them[one % len(of_them)]
    if deed == "rename":
        try:
            return store.journal.rename(subject.id, NAMES[other % 4])[1]
        except NameTaken:
            return None
    if deed == "move":
        return store.journal.move(sample.id, target.id)[2]
    if deed == "move to name":
        return store.journal.move(sample.id, name=NAMES[other % 4])[2]
    if deed == "merge":
        return None if subject == target else store.journal.merge(subject.id, target.id)[1]
    if deed == "remove":
        return store.journal.remove(sample.id)
    return store.journal.delete(subject.id)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(deeds, max_size=8))
def test_any_history_undone_backwards_leaves_all_as_it_was(
    database: Database, history: list[tuple[str, int, int]]
) -> None:
    store, other = database.opened or (database.store(), database.store())
    for subject in store.subjects(99).items:
        store.journal.delete(subject.id, forever=True)
    store.journal.erase_all()
    for name, photo in [("Anna", "1"), ("Anna", "2"), ("Ben", "2"), ("Ben", "3"), ("Cleo", "1")]:
        add(store, name, photo)
    index = MemoryIndex.of(other, MODEL)
    probe = template("2")
    before = everything(database)
    found = index.search([probe], 9).candidates

    done = [change for deed in history if (change := do(store, *deed))]

    assert database.crop_ids() == before["crops"]
    fresh = MemoryIndex.of(store, MODEL).search([probe], 9)
    same(index.search([probe], 9).candidates, fresh.candidates)
    assert [one.id for one in other.journal.changes(99).items] == [one.id for one in done[::-1]]
    for change in done[::-1]:
        undone, subject = other.journal.undo(change.id)
        assert subject == other.subject(change.subject.id)
        assert not undone.undoable
    assert everything(database) == before
    same(index.search([probe], 9).candidates, found)


def same(found: list[list[Any]], expected: list[list[Any]]) -> None:
    """Up to the order of equal scores and rounding."""
    a, b = ({one.subject_id: one for one in some[0]} for some in (found, expected))
    assert set(a) == set(b)
    for who, one in a.items():
        assert one.sample_id == b[who].sample_id
        assert np.isclose(one.score, b[who].score, atol=1e-6)
