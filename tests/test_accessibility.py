"""Axe on every page and state, by night and by day, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import (
    OpenPage,
    Seeing,
    Site,
    assert_accessible,
    assert_no_scrolling,
    expect_live,
    expect_state,
    register_file,
)

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 780}}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
SCREENS = {"phone": PHONE, "desk": DESK}

FORM = """(path) => {
  const form = document.createElement('form');
  Object.assign(form, { id: 'form', method: 'post', action: path, enctype: 'multipart/form-data' });
  form.innerHTML = '<input name="name" value="Anna"><input type="file" name="image">';
  document.body.append(form);
}"""


@pytest.fixture(params=list(SCREENS))
def open_here(request: pytest.FixtureRequest, open_page: OpenPage) -> Callable[..., Page]:
    """`open_page` on one of the screens."""
    return lambda path, **more: open_page(path, **SCREENS[request.param], **more)


def assert_good(page: Page) -> None:
    assert_accessible(page)
    assert_no_scrolling(page)


@pytest.mark.parametrize(
    "path", ["/", "/people", "/changes", "/audit?check=1", "/policies", "/docs", "/nothing"]
)
@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_a_page_that_only_shows(open_here: OpenPage, path: str, locale: str) -> None:
    assert_good(open_here(path, locale=locale))


def test_the_first_page_with_people(site: Site, open_here: OpenPage, photos: Path) -> None:
    for name in ("obama.jpg", "biden.jpg", "astronaut.png"):
        site.register(f"Person of {name}", (photos / name).read_bytes())
    assert_good(open_here("/"))


def test_register(site: Site, open_here: OpenPage, photos: Path) -> None:
    page = open_here("/register")
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    assert_good(page)
    register_file(page, "Anna", photos / "coffee.png", ends="refused")
    assert_good(page)
    register_file(page, "Anna", photos / "astronaut.png")
    assert_good(page)
    page.get_by_test_id("another").click()
    register_file(page, "Bea", photos / "astronaut.png", ends="asked")
    assert_good(page)


def test_recognise(site: Site, open_here: OpenPage, photos: Path) -> None:
    site.register("Barack", (photos / "obama.jpg").read_bytes())
    page = open_here("/recognise")
    expect_live(page)
    assert_good(page)
    page.get_by_test_id("live-toggle").click()
    assert_good(page)
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect(page.get_by_test_id("face")).to_have_count(3)
    assert_good(page)
    page.get_by_test_id("file").set_input_files(photos / "coffee.png")
    expect_state(page, "refused")
    assert_good(page)


def test_register_with_several_photos_and_a_known_name(
    site: Site, open_here: OpenPage, photos: Path
) -> None:
    site.register("Barack", (photos / "obama.jpg").read_bytes())
    page = open_here("/register")
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    page.get_by_test_id("file").set_input_files([photos / "group.jpg", photos / "biden.jpg"])
    expect(page.get_by_test_id("shot")).to_have_count(2)
    expect(page.locator("[data-testid=shot][data-state=checking]")).to_have_count(0)
    assert_good(page)
    page.get_by_test_id("name").press_sequentially("Bar")
    expect(page.get_by_role("option")).to_have_count(1)
    assert_good(page)


def test_why_a_face_has_its_name_and_registering_from_there(
    site: Site, open_here: OpenPage, photos: Path
) -> None:
    site.register("Barack", (photos / "obama.jpg").read_bytes())
    page = open_here("/recognise")
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    page.get_by_test_id("face").filter(has_text="Barack").locator("button").first.click()
    expect(page.get_by_test_id("why")).to_be_visible()
    assert_good(page)
    page.get_by_role("button", name="Register this person").first.click()
    expect(page.get_by_test_id("adopt")).to_be_visible()
    assert_good(page)
    page.get_by_test_id("name").fill("Barack")
    page.get_by_test_id("adopt-submit").click()
    expect(page.get_by_test_id("choice")).to_be_visible()
    assert_good(page)


@pytest.mark.parametrize(
    ("path", "photo", "heading"),
    [
        ("/register", "astronaut.png", "Anna"),
        ("/register", "obama2.jpg", "Barack"),  # a question
        ("/register", "coffee.png", ""),  # a refusal
        ("/recognise", "group.jpg", ""),
    ],
)
def test_the_answer_to_a_form_without_scripts(
    path: str, photo: str, heading: str, site: Site, open_here: OpenPage, photos: Path
) -> None:
    """Sent by a form like that of the page: axe itself needs scripts."""
    site.register("Barack", (photos / "obama.jpg").read_bytes())
    page = open_here("/nothing")
    page.evaluate(FORM, path)
    page.locator("#form input[type=file]").set_input_files(photos / photo)
    with page.expect_navigation():
        page.evaluate("() => document.getElementById('form').submit()")
    expect(page.locator("main")).to_contain_text(heading)
    assert_good(page)


@pytest.mark.parametrize("path", ["/register", "/recognise"])
def test_without_a_camera(path: str, open_here: OpenPage, seeing: Seeing) -> None:
    page = open_here(path, within=seeing(None))
    expect_state(page, "no-camera")
    assert_good(page)


@pytest.mark.parametrize("path", ["/register", "/recognise"])
def test_without_scripts(path: str, open_page: OpenPage) -> None:
    """Axe is a script itself, so what it can say here is little; the width is told by others."""
    page = open_page(path, java_script_enabled=False, **PHONE)
    expect(page.locator("h1")).to_be_visible()
