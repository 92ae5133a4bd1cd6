"""The log: whose request a line is of, in both forms, and what must never be in it."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from facecog.config import Settings
from facecog.service import Facecog
from facecog.store.failing import AWAY
from facecog.store.transactions import begin
from facecog.web import logs
from tests.conftest import app_of
from tests.sending import form
from tests.serving import serving

NAME, PHOTO, KEY = "Zebrina", b"zebrina", "zebra-key-0123456789"

HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "Cookie": f"session={KEY}",
    "Referer": f"http://localhost/people?q={NAME}",
    "User-Agent": NAME,
    "X-Forwarded-For": NAME,
}


class Written:
    """What this process writes, with the handler that `facecog serve` uses."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        (handler,) = [one for one in logging.getLogger().handlers if _is_ours(one)]
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def _is_ours(handler: logging.Handler) -> bool:
    return isinstance(handler.formatter, (logs.TextLines, logs.JsonLines))


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[Written]:
    """As of `facecog serve`; what other tests' logging needs is put back."""
    root, ours = logging.getLogger(), logging.getLogger("facecog")
    before, level = list(root.handlers), ours.level
    logs.set_up(getattr(request, "param", "text"))
    yield Written()
    root.handlers[:] = before
    ours.setLevel(level)


in_json = pytest.mark.parametrize("written", ["json"], indirect=True)
in_both = pytest.mark.parametrize("written", logs.FORMATS, indirect=True)


def test_a_request_is_one_line_of_text(client: FlaskClient, written: Written) -> None:
    answer = client.get("/api/health?secret=1")

    line = re.fullmatch(r"GET /api/health 200 \d+ ms ([0-9a-f]{32})\n", written.text)
    assert line
    assert line[1] == answer.headers["X-Request-ID"]


@in_json
def test_a_request_is_one_object(client: FlaskClient, written: Written) -> None:
    subject = client.post("/api/register", **form(name=NAME, image=PHOTO)).get_json()["subject"]
    answer = client.get(f"/api/subjects/{uuid4()}?q={NAME}")

    registered, refused = written.objects
    assert registered["route"] == "/api/register"
    assert (registered["method"], registered["status"]) == ("POST", 201)
    assert "code" not in registered
    assert refused["request_id"] == answer.headers["X-Request-ID"]
    assert (refused["route"], refused["status"]) == ("/api/subjects/{subject_id}", 404)
    assert (refused["code"], refused["level"], refused["logger"]) == (
        "subject_not_found",
        "INFO",
        "facecog.access",
    )
    assert refused["ms"] >= 0
    assert refused["actor"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", refused["time"])
    assert subject["id"] not in refused["path"]


def test_a_line_during_a_request_has_its_id(
    client: FlaskClient, facecog: Facecog, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*_: object) -> None:
        logging.getLogger("facecog.elsewhere").warning("something to know")

    monkeypatch.setattr(facecog, "look_alikes", lambda: said() or [])
    answer = client.get("/api/lookalikes")

    assert f"something to know {answer.headers['X-Request-ID']}\n" in written.text
    logging.getLogger("facecog.elsewhere").warning("nobody's line")
    assert written.text.endswith("nobody's line\n")


def test_an_id_that_a_client_sends_is_not_taken(client: FlaskClient, written: Written) -> None:
    answer = client.get("/api/health", headers={"X-Request-ID": "abcdefgh12345678"})

    assert answer.headers["X-Request-ID"] != "abcdefgh12345678"
    assert "abcdefgh" not in written.text


@in_both
def test_a_bug_is_told_by_its_place_and_not_by_its_words(
    client: FlaskClient, facecog: Facecog, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        try:
            {}[NAME]
        except KeyError as error:
            raise ValueError(f"no {NAME}") from error

    monkeypatch.setattr(facecog, "identify", broken)
    answer = client.post("/api/recognise", **form(image=b"anna"))

    assert answer.status_code == 500
    assert NAME not in written.text
    assert "in broken" in written.text
    assert written.text.index("KeyError") < written.text.index("ValueError")
    assert answer.headers["X-Request-ID"] in written.text


@in_both
def test_a_breakdown_is_told_with_its_cause_and_without_a_traceback(
    client: FlaskClient, facecog: Facecog, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        with begin(facecog._store._engine) as connection:
            connection.execute(text("SELECT :name FROM nowhere"), {"name": NAME})

    monkeypatch.setattr(facecog, "look_alikes", broken)
    answer = client.get("/api/lookalikes")

    assert answer.status_code == 503
    assert f"database_unavailable: {AWAY} (no such table: nowhere)" in written.text
    assert "Traceback" not in written.text
    assert "SELECT" not in written.text
    assert NAME not in written.text


def every_request(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Each route with each of its methods, the secrets wherever something can be sent."""
    given = client.post("/api/register", **form(name=NAME, image=PHOTO)).get_json()
    ids = {"subject_id": given["subject"]["id"], "sample_id": given["sample"]["id"]}
    for rule in client.application.url_map.iter_rules():
        some_id = {name: ids.get(name, str(uuid4())) for name in rule.arguments}
        path = re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda name: some_id[name[1]], rule.rule)  # noqa: B023
        for method in sorted(rule.methods or ()):
            yield method, path
            yield method, path.replace(ids["subject_id"], NAME).replace("static/", f"static/{NAME}")
    for method in ("GET", "POST", NAME.upper()):
        yield method, f"/{NAME}"
        yield method, f"/api/subjects/{NAME}/{KEY}"
        yield method, f"/api/samples/{NAME}.jpg"


@in_both
@pytest.mark.parametrize("broken", [False, True], ids=["well", "with a bug in every answer"])
def test_nothing_of_anybodys_is_written(
    facecog: Facecog,
    settings: Settings,
    written: Written,
    broken: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = app_of(facecog, settings).test_client()
    requests = list(every_request(client))
    if broken:

        def quoting(*given: object) -> None:
            raise RuntimeError(f"{NAME} {KEY} {given!r}")

        for question in ("identify", "enrol", "subject", "subjects", "look_alikes", "counts"):
            monkeypatch.setattr(Facecog, question, quoting)
        client.application.after_request_funcs.setdefault("pages", []).append(quoting)
    sent = {"name": NAME, "image": PHOTO, "code": KEY, "password": KEY, "into": NAME}
    for method, path in requests:
        for query in (f"q={NAME}&name={NAME}&key={KEY}", f"cursor={NAME}&collection={NAME}"):
            client.open(f"{path}?{query}", method=method, headers=HEADERS, **form(**sent))
    waitress = logging.getLogger("waitress")
    waitress.exception(f"Exception while serving /{NAME}")
    waitress.info(f"Client disconnected while serving /{NAME}")

    assert len(written.text.splitlines()) > 2 * len(requests)
    if broken:
        assert "RuntimeError" in written.text
        assert "Exception on a request" in written.text
    secrets = [NAME, KEY, PHOTO.decode(), base64.b64encode(PHOTO).decode()]
    secrets += [NAME.upper(), NAME.encode().hex(), KEY.encode().hex()]
    assert [one for one in secrets if one in written.text] == []


def test_the_server_writes_json_from_its_start_to_its_stop(tmp_path: Path) -> None:
    with serving(tmp_path / "home", log="json") as server:
        server.ask("/api/health")
        server.process.terminate()
        assert server.process.wait(30) == 0
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]

    said = [line["message"].partition(" on http")[0] for line in lines]
    assert said[0] == "facecog is ready"
    assert said[-2:] == ["facecog stops, after what is under way", "facecog has stopped"]
    assert {line["level"] for line in lines} == {"INFO"}


def test_a_form_that_is_none_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="FACECOG_LOG is text or json, not xml"),
        serving(tmp_path / "home", log="xml"),
    ):
        pass
