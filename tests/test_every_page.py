"""What holds on every page, in a real browser on a real server with the real models."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Page, Playwright, expect

from facecog.web.texts import CATALOGUES
from tests import browser
from tests.browser import (
    CONTRAST,
    HOSTILE,
    PROMISE,
    OpenPage,
    Seeing,
    Site,
    assert_no_scrolling,
    assert_nothing_hostile,
    choose,
    drop,
    expect_live,
    expect_picture,
    expect_state,
    marks,
    paste,
    register_file,
    tab_to,
)

PAGES = (
    *("/", "/register", "/recognise", "/people", "/changes", "/audit"),
    *("/accounts", "/policies", "/docs"),
)


@pytest.mark.parametrize("path", ["/register", "/recognise"])
def test_without_a_camera_a_photo_will_do(
    path: str, open_page: OpenPage, seeing: Seeing, photos: Path
) -> None:
    page = open_page(path, within=seeing(None))

    expect(page.get_by_test_id("notice")).to_contain_text("No camera was found. Connect one")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photos / "astronaut.png")
    expect(page.get_by_test_id("notice")).to_be_hidden()
    expect(page.get_by_test_id("picture").locator("img, canvas")).to_be_visible()


def test_a_refused_camera_is_explained(
    open_page: OpenPage, playwright: Playwright, photos: Path
) -> None:
    refusing = browser.chromium(playwright, browser.somebody_on_camera(photos))
    page = open_page("/register", within=refusing)

    expect(page.get_by_test_id("notice")).to_contain_text("The camera is blocked for this page.")

    page.context.grant_permissions(["camera"])
    page.get_by_test_id("retry").click()
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    refusing.close()


def test_a_page_that_may_not_have_the_camera_says_why(
    site: Site, seeing: Seeing, photos: Path
) -> None:
    """Over plain http from another machine, as a phone in the house opens it at first."""
    port = urlsplit(site.url).port
    elsewhere = Site(f"http://{browser.ELSEWHERE}:{port}")
    alias = f"--host-resolver-rules=MAP {browser.ELSEWHERE} 127.0.0.1"
    visiting = seeing(browser.somebody_on_camera(photos), alias)
    page = visiting.new_page()
    page.goto(elsewhere.url + "/register")

    expect(page.get_by_test_id("notice")).to_contain_text("only to pages opened over https")
    expect(page.get_by_test_id("retry")).to_be_hidden()
    register_file(page, "Anna", photos / "astronaut.png")


def test_the_keyboard_alone_is_enough(site: Site, open_page: OpenPage) -> None:
    page = open_page("/")
    tab_to(page, page.get_by_test_id("go-register"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    tab_to(page, page.get_by_test_id("auto"))
    page.keyboard.press("Space")
    with page.expect_file_chooser():
        tab_to(page, page.get_by_test_id("choose"))
        page.keyboard.press("Enter")

    for attempt in range(10):  # while the head is turned away
        tab_to(page, page.get_by_test_id("shutter"))
        page.keyboard.press("Space")
        page.locator("[data-testid=shot]:not([data-state=checking])").nth(attempt).wait_for()
        tab_to(page, page.get_by_test_id("name"))
        if attempt == 0:
            page.keyboard.type("Anna")
        page.keyboard.press("Enter")
        page.locator("#stage:not([data-state=camera], [data-state=sending])").wait_for()
        if browser.state(page) == "done":
            break
        tab_to(page, page.get_by_test_id("to-camera"))
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("shutter")).to_be_focused()

    expect(page.locator("#result-title")).to_be_focused()
    tab_to(page, page.get_by_test_id("result").get_by_test_id("go-recognise"))
    page.keyboard.press("Enter")
    expect_live(page, "Anna")
    tab_to(page, page.get_by_test_id("live-toggle"))
    page.keyboard.press("Space")
    expect(page.get_by_test_id("pill")).to_have_text("Paused")
    assert site.people() == {"Anna": 1}


@pytest.mark.parametrize("width", [360, 320])
def test_nothing_scrolls_sideways_on_a_phone(
    width: int, site: Site, open_page: OpenPage, photos: Path
) -> None:
    long = "Maximiliana-Alexandra " * 9
    page = open_page("/", viewport={"width": width, "height": 780}, is_mobile=True, has_touch=True)
    assert_no_scrolling(page)
    page.goto(site.url + "/register")
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    assert_no_scrolling(page)
    register_file(page, long, photos / "group.jpg", ends="refused")
    assert_no_scrolling(page)
    register_file(page, long, photos / "astronaut.png")
    assert_no_scrolling(page)
    page.get_by_test_id("another").click()
    register_file(page, f"Not {long}", photos / "astronaut.png", ends="asked")
    assert_no_scrolling(page)
    page.get_by_test_id("choice-duplicate").click()
    expect_state(page, "done")

    page.goto(site.url + "/recognise")
    expect_live(page)
    assert_no_scrolling(page)
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect(page.get_by_test_id("face")).to_have_count(3)
    expect(page.get_by_test_id("face").last.locator(".face-why")).to_contain_text("too alike")
    assert_no_scrolling(page)

    page.goto(site.url + "/docs")
    expect(page.locator(".call").first).to_be_visible()
    assert_no_scrolling(page)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light(path: str, site: Site, open_page: OpenPage) -> None:
    """All that it asks for, as if nothing were compressed or kept, without the photos."""
    page = open_page("/nothing")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.goto(site.url + path)
    files = [url for url in asked if url.startswith(site.url) and "/api/" not in url]
    weights = {url: len(urllib.request.urlopen(url).read()) for url in files}

    total = sum(weights.values()) / 1000
    print(f"{path}: {total:.0f} kB in {len(weights)} files")
    assert len(weights) >= 3
    assert total < 200, weights


# The same in both languages, or too short to be told from other words.
SHORT = 12


@pytest.mark.parametrize("path", [*PAGES, "/nothing"])
def test_a_german_page_has_no_english_on_it(path: str, open_page: OpenPage) -> None:
    page = open_page(path, locale="de-DE")
    # The API's own words are English, and say so.
    page.evaluate("document.querySelectorAll('main [lang=en]').forEach((one) => one.remove())")
    seen = page.locator("body").inner_text()

    assert page.locator("html").get_attribute("lang") == "de"
    english = {
        text
        for key, text in plain_texts("en").items()
        if len(text) >= SHORT and text != plain_texts("de")[key] and "{" not in text
    }
    assert len(english) > 50
    assert [text for text in english if text in seen] == []
    german = [text for text in plain_texts("de").values() if len(text) >= SHORT and text in seen]
    assert german != []


def plain_texts(language: str) -> dict[str, str]:
    """The texts of the catalogue, those that count by their forms."""
    return {
        f"{section}.{name}.{form}": text
        for section, named in CATALOGUES[language].items()
        for name, forms in named.items()
        for form, text in ({"": forms} if isinstance(forms, str) else forms).items()
    }


def test_a_newcomer_is_recognised_within_a_minute(
    site: Site, open_page: OpenPage, seeing: Seeing, tmp_path: Path
) -> None:
    """From the first page to the own name on the picture, with no more than a newcomer does."""
    turning = browser.turning(tmp_path / "turning.mjpeg", each=90)  # a pose for three seconds
    page = open_page("/", within=seeing(turning))
    expect(page.get_by_test_id("people")).to_contain_text("Nobody is registered yet")

    began = time.monotonic()
    page.get_by_test_id("go-register").click()
    page.get_by_test_id("name").press_sequentially("Anna", delay=200)
    page.get_by_test_id("shot").nth(2).wait_for()
    page.get_by_test_id("submit").click()
    expect_state(page, "done")
    page.get_by_test_id("result").get_by_test_id("go-recognise").click()
    expect_live(page, "Anna")
    seconds = time.monotonic() - began

    print(f"from the first page to the first recognition: {seconds:.1f} s")
    assert site.people()["Anna"] >= 3
    assert seconds < 60


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_can_be_read_on_its_ground(scheme: str, open_page: OpenPage) -> None:
    page = open_page("/register", color_scheme=scheme)
    for selector in ("h1", ".lead", "label", "#name-help", "#submit", ".nav a[aria-current]"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, f"{selector}: {ratio:.1f}"


def test_registers_with_the_camera_and_recognises_live(site: Site, open_page: OpenPage) -> None:
    page = open_page("/")
    expect(page.get_by_test_id("people")).to_contain_text("Nobody is registered yet")
    page.get_by_test_id("go-register").click()

    browser.register_from_camera(page, "Anna")

    expect(page.locator("#result-title")).to_have_text("Anna is registered")
    expect(marks(page)).to_have_text(["Anna"])
    expect_picture(page.get_by_test_id("crop"))
    assert site.people() == {"Anna": 1}

    page.get_by_test_id("result").get_by_test_id("go-recognise").click()
    expect_live(page, "Anna")
    expect(page.get_by_test_id("summary")).to_have_text("Anna")
    expect(page.get_by_test_id("announce")).to_have_text("Anna")
    expect(page.get_by_test_id("basis")).to_contain_text("Compared with 1 photo of 1 person")
    expect(page.get_by_test_id("basis")).to_contain_text(PROMISE)


def test_a_name_that_looks_like_html_is_shown_as_text(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/register")
    register_file(page, HOSTILE, photos / "astronaut.png")
    assert site.people() == {HOSTILE: 1}
    expect(marks(page)).to_have_text([HOSTILE])
    expect(page.locator("#result-title")).to_contain_text("<img src=x onerror=")
    assert_nothing_hostile(page)

    page.get_by_test_id("another").click()
    register_file(page, f"{HOSTILE}2", photos / "astronaut.png", ends="asked")
    expect(page.locator("#choice-title")).to_contain_text("as <img src=x onerror=")
    expect(page.get_by_test_id("choice-duplicate")).to_contain_text("as <img src=x onerror=")
    assert_nothing_hostile(page)

    page.goto(site.url + "/recognise")
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect(marks(page).last).to_have_text(HOSTILE)
    expect(page.get_by_test_id("face").last.locator(".face-name")).to_have_text(HOSTILE)
    assert_nothing_hostile(page)

    for path in ("/", "/docs", f"/{HOSTILE}"):
        page.goto(site.url + path)
        assert_nothing_hostile(page)


def test_takes_several_photos_by_one_drop(open_page: OpenPage, photos: Path) -> None:
    both = [photos / "obama.jpg", photos / "astronaut.png"]
    page = open_page("/register")
    expect(page.get_by_test_id("shutter")).to_be_enabled()

    drop(page, *both)
    expect(page.locator("[data-testid=shot][data-state=good]")).to_have_count(2)

    page.goto(urljoin(page.url, "/recognise"))
    drop(page, *both)
    expect(page.locator("[data-testid=thumb][data-kind=done]")).to_have_count(2)


@pytest.mark.parametrize("give", [choose, drop, paste])
def test_takes_a_photo_by(
    give: Callable[[Page, Path], None], site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/register")
    expect(page.get_by_test_id("shutter")).to_be_enabled()

    give(page, photos / "astronaut.png")
    expect_state(page, "photo")
    page.get_by_test_id("name").fill("Eileen")
    page.get_by_test_id("submit").click()

    expect_state(page, "done")
    assert site.people() == {"Eileen": 1}

    page.goto(site.url + "/recognise")
    give(page, photos / "astronaut.png")
    expect(page.get_by_test_id("summary")).to_have_text("Eileen")
