"""The audit over HTTP, on its page and on the command line, on a fake engine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import update

from facecog import cli
from facecog.acting import Actor, acting
from facecog.service import Facecog
from facecog.store import Store
from facecog.store.tables import audit
from facecog.store.transactions import begin
from facecog.web.texts import CATALOGUES
from tests.sending import multipart

OWNER = Actor("key", id="1f0c", request_id="r1")


@pytest.fixture
def home(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the commands find what `facecog` recorded."""
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["audit", *arguments])


def busy(facecog: Facecog) -> None:
    """Three lines."""
    with acting(OWNER):
        facecog.enrol("Anna", b"anna")
        facecog.identify(b"anna")
        facecog.subject_named("Anna")
    facecog.audit.settle()


def alter(store: Store) -> None:
    with begin(store._engine, writes=True) as connection:
        connection.execute(update(audit).where(audit.c.number == 2).values(actor="nobody"))


# -- over HTTP --------------------------------------------------------------------------------


def test_the_api_lists_what_was_done(client: FlaskClient, facecog: Facecog) -> None:
    client.post("/api/register", **multipart(name="Anna", image=b"anna"))
    answer = client.post("/api/recognise", **multipart(image=b"anna+carl"))
    client.get("/api/subjects")

    listed = client.get("/api/audit").json

    assert [line["action"] for line in listed["lines"]] == ["view.people", "identify", "enrol"]
    search = listed["lines"][1]
    assert search["subject_id"] == answer.json["faces"][0]["subject_id"]
    assert search["details"]["threshold"] == answer.json["threshold"]
    assert search["details"]["faces"][0]["score"] == answer.json["faces"][0]["score"]
    assert listed["next_cursor"] is None
    assert "Anna" not in json.dumps(listed)


def test_the_api_lists_a_page_of_what_is_looked_for(client: FlaskClient, facecog: Facecog) -> None:
    busy(facecog)
    asked = {"actor": "key", "limit": "1", "since": "2026-01-01", "until": "2999-01-01T00:00:00Z"}

    first = client.get("/api/audit", query_string=asked).json
    second = client.get("/api/audit", query_string={**asked, "cursor": first["next_cursor"]}).json

    assert first["lines"][0]["action"] == "view.person"
    assert second["lines"][0]["action"] == "identify"
    found = client.get("/api/audit", query_string={"action": "enrol", "until": "2000-01-01"}).json
    assert found["lines"] == []


@pytest.mark.parametrize(
    "asked", [{"since": "yesterday"}, {"until": "1"}, {"subject": "Anna"}, {"actor": "a\0"}]
)
def test_a_filter_that_cannot_be_read_is_refused(
    client: FlaskClient, asked: dict[str, str]
) -> None:
    for path in ("/api/audit", "/audit"):
        answer = client.get(path, query_string=asked)
        assert answer.status_code == 422
    assert client.get("/api/audit", query_string=asked).json["code"] == "invalid_filter"


def test_the_api_says_whether_the_audit_is_whole(client: FlaskClient, facecog: Facecog) -> None:
    busy(facecog)
    whole = client.get("/api/audit/verify").json
    alter(facecog._store)
    altered = client.get("/api/audit/verify").json

    assert (whole["whole"], whole["lines"], whole["first"], whole["last"]) == (True, 3, 1, 3)
    assert re.fullmatch("3:[0-9a-f]{64}", whole["head"])
    assert (whole["fault"], whole["keyed"]) == (None, False)
    assert altered["whole"] is False
    assert altered["fault"] == "Line 2 was altered, or what is before it."


# -- on its page ------------------------------------------------------------------------------


def test_the_page_shows_lines_and_the_next_of_them(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facecog.web.pages.LINES", 2)
    busy(facecog)

    first = client.get("/audit?actor=key").text
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = client.get(following.replace("&amp;", "&")).text

    assert re.findall(r'data-action="(.*?)"', first) == ["view.person", "identify"]
    assert re.findall(r'data-action="(.*?)"', second) == ["enrol"]
    assert "match 1.0000" in first
    assert "Recognised a photo" in first
    assert "Anna" not in first + second


def test_the_page_looks_at_the_chain(client: FlaskClient, facecog: Facecog) -> None:
    busy(facecog)
    # Showing the page is a line too, which comes before the look.
    assert "Whole: 4 lines, from 1 to 4." in client.get("/audit?check=1").text
    alter(facecog._store)
    assert "The audit was altered. Line 2 was altered" in client.get("/audit?check=1").text


def test_the_page_says_where_nothing_is_found(client: FlaskClient) -> None:
    assert "Nothing was recorded" in client.get("/audit?action=verify").text


def test_what_the_page_has_no_words_for_is_shown_as_it_is(
    client: FlaskClient, facecog: Facecog
) -> None:
    facecog._store.trail.add("<new>", x="<b>")

    page = client.get("/audit").text

    assert "&lt;new&gt;" in page
    assert "x &lt;b&gt;" in page


def test_each_action_that_facecog_records_has_words() -> None:
    source = "".join(
        file.read_text("utf-8") for file in (Path(cli.__file__).parents[1]).rglob("*.py")
    )
    calls = r'(?:note\(\s*(?:to\.)?connection,|_log\.note\(|_trail\.add\()\s*"'
    recorded = set(re.findall(calls + '(.*?)"', source))
    recorded |= {f"view.{what}" for what in re.findall(r'viewed\(\s*"(\w+)"', source)}
    assert {"identify", "enrol", "undo", "promise", "view.crop", "export.audit"} <= recorded

    missing = {
        action
        for action in recorded
        if f"action_{action.replace('.', '_')}" not in CATALOGUES["en"]["audit"]
    }
    assert missing == set()


# -- on the command line ----------------------------------------------------------------------


def test_the_command_lists_lines(facecog: Facecog, home: Path) -> None:
    busy(facecog)
    said = run("list", "--actor", "key", "--until", "2999-01-01").output.splitlines()

    assert [line.split()[5] for line in said] == ["view.person", "identify", "enrol"]
    assert said[0].startswith("3  ")
    assert "key:1f0c r1" in said[0]


def test_the_command_lists_lines_about_somebody_as_json(facecog: Facecog, home: Path) -> None:
    busy(facecog)
    anna = facecog._store.subject_named("Anna").id
    said = run("list", "--json", "--subject", anna, "--action", "identify").output

    (line,) = map(json.loads, said.splitlines())
    assert (line["action"], line["subject_id"], line["actor"]) == ("identify", anna, "key:1f0c")


def test_the_command_verifies(facecog: Facecog, home: Path) -> None:
    assert run("verify").output == "there are no lines\n"
    busy(facecog)
    whole = run("verify")
    (head,) = re.findall("head (3:[0-9a-f]{64})", whole.output)
    noted = run("verify", "--head", head)
    another = run("verify", "--head", f"3:{'0' * 64}")
    unread = run("verify", "--head", "three")
    alter(facecog._store)
    altered = run("verify")

    assert whole.exit_code == noted.exit_code == 0
    assert "3 lines from 1 to 3, hashes without a key" in whole.output
    assert whole.output.endswith("whole\n")
    assert another.exit_code == altered.exit_code == 1
    assert "Line 3 is not the one that was noted." in another.output
    assert "Line 2 was altered, or what is before it." in altered.output
    assert unread.exit_code == 2
    assert json.loads(run("verify", "--json").output.splitlines()[0])["whole"] is False


def test_the_command_exports_lines_that_others_can_verify(
    facecog: Facecog, home: Path, tmp_path: Path
) -> None:
    busy(facecog)
    said = run("export", str(tmp_path / "audit.jsonl")).output

    exported = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert said == f"4 lines written to {tmp_path / 'audit.jsonl'}\n"
    assert [line["action"] for line in exported][-1] == "export.audit"
    assert_chained(exported)
    assert run("export", str(tmp_path / "nowhere" / "file")).exit_code == 1


def assert_chained(lines: list[dict[str, object]]) -> None:
    """By what docs/audit.md says of the hash, and nothing of facecog's own."""

    before = ""
    for line in lines:
        said = [before, *(line[name] for name in ("number", "at", "action", "actor"))]
        said += [line[name] for name in ("request_id", "collection_id", "subject_id")]
        said += [json.dumps(line["details"], separators=(",", ":"))]
        text = json.dumps(said, separators=(",", ":"))
        before = hashlib.sha256(text.encode()).hexdigest()
        assert line["hash"] == before


def test_the_settings_reach_the_audit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACECOG_AUDIT", "some")
    refused = run("list")
    monkeypatch.setenv("FACECOG_AUDIT", "off")
    run("export", str(home / "none.jsonl"))

    assert refused.exit_code == 1
    assert "FACECOG_AUDIT is all, changes or off, not some." in refused.output
    with closing(Store.on_sqlite(home)) as store:
        assert list(store.audit.lines()) == []
