"""Lines on their way into the audit: in batches, lost with the process alone, never too many."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from benchmarks.kill import distinct_photos, registered
from flask.testing import FlaskClient

from facecog.acting import Actor, acting
from facecog.errors import AuditUnavailable, DatabaseUnavailable
from facecog.service import Facecog
from facecog.store import Store, trail
from facecog.store.trail import BATCH, AuditTrail
from tests.databases import Database
from tests.sending import multipart
from tests.serving import Server, serving


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits."""
    monkeypatch.setattr(trail, "PATIENCE", 0.1)
    monkeypatch.setattr(trail, "AGAIN", 0.02)


class Broken:
    """A database that does not answer until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(trail, "begin", self._refuse)

    def _refuse(self, *_: object, **__: object) -> None:
        raise DatabaseUnavailable("The database does not answer; try again.")

    def mend(self) -> None:
        self._monkeypatch.undo()


def numbers(store: Store) -> list[object]:
    return [line.details["n"] for line in store.audit.lines()]


def test_lines_of_a_moment_are_written_together(store: Store) -> None:
    for number in range(20):
        store.trail.add("identify", n=number)
    assert numbers(store) == []

    time.sleep(trail.GATHERING + 0.5)

    assert numbers(store) == list(range(20))


def test_many_lines_do_not_wait_for_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "GATHERING", 60.0)
    for number in range(BATCH):
        store.trail.add("identify", n=number)

    give_up = time.monotonic() + 20
    while not numbers(store) and time.monotonic() < give_up:
        time.sleep(0.02)

    assert numbers(store) == list(range(BATCH))
    assert store.trail.flush()


def test_closing_writes_what_there_is(database: Database) -> None:
    store = database.store()
    store.trail.add("identify", n=1)
    store.close()

    assert numbers(database.store()) == [1]


def test_the_thread_ends_with_the_lines(store: Store) -> None:
    store.trail.add("identify", n=1)
    store.trail.flush()

    for one in threading.enumerate():
        if one.name == "audit":
            one.join(timeout=10)
    assert "audit" not in [one.name for one in threading.enumerate()]


def test_many_threads_lose_no_line(database: Database) -> None:
    store = database.store()

    def work(worker: int) -> None:
        for number in range(50):
            with acting(Actor("key", id=str(worker))):
                store.trail.add("identify", n=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    store.trail.flush()

    told = list(store.audit.lines())
    for worker in range(4):
        of_worker = [line.details["n"] for line in told if line.actor == f"key:{worker}"]
        assert of_worker == list(range(50))
    assert store.audit.check().fault is None


def test_a_database_that_is_back_gets_every_line_and_before_that_nothing_is_answered(
    store: Store, monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    with monkeypatch.context() as broken:
        database = Broken(broken)
        store.trail.add("identify", n=1)
        store.trail.flush(0.5)
        with pytest.raises(AuditUnavailable):
            store.trail.add("identify", n=2)
        database.mend()

    assert store.trail.flush()
    store.trail.add("identify", n=3)
    store.trail.flush()
    assert numbers(store) == [1, 3]
    assert store.audit.check().fault is None


def test_a_search_waits_while_too_many_lines_do(
    store: Store, monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    monkeypatch.setattr(trail, "ROOM", 3)
    monkeypatch.setattr(trail, "GATHERING", 60.0)
    for number in range(3):
        store.trail.add("identify", n=number)

    with pytest.raises(AuditUnavailable):
        store.trail.add("identify", n=3)
    store.trail.flush()
    store.trail.add("identify", n=4)
    store.trail.flush()

    assert numbers(store) == [0, 1, 2, 4]


def test_lines_that_can_never_be_written_are_said_to_be_lost(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    patient: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = database.store()
    with monkeypatch.context() as broken:
        Broken(broken)
        store.trail.add("identify", n=1)
        with caplog.at_level(logging.WARNING):
            store.close()

    assert "1 lines of the audit could not be written" in caplog.text


def test_a_search_that_cannot_be_recorded_is_answered_503(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    facecog.enrol("Anna", b"anna")
    with monkeypatch.context() as broken:
        Broken(broken)
        facecog.identify(b"anna")
        facecog._store.trail.flush(0.5)
        answer = client.post("/api/recognise", **multipart(image=b"anna"))

    assert answer.status_code == 503
    assert answer.json["code"] == "audit_unavailable"
    assert "Anna" not in answer.text
    assert facecog._store.trail.flush()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_writes_its_own_lines_alone(store: Store) -> None:
    store.trail.add("identify", n=1)
    before = store.trail
    child = os.fork()
    if not child:
        before.add("identify", n=2)
        os._exit([line.details for line in before._lines] != ['{"n":2}'])
    _, status = os.waitpid(child, 0)
    store.trail.flush()

    assert os.waitstatus_to_exitcode(status) == 0
    assert numbers(store) == [1]


def test_a_process_that_ends_by_itself_writes_its_lines(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from facecog.store import Store\n"
        "Store.on_sqlite(Path(sys.argv[1])).trail.add('identify', n=1)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "home"], check=True, timeout=60)

    with closing(Store.on_sqlite(tmp_path / "home")) as store:
        assert numbers(store) == [1]


# -- a real server ----------------------------------------------------------------------------


def lines_of(home: Path) -> tuple[list[tuple[str, str]], str | None]:
    """Action and details of each line, and what is wrong with the chain."""
    with closing(sqlite3.connect(home / "faces.db")) as database:
        told = database.execute("SELECT action, details FROM audit ORDER BY number").fetchall()
    with closing(Store.on_sqlite(home)) as store:
        return told, store.audit.check().fault


def under_load(server: Server, answered: list[str], searched: list[int]) -> Iterator[None]:
    """Registrations and searches until the server is gone."""
    photos = distinct_photos()
    for number, photo in enumerate(photos):
        with suppress(OSError, HTTPException):
            answered.append(registered(server, f"Person {number}", photo))
            searched.append(server.ask("/api/recognise", image=photo).status)
        yield


def test_after_a_kill_the_chain_is_whole_and_each_answered_change_has_its_line(
    tmp_path: Path,
) -> None:
    answered: list[str] = []
    searched: list[int] = []
    with serving(tmp_path / "home") as server:
        load = under_load(server, answered, searched)
        for _ in range(6):
            next(load)
        killer = threading.Timer(0.15, server.process.kill)
        killer.start()
        while server.process.poll() is None:
            next(load)

    told, fault = lines_of(tmp_path / "home")
    assert fault is None
    enrolled = [details for action, details in told if action == "enrol"]
    assert len(answered) >= 6
    assert [one for one in answered if not any(one in details for details in enrolled)] == []


def test_sigterm_loses_no_line(tmp_path: Path) -> None:
    answered: list[str] = []
    searched: list[int] = []
    with serving(tmp_path / "home") as server:
        load = under_load(server, answered, searched)
        for _ in range(3):
            next(load)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0

    told, fault = lines_of(tmp_path / "home")
    assert fault is None
    assert searched == [200] * 3
    assert [action for action, _ in told].count("identify") == 3


def test_the_trail_is_one_of_all_collections(store: Store) -> None:
    other = store.within(store.collections.add("staff").id)

    assert isinstance(other.trail, AuditTrail)
    assert other.trail is store.trail
