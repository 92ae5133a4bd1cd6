"""The access code of `facecog serve --lan`: who gets in, and how often one may guess."""

from __future__ import annotations

import logging
import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from facecog.config import Settings
from facecog.errors import TooManyAttempts
from facecog.service import Facecog
from facecog.web.access import Access
from facecog.web.app import create_app
from facecog.web.attempts import Attempts
from facecog.web.codes import ALPHABET, new_code
from facecog.web.cookies import CODE as COOKIE
from facecog.web.rules import OPEN_FILES, RULES, Permission
from tests.test_pages import PAGES, Links

CODE = "K7QM-2MXP"
HERE = "https://localhost"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Clock:
    """A time that passes when told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(facecog: Facecog, settings: Settings, clock: Clock) -> FlaskClient:
    """A client of a facecog that asks for the code."""
    app = create_app(facecog, settings, Access(CODE, clock))
    app.testing = False
    return app.test_client()


def enter(door: FlaskClient, code: str = CODE, target: str = "/", address: str = "10.0.0.7"):
    return door.post(
        "/access",
        base_url=HERE,
        data={"code": code, "next": target},
        headers={**BROWSER, "Origin": HERE},
        environ_base={"REMOTE_ADDR": address},
    )


def bearer(door: FlaskClient, code: str = CODE, address: str = "10.0.0.7"):
    return door.get(
        "/api/subjects",
        base_url=HERE,
        headers={"Authorization": f"Bearer {code}"},
        environ_base={"REMOTE_ADDR": address},
    )


# -- without the code -------------------------------------------------------------------------


def every_route(door: FlaskClient) -> list[tuple[str, str]]:
    uuid = "0" * 8 + "-0000-4000-8000-" + "0" * 12
    return [
        (method, re.sub(r"<uuid:\w+>", uuid, re.sub(r"<(?!uuid)[^>]*>", "app.js", rule.rule)))
        for rule in door.application.url_map.iter_rules()
        if RULES[rule.endpoint] is not Permission.OPEN
        for method in sorted(rule.methods or ())
    ]


def test_nothing_is_answered_without_the_code(door: FlaskClient) -> None:
    routes = every_route(door)
    assert ("POST", "/api/register") in routes and ("GET", "/openapi.json") in routes

    for method, path in [*routes, ("GET", "/nothing"), ("BREW", "/")]:
        for headers in ({}, BROWSER):
            with door.open(path, method=method, base_url=HERE, headers=headers) as answer:
                asked = answer.headers.get("Location", "").startswith("/access")
                assert asked if headers and "/api/" not in path else answer.status_code == 401, path


def test_a_program_is_told_what_is_missing(door: FlaskClient) -> None:
    answer = door.get("/api/subjects", base_url=HERE)

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json["code"] == "access_code_needed"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="facecog"'


@pytest.mark.parametrize("path", PAGES)
def test_a_page_leads_to_the_code_and_back_to_itself(door: FlaskClient, path: str) -> None:
    refused = door.get(f"{path}?a=1&b=%2F", base_url=HERE, headers=BROWSER)
    assert refused.status_code == 303
    asking = door.get(refused.headers["Location"], base_url=HERE, headers=BROWSER)
    assert asking.status_code == 200
    target = re.search(r'name="next" value="([^"]*)"', asking.text)

    assert target and unescape(target[1]) == f"{path}?a=1&b=%2F"
    entered = enter(door, target=unescape(target[1]))
    assert (entered.status_code, entered.headers["Location"]) == (303, f"{path}?a=1&b=%2F")
    assert door.get(path, base_url=HERE).status_code == 200


def test_the_page_that_asks_is_whole_and_shows_nothing_else(door: FlaskClient) -> None:
    page = door.get("/access", base_url=HERE)
    links = Links(page.text)

    assert page.headers["Cache-Control"] == "no-store"
    assert links.inline == []
    for address in links.addresses:
        if address not in ("/", "#main"):
            assert address == "/access" or address.rpartition("/")[2] in OPEN_FILES
            with door.get(address, base_url=HERE) as answer:
                assert answer.status_code == 200, address


# -- with the code ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", [CODE, "k7qm2mxp", " K7QM 2MXP ", "K7QM\u20132MXP", "k-7-q-m-2mxp"]
)
def test_the_code_lets_in_however_it_is_typed(door: FlaskClient, code: str) -> None:
    assert enter(door, code).status_code == 303
    assert door.get("/api/subjects", base_url=HERE).status_code == 200


def test_the_cookie_is_for_this_host_over_https_and_not_for_scripts(door: FlaskClient) -> None:
    cookie = enter(door).headers["Set-Cookie"]

    assert cookie.startswith(f"{COOKIE}=")
    assert set(cookie.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}
    assert "K7QM" not in cookie


def test_the_cookie_of_another_start_lets_nobody_in(
    door: FlaskClient, facecog: Facecog, settings: Settings
) -> None:
    enter(door)
    cookie = door.get_cookie(COOKIE)
    assert cookie
    anew = create_app(facecog, settings, Access(CODE)).test_client()
    for value in (cookie.value, "", ".", "x.y", cookie.value + "0", "\u00e9.\u00e9"):
        headers = {"Cookie": f"{COOKIE}={value}"}
        assert anew.get("/api/subjects", base_url=HERE, headers=headers).status_code == 401


def test_a_program_sends_the_code_with_each_request(door: FlaskClient) -> None:
    assert bearer(door).status_code == 200

    wrong = bearer(door, "AAAA-AAAA")
    assert (wrong.status_code, wrong.json["code"]) == (401, "access_code_wrong")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    assert door.get("/api/subjects", base_url=HERE).status_code == 401


def test_a_wrong_code_is_said_on_the_page_and_the_page_asked_for_is_kept(door: FlaskClient) -> None:
    refused = enter(door, "AAAA-AAAA", target="/register")

    assert refused.status_code == 403
    assert "This is not the code." in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert 'value="/register"' in refused.text
    assert "AAAA" not in refused.text


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "evil.example",
        "",
    ],
)
def test_it_leads_to_no_other_site(door: FlaskClient, target: str) -> None:
    asking = door.get("/access", base_url=HERE, query_string={"next": target})
    assert 'name="next" value="/"' in asking.text

    assert enter(door, target=target).headers["Location"] == "/"
    again = door.get("/access", base_url=HERE, query_string={"next": target})
    assert again.headers["Location"] == "/#main"


def test_another_sites_form_cannot_guess(door: FlaskClient) -> None:
    answer = door.post(
        "/access", base_url=HERE, data={"code": CODE}, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_code_is_not_in_the_log(door: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        enter(door)
        enter(door, "AAAA-AAAA")
        bearer(door)
        door.get(f"/access?next=/{CODE}", base_url=HERE)

    assert "POST /access 303" in caplog.text
    assert "K7QM" not in caplog.text and "AAAA" not in caplog.text


# -- guessing ---------------------------------------------------------------------------------


def test_after_five_wrong_codes_even_the_right_one_has_to_wait(
    door: FlaskClient, clock: Clock
) -> None:
    assert [enter(door, "AAAA-AAAA").status_code for _ in range(6)] == [403] * 5 + [429]

    refused = enter(door)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert "Wait 2 seconds" in refused.text
    program = bearer(door)
    assert (program.status_code, program.json["code"]) == (429, "too_many_attempts")
    assert program.headers["Retry-After"] == "2"

    assert enter(door, address="10.0.0.8").status_code == 303  # somebody else
    clock.now += 1
    assert enter(door).status_code == 303


def test_who_is_in_stays_in_while_others_guess(door: FlaskClient) -> None:
    enter(door)
    for number in range(100):
        bearer(door, "AAAA-AAAA", address=f"10.0.1.{number}")

    assert door.get("/api/subjects", base_url=HERE).status_code == 200


def guesses(attempts: Attempts, clock: Clock, addresses: list[str], seconds: int) -> int:
    """How many codes one gets looked at who tries without a pause from all these addresses."""
    looked_at = 0
    for _ in range(seconds):
        for address in addresses:
            try:
                attempts.count(address, right=False)
                looked_at += 1
            except TooManyAttempts:
                pass
        clock.now += 1
    return looked_at


def test_an_hour_of_guessing_is_worth_little(clock: Clock) -> None:
    hour = 3_600
    alone = guesses(Attempts(clock), clock, ["10.0.0.7"], hour)
    many = guesses(Attempts(clock), clock, [f"10.0.0.{n}" for n in range(50)], hour)
    same_network = guesses(Attempts(clock), clock, [f"fd00::{n:x}" for n in range(1, 50)], hour)

    assert alone < 80
    assert many < 800
    assert same_network == alone
    assert many / len(ALPHABET) ** 8 < 1e-8


def test_wrong_codes_are_forgotten_after_a_while(clock: Clock) -> None:
    attempts = Attempts(clock)
    guesses(attempts, clock, ["10.0.0.7"], 600)
    clock.now += Attempts.FORGOTTEN + 1

    assert guesses(attempts, clock, ["10.0.0.7"], 1) == 1
    assert guesses(attempts, clock, ["10.0.0.7"], 4) == 4


def test_no_more_clients_are_remembered_than_a_thousand(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(3_000):
        clock.now += Attempts.LONGEST_IN_ALL
        attempts.count(f"10.0.{number // 250}.{number % 250}", right=False)

    assert len(attempts._clients) == Attempts.CLIENTS


def test_an_ipv4_client_is_the_same_by_either_family(clock: Clock) -> None:
    attempts = Attempts(clock)
    guesses(attempts, clock, ["10.0.0.7"] * 5, 1)
    clock.now -= 1

    with pytest.raises(TooManyAttempts):
        attempts.count("::ffff:10.0.0.7", right=True)


def test_codes_are_long_plain_and_never_the_same() -> None:
    codes = {new_code() for _ in range(500)}

    assert len(codes) == 500
    assert all(re.fullmatch(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", code) for code in codes)
    assert not set(ALPHABET) & set("01ILOU")
