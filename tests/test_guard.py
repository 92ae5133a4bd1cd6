"""What every request passes: by which name it came, from which site's page, through which proxy."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from facecog.acting import Role
from facecog.config import Settings
from facecog.errors import InvalidSetting
from facecog.service import Facecog
from facecog.web import network
from facecog.web.app import create_app
from facecog.web.cors import Origins
from facecog.web.hosts import Hosts
from facecog.web.proxies import Proxies
from tests.sending import form

PAGE = {"Accept": "text/html"}
OTHER_SITES = "https://app.example.org"


@pytest.fixture
def make(facecog: Facecog, settings: Settings):
    """A client of a facecog with other settings."""

    def make(known_by: Hosts | None = None, **changed: Any) -> FlaskClient:
        app = create_app(facecog, replace(settings, **changed), hosts=known_by)
        app.testing = False
        return app.test_client()

    return make


def answer_to(client: FlaskClient, host: str) -> tuple[int, str | None]:
    """Status and code of a request for this host, as `Host` says it."""
    answer = client.get("/api/health", headers={"Host": host})
    return answer.status_code, (answer.json or {}).get("code")


ALLOWED, REFUSED, MALFORMED = (200, None), (421, "host_not_allowed"), (400, "malformed_request")


# -- names: DNS rebinding ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "a.localhost:1",
        "127.0.0.1:8080",
        "127.9.8.7",
        "[::1]",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_this_machine_is_always_known(client: FlaskClient, host: str) -> None:
    assert answer_to(client, host) == ALLOWED


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evillocalhost",
        "192.0.2.7",
        "0.0.0.0:8080",
        "[2001:db8::1]",
        "2130706433",
        "127.1",
    ],
)
def test_another_name_that_leads_here_is_refused(client: FlaskClient, host: str) -> None:
    assert answer_to(client, host) == REFUSED


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "localhost:",
        "localhost:80:80",
        "localhost:port",
        "localhost, evil.example",
        "evil.example@localhost",
        "localhost/evil",
        "[::1",
        "::1",
        "[evil]",
        "a b",
        "lócalhost",
    ],
)
def test_what_is_no_host_is_refused(client: FlaskClient, host: str) -> None:
    assert answer_to(client, host) == MALFORMED


def test_the_refusal_says_which_setting_helps_and_keeps_the_name_to_itself(
    client: FlaskClient,
) -> None:
    answer = client.get("/", headers={"Host": "evil.example", **PAGE})

    assert answer.status_code == 421
    assert "FACECOG_HOSTS" in answer.text and "evil.example" not in answer.text


def test_nothing_at_all_is_answered_under_another_name(client: FlaskClient) -> None:
    for rule in client.application.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", "0" * 8 + "-0000-4000-8000-" + "0" * 12, rule.rule)
        for method in rule.methods or ():
            answer = client.open(path, method=method, headers={"Host": "evil.example"})
            assert answer.status_code == 421, (method, path)


def test_named_hosts_are_known(make) -> None:
    client = make(hosts="Faces.Example.org, .example.net,192.0.2.7")

    for host in ("faces.example.org", "faces.example.org:8443", "a.example.net", "b.a.example.net"):
        assert answer_to(client, host) == ALLOWED, host
    assert answer_to(client, "192.0.2.7:80") == ALLOWED
    for host in ("example.net", "xexample.net", "example.org", "a.faces.example.org", "192.0.2.8"):
        assert answer_to(client, host) == REFUSED, host


@pytest.mark.parametrize(
    "text", ["https://a.example", "a.example:80", "*", "a b", "a,*.b", "[::1]"]
)
def test_a_list_of_hosts_that_is_none_is_refused_at_the_start(make, text: str) -> None:
    with pytest.raises(InvalidSetting, match="FACECOG_HOSTS"):
        make(hosts=text)


def test_a_server_for_others_is_known_by_any_address_and_by_the_names_it_has(
    make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "names", lambda: ["anna-pc", "anna-pc.local"])
    client = make(Hosts().serving_on("", "faces.example.org", "*.example.net"))

    for host in ("192.0.2.7:8443", "[2001:db8::1]", "anna-pc.local", "faces.example.org"):
        assert answer_to(client, host) == ALLOWED, host
    assert answer_to(client, "a.example.net:8443") == ALLOWED
    assert answer_to(client, "evil.example") == REFUSED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_server_for_this_machine_alone_is_known_by_no_other_name(host: str) -> None:
    assert Hosts().serving_on(host, "anna-pc") == Hosts()


# -- pages of other sites ---------------------------------------------------------------------


def refused(answer) -> bool:
    return answer.status_code == 403 and answer.json["code"] == "cross_origin"


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://localhost", True),
        ("https://localhost", False),
        ("http://localhost:8080", False),
        ("http://127.0.0.1", False),
        ("null", False),
    ],
)
def test_a_page_is_of_its_own_by_scheme_host_and_port(
    client: FlaskClient, origin: str, own: bool
) -> None:
    answer = client.put("/api/promise", headers={"Origin": origin}, **form(fpir="0.01"))

    assert answer.status_code == (200 if own else 403)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
def test_a_browser_that_says_another_site_asked_is_believed(client: FlaskClient, site: str) -> None:
    says = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}

    assert refused(client.post("/api/register", headers=says, **form(name="A", image=b"anna")))
    assert refused(client.delete("/api/changes", headers={"Sec-Fetch-Site": site}))
    # As the source of an image, by which a page might find out who is known here.
    assert refused(client.get("/api/subjects", headers=says))
    assert client.get("/api/subjects", headers={**says, "Sec-Fetch-Mode": "navigate"}).json


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_its_own_pages_and_a_person_at_the_address_bar_may(client: FlaskClient, site: str) -> None:
    says = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"}

    assert client.get("/api/subjects", headers=says).status_code == 200
    assert client.put("/api/promise", headers=says, **form(fpir="")).status_code == 200


def test_a_link_on_another_site_may_lead_here_and_a_form_may_not(client: FlaskClient) -> None:
    says = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", **PAGE}

    assert client.get("/people", headers=says).status_code == 200
    assert client.post("/register", headers=says, **form(name="Ben")).status_code == 403


# -- named sites: CORS ------------------------------------------------------------------------

KEY = {"Authorization": "Bearer key"}
FROM_THERE = {"Origin": OTHER_SITES, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
ASKS = {**FROM_THERE, "Access-Control-Request-Method": "POST"}


def cors_headers(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control")}


def test_nothing_is_said_of_other_sites_unless_they_are_named(client: FlaskClient) -> None:
    for answer in (
        client.options("/api/register", headers=ASKS),
        client.get("/api/subjects", headers=FROM_THERE | KEY),
        client.get("/api/subjects", headers={"Origin": OTHER_SITES}),
    ):
        assert cors_headers(answer) == {}
    assert refused(client.post("/api/register", headers=FROM_THERE | KEY, **form(name="Ben")))


def test_a_named_site_may_ask_with_a_key(make, facecog: Facecog) -> None:
    _, good = facecog.keys.add("site", Role.OWNER)
    key = {"Authorization": f"Bearer {good}"}
    client = make(origins=f"{OTHER_SITES}, http://localhost:3000")

    asked = client.options("/api/register", headers=ASKS)
    answer = client.post(
        "/api/register", headers=FROM_THERE | key, **form(name="Anna", image=b"anna")
    )
    read = client.get("/api/subjects", headers=FROM_THERE | key)
    refusal = client.get("/api/nothing", headers=FROM_THERE | {"X-Api-Key": good})

    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == OTHER_SITES
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert (answer.status_code, read.status_code, refusal.status_code) == (201, 200, 404)
    for one in (asked, answer, read, refusal):
        assert one.headers["Access-Control-Allow-Origin"] == OTHER_SITES
        assert "Access-Control-Allow-Credentials" not in one.headers
        assert "Origin" in one.headers["Vary"]


@pytest.mark.parametrize("shown", ["key", "fc_key"])
def test_a_named_site_without_a_good_key_is_not_this_machine(make, shown: str) -> None:
    client = make(origins=OTHER_SITES)

    for says in (FROM_THERE, {"Origin": OTHER_SITES}):
        answer = client.get("/api/subjects", headers=says | {"X-Api-Key": shown})
        assert (answer.status_code, answer.json["code"]) == (401, "api_key_wrong")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.org.evil.example",
        "null",
        "http://app.example.org",
        "https://app.example.org:444",
        "https://APP.example.org",
    ],
)
def test_a_site_that_is_not_named_gets_nothing_where_others_are(make, origin: str) -> None:
    client = make(origins=OTHER_SITES)
    says = {"Origin": origin}

    asked = client.options("/api/register", headers=ASKS | says)
    assert cors_headers(asked) == {} and asked.status_code == 403
    assert cors_headers(client.get("/api/subjects", headers=KEY | says)) == {}
    assert refused(client.post("/api/register", headers=KEY | says, **form(name="Ben")))


def test_a_named_site_may_not_act_for_whoever_looks_at_it(make) -> None:
    client = make(origins=OTHER_SITES)

    # With what the browser adds by itself, a cookie or a password for the whole server.
    for extra in ({}, {"Cookie": "a=b"}, {"Authorization": "Basic YTpi"}):
        for path in ("/api/register", "/register", "/recognise"):
            answer = client.post(path, headers=FROM_THERE | extra, **form(name="Ben"))
            assert refused(answer), (path, extra)
    assert refused(client.post("/register", headers=FROM_THERE | KEY, **form(name="Ben")))
    assert cors_headers(client.get("/people", headers=FROM_THERE | KEY)) == {}


@pytest.mark.parametrize("text", ["*", "null", "app.example.org", "https://a.example/", "ftp://a"])
def test_a_list_of_sites_that_is_none_is_refused_at_the_start(make, text: str) -> None:
    with pytest.raises(InvalidSetting, match="FACECOG_ORIGINS"):
        make(origins=text)
    assert Origins.of_setting(None) == Origins()


# -- proxies ----------------------------------------------------------------------------------


def heard(proxies: str | None, peer: str, **headers: str) -> tuple[str, str, str]:
    """Client, scheme and host of a request."""
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inside:8080"}
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()}
    Proxies.of_setting(proxies).hear(environ)
    return environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]


SAID = {"for_": "203.0.113.9", "proto": "https", "host": "faces.example.org"}
SAID = {name.rstrip("_"): value for name, value in SAID.items()}


def test_a_named_proxy_is_believed() -> None:
    told = ("203.0.113.9", "https", "faces.example.org")

    assert heard("10.0.0.0/8", "10.1.2.3", **SAID) == told
    assert heard("127.0.0.1, ::1", "::ffff:127.0.0.1", **SAID) == told


@pytest.mark.parametrize("named", [None, "", "10.0.0.1", "192.168.0.0/16"])
def test_others_that_say_they_are_proxies_are_not(named: str | None) -> None:
    assert heard(named, "10.0.0.2", **SAID) == ("10.0.0.2", "http", "inside:8080")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client made up the first
        ("10.0.0.9, 203.0.113.9, 10.0.0.2", "203.0.113.9"),  # two proxies of our own
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::1]:51234", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.3,10.0.0.2", "10.0.0.3"),  # a client within
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("nonsense", "10.0.0.1"),
        (",,", "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_no_named_proxy_has(said: str, client: str) -> None:
    assert heard("10.0.0.0/8", "10.0.0.1", **{"for": said})[0] == client


def test_scheme_and_host_are_those_of_the_proxy_that_the_client_spoke_to() -> None:
    chain = {"for": "203.0.113.9, 10.0.0.2", "proto": "https, http", "host": "a.example, b.example"}

    assert heard("10.0.0.0/8", "10.0.0.1", **chain)[1:] == ("https", "a.example")
    # A client cannot put one before.
    chain |= {"proto": "ftp, https, http", "host": "evil.example, a.example, b.example"}
    assert heard("10.0.0.0/8", "10.0.0.1", **chain)[1:] == ("https", "a.example")
    assert heard("10.0.0.1", "10.0.0.1", proto="gopher")[1] == "http"


def through(client: FlaskClient, origin: str = "https://faces.example.org", **said: str):
    headers = {f"X-Forwarded-{name}": value for name, value in (SAID | said).items()}
    return client.put("/api/promise", headers={**headers, "Origin": origin}, **form(fpir="0.01"))


def test_what_a_proxy_said_stays_to_be_seen() -> None:
    """A request that came through one is not of this machine, whatever its address."""
    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}
    Proxies.of_setting("127.0.0.1").hear(environ)

    assert environ["HTTP_X_FORWARDED_PROTO"] == "https"


def test_behind_a_named_proxy_its_scheme_and_host_are_those_of_the_page(make) -> None:
    behind = make(proxies="127.0.0.1", hosts="faces.example.org", access="open")

    answer = through(behind)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert refused(through(behind, origin="http://faces.example.org"))
    assert through(behind, host="evil.example").status_code == 421
    # Not named: what it says of the host is not heard, and the page is of another site.
    assert refused(through(make(hosts="faces.example.org")))


def test_a_proxy_that_is_not_named_is_logged_once(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        client.get("/api/health", headers={"X-Forwarded-For": "203.0.113.9"})

    (line,) = [one.getMessage() for one in caplog.records if "FACECOG_PROXIES" in one.getMessage()]
    assert line.startswith("A proxy at 127.0.0.1 is not believed")
    assert "203.0.113.9" not in caplog.text


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_a_list_of_proxies_that_is_none_is_refused_at_the_start(make, text: str) -> None:
    with pytest.raises(InvalidSetting, match="FACECOG_PROXIES"):
        make(proxies=text)


# -- answer headers ---------------------------------------------------------------------------

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def test_every_route_answers_with_the_safe_headers(client: FlaskClient, facecog: Facecog) -> None:
    subject = facecog.enrol("Anna", b"anna").subject.id
    for rule in client.application.url_map.iter_rules():
        path = re.sub(r"<uuid:subject_id>", subject, rule.rule)
        path = re.sub(r"<uuid:[^>]*>", "0" * 8 + "-0000-4000-8000-" + "0" * 12, path)
        path = re.sub(r"<path:filename>", "app.css", path)
        for method in sorted((rule.methods or set()) - {"DELETE"}):
            with client.open(path, method=method) as answer:
                headers = answer.headers
            for name, value in SAFE.items():
                assert headers[name] == value, (method, path)
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
            assert "camera=(self)" in headers["Permissions-Policy"]
            assert "Strict-Transport-Security" not in headers  # this is http
            kept = headers["Cache-Control"]
            assert kept == "no-store" or (rule.endpoint == "static" and "max-age" in kept), path


def test_a_name_is_https_for_good_only_where_nothing_else_is_served_under_it(make) -> None:
    client = make(hosts="faces.example.org")

    whole = client.get("/api/health", base_url="https://faces.example.org")
    part = client.get("/api/health", base_url="https://faces.example.org:8443")

    assert "Strict-Transport-Security" in whole.headers
    assert "Strict-Transport-Security" not in part.headers


def test_a_host_that_is_refused_is_not_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    client.get("/", headers={"Host": "evil.example"})

    assert "GET / 421" in caplog.text and "evil.example" not in caplog.text
