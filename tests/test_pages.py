"""The pages, their scripts and their styles: they are there, and load nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from facecog.errors import DatabaseUnavailable
from facecog.service import Facecog
from facecog.web import errors
from facecog.web.app import fingerprint
from facecog.web.reference import anchor

PAGES = ("/", "/register", "/recognise", "/people", "/changes", "/accounts", "/policies", "/docs")
HERE = "http://localhost"

NAMES = ("www.w3.org",)  # of an XML namespace, which nothing loads
ADDRESS = re.compile(r"""https?://[^\s"'`<>\\)]+""")
# What makes a browser fetch something from a style sheet or a script.
LOADED = re.compile(
    r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)|(?:from|import|import\()\s*["']([^"']+)["']"""
)


class Links(HTMLParser):
    """Every address that a page names, and whether the page holds code of its own."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        for name in ("href", "src", "srcset", "action", "poster", "data", "xlink:href"):
            if value := given.get(name):
                self.addresses.append(value)
        self.ids += filter(None, [given.get("id")])
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        data = given.get("type") == "application/json"  # which no browser runs
        if tag == "style" or (tag == "script" and "src" not in given and not data):
            self.inline.append(tag)


def crawl(client: FlaskClient) -> dict[str, tuple[str, str]]:
    """Everything that the pages lead to on this server: path -> content type and text."""
    found: dict[str, tuple[str, str]] = {}
    waiting = list(PAGES)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        with client.get(path) as answer:
            assert answer.status_code == 200, path
            found[path] = (answer.mimetype, answer.get_data(as_text=True))
        for address in addresses(path, *found[path]):
            target = urlsplit(urljoin(HERE + path, address))
            if not address.startswith(("#", "data:", "blob:")):
                assert f"{target.scheme}://{target.netloc}" == HERE, f"{path} leads to {address}"
                waiting.append(target.path)
    return found


def addresses(path: str, kind: str, text: str) -> list[str]:
    if kind == "text/html":
        return Links(text).addresses
    if kind in ("text/css", "text/javascript"):
        return [one for groups in LOADED.findall(text) for one in groups if one]
    return []


@pytest.fixture
def served(client: FlaskClient) -> dict[str, tuple[str, str]]:
    return crawl(client)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_there_and_holds_no_code_of_its_own(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert Links(answer.text).inline == []


def test_the_pages_lead_to_their_scripts_and_styles(served: dict[str, tuple[str, str]]) -> None:
    kinds = [kind for kind, _ in served.values()]

    assert kinds.count("text/html") >= len(PAGES)  # and what they lead to, as the audit
    assert kinds.count("text/css") >= 2
    assert kinds.count("text/javascript") >= 5
    assert "/openapi.json" in served


def test_nothing_is_loaded_from_another_origin(served: dict[str, tuple[str, str]]) -> None:
    for path, (_, text) in served.items():
        named = {urlsplit(address).netloc for address in ADDRESS.findall(text)}
        assert named <= {urlsplit(HERE).netloc, *NAMES}, path


def test_the_api_page_shows_each_call_and_each_refusal(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").json
    page = Links(client.get("/docs").text)

    assert spec
    for path, methods in spec["paths"].items():
        for method in {"get", "post", "put", "patch", "delete"} & set(methods):
            name = anchor(f"{method} {path.removeprefix('/api')}")
            assert name in page.ids
            assert f"#{name}" in page.addresses
            assert methods[method]["tags"][0].lower() in page.ids
    assert len(page.ids) == len(set(page.ids))
    inner = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inner <= set(page.ids)
    for status, code, meaning in errors.refusals():
        assert status >= 400
        assert meaning.endswith(".")
        assert f"<code>{code}</code>" in client.get("/docs").text


def test_the_description_names_each_shape_once(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").json

    assert spec
    assert [name for name in spec["components"]["schemas"] if name[-1].isdigit()] == []


def test_files_are_kept_by_browsers_until_they_change(client: FlaskClient, tmp_path: Path) -> None:
    (address,) = (one for one in Links(client.get("/").text).addresses if "app.css" in one)
    with client.get(address) as answer:
        assert answer.status_code == 200
        assert answer.cache_control.max_age == 365 * 24 * 3600
    assert client.get("/").cache_control.max_age is None

    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "app.css").write_text("a {}")
    before = fingerprint(folder)
    (folder / "app.css").write_text("b {}")
    assert fingerprint(folder) != before


def test_an_address_of_nothing_is_a_page_for_a_browser_and_json_for_the_rest(
    client: FlaskClient,
) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    page = client.get("/nothing", headers=browser)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert 'href="/"' in page.text

    for path, headers in (("/nothing", {}), ("/api/nothing", browser)):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_the_path_that_is_not_there_is_not_repeated_on_the_page(client: FlaskClient) -> None:
    page = client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})

    assert page.status_code == 404
    assert "alert(1)" not in page.text


def test_the_first_page_says_how_many_are_known(client: FlaskClient, facecog: Facecog) -> None:
    assert "Nobody is registered yet" in client.get("/").text

    facecog.enrol("Anna", b"anna")
    assert "1 person registered, with 1 photo<" in client.get("/").text

    facecog.enrol("Anna", b"anna~2")
    facecog.enrol("Ben", b"ben")
    assert "2 people registered, with 3 photos<" in client.get("/").text


def test_a_page_says_that_the_database_is_away(
    facecog: Facecog, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> dict[str, str]:
        raise DatabaseUnavailable("The database is away.")

    monkeypatch.setattr(type(facecog.collections), "names", away)
    monkeypatch.setattr(type(facecog), "subjects", away)

    answer = client.get("/people", headers={"Accept": "text/html"})

    assert answer.status_code == 503 and "The database does not answer." in answer.text
