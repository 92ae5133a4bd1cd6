"""Encryption at rest: nothing readable in any file, and nothing altered taken for whole."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import LargeBinary, Table, select, text, update

from facecog.domain import Template
from facecog.errors import (
    InvalidCursor,
    KeyMissing,
    KeyWrong,
    NotEncrypted,
    SealedValueDamaged,
)
from facecog.store import Store, tables
from facecog.store.sealing import Sealed
from tests.databases import KEY, MODEL, Database, add, names, pages

OTHER_KEY = bytes(32)


# -- nothing readable -------------------------------------------------------------------------


@dataclass(frozen=True)
class Traces:
    """Of one registration: what must be nowhere, each as it would be stored."""

    name: str
    photo: str
    vector: bytes
    crop: bytes
    origin: str

    @classmethod
    def by_chance(cls) -> Traces:
        vector = np.random.default_rng().standard_normal(128).astype("<f4")
        return cls(
            name=f"Änne {uuid4().hex}",
            photo=hashlib.sha256(uuid4().bytes).hexdigest(),
            vector=(vector / np.linalg.norm(vector)).astype("<f4").tobytes(),
            crop=b"\xff\xd8\xff" + np.random.default_rng().bytes(3000) + b"\xff\xd9",
            origin=uuid4().hex,
        )

    def keep(self, store: Store) -> str:
        template = Template(np.frombuffer(self.vector, "<f4"), MODEL)
        kept = store.add_sample(self.name, template, self.crop, self.photo, self.origin, {})
        return kept[0].id

    def runs(self) -> dict[str, bytes]:
        return {
            "name": self.name.encode(),
            "name in JSON": self.name.encode("ascii", "backslashreplace")[-32:],
            "name as it is searched": self.name.casefold().encode(),
            "photo": self.photo.encode(),
            "vector": self.vector[40:72],
            "vector in JSON": base64.b64encode(self.vector)[20:52],
            "crop": self.crop[100:132],
            "origin": self.origin.encode(),
        }


def files_of(database: Database) -> list[Path]:
    """All that the database and its crops are in."""
    if database.dataset:
        return [file for file in database.dataset.parent.rglob("*") if file.is_file()]
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        connection.execute(text("CHECKPOINT"))
    return [file for file in folder.rglob("*") if file.is_file()]


def found_in(database: Database, runs: dict[str, bytes]) -> set[str]:
    """Which byte runs are in any file."""
    contents = []
    for file in files_of(database):
        with suppress(FileNotFoundError):  # PostgreSQL's own of a moment
            contents.append(file.read_bytes())
    return {what for what, run in runs.items() if any(run in one for one in contents)}


def history(store: Store) -> list[Traces]:
    """Somebody who is there, one renamed, one deleted, and one in another collection."""
    club = store.within(store.collections.add("club").id)
    anna, ben, bea, carl = (Traces.by_chance() for _ in range(4))
    anna.keep(store)
    store.journal.rename(ben.keep(store), f"B {uuid4().hex}")
    store.journal.delete(bea.keep(store))
    carl.keep(club)
    return [anna, ben, bea, carl]


def test_nothing_of_a_person_is_in_any_file(sealed: Database) -> None:
    store = sealed.store()
    people = history(store)
    names_of_all = store.subjects(10)
    keys = {"key": KEY, "key in hex": KEY.hex().encode(), "data key": data_key(store)}

    for person in people:
        assert found_in(sealed, person.runs() | keys) == set()
    store.close()
    for person in people:
        assert found_in(sealed, person.runs() | keys) == set()
    assert len(names_of_all.items) == 2


def data_key(store: Store) -> bytes:
    sealer = store._sealer
    assert isinstance(sealer, Sealed)
    return sealer._key


def test_in_a_home_that_is_not_encrypted_all_of_it_is_found(plain: Database) -> None:
    people = history(plain.store())

    # So that the test above can fail. The third is where only undo looks for it.
    for person in (people[0], people[3]):
        missed = set(person.runs()) - found_in(plain, person.runs())
        assert missed <= {"name in JSON", "vector in JSON"}
    assert {"name in JSON", "vector in JSON"} <= found_in(plain, people[2].runs())


# -- keys -------------------------------------------------------------------------------------


def state(database: Database) -> dict[str, Any]:
    """All rows, and all crops' files."""
    found: dict[str, Any] = {}
    with database.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            found[table.name] = sorted(map(str, connection.execute(select(table))))
    if database.dataset:
        found |= {file.name: file.read_bytes() for file in database.dataset.iterdir()}
    return found


@pytest.mark.parametrize(("key", "refusal"), [(None, KeyMissing), (OTHER_KEY, KeyWrong)])
def test_a_wrong_or_missing_key_is_refused_and_changes_nothing(
    sealed: Database, key: bytes | None, refusal: type[Exception]
) -> None:
    store = sealed.store()
    history(store)
    store.close()
    if sealed.dataset:  # which a start would sweep away
        (sealed.dataset / f"{uuid4()}.sealed").write_bytes(b"orphan")
    before = state(sealed)

    with pytest.raises(refusal):
        sealed.store(key=key)

    assert state(sealed) == before


def test_a_wrong_key_is_found_before_tables_are_changed(
    sealed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed.store().close()
    monkeypatch.setattr("facecog.store.database.HEAD", "0006")  # a facecog to come

    with pytest.raises(KeyWrong):
        sealed.store(key=OTHER_KEY)


def test_people_who_are_not_encrypted_are_not_mixed_with_those_who_are(plain: Database) -> None:
    store = plain.store()
    add(store, "Anna")
    before = state(plain)

    with pytest.raises(NotEncrypted):
        plain.store(key=KEY)

    assert state(plain) == before
    assert names(store.subjects(10)) == ["Anna"]


def test_an_empty_home_is_encrypted_from_its_first_start_with_a_key(plain: Database) -> None:
    store = plain.store()
    store.collections.add("club")

    keyed = plain.store(key=KEY)

    assert keyed.sealed
    add(keyed, "Anna")
    add(keyed.within(keyed.collections.named("club").id), "Ben")
    with pytest.raises(KeyMissing):
        plain.store()


def test_a_secret_is_of_the_key_and_of_its_purpose(sealed: Database) -> None:
    store = sealed.store()
    secret = store.secret_for("audit")

    assert secret == store.within(store.collections.add("club").id).secret_for("audit")
    assert secret == sealed.store().secret_for("audit")
    assert secret
    assert len(secret) == 32
    assert secret != sealed.store().secret_for("other")


def test_where_there_is_no_key_there_is_no_secret(plain: Database) -> None:
    assert plain.store().secret_for("audit") is None


# -- what was altered -------------------------------------------------------------------------

Look = Callable[[Store], object]
COLUMNS: list[tuple[Table, str, Look]] = [
    (tables.subjects, "name", lambda store: store.subjects(10)),
    (tables.subjects, "name", lambda store: store.subjects(10, sort="newest")),
    (tables.subjects, "name", lambda store: store.names(ids(store))),
    (tables.samples, "origin", lambda store: [store.samples(one, 10) for one in ids(store)]),
    (tables.templates, "vector", lambda store: store.gallery(MODEL)),
    (tables.templates, "vector", lambda store: store.gallery(MODEL, after=0)),
    (tables.changes, "subject_name", lambda store: store.journal.changes(10)),
    (tables.changes, "other_name", lambda store: store.journal.changes(10)),
    (tables.crops, "jpeg", lambda store: [store.crop(one) for one in sample_ids(store)]),
]
OF_COLUMN = [f"{table.name}.{column}-{n}" for n, (table, column, _) in enumerate(COLUMNS)]


def ids(store: Store) -> list[str]:
    with store._engine.connect() as connection:
        return list(connection.execute(select(tables.subjects.c.id)).scalars())


def sample_ids(store: Store) -> list[str]:
    with store._engine.connect() as connection:
        return list(connection.execute(select(tables.samples.c.id)).scalars())


def two_renamed(store: Store) -> None:
    for name in ("Anna", "Ben"):
        subject, _ = add(store, name)
        store.journal.rename(subject.id, f"{name} Neu")


Stored = list[tuple[str, Any]]


def stored(database: Database, table: Table, column: str) -> Stored:
    """Key of each row and a value of it."""
    if table is tables.crops and database.dataset:
        files = sorted(database.dataset.glob("*.sealed"))
        return [(file.stem, file.read_bytes()) for file in files]
    (key, *_) = table.primary_key
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(key, table.c[column]))]


def put(database: Database, table: Table, column: str, values: Stored) -> None:
    (key, *_) = table.primary_key
    for row, value in values:
        if table is tables.crops and database.dataset:
            (database.dataset / f"{row}.sealed").write_bytes(value)
            continue
        with database.engine.begin() as connection:
            connection.execute(update(table).where(key == row).values({column: value}))


@pytest.mark.parametrize(("table", "column", "look"), COLUMNS, ids=OF_COLUMN)
def test_swapped_rows_are_refused(sealed: Database, table: Table, column: str, look: Look) -> None:
    store = sealed.store()
    two_renamed(store)
    look(store)  # as it is nothing is refused
    (one, of_one), (other, of_other) = stored(sealed, table, column)

    put(sealed, table, column, [(one, of_other), (other, of_one)])

    refused(sealed.store(), look, table, (one, other))


@pytest.mark.parametrize(("table", "column", "look"), COLUMNS, ids=OF_COLUMN)
@pytest.mark.parametrize("place", [0, 5, 14, -20, -1])
def test_flipped_bytes_are_refused(
    sealed: Database, table: Table, column: str, look: Look, place: int
) -> None:
    store = sealed.store()
    two_renamed(store)
    ((row, value), *_) = stored(sealed, table, column)

    put(sealed, table, column, [(row, flipped(value, place))])

    refused(sealed.store(), look, table, (row,))


@pytest.mark.parametrize(("table", "column", "look"), COLUMNS, ids=OF_COLUMN)
def test_what_is_cut_off_or_not_sealed_at_all_is_refused(
    sealed: Database, table: Table, column: str, look: Look
) -> None:
    store = sealed.store()
    two_renamed(store)
    ((row, value), *_) = stored(sealed, table, column)
    made_up: tuple[Any, ...] = (value[:9], value[:0], value[:-4])
    made_up += (bytes(32),) if isinstance(value, bytes) else ("Mallory", "Malloré", "Mall Ory")

    for forged in made_up:
        put(sealed, table, column, [(row, forged)])
        refused(sealed.store(), look, table, (row,))


def flipped(value: bytes | str, place: int) -> bytes | str:
    if isinstance(value, bytes):
        changed = bytearray(value)
        changed[place] ^= 1
        return bytes(changed)
    inner = base64.b64decode(value[1:])
    return value[0] + base64.b64encode(flipped(inner, place)).decode()  # type: ignore[arg-type]


def refused(store: Store, look: Look, table: Table, rows: tuple[str, ...]) -> None:
    with pytest.raises(SealedValueDamaged) as refusal:
        look(store)
    assert table.name in str(refusal.value)
    assert any(row in str(refusal.value) for row in rows)
    assert not any(name in str(refusal.value) for name in ("Anna", "Ben", "Mall"))


def test_a_row_of_another_collection_is_refused(sealed: Database) -> None:
    store = sealed.store()
    club = store.within(store.collections.add("club").id)
    add(store, "Anna")
    ben, _ = add(club, "Ben")

    with sealed.engine.begin() as connection:
        connection.execute(
            update(tables.subjects)
            .where(tables.subjects.c.id == ben.id)
            .values(collection_id=store.collection)
        )

    with pytest.raises(SealedValueDamaged):
        sealed.store().subject(ben.id)
    with pytest.raises(SealedValueDamaged):
        sealed.store().gallery(MODEL)


def test_a_face_that_is_given_another_persons_name_is_refused(sealed: Database) -> None:
    store = sealed.store()
    two_renamed(store)
    (one, of_one), (other, of_other) = stored(sealed, tables.samples, "subject_id")

    put(sealed, tables.samples, "subject_id", [(one, of_other), (other, of_one)])

    for _, _, look in COLUMNS[4:6]:
        refused(sealed.store(), look, tables.templates, (one, other))


def test_a_sample_may_go_to_another_person_and_back(sealed: Database) -> None:
    store = sealed.store()
    (anna, sample), (ben, _) = add(store, "Anna"), add(store, "Ben")
    _, _, moved = store.journal.move(sample.id, ben.id)
    assert moved
    whole = store.gallery(MODEL).vectors.tolist()
    merged = store.journal.merge(ben.id, anna.id)[1]
    assert merged

    store.journal.undo(merged.id)
    store.journal.undo(moved.id)

    assert sorted(sealed.store().gallery(MODEL).vectors.tolist()) == sorted(whole)
    assert store.sample(sample.id).subject_id == anna.id


def test_every_value_is_sealed_anew(sealed: Database) -> None:
    store = sealed.store()
    anna, _ = add(store, "Anna")
    ((_, before),) = stored(sealed, tables.subjects, "name")

    store.journal.rename(anna.id, "Ben")
    store.journal.rename(anna.id, "Anna")

    ((_, after),) = stored(sealed, tables.subjects, "name")
    assert after != before


def test_what_is_sealed_fits_its_column(sealed: Database) -> None:
    longest = "\U0001f600" * 200

    add(sealed.store(), longest, "photo")

    assert names(sealed.store().subjects(10)) == [longest]


def test_no_column_of_bytes_or_names_is_forgotten() -> None:
    """A new one is to be sealed, or to be named here with why it need not be."""
    plain = {
        "collections.wrapped_key",  # sealed by the master key
        "collections.name",  # said to stay plain
        "accounts.name",  # of owners
        "accounts.name_key",
        "api_keys.name",
    }
    suspects = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, LargeBinary) or "name" in column.name
    }

    assert suspects - plain == {
        *("subjects.name", "subjects.name_key"),
        *("templates.vector", "crops.jpeg"),
        *("changes.subject_name", "changes.other_name"),
    }


# -- lists by names that are sealed -------------------------------------------------------------


def test_lists_follow_what_other_processes_do(sealed: Database) -> None:
    store, other = sealed.store(), sealed.store()
    anna, _ = add(store, "Anna")
    assert names(other.subjects(10)) == ["Anna"]

    add(store, "Aaron")
    store.journal.rename(anna.id, "Bea")
    assert names(other.subjects(10)) == ["Aaron", "Bea"]
    assert names(other.subjects(10, search="be")) == ["Bea"]
    store.journal.delete(anna.id)
    assert names(other.subjects(10)) == ["Aaron"]
    assert other.subjects(10, search="bea").total == 0


@pytest.mark.parametrize("sort", ["name", "newest", "oldest"])
@pytest.mark.parametrize("search", ["", "person"])
def test_pages_of_an_encrypted_home_hold_each_person_once(
    sealed: Database, sort: str, search: str
) -> None:
    store = sealed.store()
    for n in range(7):
        add(store, f"Person {n}")

    found = pages(lambda cursor: store.subjects(3, cursor, search, sort))

    listed = [subject.name for page in found for subject in page]
    expected = [f"Person {n}" for n in range(7)]
    assert listed == (expected[::-1] if sort == "newest" else expected)
    assert [len(page) for page in found] == [3, 3, 1]


def test_a_cursor_tells_no_name(sealed: Database) -> None:
    store = sealed.store()
    for name in ("Anna", "Ben", "Cleo"):
        add(store, name)

    cursor = store.subjects(1).next_cursor

    assert cursor
    said = base64.urlsafe_b64decode(cursor).decode().casefold()
    assert "anna" not in said
    forged = base64.urlsafe_b64encode(said.encode()).decode()
    with pytest.raises(InvalidCursor):
        store.subjects(1, forged)


# -- key init ---------------------------------------------------------------------------------


def everything(store: Store) -> dict[str, Any]:
    """What a store answers."""
    found: dict[str, Any] = {}
    for collection in store.collections.listed():
        here = store.within(collection.id)
        people = here.subjects(100).items
        samples = [one for person in people for one in here.samples(person.id, 100).items]
        found[collection.name] = [
            people,
            samples,
            [here.crop(one.id) for one in samples],
            here.journal.changes(100).items,
        ]
    part = store.gallery(MODEL)
    order = np.argsort(part.sample_ids.view("V16")[:, 0])
    found["vectors"] = part.vectors[order].tolist()
    return found


def test_a_home_is_encrypted_as_it_is(plain: Database) -> None:
    store = plain.store()
    people = history(store)
    before = everything(store)

    store.encrypt(KEY)
    store.close()
    after = plain.store(key=KEY)
    after.wipe()

    assert everything(after) == before
    for change in after.journal.changes(10).items:
        after.journal.undo(change.id)
    assert {people[1].name, people[2].name} <= set(names(after.subjects(10)))
    assert after.find_named(people[0].name.upper())
    again = people[0].keep(after)
    assert after.subject(again).samples == 1  # the same photo
    if plain.dataset:
        for person in people:
            assert found_in(plain, person.runs()) == set()
        assert {file.suffix for file in plain.dataset.iterdir()} == {".sealed"}


class Killed(BaseException):
    pass


def killed_at(step: int) -> Callable[[int], None]:
    """What ends the encrypting after so many steps of it."""
    steps = count(1)

    def told(_: int) -> None:
        if next(steps) == step:
            raise Killed

    return told


def test_killed_while_it_encrypts_a_home_is_what_it_was(plain: Database) -> None:
    store = plain.store()
    history(store)
    before = everything(store)

    for step in count(1):
        try:
            plain.store().encrypt(KEY, killed_at(step))
            break
        except Killed:
            assert everything(plain.store()) == before
            if plain.dataset:
                assert {file.suffix for file in plain.dataset.iterdir()} == {".jpg"}

    assert step > 10
    assert everything(plain.store(key=KEY)) == before


def test_killed_before_the_plain_crops_are_gone_the_next_start_removes_them(
    plain: Database,
) -> None:
    store = plain.store()
    _, sample = add(store, "Anna")

    store.encrypt(KEY)  # and nothing after it

    if plain.dataset:
        assert {file.suffix for file in plain.dataset.iterdir()} == {".jpg", ".sealed"}
    assert plain.store(key=KEY).crop(sample.id) == b"Anna"
    if plain.dataset:
        assert {file.suffix for file in plain.dataset.iterdir()} == {".sealed"}


def test_a_server_that_runs_on_writes_nothing_plain_and_removes_nothing(plain: Database) -> None:
    running, other = plain.store(), plain.store()
    anna, sample = add(running, "Anna")
    running.gallery(MODEL)
    other.encrypt(KEY)

    attempts: list[Callable[[], object]] = [
        lambda: add(running, "Ben"),
        lambda: add(running, "Anna", "another"),
        lambda: running.journal.rename(anna.id, "Bea"),
        lambda: running.collections.add("club"),
        lambda: running.gallery(MODEL, after=1),
        lambda: running.subjects(10),
        lambda: running.subject(anna.id),
        lambda: running.names([anna.id]),
        running.sweep,
    ]
    for attempt in attempts:
        with pytest.raises(KeyMissing):
            attempt()

    keyed = plain.store(key=KEY)
    assert names(keyed.subjects(10)) == ["Anna"]
    assert keyed.crop(sample.id) == b"Anna"
    assert keyed.collections.listed() == [keyed.collections.named("default")]


# -- key rotate -------------------------------------------------------------------------------


def test_another_key_takes_the_place_of_the_first_while_servers_run(sealed: Database) -> None:
    running = sealed.store()
    history(running)
    before = everything(running)

    assert sealed.store().rotate(KEY, OTHER_KEY) == 2

    assert everything(running) == before
    add(running, "Dora")
    with pytest.raises(KeyWrong):
        running.collections.add("of the old key")
    with pytest.raises(KeyWrong):
        sealed.store()
    after = sealed.store(key=OTHER_KEY)
    assert everything(after) == everything(running)
    assert after.find_named("dora")
    after.collections.add("of the new key")


def test_killed_while_it_rotates_one_key_or_the_other_opens_all(
    sealed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sealed.store()
    history(store)
    before, wrap, calls = everything(store), store._sealing.__class__.wrap, 0

    def killed(self: Any, collection: str, key: bytes) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed
        return wrap(self, collection, key)

    monkeypatch.setattr(store._sealing.__class__, "wrap", killed)
    with pytest.raises(Killed):
        store.rotate(KEY, OTHER_KEY)

    with pytest.raises(KeyWrong):
        sealed.store(key=OTHER_KEY)
    assert everything(sealed.store()) == before


def test_a_collection_that_is_gone_has_no_key(sealed: Database) -> None:
    store = sealed.store()
    club = store.collections.add("club").id
    store.collections.remove(club)

    with pytest.raises(Exception, match="no such collection"):
        store.within(club).find_named("Anna")
