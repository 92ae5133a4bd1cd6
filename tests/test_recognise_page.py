"""Recognise in a real browser with a fake camera, on a real server with the real models."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from tests import assets, browser
from tests.browser import (
    ALIKE,
    CONTRAST,
    GRANTED,
    HOSTILE,
    PROMISE,
    OpenPage,
    Site,
    assert_nothing_hostile,
    expect_live,
    kinds,
    marks,
)

pytestmark = pytest.mark.xdist_group("recognise page")


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
    expect(page.get_by_role("button", name="Register this person")).to_have_count(1)


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
    expect(page.get_by_role("button", name="Register this person")).to_have_count(0)
    for selector in (".face-name", ".face-why", ".label"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, f"{selector}: {ratio:.1f}"


def test_a_score_just_below_nothing_is_not_minus_nothing(open_page: OpenPage) -> None:
    face = {"decision": "unknown", "score": -0.001, "threshold": 0.33, "candidates": []}

    said = open_page("/recognise").evaluate(
        """async (face) => {
          const words = new URL('words.js', document.querySelector('script[type=module]').src);
          return (await import(words)).scoreInWords(face);
        }""",
        face,
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


def test_a_name_that_looks_like_html_is_shown_as_text_live(site: Site, open_page: OpenPage) -> None:
    page = open_page("/register")
    browser.register_from_camera(page, HOSTILE)

    page.goto(site.url + "/recognise")

    expect_live(page, HOSTILE)
    assert_nothing_hostile(page)


def test_a_server_that_is_away_is_said_in_plain_words(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/recognise")
    page.route("**/api/recognise", lambda route: route.abort())

    page.get_by_test_id("file").set_input_files(photos / "biden.jpg")

    expect(page.get_by_test_id("message")).to_contain_text("The server does not answer.")
