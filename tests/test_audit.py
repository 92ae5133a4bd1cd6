"""The audit: every action leaves its line, and no line can be altered unseen; on both databases."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from facecog.acting import Actor, Role, acting
from facecog.domain import AuditLine
from facecog.errors import (
    AlreadyRegisteredAs,
    AuditUnavailable,
    InvalidCursor,
    NameBelongsToAnotherFace,
    NoFace,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import Store, Which, rows
from facecog.store.audit import Keeping, digest, note, seal
from facecog.store.tables import audit, audit_chain
from facecog.store.transactions import begin
from tests import fakes
from tests.databases import Database, cursor_of

KEY = b"k" * 32
OWNER = Actor("key", id="1f0c", request_id="r1")
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def database(plain: Database) -> Database:
    """Not encrypted: a line is hashed with no key, or with one of the test's own."""
    return plain


def opened(database: Database, **keeping: Any) -> Facecog:
    return facecog_on(database.store(keeping=Keeping(**keeping)))


def facecog_on(store: Store) -> Facecog:
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)


def lines(facecog: Facecog) -> list[AuditLine]:
    facecog.audit.settle()
    return list(facecog._store.audit.lines())


def actions(facecog: Facecog) -> list[str]:
    return [line.action for line in lines(facecog)]


def fault(facecog: Facecog, head: tuple[int, str] | None = None) -> str | None:
    return facecog.audit.check(head).fault


def some(facecog: Facecog, number: int = 6) -> list[AuditLine]:
    """So many lines, of registrations."""
    for one in range(number):
        facecog.enrol("Anna", f"anna~{one}".encode())
    return lines(facecog)


# -- what is recorded -------------------------------------------------------------------------


def test_a_line_says_who_did_what_when_and_to_whom(database: Database) -> None:
    facecog, before = opened(database), datetime.now(timezone.utc)

    with acting(OWNER):
        anna = facecog.enrol("Anna", b"anna")

    (line,) = lines(facecog)
    assert (line.number, line.action, line.actor) == (1, "enrol", "key:1f0c")
    assert before <= line.at <= datetime.now(timezone.utc)
    assert (line.request_id, line.subject_id) == ("r1", anna.subject.id)
    assert line.collection_id == facecog.collection
    assert line.details == {"sample": anna.sample.id}


def test_whoever_nobody_named_is_the_system(database: Database) -> None:
    facecog = opened(database)
    facecog.enrol("Anna", b"anna")

    assert lines(facecog)[0].actor == "system"


def test_a_search_says_what_was_decided_and_by_what(database: Database) -> None:
    facecog = opened(database)
    anna = facecog.enrol("Anna", b"anna").subject
    with acting(OWNER):
        found = facecog.identify(b"anna+carl")

    line = lines(facecog)[-1]
    assert (line.action, line.subject_id, line.request_id) == ("identify", anna.id, "r1")
    assert line.details["model"] == fakes.MODEL
    assert line.details["threshold"] == pytest.approx(found.operation.threshold, abs=1e-4)
    assert (line.details["fpir"], line.details["gallery"]) == (1e-3, 1)
    first, second = line.details["faces"]
    assert first == {"decision": "match", "subject": anna.id, "score": 1.0}
    assert second["decision"] == "unknown"
    assert second["score"] == pytest.approx(found.faces[1].score, abs=1e-4)


def test_a_stranger_who_is_searched_in_an_empty_gallery_leaves_a_line(database: Database) -> None:
    facecog = opened(database)
    facecog.identify(b"carl?")

    (line,) = lines(facecog)
    assert line.subject_id is None
    assert line.details["faces"] == [{"decision": "uncertain", "reason": "poor_quality"}]


def test_a_photo_without_a_face_searches_for_nobody(database: Database) -> None:
    facecog = opened(database)
    facecog.identify(b"", allow_no_face=True)
    with pytest.raises(NoFace):
        facecog.identify(b"")

    assert lines(facecog) == []


def test_a_comparison_says_its_score(database: Database) -> None:
    facecog = opened(database)
    facecog.verify(b"anna", b"anna")

    (line,) = lines(facecog)
    assert line.action == "verify"
    assert (line.details["decision"], line.details["score"]) == ("match", 1.0)
    assert (line.details["fmr"], line.details["model"]) == (1e-4, fakes.MODEL)


def test_a_refused_registration_that_says_who_it_is_leaves_a_line(database: Database) -> None:
    facecog = opened(database)
    anna = facecog.enrol("Anna", b"anna").subject
    with pytest.raises(AlreadyRegisteredAs):
        facecog.enrol("Bea", b"anna")
    with pytest.raises(NameBelongsToAnotherFace):
        facecog.enrol("Anna", b"carl")

    _, duplicate, mismatch = lines(facecog)
    assert duplicate.action == mismatch.action == "enrol.refused"
    assert duplicate.subject_id == mismatch.subject_id == anna.id
    assert duplicate.details["code"] == "already_registered_as"
    assert duplicate.details["score"] == 1.0
    assert mismatch.details["code"] == "name_belongs_to_another_face"


def everything(facecog: Facecog) -> list[tuple[str, Callable[[], object], list[str]]]:
    """What can be done, in an order that works, and which lines each leaves."""
    ids: dict[str, str] = {}

    def enrol(name: str, photo: bytes) -> None:
        made = facecog.enrol(name, photo)
        ids[name], ids[f"{name}'s"] = made.subject.id, made.sample.id

    def keep(name: str, change: Any) -> None:
        ids[name] = change.id

    changes, whole = facecog.changes, facecog.collections
    return [
        ("register", lambda: enrol("Anna", b"anna"), ["enrol"]),
        ("the same photo", lambda: facecog.enrol("Anna", b"anna"), ["view.sample"]),
        ("register another", lambda: enrol("Ben", b"ben"), ["enrol"]),
        ("detect", lambda: facecog.detect(b"anna"), []),
        ("list", lambda: facecog.subjects(search="ann"), ["view.people"]),
        ("look", lambda: facecog.subject(ids["Anna"]), ["view.person"]),
        ("look by name", lambda: facecog.subject_named("Anna"), ["view.person"]),
        ("samples", lambda: facecog.samples(ids["Anna"]), ["view.samples"]),
        ("sample", lambda: facecog.sample(ids["Anna's"]), ["view.sample"]),
        ("crop", lambda: facecog.crop(ids["Anna's"]), ["view.crop"]),
        ("look-alikes", facecog.look_alikes, ["view.lookalikes"]),
        ("templates", facecog.templates, ["view.templates"]),
        ("rename", lambda: keep("it", changes.rename(ids["Ben"], "Bea")[1]), ["rename"]),
        ("to the same name", lambda: changes.rename(ids["Ben"], "Bea"), []),
        ("undo", lambda: changes.undo(ids["it"]), ["undo"]),
        ("move", lambda: changes.move_to_name(ids["Ben's"], "Cleo"), ["move"]),
        ("merge", lambda: changes.merge(ids["Ben"], ids["Anna"]), ["merge"]),
        ("list changes", changes.listed, ["view.changes"]),
        ("remove", lambda: keep("it", changes.remove(ids["Ben's"])), ["remove"]),
        ("erase it", lambda: changes.erase(ids["it"]), ["change.erase"]),
        ("delete", lambda: changes.delete(ids["Anna"]), ["delete"]),
        ("for good", lambda: changes.delete(ids["Anna"], forever=True), ["erase"]),
        ("erase all", changes.erase_all, ["change.erase"]),
        ("nothing is past", changes.tidy, []),
        ("promise", lambda: facecog.promise(0.01), ["promise"]),
        ("calibrate", lambda: facecog.put_in_force(fakes.CALIBRATION), ["calibration.add"]),
        ("roll back", facecog.roll_back_calibration, ["calibration.retire"]),
        ("collection", lambda: ids.update(c=whole.add("staff").id), ["collection.add"]),
        ("call it", lambda: whole.rename(ids["c"], "others"), ["collection.rename"]),
        ("without it", lambda: whole.remove(ids["c"]), ["collection.remove"]),
        ("audit", facecog.audit.listed, ["view.audit"]),
        ("export it", lambda: list(facecog.audit.exported()), ["export.audit"]),
        ("verify it", facecog.audit.check, []),
        ("sizes", lambda: (facecog.counts(), facecog.gallery_size(), facecog.in_force()), []),
    ]


def test_each_action_leaves_exactly_its_lines(database: Database) -> None:
    facecog, told = opened(database), 0
    for what, do, expected in everything(facecog):
        do()
        said = actions(facecog)
        assert said[told:] == expected, what
        told = len(said)

    assert fault(facecog) is None
    assert facecog.audit.check().lines == told


def test_access_that_is_given_and_taken_leaves_its_lines(database: Database) -> None:
    store = database.store()
    anna = store.accounts.add("Anna", "hash", Role.OWNER)
    ben = store.accounts.add("Ben", "hash", Role.AUDITOR)
    store.accounts.set_role(ben.id, Role.ENROLLER)
    store.accounts.set_hash(ben.id, "another")
    store.accounts.begin_session(ben.id, "token")
    store.accounts.session("token")
    store.accounts.end_session("token")
    store.accounts.end_session("token")
    store.accounts.end_sessions(ben.id)
    store.accounts.remove(ben.id)
    key = store.keys.add("door", "secret", Role.RECOGNISER, store.collection, None)
    store.keys.revoke(key.id)
    store.keys.revoke(key.id)

    told = list(store.audit.lines())
    whom = [line.details.get("account", line.details.get("key")) for line in told]
    assert list(zip((line.action for line in told), whom, strict=True)) == [
        ("account.add", anna.id),
        *((f"account.{what}", ben.id) for what in ("add", "role", "password")),
        *((f"session.{what}", ben.id) for what in ("begin", "end", "end")),
        ("account.remove", ben.id),
        ("key.add", key.id),
        ("key.revoke", key.id),
    ]
    assert (told[2].details["role"], told[8].details["role"]) == ("enroller", "recogniser")
    assert store.audit.check().fault is None


@pytest.mark.parametrize(
    ("level", "kept"),
    [("changes", ["enrol", "delete", "export.audit"]), ("off", [])],
)
def test_less_can_be_recorded(database: Database, level: Any, kept: list[str]) -> None:
    facecog = opened(database, level=level)
    anna = facecog.enrol("Anna", b"anna").subject
    facecog.identify(b"anna")
    facecog.subject(anna.id)
    facecog.changes.delete(anna.id)
    list(facecog.audit.exported())

    assert actions(facecog) == kept
    assert fault(facecog) is None


def test_what_is_refused_or_fails_changes_no_line(database: Database) -> None:
    facecog = opened(database)
    with pytest.raises(SubjectNotFound):
        facecog.changes.rename(NOWHERE, "Anna")
    with pytest.raises(SubjectNotFound):
        facecog.subject(NOWHERE)

    assert lines(facecog) == []


def test_an_audit_whose_end_was_taken_out_is_not_whole_and_not_added_to(
    database: Database,
) -> None:
    facecog = opened(database)
    anna = facecog.enrol("Anna", b"anna").subject
    with begin(database.store()._engine, writes=True) as connection:
        connection.execute(delete(audit_chain))

    assert fault(facecog) == "Where the audit begins and ends was taken out of the database."
    with pytest.raises(AuditUnavailable, match="Restore a backup"):
        facecog.changes.delete(anna.id)
    assert [one.id for one in facecog.subjects(5).items] == [anna.id]


def test_a_line_is_taken_back_with_the_change_that_it_is_of(database: Database) -> None:
    store = database.store()
    with pytest.raises(RuntimeError), begin(store._engine, writes=True) as connection:
        note(connection, "rename")
        raise RuntimeError("something else went wrong")

    assert list(store.audit.lines()) == []
    assert store.audit.check().fault is None


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=3, max_size=40).filter(
    lambda name: name.strip() == name and len(set(name)) > 2 and not name.isascii()
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, other=NAMES)
def test_no_line_holds_a_name(store: Store, name: str, other: str) -> None:
    facecog = facecog_on(store)
    anna = facecog.enrol(name, b"anna", allow_duplicate=True, allow_mismatch=True).subject
    facecog.identify(b"anna")
    facecog.subjects(search=name)
    facecog.subject_named(name)
    facecog.changes.rename(anna.id, f"{name} {other}")
    facecog.collections.rename(facecog.collections.add(name).id, other)
    facecog.changes.delete(anna.id, forever=True)
    for one in facecog.collections.listed():
        if one.name != rows.DEFAULT_COLLECTION:
            facecog.collections.remove(one.id)

    facecog.audit.settle()
    with store._engine.connect() as connection:
        told = [tuple(row) for row in connection.execute(select(audit))]
    said = [str(value) for row in told for value in row]
    # As it is, and as JSON writes what is not ASCII.
    spellings = {one for text in (name, other) for one in (text, json.dumps(text)[1:-1])}
    assert said
    assert not [value for value in said for one in spellings if one in value]


def test_no_line_holds_a_template_or_a_photo(database: Database) -> None:
    facecog = opened(database)
    for _, do, _ in everything(facecog):
        do()

    for line in lines(facecog):
        assert len(json.dumps(line.details)) < 400
        assert not [value for value in line.details.values() if isinstance(value, bytes)]
        # A template is a list of numbers.
        assert {type(one) for one in line.details.get("faces", ())} <= {dict}


# -- altered ----------------------------------------------------------------------------------

ALTERED: dict[str, Any] = {
    "at": datetime(2020, 1, 1, tzinfo=timezone.utc),
    "action": "verify",
    "actor": "key:another",
    "request_id": "r9",
    "collection_id": NOWHERE,
    "subject_id": NOWHERE,
    "details": '{"sample": "another"}',
    "hash": "0" * 64,
}


@pytest.mark.parametrize("key", [None, KEY], ids=["no key", "key"])
@pytest.mark.parametrize("column", list(ALTERED))
def test_an_altered_line_is_found(database: Database, column: str, key: bytes | None) -> None:
    facecog = opened(database, key=key)
    some(facecog)
    below(database, update(audit).where(audit.c.number == 3).values({column: ALTERED[column]}))

    assert fault(facecog) == "Line 3 was altered, or what is before it."


def test_a_removed_line_is_found(database: Database) -> None:
    facecog = opened(database)
    some(facecog)
    below(database, delete(audit).where(audit.c.number == 3))

    assert fault(facecog) == "Line 3 is missing."


def test_a_removed_line_is_found_where_the_others_move_up(database: Database) -> None:
    facecog = opened(database)
    some(facecog)
    below(database, delete(audit).where(audit.c.number == 3))
    for number in (4, 5, 6):
        of_it = update(audit).where(audit.c.number == number)
        below(database, of_it.values(number=number - 1))

    assert fault(facecog) == "Line 3 was altered, or what is before it."


def test_an_inserted_line_is_found(database: Database) -> None:
    facecog = opened(database)
    told = some(facecog)
    for number in (6, 5, 4, 3):
        below(database, update(audit).where(audit.c.number == number).values(number=number + 1))
    twin = {**row(database, 2), "number": 3}
    below(database, insert(audit).values(twin))

    assert len(told) == 6
    assert fault(facecog) == "Line 3 was altered, or what is before it."


def test_lines_that_changed_places_are_found(database: Database) -> None:
    facecog = opened(database)
    some(facecog)
    for number, becomes in ((2, 99), (3, 2), (99, 3)):
        below(database, update(audit).where(audit.c.number == number).values(number=becomes))

    assert fault(facecog) == "Line 2 was altered, or what is before it."


@pytest.mark.parametrize(
    ("which", "said"),
    [
        (audit.c.number > 4, "Line 5 is missing, and all after it."),
        (audit.c.number < 3, "Line 1 is missing."),
        (audit.c.number > 0, "Line 1 is missing, and all after it."),
    ],
)
def test_lines_that_are_missing_at_an_end_are_found(
    database: Database, which: Any, said: str
) -> None:
    facecog = opened(database)
    some(facecog)
    below(database, delete(audit).where(which))

    assert fault(facecog) == said


def test_a_line_that_was_added_at_the_end_is_found(database: Database) -> None:
    facecog = opened(database)
    some(facecog)
    last = {**row(database, 6), "number": 7}
    last["hash"] = digest(None, row(database, 6)["hash"], *hashed_of(last))
    below(database, insert(audit).values(last))

    assert fault(facecog) == "Line 7 is not the one that was written last."


# -- altered by somebody who knows how it is made ---------------------------------------------


def forge(database: Database, key: bytes | None, without: set[int]) -> None:
    """Make a chain of its own out of all lines but some."""
    with database.engine.connect() as connection:
        kept = [dict(one._mapping) for one in connection.execute(select(audit)).all()]
    kept.sort(key=lambda one: one["number"])
    below(database, delete(audit))
    before, number = "", 0
    for one in kept:
        if one["number"] in without:
            continue
        number += 1
        one["number"] = number
        one["hash"] = before = digest(key, before, *hashed_of(one))
        below(database, insert(audit).values(one))
    set_chain(database, key, number, before)


def set_chain(database: Database, key: bytes | None, last: int, last_hash: str) -> None:
    sealed = seal(key, last, last_hash, 0, "")
    below(database, update(audit_chain).values(last=last, hash=last_hash, seal=sealed))


def test_without_a_key_a_chain_that_was_made_anew_is_found_by_a_noted_head_alone(
    database: Database,
) -> None:
    facecog = opened(database)
    some(facecog)
    check = facecog.audit.check()
    noted = (check.last, check.head)
    forge(database, None, without={3})

    assert fault(facecog) is None  # as docs/audit.md says
    assert fault(facecog, noted) == "Line 6 is missing: there were 6 when it was noted."
    some(facecog, 8)
    assert fault(facecog, noted) == "Line 6 is not the one that was noted."


def test_with_a_key_a_chain_that_was_made_anew_without_it_is_found(database: Database) -> None:
    facecog = opened(database, key=KEY)
    some(facecog)
    forge(database, None, without={3})

    assert fault(facecog) == "Line 5 was not written with the key."
    forge(database, b"another", without=set())
    assert fault(facecog) == "Line 1 was altered, or what is before it."


@pytest.mark.parametrize("key", [None, KEY], ids=["no key", "key"])
def test_an_end_that_is_cut_off_in_the_chain_too_is_found_with_a_key(
    database: Database, key: bytes | None
) -> None:
    facecog = opened(database, key=key)
    some(facecog)
    below(database, delete(audit).where(audit.c.number > 4))
    set_chain(database, None, 4, row(database, 4)["hash"])

    expected = "Where the audit begins or ends was altered." if key else None
    assert fault(facecog) == expected


def test_a_noted_head_that_is_still_there_says_so(database: Database) -> None:
    facecog = opened(database)
    told = some(facecog)
    some(facecog, 9)

    assert fault(facecog, (told[-1].number, told[-1].hash)) is None
    assert fault(facecog, (told[-1].number, "0" * 64)) == "Line 6 is not the one that was noted."


def test_lines_of_the_time_before_there_was_a_key_stay_right(database: Database) -> None:
    some(opened(database), 3)
    keyed = opened(database, key=KEY)
    assert fault(keyed) == "Line 3 was not written with the key."
    some(keyed, 6)
    assert fault(keyed) is None

    below(database, update(audit).where(audit.c.number == 2).values(actor="somebody"))
    assert fault(keyed) == "Line 2 was altered, or what is before it."


def test_the_lines_of_an_encrypted_home_are_hashed_with_a_secret_of_it(sealed: Database) -> None:
    facecog = opened(sealed)
    some(facecog)
    assert fault(facecog) is None
    assert facecog.audit.check().keyed

    forge(sealed, None, without={3})
    assert fault(facecog) == "Line 5 was not written with the key."


def test_a_line_written_without_the_key_after_one_with_it_is_found(database: Database) -> None:
    keyed = opened(database, key=KEY)
    some(keyed, 3)
    some(opened(database), 5)

    assert fault(keyed) == "Line 4 was altered, or what is before it."


def test_a_hash_is_of_what_the_docs_say() -> None:
    at = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    rest = ("enrol", "local", None, "c", "s", '{"sample":"x"}')
    said = ["ab", 2, "2026-01-31T11:00:00.000005+00:00", *rest]
    text = json.dumps(said, separators=(",", ":")).encode()

    assert digest(None, "ab", 2, at, *rest) == hashlib.sha256(text).hexdigest()
    assert digest(KEY, "ab", 2, at, *rest) == hmac.digest(KEY, text, "sha256").hex()


# -- past -------------------------------------------------------------------------------------


def aged(database: Database, days: dict[int, float]) -> None:
    """Let lines be so old, in a chain that is right."""
    for number, age in days.items():
        at = datetime.now(timezone.utc) - timedelta(days=age)
        below(database, update(audit).where(audit.c.number == number).values(at=at))
    forge(database, None, without=set())


def test_what_is_past_is_forgotten_and_the_rest_is_still_a_chain(database: Database) -> None:
    facecog = opened(database, days=30)
    some(facecog)
    aged(database, {1: 40, 2: 35, 3: 31.5, 4: 29, 5: 2})
    head = row(database, 3)["hash"]

    facecog.changes.tidy()

    told = lines(facecog)
    assert [line.number for line in told] == [4, 5, 6, 7]
    assert (told[-1].action, told[-1].details) == ("audit.purge", {"lines": 3})
    assert fault(facecog) is None
    assert fault(facecog, (3, head)) is None
    assert fault(facecog, (3, "0" * 64)) == "Line 3 is not the one that was noted."
    said = "Line 2 is kept no more, so what was noted of it shows nothing."
    assert fault(facecog, (2, head)) == said
    facecog.changes.tidy()
    assert len(lines(facecog)) == 4

    below(database, delete(audit).where(audit.c.number == 4))
    assert fault(facecog) == "Line 4 is missing."


def test_everything_may_be_past_and_new_lines_follow(database: Database) -> None:
    facecog = opened(database, days=30)
    some(facecog, 3)
    aged(database, {1: 40, 2: 40, 3: 40})

    facecog._store.audit.purge()

    assert [line.number for line in lines(facecog)] == [4]
    assert fault(facecog) is None


def test_it_is_forgotten_at_a_start_too(database: Database) -> None:
    some(opened(database))
    aged(database, {1: 100, 2: 100})

    assert [line.number for line in lines(opened(database))] == [3, 4, 5, 6, 7]


def test_a_clock_that_was_wrong_forgets_nothing_too_soon(database: Database) -> None:
    facecog = opened(database, days=30)
    some(facecog)
    aged(database, {1: 1, 2: 40, 3: -400})

    facecog.changes.tidy()

    assert len(lines(facecog)) == 6
    assert fault(facecog) is None


def test_lines_are_in_the_order_of_their_numbers_whatever_the_clock_says(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    facecog = opened(database)
    some(facecog, 2)
    early = datetime(2020, 1, 1, tzinfo=timezone.utc)
    monkeypatch.setattr("facecog.store.audit.rows.now", lambda: early)
    facecog.changes.rename(facecog.subject_named("Anna").id, "Ann")
    monkeypatch.undo()

    assert [line.action for line in lines(facecog)][-1] in ("rename", "view.person")
    assert [line.number for line in facecog.audit.listed().items] == [4, 3, 2, 1]
    assert fault(facecog) is None


# -- looking ----------------------------------------------------------------------------------


def test_lines_are_listed_newest_first_a_page_at_a_time(database: Database) -> None:
    facecog = opened(database)
    told = some(facecog, 5)
    first = facecog.audit.listed(limit=2)
    second = facecog.audit.listed(limit=2, cursor=first.next_cursor)
    third = facecog.audit.listed(limit=2, cursor=second.next_cursor)

    listed = [*first.items, *second.items, *third.items]
    assert listed == told[::-1]
    assert third.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "x", cursor_of(["audit", "-1", ""])])
def test_a_cursor_of_ones_own_is_refused(database: Database, cursor: str) -> None:
    facecog = opened(database)
    if cursor:
        with pytest.raises(InvalidCursor):
            facecog.audit.listed(cursor=cursor)


def test_lines_are_found_by_what_they_say(database: Database) -> None:
    facecog = opened(database)
    with acting(OWNER):
        anna = facecog.enrol("Anna", b"anna").subject
    ben = facecog.enrol("Ben", b"ben").subject
    facecog.identify(b"anna+ben")
    facecog.crop(facecog.samples(ben.id).items[0].id)
    facecog.audit.settle()
    told = lines(facecog)
    middle = told[2].at

    def found(**which: Any) -> list[str]:
        return [line.action for line in facecog.audit.listed(Which(**which)).items][::-1]

    assert found(subject=anna.id) == ["enrol", "identify"]
    assert found(subject=ben.id, action="identify") == ["identify"]
    assert found(actor="key") == found(actor="key:1f0c") == ["enrol"]
    assert found(actor="k") == []
    looked = ["view.samples", "view.crop", "view.audit"]
    assert found(action="view", subject=ben.id) == looked
    assert found(until=middle) == ["enrol", "enrol"]
    assert found(since=middle, action="enrol") == []
    assert found(collection=NOWHERE) == []
    assert found(action="view%") == found(action="_dentify") == []


def test_whoever_may_see_one_collection_sees_its_lines_alone(database: Database) -> None:
    facecog = opened(database)
    staff = facecog.within(facecog.collections.add("staff").id)
    facecog.enrol("Anna", b"anna")
    staff.enrol("Ben", b"ben")

    with acting(replace(OWNER, collection=staff.collection)):
        listed = staff.audit.listed(Which(collection=facecog.collection)).items

    assert [line.action for line in listed] == ["enrol", "collection.add"]
    assert {line.collection_id for line in listed} == {staff.collection}


# -- several processes ------------------------------------------------------------------------

WORKER = """
import sys
from pathlib import Path
from facecog.acting import Actor, Role, acting
from facecog.store import Store
from tests.databases import put

where, who = sys.argv[1:]
store = Store.on_server(where) if "://" in where else Store.on_sqlite(Path(where))
with acting(Actor("key", id=who)):
    for one in range(15):
        put(store, f"Person {who} {one}", f"{who} {one}")
        store.trail.add("identify")
store.close()
"""


def test_processes_write_one_chain(database: Database) -> None:
    store = database.store()
    where = str(database.dataset.parent) if database.dataset else url_of(database)
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, where, str(number)]) for number in range(3)
    ]

    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    told = list(store.audit.lines())
    assert [line.number for line in told] == list(range(1, 91))
    for number in range(3):
        of_worker = [line.action for line in told if line.actor == f"key:{number}"]
        assert sorted(of_worker) == ["enrol"] * 15 + ["identify"] * 15
    assert store.audit.check().fault is None


def url_of(database: Database) -> str:
    url = database.engine.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


# -- beneath ----------------------------------------------------------------------------------


def below(database: Database, statement: Any) -> None:
    """What somebody does who can write the database."""
    with begin(database.engine, writes=True) as connection:
        connection.execute(statement)


def hashed_of(line: dict[str, Any]) -> list[Any]:
    """What a hash is of, beside the one before."""
    return [line[column.name] for column in audit.c if column.name != "hash"]


def row(database: Database, number: int) -> dict[str, Any]:
    with database.engine.connect() as connection:
        found = connection.execute(select(audit).where(audit.c.number == number)).one()
        return dict(found._mapping)


def test_the_table_is_as_large_as_it_says(database: Database) -> None:
    some(opened(database))

    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit")).scalar_one() == 6
