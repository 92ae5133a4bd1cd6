"""Backups: all of a home in one file, whole or refused; restored whole or not at all."""

from __future__ import annotations

import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from facecog import archive
from facecog.cli import main
from facecog.errors import (
    BackupDamaged,
    BackupTooNew,
    CropMissing,
    DatabaseUnavailable,
    HomeInUse,
    HomeNotEmpty,
    InvalidBackup,
    KeyMissing,
    KeyWrong,
    LegacyHome,
    NotEncrypted,
    StorageUnavailable,
)
from facecog.index.memory import MemoryIndex
from facecog.store import Store, Which, tables
from facecog.store.backup import wanted_ids
from facecog.store.dumping import BACKED_UP, LEFT_OUT
from facecog.store.wholeness import FORMAT
from tests.backups import AT, Home, fill, same, with_open
from tests.databases import KEY, MODEL, add, template

KINDS = ["sqlite", "postgresql"]
# Of a restore, what matters is where to.
FROM_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
TO_SQLITE = pytest.mark.parametrize("other", ["sqlite"], indirect=True)
PLAIN = pytest.mark.parametrize("key", [None], indirect=True)
SEALED = pytest.mark.parametrize("key", [KEY], indirect=True, ids=["sealed"])


@pytest.fixture(params=[None, KEY], ids=["plain", "sealed"])
def key(request: pytest.FixtureRequest) -> bytes | None:
    found: bytes | None = request.param
    return found


@pytest.fixture(params=KINDS)
def home(request: pytest.FixtureRequest, tmp_path: Path, key: bytes | None) -> Home:
    """Where something is."""
    if request.param == "sqlite":
        return Home(tmp_path / "home", key)
    return Home(request.getfixturevalue("emptied_postgres"), key)


@pytest.fixture(params=KINDS)
def other(request: pytest.FixtureRequest, tmp_path: Path, key: bytes | None) -> Home:
    """Another machine."""
    if request.param == "sqlite":
        return Home(tmp_path / "other", key)
    return Home(request.getfixturevalue("postgres_url"), key)


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    opened = home.open()
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "faces.backup"


# -- there and back ---------------------------------------------------------------------------


def test_every_table_is_backed_up_or_left_out_for_a_reason() -> None:
    assert set(tables.metadata.tables) == {*BACKED_UP, *LEFT_OUT}
    assert set(BACKED_UP).isdisjoint(LEFT_OUT)


def test_a_backup_is_restored_row_by_row_on_another_machine(
    home: Home, other: Home, store: Store, file: Path
) -> None:
    fill(store)
    made = store.backup(file)
    store.close()

    restored = other.restore(file)

    assert (made.subjects, made.samples) == (restored.subjects, restored.samples)
    assert all(other.contents().values())
    assert same(home.contents(), other.contents())


@FROM_SQLITE
def test_what_is_restored_can_be_searched_and_undone(other: Home, store: Store, file: Path) -> None:
    fill(store)
    store.backup(file)
    other.restore(file)
    there = other.open()

    moved = there.subject_named("Somebody else")
    found = MemoryIndex.of(there, MODEL).search([template("photo 0 of 3")], 1)
    for change in there.journal.changes(10).items:
        there.journal.undo(change.id)

    assert found.candidates[0][0].subject_id == moved.id
    assert there.subject_named("Person 0").samples == 2
    assert there.crop(str(there.subject_named("Person 0").cover)) == b"photo 0 of 0"
    there.close()


def test_whoever_was_signed_in_is_not_in_a_backup(store: Store, file: Path) -> None:
    fill(store)
    store.backup(file)

    with ZipFile(file) as opened:
        assert not [name for name in opened.namelist() if "sessions" in name]
        assert b"cd" * 32 not in b"".join(map(opened.read, opened.namelist()))


def test_a_backup_is_read_by_its_owner_alone(store: Store, file: Path) -> None:
    store.backup(file)

    assert file.stat().st_mode & 0o077 == 0


def test_a_backup_is_never_written_over(store: Store, file: Path) -> None:
    file.write_bytes(b"something else")

    with pytest.raises(InvalidBackup):
        store.backup(file)

    assert file.read_bytes() == b"something else"


def test_a_backup_without_room_leaves_nothing(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    fill(store)
    monkeypatch.setattr("facecog.store.backup._on_the_disk", full)

    with pytest.raises(StorageUnavailable, match="No space left"):
        store.backup(file)

    assert not list(file.parent.glob("faces.backup*"))


def test_a_backup_that_is_stopped_leaves_nothing(store: Store, file: Path) -> None:
    fill(store)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.backup(file, stop)

    assert not list(file.parent.glob("faces.backup*"))


def test_a_sample_without_its_crop_is_named_and_no_backup_made(
    store: Store, home: Home, file: Path
) -> None:
    fill(store)
    sample = str(store.subject_named("Person 4").cover)
    store._crops.drop([sample])

    with pytest.raises(CropMissing, match=sample):
        store.backup(file)

    assert not file.exists()


# -- while others go on -----------------------------------------------------------------------


def test_backups_made_beside_writers_are_whole_and_without_those_erased_before(
    store: Store, tmp_path: Path
) -> None:
    fill(store, people=30)
    stop = threading.Event()
    erased: list[str] = []

    def go_on() -> None:
        number = 100
        while not stop.is_set():
            number += 1
            subject, _ = add(store, f"Person {number}", f"photo of {number}")
            add(store, f"Person {number} stays", f"another photo of {number}")
            store.journal.delete(subject.id, forever=True)
            erased.append(subject.id)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(go_on)
        try:
            for number in range(4):
                before = set(erased)
                file = tmp_path / f"{number}.backup"
                store.backup(file)
                with ZipFile(file) as opened:
                    assert before.isdisjoint(_ids(opened, "subjects"))
                    _assert_nothing_but_zeros_between(file, opened)
        finally:
            stop.set()
        writing.result()

    assert erased


def test_who_is_erased_while_a_backup_is_made_is_not_in_it(store: Store, file: Path) -> None:
    fill(store)
    anna = store.subject_named("Person 4")
    crops = {sample.id for sample in store.samples(anna.id, 10).items}
    stored = [_stored(store, one) for one in crops]

    def erase(_: int, done: list[int] = []) -> None:  # noqa: B006
        done.append(1)
        if len(done) == 8:  # some of the crops are copied already
            store.journal.delete(anna.id, forever=True)

    store.backup(file, erase)

    with ZipFile(file) as opened:
        assert crops.isdisjoint(_ids(opened, "samples"))
        assert crops.isdisjoint(name.removeprefix("crops/") for name in opened.namelist())
    assert not any(one in file.read_bytes() for one in stored)


def test_what_is_registered_while_a_backup_is_made_is_in_it(store: Store, file: Path) -> None:
    fill(store)

    def register(_: int, done: list[int] = []) -> None:  # noqa: B006
        if not done:
            done.append(1)
            add(store, "Somebody new")

    store.backup(file, register)

    with ZipFile(file) as opened:
        assert store.subject_named("Somebody new").id in _ids(opened, "subjects")


def _ids(opened: ZipFile, table: str) -> set[str]:
    lines = opened.read(f"tables/{table}.jsonl").splitlines()
    return {archive.json.loads(line)["id"] for line in lines}


def _stored(store: Store, sample_id: str) -> bytes:
    with store._engine.connect() as connection:
        found = store._crops.get(connection, sample_id)
    assert found
    return found


def _assert_nothing_but_zeros_between(file: Path, opened: ZipFile) -> None:
    """What was taken back is not there any more."""
    content = file.read_bytes()
    listed = sorted(opened.infolist(), key=lambda entry: entry.header_offset)
    end = 0
    for entry in listed:
        assert not content[end : entry.header_offset].strip(b"\0")
        # The header as it is, with an extra field where the sizes are too long for it.
        names = int.from_bytes(content[entry.header_offset + 26 :][:2], "little")
        extra = int.from_bytes(content[entry.header_offset + 28 :][:2], "little")
        end = entry.header_offset + 30 + names + extra + entry.compress_size


# -- torn and altered -------------------------------------------------------------------------


@pytest.fixture
def torn(tmp_path: Path, file: Path, key: bytes | None) -> Callable[[bytes], None]:
    """Asserts that a backup with these bytes is refused, and that nothing happens to a home."""
    target = Home(tmp_path / "target", key)
    with_open(target, lambda store: add(store, "Carl"))
    before = target.contents()

    def refused(content: bytes) -> None:
        altered = tmp_path / "altered.backup"
        altered.write_bytes(content)
        with pytest.raises((BackupDamaged, KeyWrong)):
            target.restore(altered, replace=True)
        assert target.contents() == before

    return refused


@FROM_SQLITE
class TestTorn:
    @pytest.fixture
    def content(self, store: Store, file: Path) -> bytes:
        fill(store)
        store.backup(file)
        return file.read_bytes()

    @pytest.mark.parametrize("seed", range(3))
    def test_a_flipped_byte_anywhere_is_refused(
        self, content: bytes, torn: Callable[[bytes], None], seed: int
    ) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            place = chance.randrange(len(content))
            flipped = content[place] ^ chance.randrange(1, 256)
            torn(content[:place] + bytes([flipped]) + content[place + 1 :])

    def test_a_flipped_byte_in_the_digest_itself_is_refused(
        self, content: bytes, torn: Callable[[bytes], None]
    ) -> None:
        for back in (1, 30, archive.DIGITS + 3, archive.SEALED_BY - 1, archive.SEALED_BY):
            place = len(content) - back
            torn(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    @pytest.mark.parametrize("seed", range(3))
    def test_a_torn_file_is_refused(
        self, content: bytes, torn: Callable[[bytes], None], seed: int
    ) -> None:
        chance = random.Random(seed)
        for length in [
            0,
            1,
            200,
            len(content) - 1,
            *(chance.randrange(len(content)) for _ in "12345678"),
        ]:
            torn(content[:length])
        torn(content + b"more")
        torn(content[: len(content) // 2] + content[len(content) // 2 + 1 :])


# -- made by somebody else --------------------------------------------------------------------


Change = Callable[[dict[str, Any]], None]


def remade(
    file: Path,
    table: str = "",
    change: Change = lambda row: None,
    manifest: Change = lambda of: None,
    without: str = "",
    secret: bytes | None = None,
) -> Path:
    """The same backup but for a change, with a digest that is right again."""
    target = file.with_name("remade.backup")
    with file.open("rb") as read, target.open("w+b") as out:
        reader, writer = archive.Reader(read), archive.Writer(out)
        for one in reader.crop_ids - {without}:
            writer.put_crop(one, reader.crop(one))
        for name in reader.tables:
            rows = list(reader.rows(name))
            for row in rows:
                if name == table:
                    change(row)
            writer.put_rows(name, iter(rows))
        said = reader.manifest
        manifest(said)
        writer.finish(said, secret)
    return target


def _become_owner(row: dict[str, Any]) -> None:
    row["role"] = "owner"


@FROM_SQLITE
@SEALED
@pytest.mark.parametrize("secret", [None, b"a guess" * 4])
@TO_SQLITE
def test_an_encrypted_backup_with_a_digest_made_anew_is_refused(
    store: Store, file: Path, other: Home, secret: bytes | None
) -> None:
    fill(store)
    store.backup(file)

    with pytest.raises(BackupDamaged, match="without the key"):
        other.restore(remade(file, "api_keys", _become_owner, secret=secret))


@FROM_SQLITE
@SEALED
@TO_SQLITE
def test_an_encrypted_backup_that_claims_not_to_be_is_refused(
    store: Store, file: Path, other: Home
) -> None:
    fill(store)
    store.backup(file)

    with pytest.raises(NotEncrypted):
        other.restore(remade(file, "revision", lambda row: row.update(sealed=False)))


@FROM_SQLITE
@SEALED
def test_another_key_or_none_is_refused(store: Store, file: Path, tmp_path: Path) -> None:
    fill(store)
    store.backup(file)

    with pytest.raises(KeyWrong):
        Home(tmp_path / "wrong", bytes(32)).restore(file)
    with pytest.raises(KeyMissing):
        Home(tmp_path / "missing").restore(file)

    assert not (tmp_path / "wrong").exists()
    assert not (tmp_path / "missing").exists()


def test_a_backup_that_is_not_encrypted_is_refused_with_a_key(
    store: Store, file: Path, tmp_path: Path, key: bytes | None
) -> None:
    store.backup(file)

    if key is None:
        with pytest.raises(NotEncrypted):
            Home(tmp_path / "with a key", KEY).restore(file)


def _refer_to_nobody(row: dict[str, Any]) -> None:
    row["subject_id"] = "00000000-0000-4000-8000-000000000000"


ALTERED: dict[str, dict[str, Any]] = {
    "of nobody": {"table": "samples", "change": _refer_to_nobody},
    "without a column": {"table": "subjects", "change": lambda row: row.pop("name")},
    "no date": {"table": "subjects", "change": lambda row: row.update(created_at="yesterday")},
    "no base64": {"table": "templates", "change": lambda row: row.update(vector="!")},
    "no number": {"table": "templates", "change": lambda row: row.update(revision={"a": 1})},
    "not unique": {"table": "subjects", "change": lambda row: row.update(name_key="one")},
    "another count": {"manifest": lambda of: of["rows"].update(subjects=1)},
    "a strange column": {"manifest": lambda of: of["columns"]["subjects"].update({"--": "value"})},
    "without a table": {"manifest": lambda of: of["columns"].pop("samples")},
    "a strange table": {"manifest": lambda of: of["columns"].update(sqlite_master={"a": "value"})},
    "without columns": {"manifest": lambda of: of.pop("columns")},
}


@pytest.mark.parametrize("altered", list(ALTERED.values()), ids=list(ALTERED))
@FROM_SQLITE
@PLAIN
def test_a_backup_that_does_not_fit_together_is_refused_and_the_home_stays(
    store: Store, file: Path, other: Home, altered: dict[str, Any]
) -> None:
    fill(store)
    store.backup(file)
    with_open(other, lambda there: add(there, "Carl"))
    before = other.contents()

    with pytest.raises(BackupDamaged):
        other.restore(remade(file, **altered), replace=True)

    assert other.contents() == before


@FROM_SQLITE
@PLAIN
@TO_SQLITE
def test_a_backup_without_a_crop_is_refused(store: Store, file: Path, other: Home) -> None:
    fill(store)
    store.backup(file)
    cover = str(store.subject_named("Person 4").cover)

    with pytest.raises(BackupDamaged, match="crops"):
        other.restore(remade(file, without=cover))


def test_a_crop_cannot_be_written_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "made.backup"
    with file.open("w+b") as out:
        writer = archive.Writer(out)
        writer.put_crop("../../elsewhere", b"anything")
        writer.finish({"columns": {}}, None)

    with file.open("rb") as read, pytest.raises(BackupDamaged):
        archive.Reader(read)


@FROM_SQLITE
@PLAIN
@pytest.mark.parametrize("newer", [{"format": FORMAT + 1}, {"schema": "9999"}], ids=str)
@TO_SQLITE
def test_a_backup_of_a_newer_facecog_is_refused(
    store: Store, file: Path, other: Home, newer: dict[str, Any]
) -> None:
    store.backup(file)

    with pytest.raises(BackupTooNew):
        other.restore(remade(file, manifest=lambda of: of.update(newer)))


@FROM_SQLITE
@PLAIN
def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    store: Store, file: Path, other: Home
) -> None:
    """As a facecog of 0004 would have made it."""
    add(store, "Anna")
    store.backup(file)

    def older(of: dict[str, Any]) -> None:
        of["schema"] = "0004"
        for table in ("consents", "tombstones", "accounts", "api_keys", "audit", "audit_chain"):
            del of["columns"][table]
        for column in ("expires_at", "seen_at"):
            del of["columns"]["subjects"][column]
        of["columns"]["revision"] = {"id": "value", "value": "value", "forgotten": "value"}
        kept = ("id", "name", "created_at", "fpir")
        of["columns"]["collections"] = {one: of["columns"]["collections"][one] for one in kept}

    other.restore(remade(file, manifest=older))

    there = other.open()
    assert there.crop(str(there.subject_named("Anna").cover)) == b"Anna"
    assert there.collections.named("default").subjects == 1
    there.close()


# -- into a home ------------------------------------------------------------------------------


@FROM_SQLITE
def test_a_home_with_people_is_replaced_only_where_that_is_said(
    store: Store, file: Path, other: Home
) -> None:
    fill(store)
    store.backup(file)
    with_open(other, lambda there: add(there, "Carl"))
    before = other.contents()

    with pytest.raises(HomeNotEmpty):
        other.restore(file)
    assert other.contents() == before

    other.restore(file, replace=True)
    assert other.contents()["subjects"] != before["subjects"]
    assert len(other.contents()["crops"]) == len(_crops_in(file))


@FROM_SQLITE
def test_a_home_that_is_open_is_not_replaced(store: Store, file: Path, other: Home) -> None:
    fill(store)
    store.backup(file)
    there = other.open()
    there.counts()

    with pytest.raises(HomeInUse):
        other.restore(file, replace=True)

    there.close()
    other.restore(file, replace=True)


@FROM_SQLITE
def test_nobody_opens_a_home_while_it_is_restored(store: Store, file: Path, other: Home) -> None:
    fill(store)
    store.backup(file)
    refused: list[str] = []

    def come_in(_: int) -> None:
        if not refused:
            try:
                other.open()
            except DatabaseUnavailable as error:
                refused.append(str(error))

    other.restore(file, told=come_in)

    assert "restored" in refused[0]


def test_an_original_facecogs_folder_is_refused_and_not_touched(tmp_path: Path) -> None:
    old, file = tmp_path / "old", tmp_path / "faces.backup"
    with_open(Home(tmp_path / "new"), lambda store: store.backup(file))
    old.mkdir()
    with closing(sqlite3.connect(old / "faces.db")) as connection:
        connection.execute("CREATE TABLE faces (id INTEGER)")
    before = {path: path.read_bytes() for path in old.iterdir()}

    with pytest.raises(LegacyHome):
        Home(old).restore(file, replace=True)

    assert {path: path.read_bytes() for path in old.iterdir()} == before


def test_every_index_reads_everything_anew(home: Home, store: Store, file: Path) -> None:
    for number in range(5):
        add(store, f"Person {number}")
    store.backup(file)
    index = MemoryIndex.of(store, MODEL)
    store.journal.delete(store.subject_named("Person 1").id)
    add(store, "Somebody else")
    index.search([template("Person 1")], 1)
    before = store.revision()
    store.close()

    home.restore(file, replace=True)

    found = index.search([template("Person 1")], 1).candidates[0][0]
    assert store.revision() > before
    assert found.score > 0.99
    assert index.size().subjects == 5


@FROM_SQLITE
def test_disk_full_leaves_the_home_as_it_was(
    store: Store, file: Path, other: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    store.backup(file)
    with_open(other, lambda there: add(there, "Carl"))
    before = other.contents()

    def full(*_: Any) -> None:
        raise StorageUnavailable("The picture cannot be kept: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr("facecog.store.crops.FolderCrops.put", full)
        patch.setattr("facecog.store.crops.TableCrops.put", full)
        with pytest.raises(StorageUnavailable):
            other.restore(file, replace=True)

    assert other.contents() == before


@FROM_SQLITE
def test_a_restore_that_is_stopped_leaves_the_home_as_it_was(
    store: Store, file: Path, other: Home
) -> None:
    fill(store)
    store.backup(file)
    with_open(other, lambda there: add(there, "Carl"))
    before = other.contents()

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.restore(file, True, stop)

    assert other.contents() == before
    if isinstance(other.where, Path):
        assert not (other.where / "dataset" / "restoring").exists()


def _crops_in(file: Path) -> list[str]:
    with ZipFile(file) as opened:
        return [name for name in opened.namelist() if name.startswith("crops/")]


# -- erased since -----------------------------------------------------------------------------


def _bury(store: Store, *ids: str) -> None:
    """As an erasure does, where none was made."""
    with store._engine.begin() as connection:
        buried = set(connection.execute(select(tables.tombstones.c.id)).scalars())
        for one in set(ids) - buried:
            connection.execute(insert(tables.tombstones).values(id=one, at=AT))


def _buried(store: Store) -> set[str]:
    with store._engine.begin() as connection:
        return set(connection.execute(select(tables.tombstones.c.id)).scalars())


def test_who_was_erased_is_not_brought_back_by_an_older_backup(
    home: Home, store: Store, file: Path
) -> None:
    fill(store)
    anna = store.subject_named("Person 4")
    kept = store.subject_named("Person 2")
    ids = {sample.id for sample in store.samples(anna.id, 10).items}
    stored = [_stored(store, one) for one in ids]
    store.backup(file)
    store.journal.delete(anna.id, forever=True)
    assert _buried(store) >= {anna.id, *ids}
    store.close()

    restored = home.restore(file, replace=True)

    assert (restored.subjects_left_out, restored.samples_left_out) == (1, 2)
    there = home.open()
    assert there.find_named("Person 4") is None
    assert there.subject_named("Person 2").samples == kept.samples
    with there._engine.connect() as connection:
        assert set(connection.execute(select(tables.tombstones.c.id)).scalars()) >= {anna.id, *ids}
        assert ids.isdisjoint(wanted_ids(connection))
        assert not connection.execute(select(tables.consents)).all()
    there.close()
    if isinstance(home.where, Path):
        found = [path.read_bytes() for path in home.where.rglob("*") if path.is_file()]
        assert not any(one in content for one in stored for content in found)


def test_the_audit_of_the_time_since_stays(home: Home, store: Store, file: Path) -> None:
    fill(store)
    store.backup(file)
    store.journal.delete(store.subject_named("Person 4").id, forever=True)
    written = store.audit.check()
    store.close()

    home.restore(file, replace=True)

    there = home.open()
    assert there.audit.check() == written  # whole, to its last line
    assert [line.action for line in there.audit.listed(Which(action="erase"), 9).items] == ["erase"]
    there.close()


def test_the_audit_of_another_home_does_not(
    home: Home, store: Store, other: Home, file: Path
) -> None:
    fill(store)
    there = other.open()
    for number in range(20):
        add(there, f"Somebody {number}")
    there.close()
    store.backup(file)
    written = store.audit.check()
    store.close()

    other.restore(file, replace=True)

    there = other.open()
    assert there.audit.check() == written
    there.close()


@FROM_SQLITE
def test_tombstones_go_with_the_next_backup(
    home: Home, store: Store, other: Home, tmp_path: Path
) -> None:
    fill(store)
    anna = store.subject_named("Person 4")
    store.backup(tmp_path / "before")
    store.journal.delete(anna.id, forever=True)
    assert anna.id in _buried(store)
    store.backup(tmp_path / "after")
    other.restore(tmp_path / "after")

    restored = other.restore(tmp_path / "before", replace=True)

    assert (restored.subjects_left_out, restored.samples_left_out) == (1, 2)


def test_what_changes_keep_of_an_erased_sample_is_left_out_too(
    home: Home, store: Store, file: Path
) -> None:
    for photo in ("one", "two"):
        add(store, "Anna", photo)
    add(store, "Ben", "ben")
    anna, ben = store.subject_named("Anna"), store.subject_named("Ben")
    erased = str(anna.cover)
    store.journal.remove(str(ben.cover))
    bens = str(ben.cover)
    store.journal.delete(anna.id)
    store.backup(file)
    _bury(store, erased, bens)
    store.close()

    home.restore(file, replace=True)

    there = home.open()
    (change,) = there.journal.changes(10).items
    undone, subject = there.journal.undo(change.id)
    assert (undone.subject.id, subject.samples) == (anna.id, 1)
    assert {erased, bens}.isdisjoint(home_crops(home, there))
    there.close()


def home_crops(home: Home, store: Store) -> set[str]:
    if isinstance(home.where, Path):
        return {file.stem for file in (home.where / "dataset").iterdir()}
    with store._engine.connect() as connection:
        return set(connection.execute(select(tables.crops.c.sample_id)).scalars())


# -- killed -----------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.backups import Home

where, file, key, at = sys.argv[1:]
home = Home(where if "://" in where else Path(where), bytes.fromhex(key) or None)
at = int(at)

def told(more):
    global at
    at -= more
    if at == 0:
        os.kill(os.getpid(), signal.SIGKILL)

if at < 0:  # within what comes after the crops
    import facecog.store.restore as restore
    name = {-1: "_move_revision", -2: "land"}[at]
    real, calls = getattr(restore, name), []
    def killed(*values):
        calls.append(values)
        if name == "land" and len(calls) == 1:
            return real(*values)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(restore, name, killed)
home.restore(Path(file), True, told)
"""


@FROM_SQLITE
@pytest.mark.parametrize("at", [1, 6, 13, -1, -2])
def test_a_restore_that_is_killed_leaves_the_old_home_or_the_new_one(
    store: Store, file: Path, other: Home, at: int
) -> None:
    fill(store)
    store.backup(file)
    with_open(other, lambda there: (add(there, "Carl"), add(there, "Cora")))
    old = other.contents()
    where, key = str(other.where), (other.key or b"").hex()
    run = [sys.executable, "-c", KILLED, where, str(file), key, str(at)]

    killed = subprocess.run(run, cwd=Path(__file__).parents[1], check=False)

    if at == -2 and isinstance(other.where, str):  # there are no files to land
        assert killed.returncode == 0
    else:
        assert killed.returncode == -signal.SIGKILL
    now = _once_it_may_be_opened(other)
    if at == -2:
        assert len(now["subjects"]) != len(old["subjects"])
        assert len(now["crops"]) == len(_crops_in(file))
        assert all(now["crops"].values())
    else:
        assert now == old


def _once_it_may_be_opened(home: Home) -> dict[str, Any]:
    """PostgreSQL takes a moment to notice that who was alone there is gone."""
    for _ in range(100):
        with suppress(DatabaseUnavailable):
            return home.contents()
        time.sleep(0.1)
    return home.contents()


# -- the commands -----------------------------------------------------------------------------


def run(*arguments: str, home: Path, answer: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(
        main, list(arguments), env={"FACECOG_HOME": str(home)}, input=answer
    )
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_the_commands_take_a_home_to_another_machine(tmp_path: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", str(tmp_path / "faces.backup")
    with_open(Home(here), lambda store: (add(store, "Anna"), add(store, "Ben")))

    status, said = run("backup", file, home=here)
    assert status == 0
    assert re.search(r"2 people, 2 samples, [\d,]+ bytes, not encrypted; read back and whole", said)

    status, said = run("restore", file, home=there)
    assert status == 0
    assert "restored 2 people and 2 samples, as of 20" in said
    assert with_open(Home(there), lambda store: store.counts()) == (2, 2)


def test_restore_replaces_only_when_asked_to_and_answered(tmp_path: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", str(tmp_path / "faces.backup")
    with_open(Home(here), lambda store: add(store, "Anna"))
    with_open(Home(there), lambda store: (add(store, "Carl"), add(store, "Cora")))
    run("backup", file, home=here)

    assert run("restore", file, home=there) == (
        1,
        "Error: There are people in this home. With --replace they are forgotten.\n",
    )
    assert run("restore", file, "--replace", home=there, answer="n\n")[0] == 1
    assert with_open(Home(there), lambda store: store.counts()) == (2, 2)

    assert run("restore", file, "--replace", "--yes", home=there)[0] == 0
    assert with_open(Home(there), lambda store: store.counts()) == (1, 1)
    assert len(list((there / "dataset").iterdir())) == 1


def test_what_is_restored_is_its_owners_alone(tmp_path: Path) -> None:
    file, there = tmp_path / "faces.backup", tmp_path / "there"
    with_open(Home(tmp_path / "here"), lambda store: (add(store, "Anna"), store.backup(file)))
    run("restore", str(file), home=there)

    made = [there, *there.rglob("*")]

    assert {"faces.db", "in-use", "dataset"} <= {one.name for one in made}
    assert [one for one in made if one.stat().st_mode & 0o077] == []


def test_restore_says_who_is_left_out(tmp_path: Path) -> None:
    home, file = tmp_path / "home", str(tmp_path / "faces.backup")
    with_open(Home(home), lambda store: (add(store, "Anna"), add(store, "Ben")))
    run("backup", file, home=home)
    with_open(Home(home), lambda store: _bury(store, store.subject_named("Anna").id))

    _, said = run("restore", file, "--replace", "--yes", home=home)

    assert "left out, since they were erased after it was made: 1 person and 1 sample" in said


def test_a_torn_file_is_one_line_and_status_1(tmp_path: Path) -> None:
    file = tmp_path / "faces.backup"
    file.write_bytes(b"PK\x03\x04 and no more")

    assert run("restore", str(file), home=tmp_path / "home") == (
        1,
        "Error: This is no backup of facecog, or it is torn.\n",
    )
    assert not (tmp_path / "home").exists()
