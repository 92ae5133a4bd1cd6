"""Register in a real browser with a fake camera, on a real server with the real models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import assets
from tests.browser import (
    OpenPage,
    Site,
    assert_inside,
    expect_question,
    expect_state,
    register_file,
    tab_to,
)

pytestmark = pytest.mark.xdist_group("register page")


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


def test_of_several_faces_the_one_meant_is_tapped(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/register")

    register_file(page, "Anna", photos / "group.jpg", ends="refused")

    expect(page.get_by_test_id("message")).to_contain_text("There are 3 faces in this photo.")
    picks = page.get_by_test_id("pick")
    expect(picks).to_have_count(3)
    expect(picks.first).to_be_focused()
    for pick in picks.all():
        assert_inside(pick, page.get_by_test_id("picture"))
    assert site.people() == {}
    tab_to(page, page.get_by_role("button", name="Face 3 of 3"))
    page.keyboard.press("Space")
    expect(page.get_by_test_id("verdict")).to_have_text("Good")
    expect(picks.last).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("submit").click()
    expect_state(page, "done")
    # It was the astronaut, on the right.
    page.get_by_test_id("someone-else").click()
    register_file(page, "Ben", photos / "astronaut.png", ends="asked")
    expect_question(page, "This face is registered already, as Anna", stored="Anna")


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


@pytest.mark.parametrize(("width", "height"), [(360, 640), (780, 360), (1280, 720)])
def test_the_shutter_is_seen_without_scrolling(
    width: int, height: int, open_page: OpenPage
) -> None:
    page = open_page("/register", viewport={"width": width, "height": height})
    expect(page.get_by_test_id("shutter")).to_be_enabled()

    expect(page.get_by_test_id("stage")).to_be_in_viewport(ratio=1)
    expect(page.get_by_test_id("shutter")).to_be_in_viewport(ratio=1)
