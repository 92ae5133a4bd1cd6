"""What /api/health, /api/ready and /metrics say of a facecog."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from facecog.acting import Role
from facecog.config import Settings
from facecog.errors import DatabaseUnavailable, ModelUnavailable
from facecog.service import Facecog
from facecog.store import trail
from facecog.store.failing import AWAY
from facecog.web.access import Access
from facecog.web.app import create_app
from tests.assets import ROOT
from tests.sending import form, multipart
from tests.test_sign_in import CODE, ELSEWHERE, OTHER, sign_in, welcome
from tests.test_trail import Broken

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def measured(client: FlaskClient) -> Samples:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


def register(client: FlaskClient, name: str, image: bytes) -> TestResponse:
    return client.post("/api/register", **form(name=name, image=image))


@pytest.fixture
def no_database(facecog: Facecog, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise DatabaseUnavailable(AWAY)

    for question in ("revision", "gallery", "counts", "totals"):
        monkeypatch.setattr(type(facecog._store), question, away)


def test_health_is_said_without_a_database(client: FlaskClient, no_database: None) -> None:
    answer = client.get("/api/health")

    assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")


def test_ready_says_with_what_and_how_many(client: FlaskClient) -> None:
    register(client, "Anna", b"anna")

    answer = client.get("/api/ready")

    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["status"], told["model"], told["database"]) == ("ready", "fake", "sqlite")
    assert [told[of] for of in ("collections", "subjects", "samples", "templates")] == [1] * 4


def test_not_ready_says_which_part_and_what_is_wrong(
    client: FlaskClient, no_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/api/ready")

    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    told = answer.get_json()
    assert (told["code"], told["parts"]) == ("not_ready", {"database": AWAY, "index": AWAY})
    assert "not_ready: Not ready: database, index." in caplog.text


def test_models_that_do_not_compute_are_not_ready(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ModelUnavailable("The graphics card is gone.")

    monkeypatch.setattr(facecog._engine, "detect", broken)

    told = client.get("/api/ready").get_json()

    assert told["parts"] == {"models": "The graphics card is gone."}


def test_requests_are_counted_by_route_and_not_by_path(client: FlaskClient) -> None:
    subject = register(client, "Anna", b"anna").get_json()["subject"]["id"]
    for _ in range(3):
        client.get(f"/api/subjects/{subject}?q=Anna")
    for path in ("/Anna", "/api/subjects/Anna", "/static/Anna"):
        client.get(path)
    client.open("/", method="ANNA")

    text = client.get("/metrics").text
    found = measured(client)

    one = {"route": "/api/subjects/{subject_id}", "method": "GET"}
    assert value(found, "facecog_requests_total", status="200", **one) == 3
    assert value(found, "facecog_request_seconds_count", **one) == 3
    other = {"route": "other", "method": "GET"}
    assert value(found, "facecog_requests_total", status="404", **other) == 3
    assert value(found, "facecog_requests_total", route="other", method="other", status="405") == 1
    assert "nna" not in text
    assert subject not in text


def test_decisions_faces_and_stages_are_counted(client: FlaskClient) -> None:
    register(client, "Anna", b"anna")
    client.post("/api/recognise", **form(image=b"anna+carl"))
    client.post("/recognise", **form(image=b"anna"))

    found = measured(client)

    assert value(found, "facecog_decisions_total", decision="match") == 2
    assert value(found, "facecog_decisions_total", decision="unknown") == 1
    assert value(found, "facecog_faces_sum") == 3
    assert value(found, "facecog_faces_count") == 2
    for stage in ("wait", "decode", "search"):
        assert value(found, "facecog_stage_seconds_count", stage=stage) == 3, stage
    assert value(found, "facecog_stage_seconds_count", stage="store") >= 3


def test_a_stage_leaves_out_what_a_stage_within_it_took(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(client, "Anna", b"anna")
    before = measured(client)
    galleries = facecog._index._galleries
    fresh = galleries.fresh

    def slowly() -> object:
        facecog._store.revision()  # in the stage "store"
        time.sleep(0.2)
        return fresh()

    monkeypatch.setattr(galleries, "fresh", slowly)
    client.post("/api/recognise", **form(image=b"anna"))
    after = measured(client)

    def took(stage: str) -> float:
        name = "facecog_stage_seconds_sum"
        return value(after, name, stage=stage) - value(before, name, stage=stage)

    assert took("search") >= 0.2 > took("store") > 0


def test_refusals_are_counted_by_route_and_code(client: FlaskClient) -> None:
    register(client, "Anna", b"anna")
    register(client, "Ben", b"anna")
    register(client, "Ben", b"ben?")
    client.post("/register", **form(name="Ben", image=b"anna"))
    client.get("/nowhere")

    found = measured(client)

    for route, code in (
        ("/api/register", "already_registered_as"),
        ("/api/register", "low_quality"),
        ("/register", "already_registered_as"),
        ("other", "not_found"),
    ):
        assert value(found, "facecog_refusals_total", route=route, code=code) == 1, (route, code)


def app_with(facecog: Facecog, settings: Settings, access: Access) -> FlaskClient:
    app = create_app(facecog, replace(settings, rate="3/hour", hosts="facecog.test"), access)
    app.testing = False
    return app.test_client()


@pytest.mark.parametrize("how", ["password", "key", "code", "welcome"])
def test_whoever_is_not_let_in_is_counted_by_how_they_tried(
    facecog: Facecog, settings: Settings, how: str
) -> None:
    code, first = (CODE if how == "code" else None), (CODE if how == "welcome" else None)
    client = app_with(facecog, settings, Access(code, welcome=first, local=how != "welcome"))
    name = "facecog_sign_in_failures_total"
    asking = app_with(facecog, settings, Access())  # which counts for itself
    assert value(measured(asking), name, how=how) == 0
    assert f'{name}{{how="{how}"}} 0.0' in asking.get("/metrics").text
    {
        "password": lambda: sign_in(client, "Marked", OTHER),
        "key": lambda: client.get("/api/subjects", headers={"x-api-key": "fc_marked"}),
        "code": lambda: client.post("/access", data={"code": "AAAA-AAAA"}),
        "welcome": lambda: welcome(client, "AAAA-AAAA"),
    }[how]()
    _, secret = facecog.keys.add("watch", Role.AUDITOR)

    text = client.get("/metrics", headers={"x-api-key": secret}).text

    counted = dict(re.findall(rf'^{name}{{how="(\w+)"}} (\S+)$', text, re.M))
    assert {one: float(number) for one, number in counted.items()} == {
        one: float(one == how) for one in ("password", "key", "code", "welcome")
    }
    assert "arked" not in text


def test_what_comes_too_soon_is_counted_by_the_limit(facecog: Facecog, settings: Settings) -> None:
    client = app_with(facecog, settings, Access())
    for _ in range(5):
        client.get("/api/health", environ_base=ELSEWHERE)
    for _ in range(6):
        sign_in(client, password=OTHER)
    found = measured(client)

    name = "facecog_rate_limited_total"
    assert value(found, name, limit="requests") == 2
    assert value(found, name, limit="attempts") == 1
    refused = {"route": "/sign-in", "code": "too_many_attempts"}
    assert value(found, "facecog_refusals_total", **refused) == 1


def test_people_who_are_erased_are_counted_in_all_collections(
    client: FlaskClient, facecog: Facecog
) -> None:
    client.post("/api/collections", json={"name": "club"})
    for where in ("default", "club"):
        answer = client.post(
            f"/api/register?collection={where}", **form(name="Anna", image=b"anna")
        )
        one = answer.get_json()["subject"]["id"]
        client.post(f"/api/subjects/{one}/erase?collection={where}")

    assert value(measured(client), "facecog_people_erased_total") == 2


def test_lines_of_the_audit_and_failures_to_write_them_are_counted(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "AGAIN", 0.02)
    monkeypatch.setattr(trail, "PATIENCE", 0.1)
    before = measured(client)
    register(client, "Anna", b"anna")
    client.post("/api/recognise", **form(image=b"anna"))
    facecog.audit.settle()
    after = measured(client)
    lines, failures = "facecog_audit_lines_total", "facecog_audit_failures_total"

    assert value(after, lines) == value(before, lines) + 2
    assert value(after, failures) == 0
    with monkeypatch.context() as broken:
        Broken(broken)
        client.post("/api/recognise", **form(image=b"anna"))
        facecog._store.trail.flush(0.5)
        assert value(measured(client), failures) >= 1
    facecog.audit.settle()
    assert value(measured(client), lines) == value(after, lines) + 1


def test_what_is_so_at_the_moment_is_told(client: FlaskClient) -> None:
    register(client, "Anna", b"anna")
    register(client, "Anna", b"anna~2")

    found = measured(client)

    assert value(found, "facecog_subjects") == 1
    assert value(found, "facecog_samples") == value(found, "facecog_templates") == 2
    assert value(found, "facecog_pictures_waiting") == value(found, "facecog_pictures_at_work") == 0
    assert value(found, "facecog_pictures_at_work_max") >= 2
    assert {value(found, "facecog_ready", part=part) for part in ("database", "models")} == {1}
    assert value(found, "process_resident_memory_bytes") > 1_000_000


def test_without_a_database_the_rest_is_told(client: FlaskClient, no_database: None) -> None:
    answer = client.get("/metrics")
    found = measured(client)

    assert answer.status_code == 200
    assert value(found, "facecog_ready", part="database") == 0
    assert value(found, "facecog_ready", part="models") == 1
    assert "facecog_subjects" not in answer.text


def test_each_app_counts_for_itself(client: FlaskClient, real_client: FlaskClient) -> None:
    client.get("/api/health")

    asked = {"route": "/api/health", "method": "GET", "status": "200"}
    assert value(measured(client), "facecog_requests_total", **asked) == 1
    assert value(measured(real_client), "facecog_requests_total", **asked) == 0


def test_the_engine_is_timed(real_client: FlaskClient) -> None:
    from tests.assets import photo

    real_client.post("/api/recognise", **multipart(image=photo("obama.jpg")))

    found = measured(real_client)

    assert value(found, "facecog_stage_seconds_count", stage="engine") == 1
    assert value(found, "facecog_stage_seconds_sum", stage="engine") > 0.001


def test_each_metric_is_documented_with_its_labels(client: FlaskClient) -> None:
    register(client, "Anna", b"anna")
    client.post("/api/recognise", **form(image=b"anna"))
    client.get("/nowhere")
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    documented = {
        name: tuple(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(facecog\w*)` \| \w+ \|([^|]*)\|", page, re.M)
    }

    told = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        if family.name.startswith("facecog") and not family.name.endswith("_created"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            told[name] = labels

    assert {name: set(labels) for name, labels in documented.items()} == told
