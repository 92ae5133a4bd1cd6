"""Register in a real browser with a fake camera, on a real server with the real models."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, Playwright, Request, Route, expect

from tests import assets, browser
from tests.browser import (
    GRANTED,
    OpenPage,
    Seeing,
    Site,
    assert_accessible,
    assert_inside,
    assert_no_scrolling,
    expect_picture,
    expect_question,
    expect_state,
    register_file,
    tab_to,
)
from tests.heic import heic


@pytest.mark.usefixtures("consent_required")
def test_consent_is_asked_for_where_it_is_required(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/register")
    page.get_by_test_id("name").fill("Obama")
    page.get_by_test_id("file").set_input_files(photos / "obama.jpg")
    expect_state(page, "photo")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("consent-error")).to_contain_text("who has not agreed")
    expect(page.get_by_test_id("consent")).to_be_focused()
    assert_accessible(page)
    assert site.people() == {}

    page.get_by_test_id("consent").check()
    page.get_by_test_id("submit").click()

    expect(page.locator("#result-title")).to_have_text("Obama is registered")
    page.get_by_test_id("someone-else").click()
    expect(page.get_by_test_id("consent")).not_to_be_checked()  # it was Obama's


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
    across = [pick.bounding_box() for pick in picks.all()]
    assert across == sorted(across, key=lambda box: box["x"] if box else 0)
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


def test_a_button_stays_where_it_is_while_it_is_pressed(
    open_page: OpenPage, seeing: Seeing, photos: Path
) -> None:
    page, held = open_page("/register", within=seeing(None)), list[Route]()
    expect_state(page, "no-camera")  # which would look for faces too
    page.route("**/api/detect*", lambda route: held.append(route))
    with page.expect_request("**/api/detect*"):
        page.get_by_test_id("file").set_input_files(photos / "coffee.png")
    page.get_by_test_id("name").fill("Anna")
    button = page.get_by_test_id("submit")
    button.hover()
    page.mouse.down()
    with page.expect_response("**/api/detect*"):
        held[0].continue_()
    page.wait_for_timeout(300)  # in which the answer would be said

    expect(page.get_by_test_id("message")).to_be_empty()
    page.mouse.up()
    expect_state(page, "refused")
    expect(page.get_by_test_id("message")).to_contain_text("no face")


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


# -- the coach, as pure decisions -----------------------------------------------------------------

# A face as /api/detect finds it, in a picture of 640x480 a tenth of a second after the last.
COACH = """async (looks) => {
  // Beside the page's own script, whatever version of the files that is.
  const script = document.querySelector('script[src$="register.js"]').src;
  const { Coach } = await import(script.replace('register.js', 'coach.js'));
  const coach = new Coach();
  const image = { width: 640, height: 480 };
  const face = ({ yaw = 0, x = 320, y = 220, height = 200, sharpness = 9, reasons = [] }) => ({
    box: { x: x - height * 0.38, y: y - height / 2, width: height * 0.76, height },
    quality: { ok: !reasons.length, measures: { yaw, sharpness }, reasons: reasons.map((code) => ({ code })) },
  });
  return looks.map(([at, ...faces], frame) => {
    if (faces[0] === 'reopen') return coach.reopen(faces[1]);
    const { hint, side, steps, take, offer, alone } = coach.see({ at, frame, faces: faces.map(face), image });
    return { hint, side, steps, take, offer, alone };
  });
}"""  # noqa: E501

Look = dict[str, Any]


def coached(open_page: OpenPage, *looks: list[Any]) -> list[Look]:
    """What the coach says to a sequence of [ms, face, ...]."""
    said: list[Look] = open_page("/register").evaluate(COACH, list(looks))
    return said


def held(start: int, rounds: int = 8, **face: Any) -> list[list[Any]]:
    """A face that holds still from `start` on, looked at every 120 ms."""
    return [[start + 120 * look, face] for look in range(rounds)]


def taken(said: list[Look]) -> list[tuple[str, int]]:
    return [(one["take"]["step"], one["take"]["frame"]) for one in said if one["take"]]


@pytest.mark.parametrize("sides", [(-20, 20), (20, -20)])
def test_the_coach_takes_each_pose_once_in_either_order(
    sides: tuple[int, int], open_page: OpenPage
) -> None:
    first, second = sides
    said = coached(
        open_page,
        *held(0),
        *held(2000, yaw=first),
        *held(4000, yaw=second),
        *held(6000),
        *held(8000),
    )

    names = {-20: "left", 20: "right"}
    steps = [step for step, _ in taken(said)]
    assert steps == ["straight", names[first], names[second], "again"]
    assert said[-1]["hint"] == "done"
    assert said[-1]["steps"] == {"straight": 1, "left": 1, "right": 1, "again": 1}


def test_the_coach_keeps_the_sharpest_of_the_frames_that_held_still(open_page: OpenPage) -> None:
    sharp = [3, 5, 8, 6, 4]
    said = coached(open_page, *([120 * n, {"sharpness": one}] for n, one in enumerate(sharp)))

    assert taken(said)[0] == ("straight", 2)
    assert [one["hint"] for one in said[:2]] == ["nobody", "hold"]


def test_the_coach_takes_nothing_that_moves(open_page: OpenPage) -> None:
    said = coached(open_page, *([120 * n, {"x": 260 + 60 * (n % 2)}] for n in range(20)))

    assert taken(said) == []
    assert said[-1]["hint"] == "still"


def test_the_coach_leaves_time_between_two_frames(open_page: OpenPage) -> None:
    """A face that turns at once is not taken again in the same moment."""
    said = coached(open_page, *held(0, 4), *held(480, 20, yaw=20))

    (_, first), (step, second) = taken(said)
    assert step == "right"
    assert 120 * (second - first) >= 600


@pytest.mark.parametrize(
    ("faces", "hint"),
    [
        ([], "nobody"),
        ([{}, {"x": 120}], "several"),
        ([{"height": 80}], "closer"),
        ([{"height": 470}], "back"),
        ([{"x": 100}], "middle"),
        ([{"reasons": ["too_dark"]}], "light"),
        ([{"reasons": ["too_bright"]}], "glare"),
        ([{"reasons": ["blurred"]}], "still"),
        ([{"reasons": ["eyes_covered"]}], "eyes_covered"),
        ([{"reasons": ["mouth_covered"]}], "mouth_covered"),
        ([{"reasons": ["tilted"]}], "upright"),
        ([{"yaw": 25}], "look"),
        ([{"yaw": 60, "reasons": ["turned"]}], "look"),
        ([{"reasons": ["of_a_later_version"]}], "look"),
    ],
)
def test_the_coach_says_what_is_in_the_way(
    faces: list[dict[str, Any]], hint: str, open_page: OpenPage
) -> None:
    said = coached(open_page, *([120 * n, *faces] for n in range(10)))

    assert said[-1]["hint"] == hint
    assert taken(said) == []


def test_the_coach_overlooks_passers_by_and_flickers(open_page: OpenPage) -> None:
    passing = coached(open_page, *([120 * n, {}, {"x": 60, "height": 70}] for n in range(5)))
    assert taken(passing)

    turned = coached(open_page, *held(0, 6), [720], *held(840, 2))
    assert turned[6]["hint"] == "turn"


def test_the_coach_tells_a_head_turned_too_far(open_page: OpenPage) -> None:
    said = coached(open_page, *held(0), *held(2000, yaw=44))

    assert said[-1]["hint"] == "less"
    assert len(taken(said)) == 1


def test_the_coach_asks_for_the_side_that_is_missing(open_page: OpenPage) -> None:
    said = coached(open_page, *held(0), *held(2000, yaw=-20), *held(4000))

    assert (said[-1]["hint"], said[-1]["side"]) == ("turn", "right")


def test_the_coach_makes_do_with_somebody_who_does_not_turn(open_page: OpenPage) -> None:
    said = coached(open_page, *held(0, 70))

    assert [one["offer"] for one in said].count(True) > 10
    first = next(n for n, one in enumerate(said) if one["offer"])
    assert 6000 <= 120 * first <= 7000


def test_the_coach_knows_how_long_nobody_was_there(open_page: OpenPage) -> None:
    said = coached(open_page, [0, {}], [5000], [12_000], [12_100, {}])

    assert [one["alone"] for one in said] == [0, 5000, 12_000, 0]


def test_a_frame_thrown_away_is_taken_again(open_page: OpenPage) -> None:
    page_says = coached(open_page, *held(0), [1500, "reopen", "straight"], *held(2000))

    assert [step for step, _ in taken([one for one in page_says if one])] == ["straight"] * 2


# -- the coach at work ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def turning(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose camera sees a man who turns his head."""
    film = browser.turning(tmp_path_factory.mktemp("turning") / "turning.mjpeg")
    running = browser.chromium(playwright, film, GRANTED)
    yield running
    running.close()


def expect_through(page: Page) -> None:
    expect(page.get_by_test_id("hint")).to_have_text("Done. Now the name")
    expect(page.get_by_test_id("ring")).to_have_attribute("data-done", "straight left right again")


def yaws(site: Site, name: str) -> list[float]:
    return [round(sample["quality"]["yaw"]) for sample in site.samples(name)]


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
        {"viewport": {"width": 1440, "height": 900}},
        {"reduced_motion": "reduce"},
    ],
)
def test_the_coach_enrols_a_person_by_itself(
    options: dict[str, Any], site: Site, open_page: OpenPage, turning: Browser
) -> None:
    page = open_page("/register", within=turning, **options)

    expect_through(page)
    expect(page.get_by_test_id("shot")).to_have_count(4)
    expect(page.get_by_test_id("name")).to_be_focused()
    assert_no_scrolling(page)
    page.keyboard.type("Anna")
    page.keyboard.press("Enter")

    expect(page.locator("#result-title")).to_have_text("Anna is registered")
    # The film comes back to the very same picture, of which one sample is enough.
    expect(page.locator("#result-count")).to_contain_text("photos stored.")
    expect(page.get_by_test_id("go-recognise")).not_to_have_class(re.compile("button-quiet"))
    turned = yaws(site, "Anna")
    assert min(turned) < -13 < 13 < max(turned)
    assert any(abs(yaw) <= 10 for yaw in turned)
    assert_no_scrolling(page)


def test_the_coach_enrols_a_woman_who_turns_her_head(
    site: Site, open_page: OpenPage, seeing: Seeing, tmp_path: Path
) -> None:
    """Her film where it is at hand, slowed down to what a person does when asked."""
    film = browser.somebody_on_camera(tmp_path)
    if film == browser.HEADPOSE:
        slow = browser.slowly(film, tmp_path / "slow.mjpeg", 24)
    else:
        slow = browser.turning(tmp_path / "turning.mjpeg")
    page = open_page("/register", within=seeing(slow))

    expect_through(page)
    page.get_by_test_id("name").fill("Anna")
    page.get_by_test_id("submit").click()

    expect_state(page, "done")
    assert site.people()["Anna"] >= 3


def test_the_mirror_says_the_side_that_the_person_knows(
    site: Site, open_page: OpenPage, seeing: Seeing
) -> None:
    """Yaw is positive to the right of the picture: seen in the mirror, to the left."""
    page = open_page("/register", within=seeing(browser.seen("obama.jpg")))

    expect(page.get_by_test_id("hint")).to_have_text("Now turn your head a little to the right")
    expect(page.get_by_test_id("ring")).to_have_attribute("data-side", "right")
    expect(page.get_by_test_id("use-these")).to_have_text("Use this one")
    page.get_by_test_id("use-these").click()
    expect(page.get_by_test_id("hint")).to_have_text("Done. Now the name")
    expect(page.get_by_test_id("name")).to_be_focused()

    photo = browser.on_a_wall("obama2.jpg")
    left, right = (yaw_of(site, one) for one in (photo, ImageOps.mirror(photo)))
    assert left < -13
    assert right > 13


def yaw_of(site: Site, picture: Image.Image) -> float:
    return float(site.detect(browser.jpeg(picture))["faces"][0]["quality"]["measures"]["yaw"])


def test_the_preview_is_a_mirror_and_the_sample_is_not(
    site: Site, open_page: OpenPage, seeing: Seeing, tmp_path: Path
) -> None:
    """Red is on the left of what the camera sees."""
    seen = browser.seen("obama.jpg")
    seen.paste((220, 20, 20), (0, 0, 250, 480))
    seen.paste((20, 20, 220), (440, 0, 640, 480))
    film = browser.film([browser.jpeg(seen)], tmp_path / "flag.mjpeg", 30)
    page = open_page("/register", within=seeing(film))
    browser.take_photo(page)

    shown = Image.open(io.BytesIO(page.get_by_test_id("stage").screenshot())).convert("RGB")
    assert colour(shown, 0.1) == "blue"
    assert colour(shown, 0.9) == "red"
    page.get_by_test_id("name").fill("Anna")
    page.get_by_test_id("submit").click()
    expect_state(page, "done")
    kept = Image.open(io.BytesIO(site.crop(site.samples("Anna")[0])))
    assert colour(kept, 0.03) == "red"
    assert colour(kept, 0.97) == "blue"


def colour(picture: Image.Image, across: float) -> str:
    red, _, blue = picture.convert("RGB").getpixel(
        (int(picture.width * across), picture.height // 2)
    )  # type: ignore[misc]
    return "red" if red > blue else "blue"


BACK = """const settings = MediaStreamTrack.prototype.getSettings;
MediaStreamTrack.prototype.getSettings = function () {
  return { ...settings.call(this), facingMode: 'environment' };
};"""


def test_a_camera_on_the_back_is_no_mirror(open_page: OpenPage, seeing: Seeing) -> None:
    """Whoever holds it sees the other person as they stand: its words are of the picture."""
    page = open_page("/nothing", within=seeing(browser.seen("obama.jpg")))
    page.add_init_script(BACK)
    page.goto(urljoin(page.url, "/register"))

    expect(page.get_by_test_id("hint")).to_have_text(
        "Now turned a little to the left of the picture"
    )
    expect(page.get_by_test_id("ring")).to_have_attribute("data-side", "left")
    assert page.locator("#video").get_attribute("data-mirrored") is None


def test_the_coach_is_switched_off_and_on(open_page: OpenPage, seeing: Seeing) -> None:
    page = open_page("/register", within=seeing(browser.seen("obama.jpg")))
    expect(page.get_by_test_id("shot")).to_have_count(1)
    page.get_by_test_id("auto").click()
    expect(page.get_by_test_id("hint")).to_be_hidden()
    page.get_by_role("button", name="Remove photo 1").click()
    browser.look_on(page, 6)
    expect(page.get_by_test_id("shot")).to_have_count(0)

    page.get_by_test_id("auto").click()

    expect(page.get_by_test_id("hint")).to_be_visible()
    expect(page.get_by_test_id("shot")).to_have_count(1)


def test_the_coach_speaks_german(open_page: OpenPage, seeing: Seeing) -> None:
    page = open_page("/register", within=seeing(browser.seen("obama.jpg")), locale="de-DE")

    said = "Nun den Kopf ein wenig nach rechts drehen"
    expect(page.get_by_test_id("hint")).to_have_text(said)
    expect(page.locator("#hint-aloud")).to_have_text(said)
    expect(page.get_by_test_id("use-these")).to_have_text("Dieses nehmen")


def test_the_shutter_takes_several_and_each_can_be_thrown_away(
    site: Site, open_page: OpenPage
) -> None:
    page = open_page("/register")
    browser.take_photo(page)
    for shots in (2, 3):
        page.get_by_test_id("shutter").click()
        expect(page.get_by_test_id("shot")).to_have_count(shots)
    page.get_by_role("button", name="Remove photo 2").click()

    expect(page.get_by_test_id("shot")).to_have_count(2)
    expect(page.get_by_role("button", name="Remove photo 2")).to_be_focused()
    assert site.people() == {}


def test_a_photo_by_hand_that_will_not_do_says_why(open_page: OpenPage, seeing: Seeing) -> None:
    dark = browser.seen("astronaut.png").point(lambda level: level // 7)
    page = open_page("/register", within=seeing(dark))
    expect(page.get_by_test_id("hint")).to_have_text("More light, please")
    page.get_by_test_id("shutter").click()

    expect(page.get_by_test_id("verdict")).to_contain_text("The face is too dark")
    expect(page.get_by_test_id("message")).to_contain_text("The face is too dark")


def test_two_people_are_asked_to_come_alone(open_page: OpenPage, seeing: Seeing) -> None:
    two = browser.group("obama3.jpg", "biden.jpg").resize((640, 480), box=(0, 30, 960, 750))
    page = open_page("/register", within=seeing(two))

    expect(page.get_by_test_id("hint")).to_have_text("Two people in view: come alone")
    expect(page.get_by_test_id("box")).to_have_count(2)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", "The server has its hands full with other photos. This page keeps trying."),
        ("de-DE", "Der Server ist mit anderen Fotos ausgelastet. Diese Seite versucht es weiter."),
    ],
)
def test_while_the_server_is_busy_nothing_is_asked_of_the_person(
    locale: str, said: str, open_page: OpenPage
) -> None:
    page = open_page("/register", locale=locale)
    expect(page.get_by_test_id("hint")).not_to_be_empty()
    page.route("**/api/detect", browser.busy)

    expect(page.get_by_test_id("message")).to_have_text(said)
    expect(page.get_by_test_id("hint")).to_be_empty()
    expect(page.get_by_test_id("ring")).not_to_have_attribute("data-hint", re.compile("."))
    page.unroute("**/api/detect")
    expect(page.get_by_test_id("message")).to_have_text("")
    expect(page.get_by_test_id("hint")).not_to_be_empty()


def test_nobody_for_a_while_is_told_what_to_try(
    open_page: OpenPage, seeing: Seeing, photos: Path
) -> None:
    cup = Image.open(photos / "coffee.png").convert("RGB").resize((640, 480))
    page = open_page("/register", within=seeing(cup))
    expect(page.get_by_test_id("hint")).to_contain_text("Nobody in view")

    expect(page.get_by_test_id("lonely")).to_contain_text("No face for a while.")
    with page.expect_file_chooser():
        page.get_by_test_id("lonely").get_by_role("button", name="Choose a photo").click()


# -- cameras --------------------------------------------------------------------------------------


def test_one_of_several_cameras_is_chosen_and_remembered(
    open_page: OpenPage, seeing: Seeing
) -> None:
    three = "--use-fake-device-for-media-stream=device-count=3"
    page = open_page("/register", within=seeing(None, three))
    menu = page.get_by_test_id("cameras")
    expect(menu.locator("option")).to_have_count(3)
    here, there = menu.input_value(), menu.locator("option").last.get_attribute("value")
    assert here != there

    menu.select_option(there)

    expect(page.get_by_test_id("shutter")).to_be_enabled()
    expect(menu).to_have_value(there or "")
    page.reload()
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    expect(menu).to_have_value(there or "")


def test_a_camera_in_use_elsewhere_is_explained(site: Site, open_page: OpenPage) -> None:
    page = open_page("/docs")
    page.context.add_init_script(
        """navigator.mediaDevices.getUserMedia = async () => {
          throw new DOMException('', 'NotReadableError');
        };"""
    )
    page.goto(site.url + "/register")

    expect(page.get_by_test_id("notice")).to_contain_text("Another program is using the camera.")
    expect(page.get_by_test_id("retry")).to_be_visible()


def test_a_camera_that_is_pulled_out_is_explained(open_page: OpenPage) -> None:
    page = open_page("/register")
    expect(page.get_by_test_id("shutter")).to_be_enabled()

    page.evaluate(
        """document.getElementById('video').srcObject.getTracks()[0]
          .dispatchEvent(new Event('ended'))"""
    )

    expect(page.get_by_test_id("notice")).to_contain_text("The camera was disconnected.")
    page.get_by_test_id("retry").click()
    expect(page.get_by_test_id("shutter")).to_be_enabled()


# -- several photos -------------------------------------------------------------------------------


def test_several_photos_each_have_their_verdict_and_their_answer(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/register")
    names = ("obama.jpg", "coffee.png", "obama2.jpg", "obama3.jpg")
    page.get_by_test_id("file").set_input_files([photos / name for name in names])

    verdicts = page.get_by_test_id("verdict")
    expect(verdicts).to_have_text(["Good", "There is no face in this photo.", "Good", "Good"])
    page.get_by_test_id("name").fill("Anna")
    page.get_by_test_id("submit").click()

    expect(page.locator("#result-title")).to_have_text("Anna is registered")
    expect(page.locator("#result-count")).to_have_text("3 of 4 photos were kept. 3 photos stored.")
    expect(verdicts).to_have_text(
        ["Registered", "There is no face in this photo.", "Registered", "Registered"]
    )
    assert site.people() == {"Anna": 3}


@pytest.mark.parametrize(
    ("answer", "people"),
    [("add", {"Anna": 4}), ("duplicate", {"Anna": 1, "Ben": 3}), ("back", {"Anna": 1})],
)
def test_an_answer_holds_for_the_rest_of_a_series(
    answer: str, people: dict[str, int], site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Anna", assets.photo("obama_partial_face2.jpg"))
    page = open_page("/register")
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg")
    page.get_by_test_id("file").set_input_files([photos / name for name in names])
    page.get_by_test_id("name").fill("Ben")
    page.get_by_test_id("submit").click()
    expect_state(page, "asked")

    page.get_by_test_id(f"choice-{answer}").click()

    expect_state(page, "photo" if answer == "back" else "done")
    assert site.people() == people


def test_a_series_waits_for_a_busy_server_and_lets_others_go_first(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/nothing")
    sent: list[tuple[str, str | None]] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append((request.url.rpartition("/")[2], request.headers.get("priority")))

    page.route("**/api/detect", browser.busy, times=1)
    page.route("**/api/register", browser.busy, times=1)
    page.goto(site.url + "/register")
    browser.switch_coach_off(page)
    page.on("request", note)
    page.get_by_test_id("file").set_input_files([photos / "obama.jpg", photos / "obama2.jpg"])
    expect(page.get_by_test_id("verdict")).to_have_text(["Good", "Good"])
    page.get_by_test_id("name").fill("Anna")
    page.get_by_test_id("submit").click()

    expect_state(page, "done")
    assert site.people() == {"Anna": 2}
    assert sent.count(("register", "u=5")) == 3
    assert ("detect", "u=5") in sent


def test_a_server_that_goes_away_in_a_series_loses_nothing(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    page = open_page("/register")
    page.get_by_test_id("file").set_input_files([photos / "obama.jpg", photos / "obama2.jpg"])
    expect(page.get_by_test_id("verdict")).to_have_text(["Good", "Good"])
    page.route("**/api/register", lambda route: route.abort(), times=1)
    page.get_by_test_id("name").fill("Anna")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("message")).to_contain_text("The server does not answer.")
    expect(page.get_by_test_id("verdict")).to_have_text(["Good", "Good"])
    page.get_by_test_id("submit").click()
    expect_state(page, "done")
    assert site.people() == {"Anna": 2}


def test_a_photo_that_the_browser_cannot_show_is_registered_all_the_same(
    site: Site, open_page: OpenPage, tmp_path: Path
) -> None:
    (tmp_path / "phone.heic").write_bytes(heic(browser.seen("astronaut.png"), tmp_path))
    page = open_page("/register")

    register_file(page, "Anna", tmp_path / "phone.heic")

    assert site.people() == {"Anna": 1}


# -- the name -------------------------------------------------------------------------------------


def test_a_known_name_is_completed_by_keyboard(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Anna", assets.photo("obama.jpg"))
    site.register("Annabel", assets.photo("biden.jpg"))
    page = open_page("/register")
    page.get_by_test_id("file").set_input_files(photos / "obama2.jpg")
    name = page.get_by_test_id("name")
    name.fill("ann")

    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    expect(name).to_have_attribute("aria-expanded", "true")
    expect_picture(options.first.locator("img"))
    name.press("ArrowDown")
    name.press("ArrowDown")
    expect(options.last).to_have_attribute("aria-selected", "true")
    name.press("Escape")
    expect(options).to_have_count(0)
    name.press("ArrowDown")
    expect(options).to_have_count(2)
    name.press("ArrowDown")
    name.press("Enter")

    expect(name).to_have_value("Anna")
    expect(page.get_by_test_id("name-known")).to_contain_text("Anna is registered, with 1 photo.")
    expect_state(page, "photo")  # it was the name that was taken, not the form that was sent
    name.press("Enter")
    expect_state(page, "done")
    assert site.people() == {"Anna": 2, "Annabel": 1}


def test_a_known_name_can_be_clicked(site: Site, open_page: OpenPage) -> None:
    site.register("Anna", assets.photo("obama.jpg"))
    page = open_page("/register")
    page.get_by_test_id("name").fill("an")

    page.get_by_role("option", name="Anna").click()

    expect(page.get_by_test_id("name")).to_have_value("Anna")
    expect(page.get_by_test_id("name-known")).to_be_visible()


def test_the_three_ways_on_are_three(site: Site, open_page: OpenPage, photos: Path) -> None:
    site.register("Ben", assets.photo("biden.jpg"))
    page = open_page("/register")
    register_file(page, "Anna", photos / "obama.jpg")
    expect(page.get_by_test_id("go-recognise")).to_have_class(re.compile("button-quiet"))

    page.get_by_role("button", name="Add more photos of Anna").click()
    expect(page.get_by_test_id("shutter")).to_be_focused()
    expect(page.get_by_test_id("name")).to_have_value("Anna")
    expect(page.get_by_test_id("shot")).to_have_count(0)

    register_file(page, "Anna", photos / "obama2.jpg")
    page.get_by_role("button", name="Register someone else").click()
    expect(page.get_by_test_id("name")).to_have_value("")
    expect(page.get_by_test_id("shutter")).to_be_focused()


def test_a_name_typed_before_the_script_runs_stays(site: Site, open_page: OpenPage) -> None:
    page = open_page("/nothing")
    held: list[Route] = []
    page.route("**/register.js", lambda route: held.append(route))
    page.goto(site.url + "/register", wait_until="commit")
    page.get_by_test_id("name").fill("Anna")
    held[0].continue_()
    expect(page.get_by_test_id("shutter")).to_be_enabled()
    expect(page.get_by_test_id("name")).to_have_value("Anna")
