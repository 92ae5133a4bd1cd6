"""The HTTP API: every route, every refusal, and nothing half-written after one."""

from __future__ import annotations

import base64
import io
import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageFilter
from werkzeug.test import TestResponse

from facecog.config import Settings
from facecog.decision import LEVEL
from facecog.errors import DatabaseUnavailable
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import Store
from tests import fakes, sending
from tests.assets import photo
from tests.conftest import app_of
from tests.pictures import opened, saved
from tests.sending import as_json, form, form_encoded_twice, multipart, raw_form

Json = dict[str, Any]


# -- the shape of an answer, by the server's own description ----------------------------------


class Described:
    """A client that holds each answer against /openapi.json, and keeps the routes it has seen."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._document = client.get("/openapi.json").get_json()
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, route: str = "", **request: Any) -> Any:
        answer = self.client.open(path, method=method, **request)
        route = route or path.partition("?")[0]
        self.seen.add((method, route))
        responses = self._document["paths"][route][method.lower()]["responses"]
        described = responses[str(answer.status_code)].get("content", {})
        assert set(described) == ({answer.mimetype} if answer.data else set())
        if not (answer.data and answer.is_json):
            return answer
        self.fits(answer.get_json(), described[answer.mimetype]["schema"])
        return answer.get_json()

    def problem(self, answer: TestResponse) -> Json:
        """A refusal's body, held against what is described."""
        assert answer.mimetype == "application/problem+json"
        body: Json = answer.get_json()
        schemas = self._document["components"]["schemas"]
        self.fits(body, {**schemas["Problem"], "additionalProperties": False}, complete=False)
        return body

    def routes(self) -> set[tuple[str, str]]:
        return {
            (method.upper(), path)
            for path, methods in self._document["paths"].items()
            for method in methods
            if method in ("get", "post", "put", "patch", "delete")
        }

    def fits(self, value: Any, schema: Json, at: str = "$", complete: bool = True) -> None:
        if "anyOf" in schema:
            one, other = schema["anyOf"]
            schema = other if value is None and other == {"type": "null"} else {**schema, **one}
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if not schema:  # anything
            return
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(is_of(value, kind) for kind in kinds), f"{at} is {value!r}, not {kinds}"
        if "enum" in schema:
            assert value in schema["enum"], at
        if isinstance(value, list):
            for item in value:
                self.fits(item, schema["items"], f"{at}[]")
        if isinstance(value, dict):
            self._object_fits(value, schema, at, complete)

    def _object_fits(self, value: Json, schema: Json, at: str, complete: bool) -> None:
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        for name, item in value.items():
            assert name in properties or others is not False, f"{at}.{name} is not described"
            self.fits(item, properties.get(name) or others, f"{at}.{name}")
        if complete:
            assert set(properties) <= set(value), f"{at} lacks {set(properties) - set(value)}"


KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def is_of(value: object, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and isinstance(value, bool) == (kind == "boolean")


@pytest.fixture
def api(client: FlaskClient) -> Described:
    return Described(client)


def kept(home: Path) -> dict[str, int]:
    """Rows of each table that a registration writes, and files."""
    with closing(sqlite3.connect(home / "faces.db")) as database:
        rows = {
            table: int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in ("subjects", "samples", "templates")
        }
    return {**rows, "files": len(list((home / "dataset").iterdir()))}


NOTHING = {"subjects": 0, "samples": 0, "templates": 0, "files": 0}


def registered(client: FlaskClient, name: str, picture: bytes = b"anna") -> Json:
    answer = client.post("/api/register", **multipart(name=name, image=picture))
    assert answer.status_code == 201
    body: Json = answer.get_json()
    return body


# -- every route ------------------------------------------------------------------------------


def test_every_route_answers_as_it_is_described(api: Described) -> None:
    enrolment = api("POST", "/api/register", **form(name="Anna", image=b"anna"))
    again = api("POST", "/api/register", **form(name="Anna", image=b"anna"))
    anna, sample = enrolment["subject"]["id"], enrolment["sample"]["id"]
    subject, of_subject = "/api/subjects/{subject_id}", "/api/subjects/{subject_id}/samples"
    one_sample, one_change = "/api/samples/{sample_id}", "/api/changes/{change_id}"

    assert enrolment["message"] == "Registered Successfully"
    assert again["message"] == "Already registered"
    found = api("POST", "/api/recognise", **form(image=b"anna~2+carl"))
    assert found["name"] == "Anna"
    assert [face["name"] for face in found["faces"]] == ["Anna", None]
    assert [face["decision"] for face in found["faces"]] == ["match", "unknown"]
    assert api("POST", "/api/verify", **form(image_a=b"anna", image_b=b"anna~2"))["same"]
    assert len(api("POST", "/api/detect", **form(image=b"anna+ben"))["faces"]) == 2
    assert api("GET", "/api/subjects")["subjects"] == [enrolment["subject"]]
    assert api("GET", f"/api/subjects/{anna}", subject)["name"] == "Anna"
    renamed = api("PATCH", f"/api/subjects/{anna}", subject, json={"name": "Anna Maria"})
    assert renamed["name"] == "Anna Maria"
    assert api("GET", f"/api/subjects/{anna}/samples", of_subject)["samples"] == [
        enrolment["sample"]
    ]
    assert api("GET", f"/api/samples/{sample}", one_sample) == enrolment["sample"]
    crop = api("GET", f"/api/samples/{sample}.jpg", f"{one_sample}.jpg")
    assert crop.mimetype == "image/jpeg"
    assert crop.data.startswith(b"\xff\xd8\xff")
    assert api("GET", "/api/health")["status"] == "ok"
    assert api("GET", "/api/ready")["samples"] == 1
    assert api("GET", "/api/promise")["fpir"] == 0.001
    assert api("PUT", "/api/promise", json={"fpir": 0.01})["fpir"] == 0.01
    twin = form(name="Bea", image=b"anna~3", allow_duplicate="true")
    bea = api("POST", "/api/register", **twin)["subject"]["id"]
    (pair,) = api("GET", "/api/lookalikes")["pairs"]
    assert {one["name"] for one in pair["people"]} == {"Anna Maria", "Bea"}
    moved = api("PATCH", f"/api/samples/{sample}", one_sample, json={"name": "Cleo"})
    assert (moved["subject"]["name"], moved["change"]["kind"]) == ("Cleo", "moved")
    back = api("POST", f"/api/changes/{moved['change']['id']}/undo", f"{one_change}/undo")
    assert (back["subject"]["id"], back["change"]["undoable"]) == (anna, False)
    merged = api("POST", f"/api/subjects/{bea}/merge", f"{subject}/merge", json={"into": anna})
    assert (merged["subject"]["id"], merged["subject"]["samples"]) == (anna, 2)
    removed = api("DELETE", f"/api/samples/{sample}", one_sample)["change"]
    assert [one["id"] for one in api("GET", "/api/changes")["changes"]] == [
        *(change["id"] for change in (removed, merged["change"], moved["change"])),
        renamed["change"]["id"],
    ]
    assert api("DELETE", f"/api/changes/{removed['id']}", one_change).status_code == 204
    assert api("GET", "/api/consent")["required"] is False
    policy = {"required": False, "text_version": "v1", "purpose": "the door"}
    assert api("PUT", "/api/consent", json=policy) == policy
    days = {"keep_days": 30, "unseen_days": None}
    assert api("PUT", "/api/retention", json=days) == days | {"due": 0}
    assert api("GET", "/api/retention")["keep_days"] == 30
    consent, given = f"{subject}/consent", {"consent": "v1", "consent_how": "on paper"}
    assert api("POST", f"/api/subjects/{anna}/consent", consent, json=given)["consents"]
    assert api("GET", f"/api/subjects/{anna}/consent", consent)["consents"][0]["how"] == "on paper"
    assert api("DELETE", f"/api/subjects/{anna}/consent", consent)["receipt"] is None
    at, expiry = {"expires_at": "2099-12-31"}, f"{subject}/expiry"
    assert api("PUT", f"/api/subjects/{anna}/expiry", expiry, json=at)["expires_at"]
    export = api("GET", f"/api/subjects/{anna}/export", f"{subject}/export")
    assert export.mimetype == "application/zip"
    erased = api("POST", f"/api/subjects/{bea}/erase", f"{subject}/erase")
    assert erased["subjects"] == [bea]
    assert api("DELETE", f"/api/subjects/{anna}", subject)["change"]["samples"] == 1
    assert api("DELETE", "/api/changes").status_code == 204
    assert api("GET", "/api/ready")["subjects"] == 0
    one_collection = "/api/collections/{collection_id}"
    club = api("POST", "/api/collections", json={"name": "club"})
    address = f"/api/collections/{club['id']}"
    club = api("PATCH", address, one_collection, json={"name": "team"})
    assert api("GET", "/api/collections")["collections"][1] == club
    assert api("DELETE", address, one_collection).status_code == 204
    audit = api("GET", "/api/audit")["lines"]
    assert {"collection.remove", "view.people"} <= {line["action"] for line in audit}
    assert api("GET", "/api/audit/verify")["whole"]
    access_is_given_and_taken(api)
    assert api.seen == api.routes()


def access_is_given_and_taken(api: Described) -> None:
    one_account, words = "/api/accounts/{account_id}", "correct horse battery"
    key = api("POST", "/api/keys", json={"name": "all", "role": "owner", "days": "30"})
    shown = {"headers": {"X-Api-Key": key["key"]}}
    assert api("GET", "/api/session")["kind"] == "local"
    made = {"name": "Anna", "password": words, "role": "owner"}
    anna = api("POST", "/api/accounts", json=made)
    ben = api("POST", "/api/accounts", json={**made, "name": "Ben"}, **shown)
    address = f"/api/accounts/{ben['id']}"
    assert api("PATCH", address, one_account, json={"role": "auditor"}, **shown)["id"] == ben["id"]
    assert len(api("GET", "/api/accounts", **shown)["accounts"]) == 2
    assert api("DELETE", address, one_account, **shown).status_code == 204
    api.client.post("/sign-in", data=made)
    given = {"now": words, "password": words}
    assert api("PUT", "/api/session/password", json=given).status_code == 204
    assert api("GET", "/api/session")["id"] == anna["id"]
    assert [one["id"] for one in api("GET", "/api/keys")["keys"]] == [key["id"]]
    assert api("DELETE", f"/api/keys/{key['id']}", "/api/keys/{key_id}").status_code == 204


def test_recognising_in_an_empty_gallery_answers_as_it_is_described(api: Described) -> None:
    found = api("POST", "/api/recognise", **form(image=b"anna"))

    assert found["name"] is None
    assert found["faces"][0]["score"] is None
    assert found["faces"][0]["candidates"] == []


def test_candidates_come_best_first_with_their_scores(client: FlaskClient) -> None:
    registered(client, "Anna", b"anna")
    registered(client, "Ben", b"ben")

    (face,) = client.post("/api/recognise", **form(image=b"ben~2")).get_json()["faces"]

    scores = [candidate["score"] for candidate in face["candidates"]]
    assert [candidate["name"] for candidate in face["candidates"]] == ["Ben", "Anna"]
    assert scores == sorted(scores, reverse=True)
    assert face["score"] == scores[0] >= face["threshold"]


def test_an_identification_says_what_is_needed_to_explain_it(api: Described) -> None:
    for name in ("anna", "ben"):
        api("POST", "/api/register", **form(name=name.title(), image=name.encode()))

    found = api("POST", "/api/recognise", **form(image=b"anna~2"))
    (face,) = found["faces"]

    assert found["gallery"] == {"subjects": 2, "samples": 2}
    assert (found["model"], found["fpir"], found["raised_by"]) == ("fake", 0.001, 0)
    assert found["min_margin"] == fakes.CALIBRATION.margin
    assert found["fmr"] == pytest.approx(0.001 / 2, rel=0.01)
    assert found["threshold"] == face["threshold"]
    assert face["margin"] == pytest.approx(face["score"] - face["candidates"][1]["score"], abs=2e-4)
    assert face["quality"]["ok"]
    assert face["reason"] is None


def test_two_look_alikes_are_uncertain_and_both_are_candidates(api: Described) -> None:
    for name, sign in (("Anna", b"1"), ("Bea", b"2")):
        twin = form(name=name, image=b"anna~" + sign, allow_duplicate="1")
        api("POST", "/api/register", **twin)

    found = api("POST", "/api/recognise", **form(image=b"anna+carl?"))
    twin, stranger = found["faces"]

    assert found["name"] is None
    assert (twin["decision"], twin["reason"]) == ("uncertain", "look_alikes")
    assert (twin["name"], twin["subject_id"]) == (None, None)
    assert {one["name"] for one in twin["candidates"]} == {"Anna", "Bea"}
    assert (stranger["decision"], stranger["reason"]) == ("uncertain", "poor_quality")
    assert stranger["quality"]["reasons"]


def test_lists_are_paged_by_cursor(client: FlaskClient) -> None:
    for name in ("Anna", "Ben", "Carl"):
        registered(client, name, name.lower().encode())

    first = client.get("/api/subjects?limit=2").get_json()
    rest = client.get(f"/api/subjects?limit=2&cursor={first['next_cursor']}").get_json()

    assert [one["name"] for one in first["subjects"]] == ["Anna", "Ben"]
    assert [one["name"] for one in rest["subjects"]] == ["Carl"]
    assert rest["next_cursor"] is None
    found = client.get("/api/subjects?q=AN").get_json()["subjects"]
    assert [one["name"] for one in found] == ["Anna"]


@pytest.mark.parametrize(
    ("said", "kept_as"), [("camera", "camera"), ("photo", "photo"), ("legacy", "api"), ("", "api")]
)
def test_the_origin_is_kept_where_it_is_one_of_a_page(
    client: FlaskClient, said: str, kept_as: str
) -> None:
    answer = client.post("/api/register", **form(name="Anna", image=b"anna", origin=said))

    assert answer.get_json()["sample"]["origin"] == kept_as


# -- the main job, on real photographs --------------------------------------------------------


@pytest.mark.parametrize("sent", [form, raw_form, form_encoded_twice, as_json, multipart])
def test_registered_faces_are_recognised_and_strangers_are_not(
    real_client: FlaskClient, tmp_path: Path, sent: Callable[..., Any]
) -> None:
    api = Described(real_client)
    for name, file in (("Obama", "obama.jpg"), ("Biden", "biden.jpg")):
        answer = api("POST", "/api/register", **sent(name=name, image=photo(file)))
        assert answer["message"] == "Registered Successfully"
        assert answer["subject"]["name"] == name

    found = api("POST", "/api/recognise", **sent(image=photo("obama2.jpg")))
    assert found["name"] == "Obama"
    assert [one["name"] for one in found["faces"][0]["candidates"]] == ["Obama", "Biden"]
    stranger = api("POST", "/api/recognise", **sent(image=photo("astronaut.png")))
    assert stranger["name"] is None
    assert [face["decision"] for face in stranger["faces"]] == ["unknown"]
    cat = real_client.post("/api/recognise", **sent(image=photo("chelsea.png")))
    assert (cat.status_code, api.problem(cat)["code"]) == (422, "no_face")
    assert kept(tmp_path / "home") == {"subjects": 2, "samples": 2, "templates": 2, "files": 2}


def test_boxes_are_in_pixels_of_the_photo(real_client: FlaskClient) -> None:
    found = real_client.post("/api/detect", **multipart(image=photo("obama.jpg"))).get_json()

    width, height = Image.open(io.BytesIO(photo("obama.jpg"))).size
    assert found["image"] == {"width": width, "height": height}
    (face,) = found["faces"]
    box = face["box"]
    for x, y in face["landmarks"].values():
        assert box["x"] < x < box["x"] + box["width"] <= width
        assert box["y"] < y < box["y"] + box["height"] <= height


def test_verify_tells_two_people_apart(real_client: FlaskClient) -> None:
    def same(a: str, b: str) -> bool:
        fields = {"image_a": photo(a), "image_b": photo(b)}
        answer: Json = real_client.post("/api/verify", **multipart(**fields)).get_json()
        return bool(answer["same"])

    assert same("obama.jpg", "obama2.jpg")
    assert not same("obama.jpg", "biden.jpg")


# -- refusals ---------------------------------------------------------------------------------


def two_faces() -> bytes:
    both = Image.new("RGB", (1200, 600))
    for place, name in enumerate(("obama.jpg", "biden.jpg")):
        face = opened(name)
        face.thumbnail((600, 600))
        both.paste(face, (600 * place, 0))
    return saved(both, "PNG")


def far_away() -> bytes:
    scene = Image.new("RGB", (320, 320), "gray")
    small = opened("obama.jpg")
    small.thumbnail((100, 100))
    scene.paste(small, (110, 110))
    return saved(scene, "PNG")


PICTURES: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "no face": (lambda: photo("chelsea.png"), 422, "no_face"),
    "several faces": (two_faces, 422, "several_faces"),
    "a face too small": (far_away, 422, "face_too_small"),
    "a blurred face": (
        lambda: saved(opened("obama.jpg").filter(ImageFilter.GaussianBlur(30)), "PNG"),
        422,
        "low_quality",
    ),
    "no picture": (lambda: b"GIF of a cat, honestly", 422, "not_a_picture"),
    "an empty file": (lambda: b"", 422, "not_a_picture"),
    "a picture cut off": (lambda: photo("obama.jpg")[:100_000], 422, "truncated"),
    "too many bytes": (lambda: photo("obama.jpg") + bytes(20_000_000), 413, "too_large"),
    "too many pixels": (
        lambda: saved(Image.new("1", (8_000, 7_000)), "PNG"),
        413,
        "too_many_pixels",
    ),
}


@pytest.mark.parametrize(("make", "status", "code"), PICTURES.values(), ids=PICTURES)
def test_a_picture_that_cannot_be_used_is_refused(
    real_client: FlaskClient, tmp_path: Path, make: Callable[[], bytes], status: int, code: str
) -> None:
    answer = real_client.post("/api/register", **multipart(name="Anna", image=make()))

    assert_refusal(Described(real_client), answer, status, code)
    assert kept(tmp_path / "home") == NOTHING


def test_a_refused_face_comes_with_its_box(client: FlaskClient) -> None:
    several = client.post("/api/register", **form(name="Anna", image=b"anna+ben")).get_json()
    poor = client.post("/api/register", **form(name="Anna", image=b"anna?")).get_json()

    assert len(several["faces"]) == 2
    assert several["image"]["width"] > 0
    assert poor["reasons"] == [reason["code"] for reason in poor["faces"][0]["quality"]["reasons"]]


JSON_TYPE = "application/json"
PICTURE = sending.data_url(b"anna")
NAMED: Json = {"name": "Anna", "image": PICTURE}

REQUESTS: dict[str, tuple[Json, int, str]] = {
    "an empty name": (form(name="", image=b"anna"), 422, "invalid_name"),
    "a blank name": (form(name=" \t ", image=b"anna"), 422, "invalid_name"),
    "a long name": (form(name="x" * 201, image=b"anna"), 422, "invalid_name"),
    "a NUL in the name": (form(name="An\0na", image=b"anna"), 422, "invalid_name"),
    "a new line in the name": (multipart(name="An\nna", image=b"anna"), 422, "invalid_name"),
    "a turned name": (as_json(name="Anna\u202egpj", image=b"anna"), 422, "invalid_name"),
    "half a character": (
        {"data": json.dumps({**NAMED, "name": "\ud800"}), "content_type": JSON_TYPE},
        422,
        "invalid_name",
    ),
    "a name that is a number": ({"json": {**NAMED, "name": 7}}, 400, "malformed_json"),
    "a name that is null": ({"json": {**NAMED, "name": None}}, 400, "missing_field"),
    "a picture that is a list": ({"json": {**NAMED, "image": []}}, 400, "malformed_json"),
    "no name": (form(image=b"anna"), 400, "missing_field"),
    "no picture": (form(name="Anna"), 400, "missing_field"),
    "an empty picture": ({"json": {**NAMED, "image": ""}}, 400, "missing_field"),
    "an empty data URL": (
        {"json": {**NAMED, "image": "data:image/png;base64,"}},
        400,
        "missing_field",
    ),
    "an empty form": (form(), 400, "missing_field"),
    "bad base64": ({"json": {**NAMED, "image": "data:,*&#!"}}, 400, "malformed_base64"),
    "base64 cut off": ({"json": {**NAMED, "image": "data:,YW5uY"}}, 400, "malformed_base64"),
    "base64 of no alphabet": ({"json": {**NAMED, "image": "Ä" * 8}}, 400, "malformed_base64"),
    "bad JSON": ({"data": '{"name": ', "content_type": JSON_TYPE}, 400, "malformed_json"),
    "JSON in no encoding": (
        {"data": b'{"name": "\xff"}', "content_type": JSON_TYPE},
        400,
        "malformed_json",
    ),
    "no JSON at all": ({"data": b"", "content_type": JSON_TYPE}, 400, "malformed_json"),
    "a JSON list": ({"json": ["Anna", PICTURE]}, 400, "malformed_json"),
    "JSON too deep": (
        {"data": "[" * 100_000, "content_type": JSON_TYPE},
        400,
        "malformed_json",
    ),
    "a number too long": (
        {"data": f'{{"name": {"9" * 5000}}}', "content_type": JSON_TYPE},
        400,
        "malformed_json",
    ),
    "another content type": (
        {"data": b"anna", "content_type": "image/jpeg"},
        415,
        "unsupported_media_type",
    ),
    "no content type": ({"data": b"anna"}, 415, "unsupported_media_type"),
    "multipart without a boundary": (
        {"data": b"anna", "content_type": "multipart/form-data"},
        400,
        "missing_field",
    ),
    "multipart cut off": (
        {
            "data": b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nAn',
            "content_type": "multipart/form-data; boundary=x",
        },
        400,
        "missing_field",
    ),
    "a doubtful yes": (
        {"json": {**NAMED, "allow_duplicate": "perhaps"}},
        400,
        "malformed_json",
    ),
    **{
        f"a point {words}": ({"json": {**NAMED, "near": near}}, 400, code)
        for words, near, code in [
            ("outside", "0.5,1.1", "malformed_request"),
            ("before", "-0.1,0.5", "malformed_request"),
            ("of one number", "0.5", "malformed_request"),
            ("of three", "0.1,0.2,0.3", "malformed_request"),
            ("in words", "left,top", "malformed_request"),
            ("nowhere", "nan,nan", "malformed_request"),
            ("as a list", [0.5, 0.5], "malformed_json"),
        ]
    },
    "a list for a yes": ({"json": {**NAMED, "allow_mismatch": []}}, 400, "malformed_json"),
    "too many parts": (multipart(**{f"p{n}": "x" for n in range(30)}), 413, "too_large"),
}


@pytest.mark.parametrize(("request_", "status", "code"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_that_cannot_be_used_is_refused(
    client: FlaskClient, tmp_path: Path, request_: Json, status: int, code: str
) -> None:
    answer = client.post("/api/register", **request_)

    assert_refusal(Described(client), answer, status, code)
    assert kept(tmp_path / "home") == NOTHING


NOWHERE = "00000000-0000-4000-8000-000000000000"

CALLS: dict[str, tuple[str, str, Json, int, str]] = {
    "nobody to show": ("GET", f"/api/subjects/{NOWHERE}", {}, 404, "subject_not_found"),
    "nobody to rename": (
        "PATCH",
        f"/api/subjects/{NOWHERE}",
        as_json(name="Ben"),
        404,
        "subject_not_found",
    ),
    "nobody to delete": ("DELETE", f"/api/subjects/{NOWHERE}", {}, 404, "subject_not_found"),
    "nobody's samples": ("GET", f"/api/subjects/{NOWHERE}/samples", {}, 404, "subject_not_found"),
    "no sample to show": ("GET", f"/api/samples/{NOWHERE}", {}, 404, "sample_not_found"),
    "no crop to show": ("GET", f"/api/samples/{NOWHERE}.jpg", {}, 404, "sample_not_found"),
    "no sample to delete": ("DELETE", f"/api/samples/{NOWHERE}", {}, 404, "sample_not_found"),
    "no sample to move": (
        "PATCH",
        f"/api/samples/{NOWHERE}",
        as_json(name="Ben"),
        404,
        "sample_not_found",
    ),
    "a sample to move nowhere": (
        "PATCH",
        f"/api/samples/{NOWHERE}",
        as_json(),
        400,
        "missing_field",
    ),
    "a sample to move to no id": (
        "PATCH",
        f"/api/samples/{NOWHERE}",
        as_json(subject_id="anna\0"),
        404,
        "subject_not_found",
    ),
    "nobody to merge": (
        "POST",
        f"/api/subjects/{NOWHERE}/merge",
        as_json(into=str(uuid4())),
        404,
        "subject_not_found",
    ),
    "somebody to merge with nobody": (
        "POST",
        f"/api/subjects/{NOWHERE}/merge",
        as_json(),
        400,
        "missing_field",
    ),
    "somebody to merge with themself": (
        "POST",
        f"/api/subjects/{NOWHERE}/merge",
        as_json(into=NOWHERE.upper()),
        422,
        "invalid_input",
    ),
    "nothing to undo": ("POST", f"/api/changes/{NOWHERE}/undo", {}, 404, "change_not_found"),
    "nothing to erase": ("DELETE", f"/api/changes/{NOWHERE}", {}, 404, "change_not_found"),
    "a cursor of no changes": ("GET", "/api/changes?cursor=anna", {}, 422, "invalid_cursor"),
    "an order of nobody's": ("GET", "/api/subjects?sort=age", {}, 422, "invalid_sort"),
    "a doubtful end": (
        "DELETE",
        f"/api/subjects/{NOWHERE}?forever=perhaps",
        {},
        400,
        "malformed_request",
    ),
    **{
        f"a size of {side}": (
            "GET",
            f"/api/samples/{NOWHERE}.jpg?side={side}",
            {},
            422,
            "invalid_size",
        )
        for side in ("", "0", "100", "96.0", "-96", "9" * 5000)
    },
    "no id": ("GET", "/api/subjects/anna", {}, 404, "not_found"),
    "a path as an id": ("GET", "/api/samples/..%2f..%2ffaces.db", {}, 404, "not_found"),
    "no such address": ("GET", "/api/nothing", {}, 404, "not_found"),
    "a wrong method": ("GET", "/api/register", {}, 405, "method_not_allowed"),
    "a wrong method for a person": (
        "POST",
        f"/api/subjects/{NOWHERE}",
        {},
        405,
        "method_not_allowed",
    ),
    "a limit of nothing": ("GET", "/api/subjects?limit=0", {}, 422, "invalid_limit"),
    "a limit too high": ("GET", "/api/subjects?limit=1001", {}, 422, "invalid_limit"),
    "a limit in words": ("GET", "/api/subjects?limit=ten", {}, 422, "invalid_limit"),
    "an endless limit": ("GET", f"/api/subjects?limit={'9' * 5000}", {}, 422, "invalid_limit"),
    "a cursor of nobody's": ("GET", "/api/subjects?cursor=anna", {}, 422, "invalid_cursor"),
    "a photo of nobody to verify": (
        "POST",
        "/api/verify",
        multipart(image_a=b"anna", image_b=b""),
        422,
        "no_face",
    ),
    "one photo to verify": ("POST", "/api/verify", form(image_a=b"anna"), 400, "missing_field"),
    "no photo to detect": ("POST", "/api/detect", as_json(), 400, "missing_field"),
    **{
        f"{words} to promise": ("PUT", "/api/promise", {"json": {"fpir": rate}}, 422, code)
        for words, rate, code in [
            ("nothing at all", 0, "invalid_promise"),
            ("less than nothing", -0.001, "invalid_promise"),
            ("more than half", 0.51, "invalid_promise"),
            ("no number", "nan", "invalid_promise"),
            ("no end", "inf", "invalid_promise"),
            ("a yes", True, "invalid_promise"),
        ]
    },
    **{
        f"{words} to promise": ("PUT", "/api/promise", sent, 400, code)
        for words, sent, code in [
            ("a word", form(fpir="few"), "malformed_json"),
            ("a list", {"json": {"fpir": [0.1]}}, "malformed_json"),
            ("a number too long", {"json": {"fpir": 10**400}}, "malformed_json"),
            ("another thing", form(threshold="0.4"), "missing_field"),
        ]
    },
    "a method of nobody's": ("BREW", "/api/subjects", {}, 405, "method_not_allowed"),
}


@pytest.mark.parametrize(("method", "path", "sent", "status", "code"), CALLS.values(), ids=CALLS)
def test_a_call_that_cannot_be_answered_is_refused(
    client: FlaskClient, method: str, path: str, sent: Json, status: int, code: str
) -> None:
    answer = client.open(path, method=method, **sent)

    assert_refusal(Described(client), answer, status, code)
    if status == 405:
        assert answer.headers["Allow"]


def test_a_name_that_is_taken_is_refused_and_stays(client: FlaskClient) -> None:
    registered(client, "Anna")
    ben = registered(client, "Ben", b"ben")["subject"]["id"]

    answer = client.patch(f"/api/subjects/{ben}", **form(name="anna"))

    assert_refusal(Described(client), answer, 409, "name_taken")
    assert client.get(f"/api/subjects/{ben}").get_json()["name"] == "Ben"


# -- changes ----------------------------------------------------------------------------------


def test_people_are_listed_by_name_or_date_with_their_number_and_a_cover(
    client: FlaskClient,
) -> None:
    samples = {
        name: registered(client, name, name.lower().encode())["sample"]["url"]
        for name in ("Cleo", "Anna", "Ben")
    }

    def listed(query: str) -> list[str]:
        return [one["name"] for one in client.get(f"/api/subjects?{query}").get_json()["subjects"]]

    assert listed("sort=name") == ["Anna", "Ben", "Cleo"]
    assert listed("sort=newest") == ["Ben", "Anna", "Cleo"]
    assert listed("sort=oldest&limit=2") == ["Cleo", "Anna"]
    page = client.get("/api/subjects?limit=1&q=n").get_json()
    assert page["total"] == 2
    assert {one["name"]: one["cover"] for one in page["subjects"]} == {"Anna": samples["Anna"]}


def test_what_was_deleted_is_gone_until_it_is_undone(client: FlaskClient, tmp_path: Path) -> None:
    anna = registered(client, "Anna")
    subject, crop = f"/api/subjects/{anna['subject']['id']}", anna["sample"]["url"]
    before = kept(tmp_path / "home")

    change = client.delete(subject).get_json()["change"]

    assert client.get(subject).status_code == client.get(crop).status_code == 404
    assert client.post("/api/recognise", **form(image=b"anna~2")).get_json()["name"] is None
    undone = client.post(f"/api/changes/{change['id']}/undo")
    assert undone.get_json()["subject"] == anna["subject"] == client.get(subject).get_json()
    assert client.get(crop).status_code == 200
    assert client.post("/api/recognise", **form(image=b"anna~2")).get_json()["name"] == "Anna"
    assert kept(tmp_path / "home") == before
    again = client.post(f"/api/changes/{change['id']}/undo")
    assert_refusal(Described(client), again, 409, "cannot_undo")
    assert (again.get_json()["obstacle"], again.get_json()["names"]) == ("done", {})


@pytest.mark.parametrize("forever", ["true", "1"])
@pytest.mark.parametrize("what", ["subjects", "samples"])
def test_what_is_deleted_forever_leaves_nothing(
    client: FlaskClient, tmp_path: Path, what: str, forever: str
) -> None:
    answer = registered(client, "Anna")
    path = f"/api/{what}/{answer[what[:-1]]['id']}"
    assert client.delete(path).status_code == 200

    assert client.delete(f"{path}?forever={forever}").status_code == 204

    assert {**kept(tmp_path / "home"), "subjects": 0} == NOTHING
    assert client.get("/api/changes").get_json() == {"changes": [], "next_cursor": None}


def test_where_nothing_is_kept_no_change_is_answered(settings: Settings, tmp_path: Path) -> None:
    with closing(Store.on_sqlite(settings.home, undo=timedelta(0))) as store:
        index = MemoryIndex.of(store, fakes.MODEL)
        facecog = Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)
        api = Described(app_of(facecog, settings).test_client())
        anna = api("POST", "/api/register", **form(name="Anna", image=b"anna"))
        sample = anna["sample"]["id"]
        one_sample, subject = "/api/samples/{sample_id}", "/api/subjects/{subject_id}"

        moved = api("PATCH", f"/api/samples/{sample}", one_sample, json={"name": "Ben"})
        assert (moved["change"], moved["subject"]["name"]) == (None, "Ben")
        ben = f"/api/subjects/{moved['subject']['id']}"
        assert api("PATCH", ben, subject, json={"name": "Benno"})["change"] is None
        into = {"into": moved["subject"]["id"]}
        merge = f"/api/subjects/{anna['subject']['id']}/merge"
        assert api("POST", merge, f"{subject}/merge", json=into)["change"] is None
        assert api("DELETE", f"/api/samples/{sample}", one_sample).status_code == 204
        assert api("DELETE", ben, subject).status_code == 204
        assert api("GET", "/api/changes")["changes"] == []
        assert kept(settings.home) == NOTHING


def test_of_several_faces_the_one_that_is_pointed_at_is_registered(client: FlaskClient) -> None:
    sent = multipart(name="Ben", image=b"anna+ben", near="0.9,0.5")

    assert client.post("/api/register", **sent).status_code == 201
    assert client.post("/api/recognise", **form(image=b"ben")).get_json()["name"] == "Ben"


def test_a_photo_of_nobody_is_an_answer_where_that_is_wanted(api: Described) -> None:
    api("POST", "/api/register", **form(name="Anna", image=b"anna"))

    found = api("POST", "/api/recognise", **multipart(image=b"", allow_no_face="true"))

    assert (found["name"], found["faces"], found["gallery"]["samples"]) == (None, [], 1)


def test_a_crop_comes_in_smaller_sizes(real_client: FlaskClient) -> None:
    answer = real_client.post("/api/register", **multipart(name="A", image=photo("obama.jpg")))
    url = answer.get_json()["sample"]["url"]
    whole = Image.open(io.BytesIO(real_client.get(url).data))

    for side in (96, 160, 320):
        small = real_client.get(f"{url}?side={side}")
        picture = Image.open(io.BytesIO(small.data))
        assert small.mimetype == "image/jpeg"
        assert (picture.format, max(picture.size)) == ("JPEG", side)
        ratio = whole.width / whole.height
        assert picture.width / picture.height == pytest.approx(ratio, abs=0.02)


def test_a_face_that_is_registered_under_another_name_is_refused_unless_allowed(
    client: FlaskClient, tmp_path: Path
) -> None:
    anna = registered(client, "Anna")["subject"]["id"]
    before = kept(tmp_path / "home")

    answer = client.post("/api/register", **form(name="Bea", image=b"anna~2"))

    assert_mixed_up(client, answer, "already_registered_as", anna)
    assert answer.get_json()["subject"]["score"] >= answer.get_json()["threshold"]
    assert kept(tmp_path / "home") == before
    other = client.post("/api/register", **form(name="B", image=b"anna~2", allow_mismatch="true"))
    assert other.get_json()["code"] == "already_registered_as"
    allowed = {**as_json(name="Bea", image=b"anna~2")["json"], "allow_duplicate": True}
    assert client.post("/api/register", json=allowed).status_code == 201
    assert kept(tmp_path / "home") == dict.fromkeys(NOTHING, 2)


def test_a_name_whose_face_is_another_is_refused_unless_allowed(
    client: FlaskClient, tmp_path: Path
) -> None:
    anna = registered(client, "Anna")["subject"]["id"]
    before = kept(tmp_path / "home")

    answer = client.post("/api/register", **multipart(name="ANNA", image=b"ben"))

    assert_mixed_up(client, answer, "name_belongs_to_another_face", anna)
    assert answer.get_json()["subject"]["score"] < answer.get_json()["threshold"]
    assert kept(tmp_path / "home") == before
    other = client.post("/api/register", **form(name="Anna", image=b"ben", allow_duplicate="1"))
    assert other.get_json()["code"] == "name_belongs_to_another_face"
    allowed = multipart(name="Anna", image=b"ben", allow_mismatch="true")
    assert client.post("/api/register", **allowed).get_json()["subject"]["samples"] == 2


def test_a_face_of_ben_under_annas_name_needs_both_to_be_allowed(client: FlaskClient) -> None:
    registered(client, "Anna")
    registered(client, "Ben", b"ben")
    wrong: dict[str, str | bytes] = {"name": "Anna", "image": b"ben~2"}

    def code(**allowed: str) -> str:
        answer = client.post("/api/register", **form(**wrong, **allowed))
        return str(answer.get_json().get("code"))

    assert code() == code(allow_mismatch="true") == "already_registered_as"
    assert code(allow_duplicate="true") == "name_belongs_to_another_face"
    assert client.get("/api/ready").get_json()["samples"] == 2
    assert code(allow_duplicate="true", allow_mismatch="true") == "None"
    assert client.get("/api/ready").get_json()["samples"] == 3


def assert_mixed_up(client: FlaskClient, answer: TestResponse, code: str, subject: str) -> None:
    assert_refusal(Described(client), answer, 409, code)
    body = answer.get_json()
    assert (body["subject"]["subject_id"], body["subject"]["name"]) == (subject, "Anna")
    assert body["subject"]["sample_id"]


def test_a_promise_is_kept_until_it_is_taken_back(client: FlaskClient) -> None:
    for name in ("anna", "ben", "carl"):
        registered(client, name, name.encode())
    before = client.get("/api/promise").get_json()

    changed = client.put("/api/promise", **form(fpir="1e-4")).get_json()
    found = client.post("/api/recognise", **form(image=b"anna")).get_json()

    assert changed["threshold"] == found["threshold"] > before["threshold"]
    assert changed["fpir"] == found["fpir"] == 1e-4
    assert changed["gallery"] == found["gallery"] == {"subjects": 3, "samples": 3}
    assert changed["own_gallery"] == {"pairs": 3, "expected": LEVEL, "found": None}
    assert client.put("/api/promise", json={"fpir": None}).get_json() == before
    assert client.get("/api/promise").get_json() == before


def test_a_refused_promise_changes_nothing(client: FlaskClient) -> None:
    before = client.get("/api/promise").get_json()

    client.put("/api/promise", json={"fpir": 0})

    assert client.get("/api/promise").get_json() == before


def test_a_body_over_the_limit_is_refused(facecog: Facecog, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", max_bytes=1000)
    client = app_of(facecog, settings).test_client()

    for body in (form, multipart, as_json):
        sent = body(name="Anna", image=b"x" * 200_000)
        assert_refusal(Described(client), client.post("/api/register", **sent), 413, "too_large")
    assert kept(tmp_path / "home") == NOTHING


def test_the_same_photo_again_is_answered_as_already_there(
    client: FlaskClient, tmp_path: Path
) -> None:
    first = registered(client, "Anna")

    again = client.post("/api/register", **multipart(name="Anna", image=b"anna"))

    assert again.status_code == 200
    assert again.get_json()["message"] == "Already registered"
    assert again.get_json()["sample"] == first["sample"]
    assert kept(tmp_path / "home") == dict.fromkeys(NOTHING, 1)


def assert_refusal(api: Described, answer: TestResponse, status: int, code: str) -> None:
    body = api.problem(answer)
    assert (answer.status_code, body["code"]) == (status, code)
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["detail"][0].isupper() or body["detail"].startswith("`")
    assert body["detail"].endswith(".")
    assert "Traceback" not in answer.text


# -- bugs and breakdowns ----------------------------------------------------------------------


def test_a_bug_is_logged_and_not_shown(
    client: FlaskClient,
    facecog: Facecog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(facecog, "identify", broken)
    answer = client.post("/api/recognise", **form(image=b"anna"))

    assert_refusal(Described(client), answer, 500, "internal_error")
    assert "secret" not in answer.text
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert answer.get_json()["request_id"] in record.getMessage()
    assert "the secret inside" in caplog.text


def test_a_database_that_is_away_is_said_to_be(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("The database does not answer; try again.")

    monkeypatch.setattr(facecog, "look_alikes", away)

    assert_refusal(Described(client), client.get("/api/lookalikes"), 503, "database_unavailable")


# -- names, other sites, headers and logs -----------------------------------------------------

AWKWARD = '<img src=x onerror=alert(1)> "Anna" & Söhne 🙂'


def test_an_awkward_name_comes_back_as_it_was_and_never_as_a_page(client: FlaskClient) -> None:
    subject = registered(client, AWKWARD)["subject"]["id"]

    for path in (f"/api/subjects/{subject}", "/api/subjects", f"/api/subjects?q={AWKWARD[:9]}"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.mimetype == "application/json"
        assert AWKWARD in (answer.get_json().get("name"), *names_of(answer.get_json()))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<img src=x" not in client.get("/").text


def names_of(listed: Json) -> list[str]:
    return [subject["name"] for subject in listed.get("subjects", [])]


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "http://localhost:9",
        "http://localhost.elsewhere.example",
        "null",
        "",
        "nonsense",
        "http://[",
    ],
)
def test_a_page_of_another_site_may_change_nothing(
    client: FlaskClient, tmp_path: Path, origin: str
) -> None:
    subject = registered(client, "Anna")["subject"]["id"]
    other = {"Origin": origin}

    for answer in (
        client.post("/api/register", headers=other, **form(name="Ben", image=b"ben")),
        client.patch(f"/api/subjects/{subject}", headers=other, **form(name="Ben")),
        client.delete(f"/api/subjects/{subject}", headers=other),
        client.put("/api/promise", headers=other, **form(fpir="0.5")),
    ):
        assert_refusal(Described(client), answer, 403, "cross_origin")
    assert kept(tmp_path / "home")["subjects"] == 1


def test_its_own_pages_may(client: FlaskClient) -> None:
    own = {"Origin": "http://localhost"}

    answer = client.post("/api/register", headers=own, **form(name="Anna", image=b"anna"))

    assert answer.status_code == 201
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/nothing", "/openapi.json", "/docs"])
def test_every_answer_has_the_safe_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Request-ID"]
    assert headers["Cache-Control"] == "no-store"


def test_a_crop_is_not_for_caches(client: FlaskClient) -> None:
    sample = registered(client, "Anna")["sample"]

    assert client.get(sample["url"]).headers["Cache-Control"] == "no-store"


def test_logs_hold_no_names_and_no_queries(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    subject = registered(client, "Annegret")["subject"]["id"]
    client.get("/api/subjects?q=Annegret")
    client.get("/register?name=Annegret")
    client.patch(f"/api/subjects/{subject}", **as_json(name="Annegret Maria"))
    client.post("/api/register", **form(name="Annegret\0", image=b"anna"))
    client.post("/api/recognise", **form(image=b"anna"))

    assert "Annegret" not in caplog.text
    assert f"PATCH /api/subjects/{subject} 200" in caplog.text


def test_a_path_cannot_forge_a_line_of_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    client.get("/api/nothing%0aGET%20/forged%20200")

    (record,) = [one for one in caplog.records if one.name == "facecog.access"]
    assert "\n" not in record.getMessage()


def test_base64_is_taken_without_its_padding_and_with_white_space(client: FlaskClient) -> None:
    text = base64.b64encode(b"anna").decode()
    broken = f"{text[:3]}\r\n{text[3:]}".rstrip("=")

    answer = client.post("/api/register", json={"name": str(uuid4()), "image": broken})

    assert answer.status_code == 201


def test_a_large_file_stays_in_memory(
    real_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", None)
    monkeypatch.setattr("werkzeug.formparser.TemporaryFile", None, raising=False)
    large = saved(opened("obama.jpg"), "PNG")
    assert len(large) > 500_000

    assert len(real_client.post("/api/detect", **multipart(image=large)).json["faces"]) == 1
