"""Collections know nothing of one another: on SQLite and on a real PostgreSQL, and over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from facecog.domain import Decision
from facecog.errors import (
    ChangeNotFound,
    CollectionInUse,
    CollectionNotFound,
    DefaultCollection,
    InvalidName,
    NameTaken,
    SampleNotFound,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from tests import fakes
from tests.databases import Database
from tests.sending import multipart

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def both(database: Database) -> Facecog:
    """On both databases."""
    store = database.store()
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)


@pytest.fixture
def club(both: Facecog) -> Facecog:
    return both.within(both.collections.add("club").id)


def who(facecog: Facecog, photo: bytes) -> str | None:
    face = facecog.identify(photo).faces[0]
    return face.candidates[0].name if face.decision is Decision.MATCH else None


def test_one_name_and_one_face_may_be_in_each(both: Facecog, club: Facecog) -> None:
    here = both.enrol("Anna", b"anna").subject
    there = club.enrol("Anna", b"anna").subject  # neither taken for the other, nor in its way

    assert here.id != there.id
    assert both.subject_named("Anna").id == here.id
    assert club.subject_named("Anna").id == there.id
    assert both.counts() == club.counts() == (1, 1)


def test_nobody_is_found_from_another_collection(both: Facecog, club: Facecog) -> None:
    both.enrol("Anna", b"anna")
    club.enrol("Ben", b"ben")

    assert (who(both, b"anna~2"), who(both, b"ben~2")) == ("Anna", None)
    assert (who(club, b"anna~2"), who(club, b"ben~2")) == (None, "Ben")
    assert [one.name for one in both.subjects().items] == ["Anna"]
    assert [one.name for one in club.subjects().items] == ["Ben"]
    assert both.subjects(search="ben").total == 0
    assert (both.gallery_size().subjects, club.gallery_size().subjects) == (1, 1)


REACHING: dict[str, Callable[[Facecog, str, str, str], Any]] = {
    "subject": lambda there, anna, _, __: there.subject(anna),
    "samples": lambda there, anna, _, __: there.samples(anna),
    "sample": lambda there, _, sample, __: there.sample(sample),
    "crop": lambda there, _, sample, __: there.crop(sample),
    "rename": lambda there, anna, _, __: there.changes.rename(anna, "Bea"),
    "move": lambda there, _, sample, ben: there.changes.move(sample, ben),
    "move to a name": lambda there, _, sample, __: there.changes.move_to_name(sample, "Carl"),
    "merge": lambda there, anna, _, ben: there.changes.merge(anna, ben),
    "merge into": lambda there, anna, _, ben: there.changes.merge(ben, anna),
    "remove": lambda there, _, sample, __: there.changes.remove(sample),
    "remove forever": lambda there, _, sample, __: there.changes.remove(sample, forever=True),
    "delete": lambda there, anna, _, __: there.changes.delete(anna),
    "delete forever": lambda there, anna, _, __: there.changes.delete(anna, forever=True),
}


@pytest.mark.parametrize("reach", REACHING.values(), ids=list(REACHING))
def test_nobody_is_reached_from_another_collection(
    both: Facecog, club: Facecog, reach: Callable[[Facecog, str, str, str], Any]
) -> None:
    anna, ben = both.enrol("Anna", b"anna"), club.enrol("Ben", b"ben")
    change = both.changes.rename(anna.subject.id, "Bea")[1]
    assert change

    with pytest.raises((SubjectNotFound, SampleNotFound)):
        reach(club, anna.subject.id, anna.sample.id, ben.subject.id)

    assert (both.subject(anna.subject.id).name, both.counts(), club.counts()) == (
        "Bea",
        (1, 1),
        (1, 1),
    )
    assert both.changes.undo(change.id)[1].name == "Anna"  # what it keeps is there


def test_changes_are_of_one_collection(both: Facecog, club: Facecog) -> None:
    change = both.changes.delete(both.enrol("Anna", b"anna").subject.id)
    assert change

    assert club.changes.listed().items == ()
    for reach in (club.changes.undo, club.changes.erase):
        with pytest.raises(ChangeNotFound):
            reach(change.id)
    club.changes.erase_all()
    assert both.changes.undo(change.id)[1].name == "Anna"


def test_each_has_a_promise_of_its_own(both: Facecog, club: Facecog) -> None:
    both.enrol("Anna", b"anna")
    for name in ("ben", "carl"):
        club.enrol(name, name.encode())

    assert club.promise(0.01).operation.fpir == 0.01

    assert both.promised() != 0.01
    assert both.in_force().operation.threshold > club.in_force().operation.threshold


def test_look_alikes_are_of_one_collection(both: Facecog, club: Facecog) -> None:
    both.enrol("Anna", b"anna")
    club.enrol("Twin", b"anna~2")

    assert both.look_alikes() == club.look_alikes() == []


def test_what_is_opened_twice_is_one(both: Facecog, club: Facecog) -> None:
    assert both.within(club.collection) is club
    assert club.within(both.collection) is both


def test_collections_are_made_renamed_and_removed(both: Facecog) -> None:
    club = both.collections.add(" the  club ")

    assert [one.name for one in both.collections.listed()] == ["default", "the club"]
    assert both.collections.rename(club.id, "Verein") == both.collections.named("Verein")
    both.collections.remove(club.id)
    assert [one.name for one in both.collections.listed()] == ["default"]


def test_what_cannot_be_is_refused(both: Facecog, club: Facecog) -> None:
    known, default = both.collections, both.collection
    other = known.add("other").id

    for refused, attempt in (
        (NameTaken, lambda: known.add("club")),
        (NameTaken, lambda: known.rename(other, "club")),
        (InvalidName, lambda: known.add(" ")),
        (DefaultCollection, lambda: known.rename(default, "x")),
        (DefaultCollection, lambda: known.remove(default)),
        (CollectionNotFound, lambda: known.named("nowhere")),
        (CollectionNotFound, lambda: known.rename(NOWHERE, "x")),
        (CollectionNotFound, lambda: known.remove(NOWHERE)),
    ):
        with pytest.raises(refused):
            attempt()  # type: ignore[no-untyped-call]

    assert [one.name for one in known.listed()] == ["club", "default", "other"]


def test_one_with_people_or_their_changes_stays(both: Facecog, club: Facecog) -> None:
    ben = club.enrol("Ben", b"ben").subject

    with pytest.raises(CollectionInUse):
        both.collections.remove(club.collection)
    club.changes.delete(ben.id)
    with pytest.raises(CollectionInUse):
        both.collections.remove(club.collection)
    club.changes.erase_all()
    both.collections.remove(club.collection)
    with pytest.raises(CollectionNotFound):
        both.collections.of(club.collection)


# -- over the API -----------------------------------------------------------------------------


def register(client: FlaskClient, name: str, query: str = "") -> Any:
    return client.post(f"/api/register{query}", **multipart(name=name, image=name.lower().encode()))


def test_a_request_names_its_collection(client: FlaskClient) -> None:
    made = client.post("/api/collections", json={"name": "club"})
    assert made.status_code == 201
    assert register(client, "Anna").status_code == 201
    assert register(client, "Ben", "?collection=club").status_code == 201

    def names(query: str) -> list[str]:
        listed = client.get(f"/api/subjects{query}").get_json()["subjects"]
        return [one["name"] for one in listed]

    assert names("") == names("?collection=default") == ["Anna"]
    assert names("?collection=club") == ["Ben"]
    (anna,) = client.get("/api/subjects").get_json()["subjects"]
    assert client.get(f"/api/subjects/{anna['id']}?collection=club").status_code == 404
    unknown = client.get("/api/subjects?collection=nowhere")
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "collection_not_found")
    for odd in ("\ud800", "a\0b"):  # which no database takes
        answer = client.post("/collection", json={"collection": odd})
        assert (answer.status_code, answer.get_json()["code"]) == (404, "collection_not_found")


def test_collections_over_the_api(client: FlaskClient) -> None:
    club = client.post("/api/collections", json={"name": "club"}).get_json()
    address = f"/api/collections/{club['id']}"

    renamed = client.patch(address, json={"name": "Verein"})
    assert renamed.get_json() == club | {"name": "Verein"}
    register(client, "Ben", "?collection=Verein")
    listed = client.get("/api/collections").get_json()["collections"]
    assert [(one["name"], one["subjects"]) for one in listed] == [("Verein", 1), ("default", 0)]
    in_use = client.delete(address)
    assert (in_use.status_code, in_use.get_json()["code"]) == (409, "collection_in_use")
    client.delete(f"/api/subjects/{ben_of(client)}?collection=Verein&forever=true")
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404


def ben_of(client: FlaskClient) -> str:
    (ben,) = client.get("/api/subjects?collection=Verein").get_json()["subjects"]
    return str(ben["id"])


# -- on the pages -----------------------------------------------------------------------------


def test_pages_are_about_the_chosen_collection(client: FlaskClient) -> None:
    def people() -> str:
        return client.get("/people").get_data(as_text=True)

    register(client, "Anna")
    assert 'data-testid="collection"' not in people()  # there is nothing to choose

    club = client.post("/api/collections", json={"name": "<club>"}).get_json()["id"]
    register(client, "Ben", "?collection=%3Cclub%3E")
    assert "&lt;club&gt;" in people()
    chosen = client.post("/collection", data={"collection": club, "page": "pages.people"})

    assert (chosen.status_code, chosen.location) == (303, "/people")
    assert "Ben" in people()
    assert "Anna" not in people()
    # What the page's scripts ask for is of that collection too, unless they name another.
    assert client.get("/api/subjects").get_json()["total"] == 1
    anna = client.get("/api/subjects?collection=default").get_json()["subjects"]
    assert [one["name"] for one in anna] == ["Anna"]


def test_a_chosen_collection_that_is_gone_is_the_usual_one(client: FlaskClient) -> None:
    register(client, "Anna")
    club = client.post("/api/collections", json={"name": "club"}).get_json()["id"]
    client.post("/collection", data={"collection": club})
    assert client.delete(f"/api/collections/{club}").status_code == 204

    assert "Anna" in client.get("/people").get_data(as_text=True)


def test_only_a_collection_can_be_chosen_and_only_a_page_gone_to(client: FlaskClient) -> None:
    assert client.post("/collection", data={"collection": NOWHERE}).status_code == 404
    home = client.get("/api/collections").get_json()["collections"][0]["id"]
    chosen = client.post("/collection", data={"collection": home, "page": "https://example.org"})
    assert chosen.location == "/"
