"""The store's contract, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from facecog.decision import Calibration, Tail
from facecog.errors import (
    AlreadyRegisteredAs,
    CropLost,
    DatabaseUnavailable,
    FacecogError,
    InvalidCursor,
    LegacyHome,
    NameBelongsToAnotherFace,
    NameTaken,
    NotEncrypted,
    SampleNotFound,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import Store, tables, upgrading
from facecog.store.database import HEAD, server_engine
from facecog.store.upgrading import upgrade
from tests import databases, fakes
from tests.databases import MODEL, Database, add, cursor_of, names, pages, put, template, texts

NOWHERE = "00000000-0000-4000-8000-000000000000"
NOBODY = 65534


@pytest.fixture
def store(database: Database) -> Store:
    return database.store()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def on_sqlite(home: Path) -> Iterator[Store]:
    """For what is said of SQLite alone."""
    store = Store.on_sqlite(home)
    yield store
    store.close()


# -- samples ----------------------------------------------------------------------------------


def test_a_sample_is_kept_with_its_subject_crop_and_template(store: Store) -> None:
    anna, sample, added = put(store, "Anna", "anna")

    assert added
    assert store.subject(anna.id) == anna
    assert (anna.name, anna.samples) == ("Anna", 1)
    assert store.sample(sample.id) == sample
    assert (sample.subject_id, sample.origin) == (anna.id, "test")
    assert sample.quality == {"brightness": 100.0}
    assert sample.created_at.utcoffset() is not None
    assert store.crop(sample.id) == b"anna"
    assert np.array_equal(store.gallery(MODEL).vectors, [template("anna").vector])


def test_everything_is_still_there_when_it_is_opened_again(database: Database) -> None:
    first = database.store()
    anna, sample = add(first, "Anna")
    first.close()

    again = database.store()

    assert again.subject(anna.id) == anna
    assert again.sample(sample.id) == sample
    assert again.crop(sample.id) == b"Anna"


def test_the_same_photo_twice_is_one_sample(store: Store, database: Database) -> None:
    anna, sample, _ = put(store, "Anna", "anna")

    again, same, added = put(store, "Anna", "anna")

    assert not added
    assert (again, same) == (anna, sample)
    assert database.rows("samples") == database.rows("templates") == 1
    assert database.crop_ids() == {sample.id}


def test_the_same_photo_is_kept_for_each_of_two_people(store: Store) -> None:
    anna, _, _ = put(store, "Anna", "twins")

    ben, _, added = put(store, "Ben", "twins")

    assert added
    assert ben.id != anna.id


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Anna", "aNNA"),
        ("Anna", "  Anna "),
        ("Groß", "GROSS"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\u0130pek", "i\u0307pek"),
        ("Anna", "\uff21nna"),  # a full-width A
    ],
)
def test_a_name_written_otherwise_is_the_same_subject(
    store: Store, first: str, second: str
) -> None:
    anna, _ = add(store, first, "one")

    same, _ = add(store, second, "two")

    assert same.id == anna.id
    assert same.name == first
    assert same.samples == 2
    assert store.subject_named(second).id == anna.id


def test_unlike_names_are_two_subjects(store: Store) -> None:
    assert add(store, "Anna")[0].id != add(store, "Ánna")[0].id
    assert store.counts() == (2, 2)


def test_a_deleted_sample_leaves_nothing_but_its_subject(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    _, other = add(store, "Anna", "two")

    store.journal.remove(sample.id, forever=True)

    assert store.subject(anna.id).samples == 1
    assert database.rows("samples") == database.rows("templates") == 1
    assert database.crop_ids() == {other.id}
    for gone in (store.sample, store.crop, store.journal.remove):
        with pytest.raises(SampleNotFound):
            gone(sample.id)


def test_a_deleted_photo_can_be_added_again(store: Store) -> None:
    _, sample = add(store, "Anna")
    store.journal.remove(sample.id, forever=True)

    _, again, added = put(store, "Anna", "Anna")

    assert added
    assert store.crop(again.id) == b"Anna"


# -- subjects ---------------------------------------------------------------------------------


def test_a_deleted_subject_leaves_nothing(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna", "one")
    add(store, "Anna", "two")
    ben, of_ben = add(store, "Ben")

    store.journal.delete(anna.id, forever=True)

    assert store.counts() == (1, 1)
    assert database.rows("subjects") == 1
    assert database.rows("samples") == database.rows("templates") == 1
    assert database.crop_ids() == {of_ben.id}
    assert store.names([anna.id, ben.id]) == {ben.id: "Ben"}
    for gone in (store.subject, store.journal.delete):
        with pytest.raises(SubjectNotFound):
            gone(anna.id)
    with pytest.raises(SubjectNotFound):
        store.subject_named("Anna")
    with pytest.raises(SubjectNotFound):
        store.samples(anna.id, 10)
    with pytest.raises(SampleNotFound):
        store.sample(sample.id)


def test_a_subject_is_renamed(store: Store) -> None:
    anna, _ = add(store, "Anna")

    renamed, _ = store.journal.rename(anna.id, "Anna Maria")

    assert renamed == store.subject_named("ANNA MARIA")
    assert (renamed.id, renamed.samples) == (anna.id, 1)
    with pytest.raises(SubjectNotFound):
        store.subject_named("Anna")


def test_a_name_can_change_its_case_alone(store: Store) -> None:
    anna, _ = add(store, "Anna")

    assert store.journal.rename(anna.id, "ANNA")[0].name == "ANNA"


def test_a_taken_name_is_refused_and_changes_nothing(store: Store) -> None:
    anna, _ = add(store, "Anna")
    add(store, "Ben")

    with pytest.raises(NameTaken):
        store.journal.rename(anna.id, "bEN")

    assert names(store.subjects(10)) == ["Anna", "Ben"]
    with pytest.raises(SubjectNotFound):
        store.journal.rename(NOWHERE, "Carl")


# -- lists ------------------------------------------------------------------------------------


def test_subjects_come_by_name_a_page_at_a_time(store: Store) -> None:
    for name in ("delta", "Bravo", "alpha", "Charlie", "echo"):
        add(store, name)

    found = pages(lambda cursor: store.subjects(2, cursor))

    assert [[one.name for one in page] for page in found] == [
        ["alpha", "Bravo"],
        ["Charlie", "delta"],
        ["echo"],
    ]


def test_a_full_last_page_has_no_next_one(store: Store) -> None:
    add(store, "Anna")
    add(store, "Ben")

    assert store.subjects(2).next_cursor is None


def test_subjects_added_meanwhile_move_nobody_twice_or_away(store: Store) -> None:
    for name in ("Anna", "Ben", "Dora", "Emil"):
        add(store, name)
    first = store.subjects(2)
    add(store, "Aaron")  # before the cursor
    add(store, "Carl")  # after it
    store.journal.delete(first.items[1].id, forever=True)  # the one it stands on

    rest = store.subjects(10, first.next_cursor)

    assert names(first) == ["Anna", "Ben"]
    assert names(rest) == ["Carl", "Dora", "Emil"]


def test_samples_come_oldest_first_a_page_at_a_time(store: Store) -> None:
    added = [add(store, "Anna", photo)[1] for photo in ("one", "two", "three", "four", "five")]
    add(store, "Ben")
    anna = added[0].subject_id

    found = pages(lambda cursor: store.samples(anna, 2, cursor))

    assert [len(page) for page in found] == [2, 2, 1]
    assert [one for page in found for one in page] == added


def test_samples_of_one_moment_are_paged_through_once_each(
    store: Store, database: Database
) -> None:
    anna, _ = add(store, "Anna", "one")
    for photo in ("two", "three", "four"):
        add(store, "Anna", photo)
    with database.engine.begin() as connection:
        moment = connection.execute(select(tables.samples.c.created_at).limit(1)).scalar_one()
        connection.execute(update(tables.samples).values(created_at=moment))

    found = pages(lambda cursor: store.samples(anna.id, 1, cursor))

    assert len({one.id for (one,) in found}) == len(found) == 4


BAD_CURSORS = {
    "no base64": "%%%",
    "a cut one": "abc",
    "no JSON": base64.urlsafe_b64encode(b"anna").decode(),
    "no UTF-8": base64.urlsafe_b64encode(b'["\xff", "a"]').decode(),
    "not ASCII": "é",
    "one value": cursor_of(["anna"]),
    "two values": cursor_of(["name", "anna"]),
    "four values": cursor_of(["name", "anna", "b", "c"]),
    "numbers": cursor_of(["name", 1, 2]),
    "another order's": cursor_of(["newest", "anna", NOWHERE]),
    "a number": cursor_of(1),
    "an object": cursor_of({"name": 1, "anna": 2, "ben": 3}),
    "a text": cursor_of("abc"),
    "null": cursor_of(None),
    "a NUL": cursor_of(["name", "an\0na", NOWHERE]),
    "half a character": cursor_of(["name", "\ud800", NOWHERE]),
    "very deep": base64.urlsafe_b64encode(b"[" * 20_000).decode(),
}


@pytest.mark.parametrize("cursor", BAD_CURSORS.values(), ids=BAD_CURSORS)
def test_a_cursor_of_anyone_elses_is_refused(store: Store, cursor: str) -> None:
    anna, _ = add(store, "Anna")

    with pytest.raises(InvalidCursor):
        store.subjects(10, cursor)
    with pytest.raises(InvalidCursor):
        store.samples(anna.id, 10, cursor)


@pytest.mark.parametrize("moment", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
def test_a_cursor_without_a_moment_is_refused_for_samples(store: Store, moment: str) -> None:
    anna, _ = add(store, "Anna")

    with pytest.raises(InvalidCursor):
        store.samples(anna.id, 10, cursor_of(["samples", moment, NOWHERE]))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["100 % Anna", "anna_b", "annab", "Ben", "Groß"]),
        ("ANNA", ["100 % Anna", "anna_b", "annab"]),
        ("%", ["100 % Anna"]),
        ("a_b", ["anna_b"]),
        ("_", ["anna_b"]),
        ("/", []),
        ("\\", []),
        ("gross", ["Groß"]),
        ("be\0n", ["Ben"]),
        ("x' OR '1'='1", []),
    ],
)
def test_search_finds_a_part_of_the_name_as_it_is_written(
    store: Store, search: str, found: list[str]
) -> None:
    for name in ("Ben", "annab", "anna_b", "100 % Anna", "Groß"):
        add(store, name)

    assert names(store.subjects(10, search=search)) == found
    assert [one.name for page in pages(lambda c: store.subjects(1, c, search)) for one in page] == (
        found
    )


# -- the revision and the gallery -------------------------------------------------------------


def test_the_revision_moves_by_one_with_each_write(store: Store) -> None:
    assert store.revision() == 0
    anna, sample = add(store, "Anna")
    assert store.revision() == 1
    store.journal.rename(anna.id, "Anna Maria")
    assert store.revision() == 2
    store.journal.remove(sample.id, forever=True)
    assert store.revision() == 3
    store.journal.delete(anna.id, forever=True)
    assert store.revision() == 4
    store.promises.set_fpir(0.01)
    assert store.revision() == 5
    store.promises.add_calibration(MODEL, {"margin": 0.1})
    assert store.revision() == 6
    store.promises.retire_calibration(MODEL)
    assert store.revision() == 7


def test_reading_and_refused_writes_leave_the_revision(store: Store) -> None:
    anna, sample = add(store, "Anna")
    add(store, "Ben")
    before = store.revision()

    store.subjects(10)
    store.samples(anna.id, 10)
    store.crop(sample.id)
    store.gallery(MODEL)
    store.sweep()
    refused: list[tuple[type[FacecogError], Callable[[], object]]] = [
        (NameTaken, lambda: store.journal.rename(anna.id, "Ben")),
        (SubjectNotFound, lambda: store.journal.rename(NOWHERE, "Carl")),
        (SubjectNotFound, lambda: store.journal.delete(NOWHERE, forever=True)),
        (SampleNotFound, lambda: store.journal.remove(NOWHERE, forever=True)),
    ]
    for refusal, write in refused:
        with pytest.raises(refusal):
            write()

    assert store.revision() == before


def test_what_writes_nothing_leaves_the_revision(store: Store) -> None:
    anna, sample = add(store, "Anna")
    before = store.revision()

    assert not put(store, "Anna", "Anna")[2]
    assert store.journal.rename(anna.id, "Anna") == (anna, None)
    assert store.journal.move(sample.id, anna.id) == (sample, anna, None)
    assert store.revision() == before

    assert not put(store, "Anna", "Anna", model="other")[2]  # which it had no template of
    assert store.revision() == before + 1
    assert texts(store.gallery("other").sample_ids) == [sample.id]


def test_the_gallery_holds_what_came_after_a_revision(store: Store) -> None:
    add(store, "Anna")
    seen = store.revision()
    ben, sample = add(store, "Ben")

    part = store.gallery(MODEL, after=seen)

    assert part.revision == 2
    assert (texts(part.subject_ids)[-1], texts(part.sample_ids)[-1]) == (ben.id, sample.id)
    assert len(store.gallery(MODEL).sample_ids) == 2


def test_the_gallery_holds_templates_of_one_model(store: Store) -> None:
    add(store, "Anna")
    _, sample = add(store, "Ben", model="other")

    assert texts(store.gallery("other").sample_ids) == [sample.id]


def test_the_gallery_forgets_the_deleted(store: Store) -> None:
    anna, _ = add(store, "Anna")
    _, of_ben = add(store, "Ben")

    store.journal.delete(anna.id, forever=True)

    part = store.gallery(MODEL)
    assert (part.revision, texts(part.sample_ids)) == (3, [of_ben.id])


# -- the promise ------------------------------------------------------------------------------


def test_the_promise_is_the_settings_until_the_owner_makes_another(database: Database) -> None:
    store, other = database.store(), database.store()
    assert store.promises.fpir() is None

    store.promises.set_fpir(0.0001)
    assert (
        store.promises.fpir() == other.promises.fpir() == database.store().promises.fpir() == 0.0001
    )

    other.promises.set_fpir(None)
    assert store.promises.fpir() is None


def test_the_newest_calibration_of_a_model_is_in_force_and_can_be_taken_back(
    database: Database,
) -> None:
    store = database.store()
    assert store.promises.calibration(MODEL) is None
    numbers = [{"made": day, "tails": [[[1e-3, 0.25]]]} for day in ("first", "second", "third")]
    for one in numbers:
        store.promises.add_calibration(MODEL, one)
    store.promises.add_calibration("other", {"made": "of another model"})

    assert (
        store.promises.calibration(MODEL)
        == database.store().promises.calibration(MODEL)
        == numbers[2]
    )
    for before in (numbers[1], numbers[0], None):
        assert store.promises.retire_calibration(MODEL)
        assert store.promises.calibration(MODEL) == before
    assert not store.promises.retire_calibration(MODEL)
    assert store.promises.calibration("other") == {"made": "of another model"}

    store.promises.add_calibration(MODEL, numbers[0])
    assert store.promises.calibration(MODEL) == numbers[0]
    assert database.rows("calibrations") == 5  # what was in force is still to be read


def test_a_sample_that_is_not_accepted_leaves_nothing(store: Store, database: Database) -> None:
    anna, sample = add(store, "Anna")
    before = store.revision()

    for name in ("Ben", "Anna"):
        with pytest.raises(NameTaken):
            put(store, name, "another photo", accept=refuse)

    assert store.revision() == before
    assert store.counts() == (1, 1)
    assert store.subject(anna.id) == anna
    assert database.rows("templates") == 1
    assert database.crop_ids() == {sample.id}
    assert put(store, "Ben", "another photo")[2]  # and can be added once it is accepted


def test_a_photo_that_is_there_already_need_not_be_accepted_again(store: Store) -> None:
    _, sample = add(store, "Anna")

    assert put(store, "Anna", "Anna", accept=refuse)[1:] == (sample, False)


def test_nobody_writes_while_a_sample_is_being_accepted(database: Database) -> None:
    store, other = database.store(), database.store()
    seen: list[tuple[int, bool]] = []

    with ThreadPoolExecutor(1) as pool:

        def accept() -> None:
            writing = pool.submit(add, other, "Ben")
            done, _ = wait([writing], timeout=0.3)
            seen.append((store.revision(), bool(done)))

        put(store, "Anna", "anna", accept=accept)

    assert seen == [(0, False)]
    assert store.counts() == (2, 2)


def refuse() -> None:
    raise NameTaken("No.")


# -- several at once --------------------------------------------------------------------------


def test_writers_in_two_stores_lose_nothing(database: Database) -> None:
    stores = [database.store(), database.store()]

    def write(number: int) -> None:
        add(stores[number % 2], f"Person {number % 5}", f"photo {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))

    assert stores[0].counts() == (5, 40)
    assert stores[0].revision() == 40
    assert len(database.crop_ids()) == 40
    assert sorted(stores[1].gallery(MODEL).revisions) == list(range(1, 41))


def test_one_photo_sent_many_times_at_once_is_kept_once(database: Database) -> None:
    stores = [database.store(), database.store()]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: put(stores[n % 2], "Anna", "anna"), range(16)))

    assert [added for _, _, added in found].count(True) == 1
    assert len({sample.id for _, sample, _ in found}) == 1
    assert stores[0].counts() == (1, 1)
    assert len(database.crop_ids()) == 1


def two_facecogs(database: Database) -> tuple[Facecog, Facecog]:
    """Two processes' worth of facecog on one database."""
    one, other = (
        Facecog(
            fakes.FakeEngine(),
            store,
            MemoryIndex.of(store, fakes.MODEL),
            fakes.CALIBRATION,
            fakes.decode,
        )
        for store in (database.store(), database.store())
    )
    return one, other


def test_one_face_registered_by_two_facecogs_at_once_ends_in_one_subject(
    database: Database,
) -> None:
    both = two_facecogs(database)

    def enrol(number: int) -> bool:
        try:
            return both[number % 2].enrol(f"Name {number}", f"anna~{number}".encode()).added
        except AlreadyRegisteredAs:
            return False

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(enrol, range(16)))

    assert added.count(True) == 1
    assert both[0].counts() == both[1].counts() == (1, 1)
    assert len(database.crop_ids()) == 1


def test_one_name_given_to_many_faces_by_two_facecogs_at_once_is_of_one_face(
    database: Database,
) -> None:
    both = two_facecogs(database)

    def enrol(number: int) -> bool:
        try:
            return both[number % 2].enrol("Anna", f"person{number}".encode()).added
        except NameBelongsToAnotherFace:
            return False

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(enrol, range(16)))

    assert added.count(True) == 1
    assert both[0].counts() == both[1].counts() == (1, 1)


def test_a_promise_and_a_calibration_hold_for_every_facecog_of_a_database(
    database: Database,
) -> None:
    one, other = two_facecogs(database)
    stricter = Calibration(fakes.MODEL, (Tail(((1e-2, 0.6), (1e-3, 0.7))),), 0.2, "today", "us")

    assert one.promise(0.01).operation == other.in_force().operation
    assert one.put_in_force(stricter).operation == other.in_force().operation
    assert other.in_force().calibration == stricter
    assert other.roll_back_calibration().operation == one.in_force().operation
    assert one.in_force().operation.fpir == 0.01


def test_two_stores_opened_at_once_on_nothing_make_the_tables_once(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: database.store(), range(4)))

    add(stores[0], "Anna")
    assert [store.counts() for store in stores] == [(1, 1)] * 4


# -- crops and failures -----------------------------------------------------------------------


def test_a_failed_registration_leaves_nothing(store: Store, database: Database) -> None:
    _, of_ben = add(store, "Ben")

    # Where it is to be sealed the database is not even asked.
    with pytest.raises((IntegrityError, AttributeError)) as failure:
        store.add_sample("Anna Secret", template("anna"), b"crop", "0" * 64, None, {})  # type: ignore[arg-type]

    assert store.counts() == (1, 1)
    assert database.rows("subjects") == 1
    assert store.revision() == 1
    assert database.crop_ids() == {of_ben.id}
    assert "Secret" not in str(failure.value)  # it is logged, and names are not for logs


def test_every_crop_has_its_row_and_every_row_its_crop(store: Store, database: Database) -> None:
    samples = {add(store, "Anna", photo)[1].id for photo in ("one", "two", "three")}

    assert database.crop_ids() == samples
    if database.dataset is None:
        assert database.rows("crops") == 3


def test_a_crop_is_on_the_disk_before_its_row_is_committed(on_sqlite: Store, home: Path) -> None:
    seen: list[tuple[int, int]] = []
    put = on_sqlite._crops.put

    def watched(connection: Connection, sample_id: str, jpeg: bytes) -> None:
        put(connection, sample_id, jpeg)
        with closing(sqlite3.connect(home / "faces.db")) as other:
            (rows,) = other.execute("SELECT count(*) FROM samples").fetchone()
        seen.append((len(list((home / "dataset").iterdir())), rows))

    on_sqlite._crops.put = watched  # type: ignore[method-assign]
    add(on_sqlite, "Anna")

    assert seen == [(1, 0)]


def test_a_crop_whose_file_is_gone_is_said_to_be(on_sqlite: Store, home: Path) -> None:
    _, sample = add(on_sqlite, "Anna")
    (home / "dataset" / f"{sample.id}.jpg").unlink()

    with pytest.raises(CropLost):
        on_sqlite.crop(sample.id)
    on_sqlite.journal.remove(sample.id, forever=True)


def test_the_sweep_removes_orphans_only(on_sqlite: Store, home: Path) -> None:
    _, sample = add(on_sqlite, "Anna")
    dataset = home / "dataset"
    orphans = [f"{uuid4()}.jpg", f"{uuid4()}.part", f"{sample.id}.part"]
    foreign = ["holiday.jpg", "notes.txt", f"{uuid4()}.png", "0123abcd.jpg"]
    foreign.append(f"{uuid4()}".upper() + ".jpg")
    for name in orphans + foreign:
        (dataset / name).write_bytes(b"x")

    reopened = Store.on_sqlite(home)

    assert {file.name for file in dataset.iterdir()} == {f"{sample.id}.jpg", *foreign}
    assert reopened.crop(sample.id) == b"Anna"
    reopened.close()


# -- opening ----------------------------------------------------------------------------------


@pytest.mark.parametrize("upgrade", [databases.MIGRATE, databases.upgrade])
def test_the_migrations_make_the_tables_that_the_code_states(
    upgrade: Callable[..., None], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "upgrade", upgrade)
    database.store()

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, tables.metadata) == []


def test_a_database_from_before_promises_is_brought_up_to_date(database: Database) -> None:
    upgrade_to(database, "0001")
    with database.engine.begin() as connection:
        collection = connection.execute(text("SELECT id FROM collections")).scalar_one()
        connection.execute(
            insert(tables.subjects).values(
                id=NOWHERE,
                collection_id=collection,
                name="Anna",
                name_key="anna",
                created_at=datetime.now(timezone.utc),
            )
        )

    store = upgraded(database)

    assert [subject.id for subject in store.subjects(10).items] == [NOWHERE]
    assert (store.promises.fpir(), store.promises.calibration(MODEL)) == (None, None)
    assert add(store, "anna")[0].id == NOWHERE
    store.promises.set_fpir(0.01)
    store.promises.add_calibration(MODEL, {"margin": 0.2})
    assert (store.promises.fpir(), store.promises.calibration(MODEL)) == (0.01, {"margin": 0.2})


def test_a_database_from_before_changes_keeps_its_people_and_crops(database: Database) -> None:
    upgrade_to(database, "0002")
    with database.engine.begin() as connection:
        collection = connection.execute(text("SELECT id FROM collections")).scalar_one()
        made = {"created_at": datetime.now(timezone.utc)}
        connection.execute(
            insert(tables.subjects).values(
                id=NOWHERE, collection_id=collection, name="Anna", name_key="anna", **made
            )
        )
        sample = {"id": NOWHERE, "subject_id": NOWHERE, "photo_sha256": "0" * 64, "quality": {}}
        connection.execute(insert(tables.samples).values(origin="test", **sample, **made))
        connection.execute(insert(tables.crops).values(sample_id=NOWHERE, jpeg=b"crop"))
    if database.dataset:
        database.dataset.mkdir()
        (database.dataset / f"{NOWHERE}.jpg").write_bytes(b"crop")

    store = upgraded(database)

    change = store.journal.delete(NOWHERE)
    assert change
    store.journal.undo(change.id)
    assert store.crop(NOWHERE) == b"crop"
    store.journal.delete(NOWHERE, forever=True)
    assert database.crop_ids() == set()


def test_a_database_from_before_removals_is_read_whole_once_and_followed_then(
    database: Database,
) -> None:
    upgrade_to(database, "0003")
    with database.engine.begin() as connection:
        collection = connection.execute(text("SELECT id FROM collections")).scalar_one()
        made = {"created_at": datetime.now(timezone.utc)}
        anna = {"id": NOWHERE, "collection_id": collection, "name": "Anna", "name_key": "anna"}
        sample = {"id": NOWHERE, "subject_id": NOWHERE, "photo_sha256": "0" * 64, "quality": {}}
        vector = template("anna").vector.tobytes()
        connection.execute(insert(tables.subjects).values(**anna, **made))
        connection.execute(insert(tables.samples).values(origin="test", **sample, **made))
        connection.execute(
            insert(tables.templates).values(
                sample_id=NOWHERE, model=MODEL, vector=vector, revision=7
            )
        )
        connection.execute(text("UPDATE revision SET value = 7"))

    store = upgraded(database)

    now = store.revision()
    assert now == (8 if database.key else 7)
    assert texts(store.gallery(MODEL).sample_ids) == [NOWHERE]
    assert store.gallery(MODEL, after=6).whole
    store.journal.remove(NOWHERE)
    part = store.gallery(MODEL, after=now)
    assert (part.whole, texts(part.gone), len(part.sample_ids)) == (False, [NOWHERE], 0)


def upgraded(database: Database) -> Store:
    """Opened for the first time; where there is a key, by way of `facecog key init`."""
    if database.key:
        with pytest.raises(NotEncrypted):
            database.store()
        with closing(database.store(key=None)) as plain:
            plain.encrypt(database.key)
    return database.store()


def upgrade_to(database: Database, version: str) -> None:
    with (
        database.engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        upgrade(connection, version)


def test_a_database_of_a_newer_facecog_is_refused_and_stays(database: Database) -> None:
    add(database.store(), "Anna")
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseUnavailable) as refusal:
        database.store()

    assert "\n" not in str(refusal.value)
    assert database.rows("samples") == len(database.crop_ids()) == 1


def test_the_originals_database_is_refused_untouched(home: Path) -> None:
    (home / "dataset").mkdir(parents=True)
    (home / "dataset" / f"{uuid4()}.jpg").write_bytes(b"an old crop")
    with closing(sqlite3.connect(home / "faces.db")) as old:
        old.execute("CREATE TABLE faces (id TEXT, name TEXT)")
        old.execute("INSERT INTO faces VALUES ('1', 'Anna')")
        old.commit()
    before = contents(home)

    with pytest.raises(LegacyHome):
        Store.on_sqlite(home)

    assert contents(home) == before


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.read_bytes() if file.is_file() else b"")
        for file in (folder, *folder.rglob("*"))
    }


def test_a_crash_loses_no_commit_and_no_reference_dangles(on_sqlite: Store, home: Path) -> None:
    with on_sqlite._engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "page_size", "foreign_keys")
        }

    full = 2
    assert values == {
        "journal_mode": "wal",
        "synchronous": full,
        "page_size": 16384,
        "foreign_keys": 1,
    }


@contextmanager
def without_privilege() -> Iterator[None]:
    """Root may write where nobody else may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only_home() -> Iterator[Path]:
    """In a folder that everybody may enter, unlike pytest's own."""
    top = Path(tempfile.mkdtemp())
    top.chmod(0o755)
    yield top / "home"
    for path in [top, *top.rglob("*")]:
        path.chmod(0o700)
    shutil.rmtree(top)


def closed_to_writing(home: Path) -> None:
    for path in (*home.rglob("*"), home):
        path.chmod(0o555 if path.is_dir() else 0o444)


def test_an_empty_home_that_cannot_be_written_is_said_to_be(read_only_home: Path) -> None:
    read_only_home.mkdir()
    closed_to_writing(read_only_home)

    with without_privilege(), pytest.raises(DatabaseUnavailable):
        Store.on_sqlite(read_only_home)


def test_a_database_that_cannot_be_written_is_said_to_be(read_only_home: Path) -> None:
    store = Store.on_sqlite(read_only_home)
    add(store, "Anna")
    store.close()
    closed_to_writing(read_only_home)

    with without_privilege(), pytest.raises(DatabaseUnavailable):
        Store.on_sqlite(read_only_home)


def test_a_home_that_is_a_file_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(DatabaseUnavailable):
            Store.on_sqlite(home)


def test_a_file_that_is_no_database_is_refused_and_stays(home: Path) -> None:
    home.mkdir()
    (home / "faces.db").write_bytes(b"These are not the tables you are looking for." * 100)
    before = (home / "faces.db").read_bytes()

    with pytest.raises(DatabaseUnavailable):
        Store.on_sqlite(home)

    assert (home / "faces.db").read_bytes() == before


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:secret@127.0.0.1:1/facecog",
        "mysql://anna:secret@127.0.0.1/facecog",
        "sqlite:///faces.db",
        "anna:secret",
        "postgresql://anna:secret@127.0.0.1:port/facecog",
    ],
)
def test_a_server_that_cannot_be_used_is_said_in_one_line_without_the_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as refusal:
        Store.on_server(url)

    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_server_that_goes_away_is_said_to_be_gone_and_found_again(postgres_url: str) -> None:
    store = Store.on_server(postgres_url)
    anna = add(store, "Anna")[0].id
    name = postgres_url.rpartition("/")[2].partition("?")[0]
    url = server_engine(postgres_url).url.set(database="postgres")
    admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(kill), {"name": name})

        for question in (store.counts, store.revision, lambda: store.names([anna])):
            with pytest.raises(DatabaseUnavailable, match="does not answer"):
                question()

        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    assert store.counts() == (1, 1)
    assert (store.revision(), store.names([anna])) == (1, {anna: "Anna"})
    store.close()


def test_on_a_server_nothing_is_kept_beside_the_database(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.on_server(postgres_url)

    _, sample = add(store, "Anna")

    assert store.crop(sample.id) == b"Anna"
    assert list(tmp_path.iterdir()) == []
    store.close()
