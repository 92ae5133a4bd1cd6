"""The pages, their scripts and their styles: they are there, and load nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from facecog.service import Facecog

PAGES = ("/", "/register", "/recognise", "/docs")
HERE = "http://localhost"
# A library that names many addresses; the policy stops it from loading any.
SWAGGER = "/docs/assets/"

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
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        for name in ("href", "src", "srcset", "action", "poster", "data", "xlink:href"):
            if value := given.get(name):
                self.addresses.append(value)
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
    if kind in ("text/css", "text/javascript") and not path.startswith(SWAGGER):
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

    assert kinds.count("text/html") == len(PAGES)
    assert kinds.count("text/css") >= 2
    assert kinds.count("text/javascript") >= 5
    assert "/openapi.json" in served


def test_nothing_is_loaded_from_another_origin(served: dict[str, tuple[str, str]]) -> None:
    for path, (_, text) in served.items():
        if not path.startswith(SWAGGER):
            named = {urlsplit(address).netloc for address in ADDRESS.findall(text)}
            assert named <= {urlsplit(HERE).netloc, *NAMES}, path


def test_swagger_ui_is_served_from_here_whole(client: FlaskClient) -> None:
    page = Links(client.get("/docs").text).addresses

    for file in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"/docs/assets/{file}" in page
        with client.get(f"/docs/assets/{file}") as answer:
            assert answer.status_code == 200
            assert len(answer.data) > 50_000
    assert client.get("/docs/assets/package.json").status_code == 404
    assert client.get("/docs/assets/..%2f__init__.py").status_code == 404


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
