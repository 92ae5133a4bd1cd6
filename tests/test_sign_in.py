"""Who is let in: at this machine, from elsewhere, signed in, with a key, and at the first run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from facecog.acting import Role
from facecog.config import Settings
from facecog.errors import DatabaseUnavailable, InvalidSetting
from facecog.service import Facecog
from facecog.web.access import FORWARDED, Access
from facecog.web.app import create_app
from tests.sending import multipart
from tests.test_access import Clock
from tests.test_pages import Links

PASSWORD, OTHER = "correct horse battery", "staple staple staple"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ELSEWHERE = {"REMOTE_ADDR": "10.0.0.7"}
CODE = "K7QM-2MXP"

Opened = Callable[..., FlaskClient]


@pytest.fixture
def opened(facecog: Facecog, settings: Settings) -> Opened:
    """A client of an app that lets in by these rules."""

    def opened(access: Access | None = None, mode: str = "auto") -> FlaskClient:
        given = replace(settings, access=mode, hosts="facecog.test")
        app = create_app(facecog, given, access)
        app.testing = False
        return app.test_client()

    return opened


def sign_in(client: FlaskClient, name: str = "Anna", password: str = PASSWORD, **also: str):
    data = {"name": name, "password": password, **also}
    return client.post("/sign-in", data=data, headers=BROWSER)


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


# -- this machine -------------------------------------------------------------------------------


def test_without_an_account_this_machine_is_let_in_and_nobody_else(opened: Opened) -> None:
    client = opened()

    assert client.get("/api/session").json["kind"] == "local"
    refused = client.get("/api/subjects", environ_base=ELSEWHERE)
    assert code_of(refused) == (403, "access_not_set_up")
    assert "facecog accounts add" in refused.json["detail"]
    page = client.get("/", headers=BROWSER, environ_base=ELSEWHERE)
    assert (page.status_code, page.mimetype) == (403, "text/html")
    assert "facecog accounts add" in page.text


@pytest.mark.parametrize("variable", sorted(FORWARDED))
def test_who_comes_through_a_proxy_is_not_this_machine(opened: Opened, variable: str) -> None:
    header = variable.removeprefix("HTTP_").replace("_", "-")

    refused = opened().get("/api/subjects", headers={header: "203.0.113.9"})

    assert code_of(refused) == (403, "access_not_set_up")


def test_from_the_first_account_on_everybody_says_who_they_are(
    opened: Opened, facecog: Facecog
) -> None:
    client = opened()
    made = client.post(
        "/api/accounts", json={"name": "Anna", "password": PASSWORD, "role": "owner"}
    )

    assert made.status_code == 201 and "password" not in made.text
    assert code_of(client.get("/api/subjects")) == (401, "access_needed")
    assert client.get("/api/subjects").headers["WWW-Authenticate"] == 'Bearer realm="facecog"'
    page = client.get("/people?q=a&b=%2F", headers=BROWSER)
    assert page.headers["Location"] == "/sign-in?next=%2Fpeople%3Fq%3Da%26b%3D%252F"
    assert [str(one.role) for one in facecog.accounts.listed()] == ["Role.OWNER"]


def test_open_lets_everybody_in_and_says_so_of_them(opened: Opened, facecog: Facecog) -> None:
    client = opened(mode="open")
    facecog.accounts.add("Anna", PASSWORD, Role.OWNER)

    session = client.get("/api/session", environ_base=ELSEWHERE).json
    assert (session["kind"], session["role"]) == ("open", "owner")
    # A token of whatever stands in front is not taken for a key.
    theirs = {"Authorization": "Bearer eyJhbGciOi"}
    assert client.get("/api/session", headers=theirs).json["kind"] == "open"
    with pytest.raises(InvalidSetting, match="auto or open"):
        opened(mode="closed")


def test_health_says_no_more_than_that_it_is_alive_to_whoever_is_not_let_in(
    opened: Opened, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened()
    assert "version" in client.get("/api/health").json
    assert client.get("/api/health", environ_base=ELSEWHERE).json == {"status": "ok"}

    def gone() -> bool:
        raise DatabaseUnavailable("The database does not answer; try again.")

    monkeypatch.setattr(facecog.accounts, "are_there", gone)
    assert client.get("/api/health", environ_base=ELSEWHERE).json == {"status": "ok"}
    assert client.get("/api/subjects").status_code == 503


# -- signing in ---------------------------------------------------------------------------------


@pytest.fixture
def door(opened: Opened, facecog: Facecog) -> FlaskClient:
    """There are Anna, an owner, and Ben, who may only recognise."""
    facecog.accounts.add("Anna", PASSWORD, Role.OWNER)
    facecog.accounts.add("Ben", PASSWORD, Role.RECOGNISER)
    return opened()


def test_who_signs_in_is_let_in_and_led_on(door: FlaskClient) -> None:
    answer = sign_in(door, next="/people?q=a")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/people?q=a")
    session = door.get("/api/session").json
    assert (session["kind"], session["name"], session["role"]) == ("account", "Anna", "owner")
    assert door.get("/sign-in", headers=BROWSER).headers["Location"] == "/"
    assert "Sign out" in door.get("/", headers=BROWSER).text


def test_the_cookie_is_not_for_scripts_nor_for_forms_of_other_sites(door: FlaskClient) -> None:
    cookie = sign_in(door).headers["Set-Cookie"]
    plain = set(cookie.split("; ")[1:])
    assert cookie.startswith("facecog_session=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= plain and "Secure" not in plain

    data = {"name": "Anna", "password": PASSWORD}
    cookie = door.post("/sign-in", base_url="https://localhost", data=data).headers["Set-Cookie"]
    assert cookie.startswith("__Host-facecog_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; ")[1:])


def test_signing_out_ends_the_session_and_not_only_the_cookie(door: FlaskClient) -> None:
    sign_in(door)
    kept = door.get_cookie("facecog_session")
    assert kept

    assert door.post("/sign-out").headers["Location"] == "/sign-in"

    assert door.get_cookie("facecog_session") is None
    door.set_cookie("facecog_session", kept.value)
    assert code_of(door.get("/api/subjects")) == (401, "access_needed")


def test_what_is_wrong_is_said_without_saying_what(door: FlaskClient) -> None:
    pages = [sign_in(door, *given) for given in (("Anna", OTHER), ("Carl", PASSWORD))]

    for page in pages:
        assert page.status_code == 403
        assert "Name and password do not go together." in page.text
        assert 'aria-invalid="true"' in page.text
        assert OTHER not in page.text and PASSWORD not in page.text
        assert "Set-Cookie" not in page.headers
    assert 'value="Anna"' in pages[0].text


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example/"])
def test_it_leads_to_no_other_site(door: FlaskClient, target: str) -> None:
    assert sign_in(door, next=target).headers["Location"] == "/"


def test_the_pages_at_the_door_are_whole_and_hold_nothing_else(door: FlaskClient) -> None:
    page = door.get("/sign-in", headers=BROWSER)
    links = Links(page.text)

    assert page.headers["Cache-Control"] == "no-store"
    assert links.inline == []
    for address in links.addresses:
        if address not in ("/", "#main"):
            with door.open(address, method="POST" if address == "/sign-in" else "GET") as answer:
                assert answer.status_code in (200, 403) and answer.mimetype != "application/json"


def test_over_plain_http_from_elsewhere_the_page_warns(door: FlaskClient) -> None:
    def warns(address: str) -> bool:
        return "in-the-clear" in door.get("/sign-in", base_url=address).text

    assert warns("http://facecog.test")
    assert not warns("http://localhost") and not warns("http://[::1]:8080")
    assert not warns("https://facecog.test")


def test_a_role_is_shown_and_allowed_what_is_its_own(door: FlaskClient) -> None:
    sign_in(door, "Ben")

    assert door.get("/recognise").status_code == 200
    home = door.get("/", headers=BROWSER).text
    assert 'href="/recognise"' in home
    assert 'href="/register"' not in home and 'href="/people"' not in home
    assert code_of(door.get("/api/subjects")) == (403, "not_allowed")
    page = door.get("/people", headers=BROWSER)
    assert (page.status_code, page.mimetype) == (403, "text/html")
    assert "You may not do this here." in page.text


def test_only_an_owner_erases_for_good(door: FlaskClient, facecog: Facecog) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    _, secret = facecog.keys.add("desk", Role.ENROLLER)
    headers = {"Authorization": f"Bearer {secret}"}
    address = f"/api/subjects/{anna.id}"

    refused = door.delete(f"{address}?forever=true", headers=headers)

    assert code_of(refused) == (403, "not_allowed")
    # An end that is past is an erasure too.
    ends = door.put(f"{address}/expiry", headers=headers, json={"expires_at": "2000-01-01"})
    assert code_of(ends) == (403, "not_allowed")
    assert door.delete(address, headers=headers).status_code == 200


def test_a_recogniser_is_not_told_who_is_nearest(door: FlaskClient, facecog: Facecog) -> None:
    """Or a few strangers' photos would list the gallery."""
    facecog.enrol("Anna", b"anna")
    facecog.enrol("Ben", b"ben")

    def found(role: Role, photo: bytes) -> Any:
        _, secret = facecog.keys.add(role.value, role)
        headers = {"Authorization": f"Bearer {secret}"}
        answer = door.post("/api/recognise", headers=headers, **multipart(image=photo))
        (face,) = answer.json["faces"]
        return face["decision"], face["score"], [one["name"] for one in face["candidates"]]

    decision, score, named = found(Role.RECOGNISER, b"carl")
    assert (decision, named) == ("unknown", [])
    assert found(Role.ENROLLER, b"carl")[:2] == (decision, score)
    assert {"Anna", "Ben"} == {*found(Role.ENROLLER, b"carl")[2]}
    assert found(Role.RECOGNISER, b"anna")[2] == ["Anna"]


# -- guessing -----------------------------------------------------------------------------------


def test_guessing_passwords_is_slowed_down_per_address(opened: Opened, facecog: Facecog) -> None:
    facecog.accounts.add("Anna", PASSWORD, Role.OWNER)
    clock = Clock()
    door = opened(Access(clock=clock))

    assert [sign_in(door, password=OTHER).status_code for _ in range(6)] == [403] * 5 + [429]
    refused = sign_in(door)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert "Wait 2 seconds" in refused.text
    elsewhere = {"name": "Anna", "password": PASSWORD}
    assert door.post("/sign-in", data=elsewhere, environ_base=ELSEWHERE).status_code == 303
    clock.now += 1
    assert sign_in(door).status_code == 303


def test_who_signs_in_often_never_waits(opened: Opened, facecog: Facecog) -> None:
    facecog.accounts.add("Anna", PASSWORD, Role.OWNER)
    door = opened(Access(clock=Clock()))

    assert {sign_in(door).status_code for _ in range(60)} == {303}


def test_ones_own_password_is_changed_by_who_knows_it(door: FlaskClient) -> None:
    sign_in(door)
    path = "/api/session/password"

    wrong = door.put(path, json={"now": OTHER, "password": OTHER})
    assert code_of(wrong) == (403, "wrong_password")
    short = door.put(path, json={"now": PASSWORD, "password": "short"})
    assert code_of(short) == (422, "invalid_password")
    assert door.put(path, json={"now": PASSWORD, "password": OTHER}).status_code == 204
    assert door.get("/api/session").status_code == 200
    assert sign_in(door).status_code == 403


# -- keys ---------------------------------------------------------------------------------------


def test_a_key_is_taken_by_either_header(door: FlaskClient, facecog: Facecog) -> None:
    key, secret = facecog.keys.add("door", Role.RECOGNISER)

    for headers in ({"Authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
        session = door.get("/api/session", headers=headers).json
        assert (session["kind"], session["id"]) == ("key", key.id)
        assert session["permissions"] == ["open", "enter", "recognise"]


def test_a_wrong_key_is_worse_than_none_also_at_this_machine(
    opened: Opened, facecog: Facecog
) -> None:
    client = opened()
    wrong = client.get("/api/subjects", headers={"Authorization": "Bearer fc_wrong"})

    assert code_of(wrong) == (401, "api_key_wrong")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    # And one that may less acts as what it is.
    _, secret = facecog.keys.add("door", Role.RECOGNISER)
    assert client.get("/api/subjects", headers={"x-api-key": secret}).status_code == 403


def test_guessing_keys_is_slowed_down_and_right_ones_are_not(
    opened: Opened, facecog: Facecog
) -> None:
    door = opened(Access(clock=Clock()))
    _, secret = facecog.keys.add("door", Role.OWNER)

    def status(key: str) -> int:
        return door.get("/api/subjects", headers={"x-api-key": key}).status_code

    assert [status("fc_wrong") for _ in range(6)] == [401] * 5 + [429]
    assert status(secret) == 200


def test_nothing_that_lets_in_is_in_the_log(
    door: FlaskClient, facecog: Facecog, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = facecog.keys.add("door", Role.OWNER)
    with caplog.at_level(logging.DEBUG):
        sign_in(door)
        sign_in(door, password=OTHER)
        door.get("/api/subjects", headers={"x-api-key": secret})
        door.get("/api/subjects", headers={"x-api-key": "fc_wrongwrong"})

    token = door.get_cookie("facecog_session")
    assert token and "POST /sign-in 303" in caplog.text
    for hidden in (PASSWORD, OTHER, secret, "wrongwrong", token.value):
        assert hidden not in caplog.text


# -- the first run ------------------------------------------------------------------------------


def welcome(client: FlaskClient, code: str = CODE, name: str = "Anna", password: str = PASSWORD):
    data = {"code": code, "name": name, "password": password}
    return client.post("/welcome", data=data, headers=BROWSER)


def test_where_others_reach_it_nobody_is_let_in_before_the_owner_is(opened: Opened) -> None:
    client = opened(Access(local=False, welcome=CODE))

    assert code_of(client.get("/api/subjects")) == (401, "access_needed")
    assert client.get("/", headers=BROWSER).headers["Location"] == "/welcome"
    assert client.get("/welcome").status_code == 200
    assert sign_in(client).status_code == 403


def test_the_owners_account_is_made_once_by_the_code(opened: Opened, facecog: Facecog) -> None:
    client = opened(Access(local=False, welcome=CODE))

    assert welcome(client, "AAAA-AAAA").status_code == 403
    short = welcome(client, password="short")
    assert short.status_code == 422 and "10 to 200" in short.text
    made = welcome(client, "k7qm 2mxp")
    assert (made.status_code, made.headers["Location"]) == (303, "/")
    assert client.get("/api/session").json["name"] == "Anna"

    assert welcome(client, name="Eve").headers["Location"] == "/"
    assert client.get("/welcome", headers=BROWSER).headers["Location"] == "/"
    assert [one.name for one in facecog.accounts.listed()] == ["Anna"]


def test_the_code_of_the_first_run_cannot_be_guessed(opened: Opened) -> None:
    client = opened(Access(clock=Clock(), local=False, welcome=CODE))

    assert [welcome(client, "AAAA-AAAA").status_code for _ in range(6)] == [403] * 5 + [429]
    assert welcome(client).status_code == 429


def test_without_a_first_run_there_is_no_welcome(opened: Opened, facecog: Facecog) -> None:
    client = opened()

    assert client.get("/welcome").headers["Location"] == "/"
    assert welcome(client, "").headers["Location"] == "/"
    assert not facecog.accounts.are_there()


def test_an_account_ends_the_code_of_lan(opened: Opened, facecog: Facecog) -> None:
    client = opened(Access(CODE))
    bearer = {"Authorization": f"Bearer {CODE}"}
    assert client.get("/api/session", headers=bearer).json["kind"] == "code"

    facecog.accounts.add("Anna", PASSWORD, Role.OWNER)

    assert code_of(client.get("/api/session", headers=bearer)) == (401, "api_key_wrong")
    assert client.get("/", headers=BROWSER).headers["Location"] == "/sign-in"
    assert client.get("/access").headers["Location"] == "/sign-in?next=/"
