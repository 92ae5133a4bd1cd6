"""Requests that Schemathesis makes of /openapi.json, right ones and wrong ones, on a fake engine.

Half of them are about people who are there: ids and pictures made by chance alone would get no
further than "there is nobody with this id".
"""

from __future__ import annotations

from random import Random
from typing import Any, cast
from uuid import uuid4

import hypothesis
import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis.strategies import randoms
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from facecog.config import Settings
from facecog.service import Facecog
from tests.conftest import app_of
from tests.sending import data_url, multipart

EXAMPLES = 25  # of each operation, and as many wrong ones; no fault came of 60
SLOW = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
PICTURES = (b"anna", b"ben", b"carl", b"anna+ben", b"", b"anna?")
IDS = {"subject_id", "sample_id", "change_id"}
PHOTOS = ("image", "image_a", "image_b")


@pytest.fixture
def described(client: FlaskClient) -> Any:
    def on_this_machine(environ: dict[str, Any], start: Any) -> Any:
        return client.application({**environ, "REMOTE_ADDR": "127.0.0.1"}, start)

    return schemathesis.openapi.from_wsgi("/openapi.json", on_this_machine)


def operations() -> list[tuple[str, GenerationMode]]:
    """By name, "POST /api/register" say, of an app that answers nothing; wrong where it can be."""
    document = app_of(cast(Facecog, object()), Settings()).spec
    return [
        (f"{method.upper()} {path}", mode)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or told.get("parameters") or told.get("requestBody")
    ]


@pytest.mark.parametrize(("name", "mode"), operations())
def test_the_api_keeps_to_its_own_description(
    name: str, mode: GenerationMode, described: Any, client: FlaskClient
) -> None:
    method, path = name.split()

    @hypothesis.seed(1)
    @hypothesis.settings(max_examples=EXAMPLES, database=None, suppress_health_check=SLOW)
    @hypothesis.given(described[path][method].as_strategy(generation_mode=mode), randoms())
    def check(case: Any, chance: Random) -> None:
        if chance.random() < 0.5:
            make_real(case, client, chance)
        case.call_and_validate(checks=CHECKS)

    check()


def make_real(case: Any, client: FlaskClient, chance: Random) -> None:
    """Put people and pictures into a request that are there."""
    for name in IDS & set(case.path_parameters or ()):
        case.path_parameters[name] = real_id(name, client, chance)
    if not isinstance(case.body, dict):
        return
    for name in PHOTOS:
        if name in case.body:
            photo = chance.choice(PICTURES)
            case.body[name] = photo if "multipart" in case.media_type else data_url(photo)
    for name in ("into", "subject_id"):
        if name in case.body:
            case.body[name] = real_id("subject_id", client, chance)


def real_id(kind: str, client: FlaskClient, chance: Random) -> str:
    """Of somebody, of a sample or of a change, which are made anew where there is none."""
    name = chance.choice(("anna", "ben"))
    allowed = {"allow_duplicate": "true", "allow_mismatch": "true"}
    made = client.post("/api/register", **multipart(name=name, image=name.encode(), **allowed)).json
    assert made is not None
    if kind == "change_id":
        client.patch(f"/api/subjects/{made['subject']['id']}", json={"name": f"{name} {uuid4()}"})
        return str(client.get("/api/changes?limit=1").json["changes"][0]["id"])
    return str(made[kind.removesuffix("_id")]["id"])
