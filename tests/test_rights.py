"""Consent, an end, a copy and erasing, as people may ask for them: service, API and commands."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from facecog.acting import Actor, acting
from facecog.cli import common
from facecog.domain import Agreed, ConsentPolicy, RetentionPolicy
from facecog.errors import (
    ConsentNeeded,
    ConsentNotFound,
    DatabaseUnavailable,
    InvalidConsent,
    InvalidRetention,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import rows
from facecog.web import housekeeping
from tests import fakes
from tests.databases import Database
from tests.sending import multipart
from tests.test_cli import call

NOWHERE = "00000000-0000-4000-8000-000000000000"
TEXT = ConsentPolicy(True, "visitors 2", "to open the door")
YES = Agreed("visitors 2", "on paper")

Later = Callable[[timedelta], None]


@pytest.fixture
def both(database: Database) -> Facecog:
    """On both databases."""
    store = database.store()
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Turns the clock."""
    now = rows.now

    def later(by: timedelta) -> None:
        monkeypatch.setattr(rows, "now", lambda: now() + by)

    return later


def days(number: float) -> timedelta:
    return timedelta(days=number)


def names(facecog: Facecog) -> list[str]:
    return [one.name for one in facecog.subjects().items]


# -- consent -----------------------------------------------------------------------------------


def test_nobody_is_registered_without_the_consent_that_is_required(both: Facecog) -> None:
    both.consents.set_policy(TEXT)

    for agreed in (None, Agreed("visitors 1", "on paper")):
        with pytest.raises(ConsentNeeded) as refused:
            both.enrol("Anna", b"anna", agreed=agreed)
        assert (refused.value.text_version, refused.value.purpose) == TEXT_AND_PURPOSE
    assert both.counts() == (0, 0)

    anna = both.enrol("Anna", b"anna", agreed=YES).subject
    both.enrol("Anna", b"anna~2")  # hers is in force
    (consent,) = both.consents.of(anna.id)
    assert (consent.text_version, consent.purpose, consent.how) == (*TEXT_AND_PURPOSE, "on paper")
    assert consent.withdrawn_at is None


TEXT_AND_PURPOSE = ("visitors 2", "to open the door")


def test_a_new_text_is_agreed_to_anew(both: Facecog) -> None:
    both.consents.set_policy(TEXT)
    anna = both.enrol("Anna", b"anna", agreed=YES).subject
    both.consents.set_policy(ConsentPolicy(True, "visitors 3", "to open the door"))

    with pytest.raises(ConsentNeeded):
        both.enrol("Anna", b"anna~2")

    both.consents.give(anna.id, Agreed("visitors 3", "by mail"))
    both.consents.give(anna.id, Agreed("visitors 3", "by mail"))  # once is enough
    both.enrol("Anna", b"anna~2")
    assert [one.text_version for one in both.consents.of(anna.id)] == ["visitors 2", "visitors 3"]


def test_a_photo_is_moved_to_nobody_new_where_consent_is_required(both: Facecog) -> None:
    both.consents.set_policy(TEXT)
    sample = both.enrol("Anna", b"anna", agreed=YES).sample

    with pytest.raises(ConsentNeeded):
        both.changes.move_to_name(sample.id, "Ben")

    assert names(both) == ["Anna"]


def test_whoever_withdraws_a_consent_that_is_required_is_erased(both: Facecog) -> None:
    both.consents.set_policy(TEXT)
    anna = both.enrol("Anna", b"anna", agreed=YES).subject

    receipt = both.consents.withdraw(anna.id)

    assert receipt
    assert (receipt.subjects, receipt.consents) == ((anna.id,), 1)
    assert both.gallery_size().subjects == 0
    with pytest.raises(SubjectNotFound):
        both.subject(anna.id)


def test_elsewhere_it_is_noted_and_the_person_stays(both: Facecog) -> None:
    anna = both.enrol("Anna", b"anna", agreed=YES).subject

    assert both.consents.withdraw(anna.id) is None

    (consent,) = both.consents.of(anna.id)
    assert consent.withdrawn_at is not None
    with pytest.raises(ConsentNotFound):
        both.consents.withdraw(anna.id)
    assert names(both) == ["Anna"]


def test_consents_go_and_come_back_with_the_person(both: Facecog) -> None:
    anna = both.enrol("Anna", b"anna", agreed=YES).subject
    both.retention.set_expiry(anna.id, datetime(2040, 1, 1, tzinfo=timezone.utc))
    before = both.consents.of(anna.id)

    change = both.changes.delete(anna.id)
    assert change
    both.changes.undo(change.id)

    assert both.consents.of(anna.id) == before
    assert both.subject(anna.id).expires_at == datetime(2040, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("agreed", [Agreed("", "x"), Agreed("a" * 201, "x"), Agreed("a", " ")])
def test_a_consent_that_says_nothing_is_refused(both: Facecog, agreed: Agreed) -> None:
    with pytest.raises(InvalidConsent):
        both.enrol("Anna", b"anna", agreed=agreed)
    assert both.counts() == (0, 0)


def test_each_collection_asks_for_its_own(both: Facecog) -> None:
    club = both.within(both.collections.add("club").id)
    club.consents.set_policy(TEXT)

    both.enrol("Anna", b"anna")
    with pytest.raises(ConsentNeeded):
        club.enrol("Anna", b"anna")


# -- retention ---------------------------------------------------------------------------------


def run(facecog: Facecog) -> dict[str, str]:
    """Name -> why, of those who were due; they are erased."""
    known = {one.id: one.name for one in facecog.subjects().items}
    return {known[due.subject_id]: due.reason for due, _ in facecog.retention.run()}


def test_whoever_is_kept_long_enough_is_erased(both: Facecog, later: Later) -> None:
    both.enrol("Anna", b"anna")
    both.retention.set_policy(RetentionPolicy(keep_days=30))
    later(days(29.9))
    both.enrol("Ben", b"ben")
    assert (both.retention.due(), run(both)) == ([], {})

    later(days(30.1))

    assert [one.reason for one in both.retention.due()] == ["kept_too_long"]
    assert run(both) == {"Anna": "kept_too_long"}
    assert names(both) == ["Ben"]


def test_a_person_may_have_an_end_of_their_own(both: Facecog, later: Later) -> None:
    anna, _ = both.enrol("Anna", b"anna").subject, both.enrol("Ben", b"ben")
    both.retention.set_expiry(anna.id, rows.now() + days(3))
    assert run(both) == {}

    later(days(3.1))

    assert run(both) == {"Anna": "expired"}
    with pytest.raises(SubjectNotFound):
        both.retention.set_expiry(anna.id, None)


def test_whoever_was_not_seen_for_long_is_erased(both: Facecog, later: Later) -> None:
    both.retention.set_policy(RetentionPolicy(unseen_days=10))
    both.enrol("Anna", b"anna")
    both.enrol("Ben", b"ben")
    later(days(8))
    both.identify(b"anna~2")
    later(days(11.5))
    assert run(both) == {"Ben": "unseen"}

    later(days(17.9))
    assert run(both) == {}
    later(days(19.1))
    assert run(both) == {"Anna": "unseen"}


def test_nobody_is_due_at_once_when_days_unseen_begin_to_count(both: Facecog, later: Later) -> None:
    both.enrol("Anna", b"anna")
    later(days(400))

    both.retention.set_policy(RetentionPolicy(unseen_days=10))

    assert run(both) == {}
    later(days(412))
    assert run(both) == {"Anna": "unseen"}


def test_a_policy_can_be_tried_before_it_is_set(both: Facecog, later: Later) -> None:
    both.retention.set_policy(RetentionPolicy(keep_days=500))
    both.enrol("Anna", b"anna")
    later(days(400))
    both.enrol("Ben", b"ben")

    def due(keep: int | None, unseen: int | None = None) -> dict[str, str]:
        found = both.retention.due(RetentionPolicy(keep, unseen))
        known = both.retention.names(found)
        return {known[one.subject_id]: one.reason for one in found}

    assert (due(500), due(None), due(399)) == ({}, {}, {"Anna": "kept_too_long"})
    assert due(None, 10) == {}  # days unseen would begin to count
    both.retention.set_policy(RetentionPolicy(unseen_days=300))
    later(days(420))
    assert due(None, 10) == {"Anna": "unseen", "Ben": "unseen"}
    assert (both.retention.due(), run(both)) == ([], {})
    with pytest.raises(InvalidRetention):
        due(0)


def test_that_somebody_was_seen_is_kept_only_where_it_counts(
    both: Facecog, database: Database
) -> None:
    anna = both.enrol("Anna", b"anna").subject
    both.identify(b"anna~2")
    both.retention.flush()
    assert both._store.seen_at(anna.id) is None

    both.retention.set_policy(RetentionPolicy(unseen_days=10))
    assert both._store.seen_at(anna.id) is not None
    both.retention.set_policy(RetentionPolicy())
    assert both._store.seen_at(anna.id) is None


def test_a_clock_that_was_set_back_makes_nobody_due(both: Facecog, later: Later) -> None:
    both.retention.set_policy(RetentionPolicy(keep_days=5, unseen_days=5))
    anna = both.enrol("Anna", b"anna").subject
    both.identify(b"anna~2")
    both.retention.flush()
    seen = both._store.seen_at(anna.id)

    later(days(-300))
    both.identify(b"anna~2")

    assert run(both) == {}
    assert both._store.seen_at(anna.id) == seen
    both.changes.tidy()
    assert both._store.wipe() is False


def test_what_could_not_be_written_down_is_not_forgotten(
    both: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.retention.set_policy(RetentionPolicy(unseen_days=10))
    anna = both.enrol("Anna", b"anna").subject

    def gone(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("The database does not answer; try again.")

    with monkeypatch.context() as broken:
        broken.setattr("facecog.store.retention.begin", gone)
        with pytest.raises(DatabaseUnavailable):
            both.retention.flush()

    both.retention.flush()
    assert both._store.seen_at(anna.id) is not None


@pytest.mark.parametrize("number", [0, -1, 36_501])
def test_a_time_for_which_nobody_can_be_kept_is_refused(both: Facecog, number: int) -> None:
    with pytest.raises(InvalidRetention):
        both.retention.set_policy(RetentionPolicy(keep_days=number))
    with pytest.raises(InvalidRetention):
        both.retention.set_policy(RetentionPolicy(unseen_days=number))


def test_a_running_server_erases_who_is_due_in_every_collection(
    facecog: Facecog,
    later: Later,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    club = facecog.within(facecog.collections.add("club").id)
    for one in (facecog, club):
        one.enrol("Anna", b"anna")
        one.retention.set_policy(RetentionPolicy(keep_days=1))
    sample = facecog.enrol("Ben", b"ben").sample
    facecog.changes.remove(sample.id)  # past undoing by then
    later(days(2))
    stopping, turns = Event(), list[int]()
    monkeypatch.setattr(housekeeping, "TURN", 0.001)
    wipe = facecog.erasure.wipe

    def wiped() -> bool:
        turns.append(len(turns))
        if turns == [0]:
            raise DatabaseUnavailable("The database cannot be written anew yet.")
        stopping.set()
        return wipe()

    monkeypatch.setattr(facecog.erasure, "wipe", wiped)
    monkeypatch.setattr(housekeeping, "REST", 0)
    monkeypatch.setattr(housekeeping, "tasks", hurried)
    housekeeping.keep_house(facecog, stopping)  # ends by `stopping`

    assert (facecog.counts(), club.counts()) == ((0, 0), (0, 0))
    assert "wiping what was erased is not done yet: The database cannot" in caplog.text
    assert "Anna" not in caplog.text
    assert facecog._store.wipe() is False
    assert list((tmp_path / "home" / "dataset").iterdir()) == []


all_tasks = housekeeping.tasks


def hurried(facecog: Facecog) -> list[housekeeping.Task]:
    return [replace(task, every=0) for task in all_tasks(facecog)]


def test_an_idle_server_forgets_whom_another_one_erased(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = database.store(), database.store()
    idle = Facecog(
        fakes.FakeEngine(), one, MemoryIndex.of(one, fakes.MODEL), fakes.CALIBRATION, fakes.decode
    )
    anna = idle.enrol("Anna", b"anna").subject
    idle.enrol("Ben", b"ben")
    (block,) = idle._index._gallery().blocks
    assert anna.id.replace("-", "") in block.store.subjects.tobytes().hex()

    other.journal.delete(anna.id, forever=True)
    stopping = Event()
    monkeypatch.setattr(housekeeping, "TURN", 0.001)
    monkeypatch.setattr(housekeeping.Task, "work", lambda self: (self.do(), stopping.set()))
    housekeeping.keep_house(idle, stopping)

    assert anna.id.replace("-", "") not in block.store.subjects.tobytes().hex()


# -- a copy ------------------------------------------------------------------------------------


def unzipped(parts: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_export_has_everything_that_is_held_on_a_person_and_nothing_of_others(
    both: Facecog,
) -> None:
    both.retention.set_policy(RetentionPolicy(unseen_days=10))
    anna = both.enrol("Anna", b"anna", agreed=YES)
    removed = both.enrol("Anna", b"anna~2").sample
    moved = both.enrol("Anna", b"anna~3").sample
    ben = both.enrol("Ben", b"ben").subject
    both.changes.move(moved.id, ben.id)
    both.changes.remove(removed.id)
    both.changes.rename(anna.subject.id, "Annabel")
    both.identify(b"anna+ben")

    held = unzipped(both.export.of(anna.subject.id))

    person = json.loads(held["person.json"])
    assert (person["name"], person["samples"]) == ("Annabel", 1)
    assert [one["name"] for one in person["changes"]] == ["Anna", "Anna", "Anna"]
    assert person["consents"][0]["how"] == "on paper"
    assert person["seen_at"]
    sample = json.loads(held[f"samples/{anna.sample.id}.json"])
    found = np.array(sample["templates"][fakes.MODEL], np.float32)
    assert np.array_equal(found, fakes._vector("anna"))
    assert held[f"samples/{anna.sample.id}.jpg"] == both.crop(anna.sample.id)
    assert json.loads(held[f"removed/{removed.id}.json"])["templates"][fakes.MODEL]
    assert held[f"removed/{removed.id}.jpg"].startswith(b"\xff\xd8")
    assert not any("Ben" in str(value) or moved.id in name for name, value in held.items())
    (searched,) = (one for one in person["record"] if one["action"] == "identify")
    assert [face["subject"] for face in searched["details"]["faces"]] == [anna.subject.id, None]
    record = json.dumps(person["record"])
    assert removed.id in record and moved.id not in record and ben.id not in record
    with pytest.raises(SubjectNotFound):
        both.export.of(NOWHERE)


def test_an_export_holds_one_picture_in_memory_at_a_time(facecog: Facecog) -> None:
    for number in range(30):
        facecog.enrol("Anna", f"anna~{number}".encode())
    parts = list(facecog.export.of(facecog.subject_named("Anna").id))

    assert len(parts) == 32
    assert max(map(len, parts)) < sum(map(len, parts)) / 5


# -- over HTTP ---------------------------------------------------------------------------------


def sent(client: FlaskClient, method: str, path: str, **fields: Any) -> Any:
    return client.open(f"/api{path}", method=method, json=fields or None)


def test_the_api_erases_with_a_receipt(client: FlaskClient, facecog: Facecog) -> None:
    anna = facecog.enrol("Anna", b"anna")

    answer = sent(client, "POST", f"/subjects/{anna.subject.id}/erase")

    assert answer.status_code == 200
    assert (answer.json["subjects"], answer.json["samples"]) == (
        [anna.subject.id],
        [anna.sample.id],
    )
    assert answer.json["places"]["free_space"] == "follows"
    assert b"Anna" not in answer.data
    gone = sent(client, "POST", f"/subjects/{anna.subject.id}/erase")
    assert (gone.status_code, gone.json["code"]) == (404, "subject_not_found")


def test_the_api_asks_for_consent_and_takes_it(client: FlaskClient, facecog: Facecog) -> None:
    asked = sent(client, "PUT", "/consent", required=True, text_version="v2", purpose="the door")
    assert asked.json == {"required": True, "text_version": "v2", "purpose": "the door"}
    assert sent(client, "GET", "/consent").json == asked.json

    refused = client.post("/api/register", **multipart(image=b"anna", name="Anna"))
    assert (refused.status_code, refused.json["code"]) == (422, "consent_needed")
    assert refused.json["consent"] == {"text_version": "v2", "purpose": "the door"}
    given = multipart(image=b"anna", name="Anna", consent="v2", consent_how="on paper")
    anna = client.post("/api/register", **given).json["subject"]["id"]

    (consent,) = sent(client, "GET", f"/subjects/{anna}/consent").json["consents"]
    assert (consent["text_version"], consent["how"]) == ("v2", "on paper")
    sent(client, "POST", f"/subjects/{anna}/consent", consent="v3")
    listed = sent(client, "GET", f"/subjects/{anna}/consent").json["consents"]
    assert [one["how"] for one in listed] == ["on paper", "not said"]
    missing = sent(client, "POST", f"/subjects/{anna}/consent", other="x")
    assert (missing.status_code, missing.json["code"]) == (400, "missing_field")

    gone = sent(client, "DELETE", f"/subjects/{anna}/consent").json
    assert gone["consents"] == []
    assert gone["receipt"]["consents"] == 2
    assert facecog.counts() == (0, 0)


def test_the_api_notes_a_withdrawal_where_consent_is_not_required(
    client: FlaskClient, facecog: Facecog
) -> None:
    anna = facecog.enrol("Anna", b"anna", agreed=YES).subject

    answer = sent(client, "DELETE", f"/subjects/{anna.id}/consent").json

    assert (answer["receipt"], len(answer["consents"])) == (None, 1)
    again = sent(client, "DELETE", f"/subjects/{anna.id}/consent")
    assert (again.status_code, again.json["code"]) == (404, "consent_not_found")


def test_the_api_says_for_how_long_people_are_kept(client: FlaskClient, facecog: Facecog) -> None:
    assert sent(client, "GET", "/retention").json == {
        "keep_days": None,
        "unseen_days": None,
        "due": 0,
    }
    set_ = sent(client, "PUT", "/retention", keep_days=30, unseen_days=None)
    assert set_.json == {"keep_days": 30, "unseen_days": None, "due": 0}
    for value in (0, 1.5, 1e9, "x", [1]):
        refused = sent(client, "PUT", "/retention", keep_days=value, unseen_days=None)
        assert refused.status_code in (400, 422), value
    anna = facecog.enrol("Anna", b"anna").subject

    set_ = sent(client, "PUT", f"/subjects/{anna.id}/expiry", expires_at="2031-02-03")
    assert set_.json["expires_at"] == "2031-02-03T00:00:00.000Z"
    set_ = sent(client, "PUT", f"/subjects/{anna.id}/expiry", expires_at=None)
    assert set_.json["expires_at"] is None
    for value in ("soon", 7, "0001-01-01T00:00:00+23:00", "9" * 5000):
        refused = sent(client, "PUT", f"/subjects/{anna.id}/expiry", expires_at=value)
        assert refused.status_code in (400, 422), value
    assert sent(client, "PUT", f"/subjects/{NOWHERE}/expiry", expires_at=None).status_code == 404


def test_the_api_gives_a_copy(client: FlaskClient, facecog: Facecog) -> None:
    anna = facecog.enrol("Anna", b"anna")

    answer = client.get(f"/api/subjects/{anna.subject.id}/export")

    assert answer.mimetype == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert f"samples/{anna.sample.id}.jpg" in unzipped([answer.data])
    assert client.get(f"/api/subjects/{NOWHERE}/export").status_code == 404


# -- on the command line -----------------------------------------------------------------------


@pytest.fixture
def command(
    facecog: Facecog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., str]:
    monkeypatch.setattr(common, "open_facecog", lambda settings: facecog)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, **options: Any) -> str:
        with acting(Actor("command")):
            result = call(*arguments, **options)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return command


def test_the_command_erases_and_prints_a_receipt(
    command: Callable[..., str], facecog: Facecog
) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    ben = facecog.enrol("Ben", b"ben").subject

    said = command("erase", "Anna", "--yes").splitlines()

    assert said[0].startswith(f"erased {anna.id} at ")
    assert said[0].endswith(", by command")
    assert said[1] == "with 1 sample, 1 template, 1 picture, 0 consents and 0 changes"
    assert "free space of the database's files: erased" in said
    assert "Anna" not in "".join(said)
    facecog.changes.delete(ben.id)
    receipt = json.loads(command("erase", ben.id, "--json", input="y\n"))
    assert receipt["subjects"] == [ben.id]
    assert call("erase", "Carl", "--yes").exit_code == 1


def test_commands_about_consent(command: Callable[..., str], facecog: Facecog) -> None:
    assert command("consent", "show") == "not required\n"
    assert command("consent", "require", "v2", "the door") == "required: v2, for: the door\n"
    anna = facecog.enrol("Anna", b"anna", agreed=Agreed("v2", "on paper")).subject
    assert command("consent", "show", "Anna").endswith("  v2, on paper\n")
    assert "erased " + anna.id in command("consent", "withdraw", "Anna", "--yes")
    assert command("consent", "waive") == "not required\n"
    facecog.enrol("Ben", b"ben")
    assert command("consent", "give", "Ben", "v2", "by mail") == "noted\n"
    assert command("consent", "withdraw", "Ben") == "withdrawn\n"
    assert "by mail, withdrawn " in command("consent", "show", "Ben")
    assert json.loads(command("consent", "show", "--json"))["text_version"] == "v2"


def test_commands_about_retention(
    command: Callable[..., str], facecog: Facecog, later: Later
) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    ben = facecog.enrol("Ben", b"ben").subject
    assert command("retention", "set", "--keep-days", "30").splitlines() == [
        "since registered: 30 days",
        "since recognised: however long",
        "due now: 0 people",
    ]
    assert command("retention", "expire", "Ben", "2000-01-01") == "erased from 2000-01-01 on\n"
    assert command("retention", "run", "--dry-run") == f"{ben.id}  expired\n"
    assert command("retention", "expire", "Ben") == "by no date of their own\n"
    later(days(31))
    assert json.loads(command("retention", "show", "--json"))["due"] == 2
    assert command("retention", "run").splitlines() == [
        f"erased {anna.id}  kept_too_long",
        f"erased {ben.id}  kept_too_long",
        "2 people erased",
    ]
    assert facecog._store.wipe() is False


def test_the_command_gives_a_copy(command: Callable[..., str], facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    assert command("export", "Anna", "anna.zip") == "written to anna.zip\n"

    with zipfile.ZipFile("anna.zip") as archive:
        assert "person.json" in archive.namelist()
    assert Path("anna.zip").stat().st_mode & 0o077 == 0  # nobody else's to read
    assert call("export", "Anna", "nowhere/anna.zip").exit_code == 1
