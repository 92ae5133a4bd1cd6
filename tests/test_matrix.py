"""The access matrix: every route and every command, tried with every kind of access."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from facecog.acting import Role, actor
from facecog.cli import common
from facecog.cli import main as cli
from facecog.cli.rules import RULES as OF_COMMANDS
from facecog.cli.rules import commands, guarded
from facecog.permissions import Permission
from facecog.service import Facecog
from facecog.store import Store
from facecog.web.rules import RULES
from tests.assets import MODELS
from tests.matrix import (
    ACCESS,
    ANOTHER,
    PAGE,
    SOME_ID,
    Route,
    command_allowed,
    route_allowed,
    routes,
    written,
)

PASSWORD = "correct horse battery"
COMMANDS = dict(commands(cli))
NOBODYS = 65534  # the user "nobody"


@pytest.fixture
def keys(facecog: Facecog) -> dict[str, str]:
    """Kind of access -> a key. There is an account, so that everybody has to say who they are."""
    facecog.accounts.add("Olga", PASSWORD, Role.OWNER)
    other = facecog.collections.add("other").id
    return {
        kind: facecog.keys.add(kind, who.role, other if who.collection else None)[1]
        for kind, who in ACCESS.items()
        if who.role
    }


def test_the_page_shows_the_matrix_as_it_is(client: FlaskClient) -> None:
    page = PAGE.read_text("utf-8")

    assert page == written(page, client.application), "python -m tests.matrix"


# -- routes -------------------------------------------------------------------------------------


def asked(client: FlaskClient, route: Route, key: str | None) -> TestResponse:
    """All of them ask for the default collection."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    query = {"collection": "default"}
    return client.open(route.path, method=route.method, headers=headers, query_string=query)


def refused(answer: TestResponse) -> bool:
    """By the rules: not by a form that says what was wrong in it."""
    return answer.status_code in (401, 403) and answer.mimetype == "application/problem+json"


def test_every_route_has_a_rule_and_every_rule_a_route(client: FlaskClient) -> None:
    assert {rule.endpoint for rule in client.application.url_map.iter_rules()} == set(RULES)


@pytest.mark.parametrize("kind", ACCESS)
def test_each_route_lets_in_whom_the_matrix_says(
    client: FlaskClient, keys: dict[str, str], kind: str
) -> None:
    for route in routes(client.application):
        with asked(client, route, keys.get(kind)) as answer:
            allowed = not refused(answer)
            assert allowed == route_allowed(route.endpoint, ACCESS[kind]), (route, answer.status)
            if not allowed and route.method != "HEAD":
                code = answer.json["code"]
                assert code == ("access_needed" if kind == "nobody" else "not_allowed"), route


@pytest.mark.parametrize("role", Role)
def test_who_signs_in_may_what_a_key_of_the_role_may(
    client: FlaskClient, facecog: Facecog, role: Role
) -> None:
    for name, has in (("Olga", Role.OWNER), ("Ruth", role)):
        facecog.accounts.add(name, PASSWORD, has)
    for route in routes(client.application):
        client.post("/sign-in", data={"name": "Ruth", "password": PASSWORD})  # some sign out
        with asked(client, route, None) as answer:
            assert refused(answer) != route_allowed(route.endpoint, ACCESS[role.value]) or (
                answer.json["code"] == "wrong_password"
            ), (route, answer.status)


def test_a_key_of_one_collection_does_there_what_its_role_may_and_gives_no_access(
    client: FlaskClient, facecog: Facecog, keys: dict[str, str]
) -> None:
    facecog.enrol("Anna", b"anna")

    def ask(path: str, method: str = "GET", **sent: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {keys[ANOTHER]}"}
        return client.open(path, method=method, headers=headers, **sent)

    assert ask("/api/subjects").json["subjects"] == []
    assert ask("/api/ready").json == {"status": "ready"}  # it counts all collections
    assert ask("/api/subjects?collection=other").status_code == 200
    # Not even whether there is one of some name.
    for name in ("default", "nowhere"):
        assert ask(f"/api/subjects?collection={name}").json["code"] == "not_allowed"
    for path in ("/api/keys", "/api/accounts", "/api/collections"):
        given = {"name": "x", "role": "owner", "password": PASSWORD}
        assert ask(path, "POST", json=given).status_code == 403


def test_a_route_without_a_rule_is_refused_to_the_owner_too(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/api/promise").status_code == 200
    monkeypatch.delitem(RULES, "api.show_promise")

    answer = client.get("/api/promise")

    assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")


# -- commands -----------------------------------------------------------------------------------


@pytest.fixture
def home(facecog: Facecog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of `facecog`, for commands."""
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACECOG_MODELS", str(MODELS))
    monkeypatch.setattr(common, "open_facecog", lambda settings: facecog)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


# What such a command needs beside what it says that it does.
ALSO = {"changes erase": ["--all"]}


def words(path: str) -> list[str]:
    """What is typed after a command so that it takes it, whatever comes of it."""
    command, found = COMMANDS[path], [*ALSO.get(path, [])]
    for argument in command.params:
        needed = isinstance(argument, click.Argument) or argument.required
        if not needed or (isinstance(argument, click.Argument) and not argument.required):
            continue
        if isinstance(argument, click.Option):
            found.append(argument.opts[0])
        found.append(_word(argument.type))
    return found


def _word(kind: click.ParamType) -> str:
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.types.UUIDParameterType):
        return SOME_ID
    if isinstance(kind, click.Path) and kind.exists:
        place = Path("some" if kind.file_okay else "folder")
        place.touch() if kind.file_okay else place.mkdir(exist_ok=True)
        return str(place)
    return "some"


def typed(path: str, **environment: str) -> Result:
    arguments = [*path.split(), *words(path)]
    return CliRunner().invoke(cli, arguments, env=environment, input="")


def test_every_command_has_a_rule_and_every_rule_a_command() -> None:
    assert set(COMMANDS) == set(OF_COMMANDS)


@pytest.mark.parametrize("kind", [role.value for role in Role])
def test_each_command_is_done_for_whom_the_matrix_says(
    home: Path, keys: dict[str, str], kind: str
) -> None:
    for path in COMMANDS:
        # What is allowed is not done here, only that it would be.
        stand_in = click.Command("x", callback=guarded(path, lambda: click.echo("done")))
        asked = CliRunner().invoke(stand_in, env={"FACECOG_TOKEN": keys[kind]})
        allowed = command_allowed(path, ACCESS[kind])
        assert (asked.stdout == "done\n") == allowed, path
        if not allowed:
            said = typed(path, FACECOG_TOKEN=keys[kind])
            assert (said.exit_code, said.stdout) == (1, ""), path
            assert "may not" in said.stderr and len(said.stderr.splitlines()) == 1, path


def test_a_key_of_another_collection_commands_nothing_here(
    home: Path, keys: dict[str, str]
) -> None:
    asks = {"FACECOG_TOKEN": keys[ANOTHER], "FACECOG_COLLECTION": "default"}
    for path in COMMANDS:
        if OF_COMMANDS[path] is not Permission.OPEN:
            said = typed(path, **asks)
            assert said.exit_code == 1, (path, said.output)
            assert "may not" in said.stderr or "another collection" in said.stderr, path


def test_commands_act_as_the_key_that_they_are_given(
    home: Path, facecog: Facecog, keys: dict[str, str]
) -> None:
    (key,) = [one for one in facecog.keys.listed() if one.name == "enroller"]
    seen: list[str] = []
    command = click.Command("x", callback=guarded("register", lambda: seen.append(str(actor()))))

    CliRunner().invoke(command)
    CliRunner().invoke(command, env={"FACECOG_TOKEN": keys["enroller"]})

    assert seen == ["command", f"key:{key.id}"]
    assert str(actor()) == "system"
    wrong = CliRunner().invoke(cli, ["people", "list"], env={"FACECOG_TOKEN": "fc_wrong"})
    assert (wrong.exit_code, wrong.stderr) == (
        1,
        "Error: This is not an API key of this facecog.\n",
    )


def test_a_command_without_a_rule_is_done_for_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed("people list").exit_code == 0
    monkeypatch.delitem(OF_COMMANDS, "people list")

    said = typed("people list")

    assert said.exit_code == 1 and "No rule says" in said.stderr


@contextmanager
def somebody_else() -> Iterator[None]:
    """Another user of this machine."""
    os.seteuid(NOBODYS)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone can")
def test_another_user_of_the_machine_gets_in_by_no_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # what keeps others out is the home itself
        home = Path(place, "home")
        Store.on_sqlite(home).close()
        monkeypatch.setenv("FACECOG_HOME", str(home))
        monkeypatch.chdir(place)
        given = {path: words(path) for path in COMMANDS}
        for path in COMMANDS:
            if OF_COMMANDS[path] is Permission.OPEN:
                continue
            with somebody_else():
                said = CliRunner().invoke(cli, [*path.split(), *given[path]], input="")
            assert (said.exit_code, said.stdout) == (1, ""), path
            if path != "import-legacy":  # which looks at the other folder first
                assert f"{home} cannot be used: Permission denied." in said.stderr, path


def test_what_is_in_the_home_is_its_owners_alone(home: Path, facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    made = [home, *home.rglob("*")]
    assert {"faces.db", "faces.db-wal", "dataset"} <= {one.name for one in made}
    assert [one for one in made if one.stat().st_mode & 0o077] == []
