"""FACECOG_COLLECTION is removed or renamed under a running server, or never was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from facecog.bootstrap import open_facecog
from facecog.cli import main
from facecog.config import Settings
from facecog.errors import CollectionGone, CollectionNotFound
from facecog.service import Facecog
from facecog.web.housekeeping import Task, erase_due
from tests.conftest import app_of
from tests.sending import form, multipart
from tests.test_metrics import measured, value

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def staff(facecog: Facecog) -> Facecog:
    return facecog.within(facecog.collections.add("staff").id)


@pytest.fixture
def served(staff: Facecog, settings: Settings) -> FlaskClient:
    """A server of the staff."""
    return app_of(staff, replace(settings, collection="staff")).test_client()


@pytest.fixture
def gone(served: FlaskClient, staff: Facecog) -> FlaskClient:
    """The same, after that collection was removed."""
    staff.collections.remove(staff.collection)
    return served


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("get", "/api/subjects", {}),
        ("get", "/api/changes", {}),
        ("get", "/api/promise", {}),
        ("get", "/api/consent", {}),
        ("get", "/api/retention", {}),
        ("get", "/api/lookalikes", {}),
        ("post", "/api/register", {"name": "Anna", "image": b"anna"}),
        ("post", "/api/recognise", {"image": b"anna"}),
        ("post", "/api/detect", {"image": b"anna"}),
    ],
)
def test_whatever_is_asked_of_a_collection_that_was_removed_is_refused(
    gone: FlaskClient, method: str, path: str, sent: dict[str, str | bytes]
) -> None:
    answer = gone.open(path, method=method.upper(), **(form(**sent) if sent else {}))

    assert (answer.status_code, answer.json["code"]) == (503, "collection_gone")
    assert "?collection=NAME" in answer.json["detail"]
    assert "FACECOG_COLLECTION" in answer.json["detail"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "The collection was removed"), ("de", "wurde entfernt")]
)
@pytest.mark.parametrize("path", ["/", "/people", "/register"])
def test_pages_say_it_and_let_another_collection_be_chosen(
    gone: FlaskClient, facecog: Facecog, path: str, language: str, words: str
) -> None:
    visitors = facecog.collections.add("visitors")

    page = gone.get(path, headers={**PAGE, "Accept-Language": language})

    assert (page.status_code, words in page.text) == (503, True)
    assert f'<option value="{visitors.id}">' in page.text
    gone.post("/collection", data={"collection": visitors.id, "page": "pages.people"})
    assert gone.get(path, headers=PAGE).status_code == 200


def test_other_collections_are_served_and_can_be_listed_and_made(
    gone: FlaskClient, facecog: Facecog
) -> None:
    assert [one["name"] for one in gone.get("/api/collections").json["collections"]] == ["default"]
    assert gone.post("/api/collections", json={"name": "visitors"}).status_code == 201
    named = gone.post("/api/register?collection=visitors", **multipart(name="Anna", image=b"anna"))
    assert named.status_code == 201
    assert gone.get("/api/health").status_code == 200


def test_ready_and_the_metrics_say_so(gone: FlaskClient) -> None:
    answer = gone.get("/api/ready")

    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert list(answer.json["parts"]) == ["collection"]
    assert "FACECOG_COLLECTION" in answer.json["parts"]["collection"]
    assert value(measured(gone), "facecog_ready", part="collection") == 0
    assert value(measured(gone), "facecog_ready", part="database") == 1


def test_one_that_is_made_anew_is_another_one(gone: FlaskClient, facecog: Facecog) -> None:
    facecog.collections.add("staff")

    assert gone.get("/api/ready").status_code == 503
    assert gone.get("/api/subjects?collection=staff").status_code == 200


def test_a_renamed_one_is_served_on(
    served: FlaskClient, staff: Facecog, settings: Settings
) -> None:
    staff.enrol("Anna", b"anna")
    staff.collections.rename(staff.collection, "crew")

    assert served.get("/api/ready").status_code == 200
    assert served.get("/api/subjects").json["total"] == 1


def test_one_that_goes_while_it_is_worked_on_is_no_bug(staff: Facecog) -> None:
    staff.collections.remove(staff.collection)
    for asked in (
        staff.in_force,
        staff.consents.policy,
        staff.retention.policy,
        staff.retention.due,
        lambda: staff.enrol("Anna", b"anna"),
        lambda: staff.identify(b"anna"),
    ):
        with pytest.raises(CollectionGone):
            asked()


def test_the_housekeeper_goes_on(
    staff: Facecog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = staff.collections.names()
    staff.collections.remove(staff.collection)  # between its name and its turn
    monkeypatch.setattr(type(staff.collections), "names", lambda _: names)

    Task("erasing who is due", 300, lambda: erase_due(staff)).work()

    assert "erasing who is due is not done yet: This collection was removed." in caplog.text


# -- at the start -------------------------------------------------------------------------------


def test_a_start_with_one_that_is_not_there_says_what_to_do(
    settings: Settings, tmp_path: Path
) -> None:
    models = tmp_path / "models"  # none is fetched for it
    with pytest.raises(CollectionNotFound) as refused:
        open_facecog(replace(settings, collection="staff", models=models))

    assert str(refused.value).startswith("FACECOG_COLLECTION is staff, and there is no collection")
    assert "facecog collections add" in str(refused.value)
    assert not models.exists()


def test_the_command_that_makes_it_does_not_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACECOG_COLLECTION", "staff")
    run = CliRunner().invoke

    refused = run(main, ["people", "list"])
    assert refused.exit_code == 1
    assert "Error: FACECOG_COLLECTION is staff, and there is no" in refused.output
    assert "default" in run(main, ["collections", "list"]).output
    made = run(main, ["collections", "add", "staff"])
    assert (made.exit_code, made.output) == (0, "made staff\n")
    assert run(main, ["collections", "rename", "staff", "crew"]).output == "now crew\n"
    assert run(main, ["collections", "remove", "crew"]).output == "removed\n"
