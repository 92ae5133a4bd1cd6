"""The pages in a real browser with a fake camera, on a real server with the real models."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

from tests import assets, browser
from tests.browser import GRANTED, PATIENCE, Site, Watch

pytestmark = pytest.mark.xdist_group("browser")

PROMISE = "Of strangers, at most 1 in 1,000 gets a name here."
ALIKE = "Anna or Bea: too alike to tell"
HOSTILE = "<img src=x onerror=document.title='owned'>"
OpenPage = Callable[..., Page]


# -- a server and browsers for the whole file, an empty gallery and watched pages for each test ---


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with browser.serving(tmp_path_factory.mktemp("server")) as site:
        yield site


@pytest.fixture
def site(server: Site) -> Iterator[Site]:
    yield server
    server.forget()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """group.jpg: Obama, Biden and the astronaut; dark.jpg: the astronaut by night; and WANTED."""
    folder = tmp_path_factory.mktemp("photos")
    people = browser.group("obama3.jpg", "biden.jpg", "astronaut.png")
    (folder / "group.jpg").write_bytes(browser.jpeg(people))
    dark = browser.seen("astronaut.png").point(lambda level: level // 18)
    (folder / "dark.jpg").write_bytes(browser.jpeg(dark))
    for name in assets.WANTED:
        (folder / name).write_bytes(assets.photo(name))
    return folder


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, photos: Path) -> Iterator[Browser]:
    """A browser whose camera sees somebody."""
    running = browser.chromium(playwright, browser.somebody_on_camera(photos), GRANTED)
    yield running
    running.close()


@pytest.fixture
def open_page(site: Site, chromium: Browser) -> Iterator[OpenPage]:
    """Opens pages, and fails when one complains, throws or asks another origin for anything."""
    watch = Watch(site)
    contexts = []

    def open_page(path: str, within: Browser = chromium, **options: Any) -> Page:
        context = within.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        watch.over(context)
        page = context.new_page()
        page.goto(site.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.seen == []


# -- the main job ---------------------------------------------------------------------------------


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


def test_a_stranger_is_unknown_live(
    site: Site, open_page: OpenPage, playwright: Playwright, tmp_path: Path
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    film = browser.camera_file(browser.seen("astronaut.png"), tmp_path / "stranger.mjpeg")
    stranger = browser.chromium(playwright, film, GRANTED)

    page = open_page("/recognise", within=stranger)

    expect_live(page, "Unknown")
    expect(marks(page)).to_have_text(["Unknown"])
    stranger.close()


def test_a_second_photo_is_a_second_sample(site: Site, open_page: OpenPage, photos: Path) -> None:
    page = open_page("/register")
    register_file(page, "Obama", photos / "obama.jpg")
    expect(page.locator("#result-count")).to_have_text("1 photo stored.")
    page.get_by_test_id("another").click()
    expect(page.get_by_test_id("name")).to_have_value("Obama")

    register_file(page, "Obama", photos / "obama2.jpg")

    expect(page.locator("#result-count")).to_have_text("2 photos stored.")
    page.get_by_test_id("another").click()
    register_file(page, "Obama", photos / "obama2.jpg")
    expect(page.locator("#result-title")).to_contain_text("is here already")
    assert site.people() == {"Obama": 2}


def test_names_everyone_in_a_photo(site: Site, open_page: OpenPage, photos: Path) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    site.register("Biden", assets.photo("biden.jpg"))
    page = open_page("/recognise")

    page.get_by_test_id("file").set_input_files(photos / "group.jpg")

    expect(page.get_by_test_id("summary")).to_have_text("3 faces: Obama, Biden and 1 unknown")
    expect(page.get_by_test_id("face").locator(".face-name")).to_have_text(
        ["Obama", "Biden", "Unknown"]
    )
    expect(marks(page)).to_have_text(["Obama", "Biden", "Unknown"])
    expect(page.get_by_test_id("basis")).to_contain_text("Compared with 2 photos of 2 people")
    expect(page.get_by_test_id("basis")).to_contain_text(PROMISE)
    page.get_by_test_id("to-camera").click()
    expect_live(page)


def test_look_alikes_are_not_guessed_between(site: Site, open_page: OpenPage, photos: Path) -> None:
    site.register_look_alikes("Anna", "Bea", photo=assets.photo("obama.jpg"))
    site.register("Biden", assets.photo("biden.jpg"))
    page = open_page("/recognise")

    page.get_by_test_id("file").set_input_files(photos / "group.jpg")

    heading = "3 faces: Biden, 1 not sure and 1 unknown"
    expect(page.get_by_test_id("summary")).to_have_text(heading)
    expect(page.get_by_test_id("announce")).to_have_text(f"{heading}. {ALIKE}")
    expect(marks(page)).to_have_text(["Not sure", "Biden", "Unknown"])
    assert kinds(page.get_by_test_id("box")) == ["uncertain", "match", "unknown"]
    assert kinds(page.get_by_test_id("face")) == ["uncertain", "match", "unknown"]
    unsure = page.get_by_test_id("face").first
    expect(unsure.locator(".face-name")).to_have_text("Not sure")
    expect(unsure.locator(".face-why")).to_have_text(ALIKE)
    expect(unsure.locator(".face-score")).to_contain_text(", a match from 0.")
    expect(page.get_by_role("link", name="Register this person")).to_have_count(1)


def test_look_alikes_are_not_guessed_between_live(
    site: Site, open_page: OpenPage, playwright: Playwright, tmp_path: Path
) -> None:
    site.register_look_alikes("Anna", "Bea", photo=assets.photo("obama.jpg"))
    film = browser.camera_file(browser.seen("obama.jpg"), tmp_path / "alike.mjpeg")
    twin = browser.chromium(playwright, film, GRANTED)

    page = open_page("/recognise", within=twin)

    expect_live(page, "Not sure")
    expect(page.get_by_test_id("summary")).to_have_text("Not sure")
    expect(page.get_by_test_id("announce")).to_have_text(f"Not sure. {ALIKE}")
    expect(page.locator(".face-live .face-why")).to_have_text(ALIKE)
    expect(page.get_by_test_id("basis")).to_contain_text(PROMISE)
    assert kinds(page.get_by_test_id("box")) == ["uncertain"]
    twin.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_face_too_poor_to_judge_is_not_called_unknown(
    scheme: str, site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise", color_scheme=scheme)

    page.get_by_test_id("file").set_input_files(photos / "dark.jpg")

    expect(page.get_by_test_id("summary")).to_have_text("Not sure")
    expect(page.locator(".face-why")).to_contain_text("Too poor to judge. The face is too dark")
    expect(page.get_by_test_id("announce")).to_contain_text("Not sure. Too poor to judge.")
    expect(page.get_by_role("link", name="Register this person")).to_have_count(0)
    for selector in (".face-name", ".face-why", ".label"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, f"{selector}: {ratio:.1f}"


def test_a_score_just_below_nothing_is_not_minus_nothing(open_page: OpenPage) -> None:
    face = {"decision": "unknown", "score": -0.001, "threshold": 0.33, "candidates": []}

    said = open_page("/recognise").evaluate(
        "async (face) => (await import('/static/words.js')).scoreInWords(face)", face
    )

    assert said == "Best score 0.00, a match needs 0.33"


def test_pause_switches_the_camera_off(open_page: OpenPage) -> None:
    page = open_page("/recognise")
    expect_live(page)

    page.get_by_test_id("live-toggle").click()

    expect(page.get_by_test_id("pill")).to_have_text("Paused")
    assert page.evaluate("document.getElementById('video').srcObject") is None
    page.get_by_test_id("live-toggle").click()
    expect(page.get_by_test_id("pill")).to_be_hidden()


# -- three ways to give a photo -------------------------------------------------------------------


def choose(page: Page, photo: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("choose").click()
    chooser.value.set_files(photo)


def drop(page: Page, photo: Path) -> None:
    """As a hand would: Chromium itself makes the events."""
    hand = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(photo)], "dragOperationsMask": 1}
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 200, "data": data})
        if kind == "dragOver":
            expect(page.get_by_text("Drop the photo here")).to_be_visible()


def paste(page: Page, photo: Path) -> None:
    page.context.grant_permissions(["camera", "clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (photo) => {
          const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
          const blob = new Blob([bytes], { type: 'image/png' });
          await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
        }""",
        base64.b64encode(photo.read_bytes()).decode(),
    )
    page.keyboard.press("Control+V")


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


# -- a face and a name that do not go together ----------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text", "title", "people"),
    [
        ("add", "Add it to Anna", "Anna is registered", {"Anna": 2}),
        (
            "duplicate",
            "It is somebody else: register as Ben",
            "Ben is registered",
            {"Anna": 1, "Ben": 1},
        ),
    ],
)
def test_a_face_that_is_registered_already_is_asked_about(
    answer: str,
    text: str,
    title: str,
    people: dict[str, int],
    site: Site,
    open_page: OpenPage,
    photos: Path,
) -> None:
    site.register("Anna", assets.photo("obama.jpg"))
    page = open_page("/register")

    register_file(page, "Ben", photos / "obama2.jpg", ends="asked")

    expect_question(page, "This face is registered already, as Anna", stored="Anna")
    assert site.people() == {"Anna": 1}
    expect(page.get_by_test_id(f"choice-{answer}")).to_have_text(text)
    page.get_by_test_id(f"choice-{answer}").click()
    expect(page.locator("#result-title")).to_have_text(title)
    assert site.people() == people


def test_a_registered_face_may_be_left_alone(site: Site, open_page: OpenPage, photos: Path) -> None:
    site.register("Anna", assets.photo("obama.jpg"))
    page = open_page("/register")
    register_file(page, "Ben", photos / "obama2.jpg", ends="asked")

    page.get_by_test_id("choice-back").click()

    expect_state(page, "photo")
    expect(page.get_by_test_id("choice")).to_be_hidden()
    expect(page.get_by_test_id("name")).to_be_focused()
    page.keyboard.type("anna")  # over the selected name
    page.keyboard.press("Enter")
    expect(page.locator("#result-title")).to_have_text("Anna is registered")
    assert site.people() == {"Anna": 2}


def test_a_name_of_another_face_can_be_changed(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Anna", assets.photo("obama.jpg"))
    page = open_page("/register")

    register_file(page, "anna", photos / "astronaut.png", ends="asked")

    expect_question(page, "Anna is registered with another face", stored="Anna")
    page.get_by_role("button", name="Choose another name").click()
    expect(page.get_by_test_id("name")).to_be_focused()
    page.keyboard.type("Eileen")
    page.keyboard.press("Enter")
    expect_state(page, "done")
    assert site.people() == {"Anna": 1, "Eileen": 1}


def test_one_question_after_the_other_by_keyboard(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    """The face is Anna's and the name is Ben's, and it is Ben all the same."""
    site.register("Anna", assets.photo("obama.jpg"))
    site.register("Ben", assets.photo("biden.jpg"))
    page = open_page("/register")
    register_file(page, "Ben", photos / "obama2.jpg", ends="asked")

    expect(page.locator("#choice-title")).to_be_focused()
    expect(page.locator("#choice-title")).to_have_accessible_description(
        re.compile("Is it the same person[?] Score 0[.].*, a match from 0[.]")
    )
    tab_to(page, page.get_by_test_id("choice-duplicate"))
    page.keyboard.press("Enter")
    expect(page.locator("#choice-title")).to_have_text("Ben is registered with another face")
    expect(page.locator("#choice-title")).to_be_focused()
    tab_to(page, page.get_by_role("button", name="It is Ben all the same"))
    page.keyboard.press("Enter")

    expect(page.locator("#result-title")).to_be_focused()
    expect(page.locator("#result-title")).to_have_text("Ben is registered")
    assert site.people() == {"Anna": 1, "Ben": 2}


def test_an_answer_is_not_kept_for_the_next_photo(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Anna", assets.photo("obama.jpg"))
    page = open_page("/register")
    register_file(page, "Ben", photos / "obama2.jpg", ends="asked")

    page.get_by_test_id("choice-duplicate").click()
    expect_state(page, "done")
    page.get_by_test_id("someone-else").click()
    expect(page.get_by_test_id("shutter")).to_be_enabled()

    register_file(page, "Carl", photos / "obama3.jpg", ends="asked")
    assert site.people() == {"Anna": 1, "Ben": 1}


# -- refusals -------------------------------------------------------------------------------------


def test_several_faces_are_refused_and_shown(site: Site, open_page: OpenPage, photos: Path) -> None:
    page = open_page("/register")

    register_file(page, "Anna", photos / "group.jpg", ends="refused")

    expect(page.get_by_test_id("message")).to_contain_text("There are 3 faces in this photo.")
    expect(page.get_by_test_id("box")).to_have_count(3)
    for box in page.get_by_test_id("box").all():
        assert_inside(box, page.get_by_test_id("picture"))
    assert site.people() == {}
    # The name stays, and another photo may follow at once.
    register_file(page, "Anna", photos / "astronaut.png")


def test_a_photo_without_a_face_is_refused(site: Site, open_page: OpenPage, photos: Path) -> None:
    page = open_page("/register")
    register_file(page, "Anna", photos / "coffee.png", ends="refused")
    expect(page.get_by_test_id("message")).to_contain_text("no face")
    expect(page.get_by_test_id("box")).to_have_count(0)
    assert site.people() == {}

    page.goto(site.url + "/recognise")
    page.get_by_test_id("file").set_input_files(photos / "coffee.png")
    expect_state(page, "refused")
    expect(page.get_by_test_id("summary")).to_have_text("Nobody in the photo")


def test_a_file_that_is_no_picture_is_refused(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("not a picture")
    page = open_page("/register")

    register_file(page, "Anna", tmp_path / "note.jpg", ends="refused")

    expect(page.get_by_test_id("message")).not_to_be_empty()


def test_a_name_is_asked_for_first(open_page: OpenPage, photos: Path) -> None:
    page = open_page("/register")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("name-error")).to_have_text("Write the name of the person first.")
    expect(page.get_by_test_id("name")).to_be_focused()
    page.get_by_test_id("name").fill("Anna")
    expect(page.get_by_test_id("name-error")).to_be_empty()
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("message")).to_have_text("Take or choose a photo first.")


def test_a_server_that_is_away_is_said_in_plain_words(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/recognise")
    page.route("**/api/recognise", lambda route: route.abort())

    page.get_by_test_id("file").set_input_files(photos / "biden.jpg")

    expect(page.get_by_test_id("message")).to_contain_text("The server does not answer.")


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


def test_a_name_that_looks_like_html_is_shown_as_text_live(site: Site, open_page: OpenPage) -> None:
    page = open_page("/register")
    browser.register_from_camera(page, HOSTILE)

    page.goto(site.url + "/recognise")

    expect_live(page, HOSTILE)
    assert_nothing_hostile(page)


# -- without a camera -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/register", "/recognise"])
def test_without_a_camera_a_photo_will_do(
    path: str, open_page: OpenPage, playwright: Playwright, photos: Path
) -> None:
    blind = browser.chromium(playwright, None, GRANTED)
    page = open_page(path, within=blind)

    expect(page.get_by_test_id("notice")).to_contain_text("No camera was found. Connect one")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photos / "astronaut.png")
    expect(page.get_by_test_id("notice")).to_be_hidden()
    expect(page.get_by_test_id("picture").locator("img")).to_be_visible()
    blind.close()


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
    site: Site, playwright: Playwright, photos: Path
) -> None:
    """Over plain http from another machine, as a phone in the house opens it at first."""
    port = urlsplit(site.url).port
    elsewhere = Site(f"http://facecog.test:{port}")
    alias = "--host-resolver-rules=MAP facecog.test 127.0.0.1"
    visiting = browser.chromium(playwright, browser.somebody_on_camera(photos), GRANTED, alias)
    page = visiting.new_page()
    page.goto(elsewhere.url + "/register")

    expect(page.get_by_test_id("notice")).to_contain_text("only to pages opened over https")
    expect(page.get_by_test_id("retry")).to_be_hidden()
    register_file(page, "Anna", photos / "astronaut.png")
    visiting.close()


# -- by keyboard, on small screens, offline -------------------------------------------------------


def test_the_keyboard_alone_is_enough(site: Site, open_page: OpenPage) -> None:
    page = open_page("/")
    tab_to(page, page.get_by_test_id("go-register"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    with page.expect_file_chooser():
        tab_to(page, page.get_by_test_id("choose"))
        page.keyboard.press("Enter")

    tab_to(page, page.get_by_test_id("shutter"))
    for attempt in range(10):  # while the head is turned away
        page.keyboard.press("Space")
        page.locator(":is(#name, #submit):focus").wait_for()
        if attempt == 0:
            page.keyboard.type("Anna")
        page.keyboard.press("Enter")
        page.locator("#stage:not([data-state=photo], [data-state=sending])").wait_for()
        if browser.state(page) == "done":
            break
        tab_to(page, page.get_by_test_id("retake"))
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
    expect(page.locator(".opblock").first).to_be_visible()
    assert_no_scrolling(page)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (780, 360), (1280, 720)])
def test_the_shutter_is_seen_without_scrolling(
    width: int, height: int, open_page: OpenPage
) -> None:
    page = open_page("/register", viewport={"width": width, "height": height})
    expect(page.get_by_test_id("shutter")).to_be_enabled()

    expect(page.get_by_test_id("stage")).to_be_in_viewport(ratio=1)
    expect(page.get_by_test_id("shutter")).to_be_in_viewport(ratio=1)


def test_the_api_page_works_offline(site: Site, open_page: OpenPage) -> None:
    """The watch of `open_page` sees to it that nothing comes from anywhere else."""
    page = open_page("/docs")

    expect(page.locator(".opblock-summary-path").filter(has_text="/api/register")).to_be_visible()
    page.locator(".opblock", has_text="/api/health").locator("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_can_be_read_on_its_ground(scheme: str, open_page: OpenPage) -> None:
    page = open_page("/register", color_scheme=scheme)
    for selector in ("h1", ".lead", "label", "#name-help", "#submit", ".nav a[aria-current]"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, f"{selector}: {ratio:.1f}"


# -- what the tests above say of a page -----------------------------------------------------------

CONTRAST = """(element) => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  let ground = element;
  while (ground && numbers(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const light = (color) => {
    const [r, g, b] = numbers(color).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const both = [light(getComputedStyle(element).color),
    light(getComputedStyle(ground ?? document.documentElement).backgroundColor)];
  return Math.max(...both) / Math.min(...both);
}"""  # noqa: E501


SIDE_BY_SIDE = """() => {
  const [left, right] = ['choice-new', 'choice-known']
    .map((id) => document.getElementById(id).getBoundingClientRect());
  return left.right < right.left && left.top === right.top && left.height === right.height;
}"""

SHOWS_SOMETHING = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(data).size > 100;
}"""


def marks(page: Page) -> Locator:
    """The names on the picture."""
    return page.get_by_test_id("marks").locator(".label")


def kinds(elements: Locator) -> list[str | None]:
    return [element.get_attribute("data-kind") for element in elements.all()]


def expect_question(page: Page, title: str, stored: str) -> None:
    """Register asks, with the face of the photo and the stored one side by side."""
    expect(page.locator("#choice-title")).to_have_text(title)
    expect(page.locator("#choice-title")).to_be_focused()
    expect(page.get_by_test_id("form")).to_be_hidden()
    new, known = page.get_by_test_id("choice-new"), page.get_by_test_id("choice-known")
    expect(new.get_by_role("img", name="The face in this photo")).to_be_visible()
    assert new.locator("canvas").evaluate(SHOWS_SOMETHING)
    expect(known).to_have_accessible_name(f"The stored photo of {stored}")
    expect_picture(known)
    assert kinds(page.get_by_test_id("box")) == ["uncertain"]
    assert page.evaluate(SIDE_BY_SIDE)


def expect_state(page: Page, state: str) -> None:
    expect(page.get_by_test_id("stage")).to_have_attribute("data-state", state)


def expect_live(page: Page, name: str = "") -> None:
    """The camera runs, frames are answered, and once somebody of this name is seen."""
    wanted = f"[data-names={json.dumps(json.dumps([name]))}]" if name else ""
    page.locator(f"#stage[data-state=camera]:not([data-frames='0']){wanted}").wait_for()


def register_file(page: Page, name: str, photo: Path, ends: str = "done") -> None:
    page.get_by_test_id("file").set_input_files(photo)
    expect_state(page, "photo")
    page.get_by_test_id("name").fill(name)
    page.get_by_test_id("submit").click()
    expect_state(page, ends)


def expect_picture(image: Locator) -> None:
    expect(image).to_be_visible()
    assert image.evaluate("async (image) => { await image.decode(); return image.naturalWidth }")


def assert_inside(inner: Locator, outer: Locator) -> None:
    here, there = inner.bounding_box(), outer.bounding_box()
    assert here and there
    assert there["x"] <= here["x"] <= here["x"] + here["width"] <= there["x"] + there["width"]
    assert there["y"] <= here["y"] <= here["y"] + here["height"] <= there["y"] + there["height"]


def assert_nothing_hostile(page: Page) -> None:
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "owned"


def assert_no_scrolling(page: Page) -> None:
    wide = page.evaluate("[document.documentElement.scrollWidth, screen.width]")
    assert wide[0] <= wide[1]


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus; each stop on the way must be seen."""
    for _ in range(30):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        assert focus.evaluate("(element) => getComputedStyle(element).outlineStyle") != "none"
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")
