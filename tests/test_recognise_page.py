"""Recognise in a real browser with a fake camera, on a real server with the real models."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest
from PIL import ImageOps
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from tests import assets, browser
from tests.browser import (
    ALIKE,
    CONTRAST,
    HOSTILE,
    PROMISE,
    SHOWS_SOMETHING,
    OpenPage,
    Seeing,
    Site,
    assert_accessible,
    assert_no_scrolling,
    assert_nothing_hostile,
    expect_live,
    expect_picture,
    expect_state,
    kinds,
    marks,
)

PACE = re.compile(r"[\d.,]*\d")


def test_a_stranger_is_unknown_live(site: Site, open_page: OpenPage, seeing: Seeing) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise", within=seeing(browser.seen("astronaut.png")))

    expect_live(page, "Unknown")
    expect(marks(page)).to_have_text(["Unknown"])


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
    site: Site, open_page: OpenPage, seeing: Seeing
) -> None:
    site.register_look_alikes("Anna", "Bea", photo=assets.photo("obama.jpg"))
    page = open_page("/recognise", within=seeing(browser.seen("obama.jpg")))

    expect_live(page, "Not sure")
    expect(page.get_by_test_id("summary")).to_have_text("Not sure")
    expect(page.get_by_test_id("announce")).to_have_text(f"Not sure. {ALIKE}")
    expect(page.locator(".face-live .face-why")).to_have_text(ALIKE)
    expect(page.get_by_test_id("basis")).to_contain_text(PROMISE)
    assert kinds(page.get_by_test_id("box")) == ["uncertain"]


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


def test_a_photo_waits_for_a_busy_server(site: Site, open_page: OpenPage, photos: Path) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/register")
    page.route("**/api/recognise", lambda route: route.abort())  # of the live view
    page.goto(site.url + "/recognise")
    page.get_by_test_id("live-toggle").click()
    page.unroute("**/api/recognise")
    page.route("**/api/recognise", browser.busy, times=2)

    page.get_by_test_id("file").set_input_files(photos / "obama2.jpg")

    expect(page.get_by_test_id("summary")).to_have_text("Obama")
    expect(page.get_by_test_id("message")).to_have_text("")


# -- live ------------------------------------------------------------------------------------------


@pytest.fixture
def side_by_side(seeing: Seeing) -> Browser:
    """A camera that sees Obama on the left and Biden on the right."""
    scene = ImageOps.pad(browser.group("obama3.jpg", "biden.jpg"), (640, 480))
    return seeing(scene)


def expect_names(page: Page, *names: str) -> None:
    """As the mirrored picture shows them, from left to right."""
    expect(page.get_by_test_id("stage")).to_have_attribute(
        "data-names", json.dumps(names, separators=(",", ":"), ensure_ascii=False)
    )


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Faces").get_by_role("button", name=name, exact=True)


def test_names_one_and_calls_the_other_unknown_in_one_film(
    site: Site, open_page: OpenPage, side_by_side: Browser
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))

    page = open_page("/recognise", within=side_by_side)

    expect_names(page, "Unknown", "Obama")
    expect(page.get_by_test_id("summary")).to_have_text("Obama and 1 unknown")
    expect(box(page, "Obama, match")).to_be_visible()
    expect(box(page, "Unknown face 1")).to_be_visible()
    expect(page.get_by_test_id("announce")).to_have_text("Obama and 1 unknown")
    browser.look_on(page)


def test_a_frame_that_errs_does_not_change_the_name(site: Site, open_page: OpenPage) -> None:
    """Every fifth answer calls the face unknown, and every seventh misses it."""
    answers = 0

    def erring(route: Route) -> None:
        nonlocal answers
        answers += 1
        answer = route.fetch()
        body = answer.json()
        if answers % 7 == 0:
            body["faces"] = []
        elif answers % 5 == 0:
            body["faces"][0] |= {"decision": "unknown", "name": None, "subject_id": None}
        route.fulfill(response=answer, json=body)

    page = open_page("/register")
    browser.register_from_camera(page, "Anna")
    page.route("**/api/recognise", erring)
    page.goto(site.url + "/recognise")
    expect_names(page, "Anna")
    page.evaluate(
        """() => {
          const stage = document.getElementById('stage');
          window.shown = new Set();
          new MutationObserver(() => window.shown.add(stage.dataset.names))
            .observe(stage, { attributes: true });
        }"""
    )

    browser.look_on(page, 12)

    assert page.evaluate("[...window.shown]") == ['["Anna"]']
    page.unroute_all(behavior="ignoreErrors")


def test_with_a_slow_server_one_frame_is_on_its_way_at_a_time(
    site: Site, open_page: OpenPage
) -> None:
    page = open_page("/recognise")
    page.get_by_test_id("live-toggle").click()
    sent = 0

    def began(request: Request) -> None:
        nonlocal sent
        sent += request.url.endswith("/api/recognise")

    page.on("request", began)
    # The page itself waits, so that the browser sees a request that is under way for long.
    page.add_init_script(
        """const send = window.fetch;
        window.fetch = async (...request) => {
          const answer = await send(...request);
          await new Promise((resolve) => setTimeout(resolve, 400));
          return answer;
        };
        window.most = window.open_ = 0;
        const counted = window.fetch;
        window.fetch = async (...request) => {
          window.most = Math.max(window.most, ++window.open_);
          try { return await counted(...request); } finally { window.open_ -= 1; }
        };"""
    )
    page.goto(site.url + "/recognise")

    page.wait_for_function("() => document.getElementById('stage').dataset.frames >= 4")

    assert page.evaluate("window.most") == 1
    page.get_by_test_id("live-toggle").click()
    expect(page.get_by_test_id("pill")).to_have_text("Paused")
    assert sent <= 6


def test_frames_are_skipped_while_the_server_is_busy_and_that_is_said_only_when_it_lasts(
    site: Site, open_page: OpenPage
) -> None:
    site.register("Somebody", assets.photo("biden.jpg"))
    page = open_page("/recognise")
    browser.look_on(page)
    page.evaluate(
        """() => {
          const message = document.getElementById('message');
          window.said = new Set();
          new MutationObserver(() => window.said.add(message.textContent))
            .observe(message, { childList: true, subtree: true });
        }"""
    )
    page.route("**/api/recognise", browser.busy, times=2)
    browser.look_on(page, 3)
    assert page.evaluate("[...window.said].filter(Boolean)") == []

    expect(page.get_by_test_id("pace")).not_to_be_empty()
    page.route("**/api/recognise", browser.busy)
    expect(page.get_by_test_id("message")).to_have_text(
        "The server has its hands full with other photos. This page keeps trying."
    )
    expect(page.get_by_test_id("pace")).to_be_empty()
    page.unroute("**/api/recognise")
    expect(page.get_by_test_id("message")).to_have_text("")
    expect(page.get_by_test_id("pace")).not_to_be_empty()


def test_a_question_under_way_is_dropped_with_the_camera(open_page: OpenPage) -> None:
    page = open_page("/recognise")
    browser.look_on(page)
    page.route("**/api/recognise", lambda route: None)  # never answered
    with page.expect_request("**/api/recognise"):
        pass

    with page.expect_event("requestfailed") as failed:
        page.get_by_test_id("live-toggle").click()

    assert failed.value.url.endswith("/api/recognise")
    assert "ERR_ABORTED" in (failed.value.failure or "")


def test_a_raised_threshold_is_explained(open_page: OpenPage) -> None:
    page = open_page("/recognise")
    said = page.evaluate(
        """async (answer) => {
          const script = document.querySelector('script[type=module]').src;
          return (await import(new URL('words.js', script))).promiseInWords(answer);
        }""",
        {"gallery": {"subjects": 3}, "fpir": 0.001, "threshold": 0.4712, "raised_by": 0.06},
    )

    assert "With 3 people registered, that takes a score of 0.47." in said
    assert (
        "That is 0.06 more than usual, because the people registered here look more alike" in said
    )


def test_the_page_says_how_fast_it_looks(open_page: OpenPage, seeing: Seeing) -> None:
    """What it measures is printed (pytest -rP), for how fast it is depends on the machine."""
    page = open_page("/recognise", within=seeing(browser.seen("obama3.jpg")))
    pace = page.get_by_test_id("pace")
    expect(pace).to_have_text(re.compile(r"^[\d.]+ a second · [\d,]+ ms$"))

    delays = browser.looks(page, 5)

    measured, delay = len(delays) / 5, statistics.median(delays)
    says, ms = (float(text.replace(",", "")) for text in PACE.findall(pace.text_content() or ""))
    print(f"640x480: {measured:.1f} frames a second, {delay:.0f} ms from capture to drawn name")
    assert measured / 3 < says < measured * 3
    assert delay / 3 < ms < delay * 3
    expect(pace).to_have_attribute("aria-hidden", "true")


def test_a_tap_on_a_live_face_holds_the_picture_and_says_why(
    site: Site, open_page: OpenPage, side_by_side: Browser
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise", within=side_by_side)
    expect_names(page, "Unknown", "Obama")

    box(page, "Obama, match").click(force=True)  # it sways with the face

    expect(page.get_by_test_id("pill")).to_have_text("Paused")
    expect(page.locator("#why-title")).to_have_text("Obama")
    expect_picture(page.get_by_test_id("why-stored"))
    page.get_by_test_id("why-close").click()
    expect(page.get_by_test_id("why")).to_be_hidden()
    expect_names(page, "Unknown", "Obama")


def test_registers_an_unknown_face_from_the_live_view(
    site: Site, open_page: OpenPage, side_by_side: Browser
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise", within=side_by_side)
    expect_names(page, "Unknown", "Obama")

    box(page, "Unknown face 1").press("Enter")
    page.get_by_test_id("why-register").click()
    page.get_by_test_id("name").fill("Biden")
    page.keyboard.press("Enter")

    expect_names(page, "Biden", "Obama")
    assert site.people() == {"Obama": 1, "Biden": 1}


# -- photos: why, and who it is --------------------------------------------------------------------


@pytest.fixture
def recognised(site: Site, open_page: OpenPage, photos: Path) -> Page:
    """The photo of three people, of whom two are registered."""
    site.register("Obama", assets.photo("obama.jpg"))
    site.register("Biden", assets.photo("biden.jpg"))
    page = open_page("/recognise")
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect_state(page, "done")
    return page


def test_a_tap_on_a_face_says_why_it_has_its_name(recognised: Page) -> None:
    page = recognised

    box(page, "Obama, match").click()

    why = page.get_by_test_id("why")
    expect(why.get_by_role("heading", name="Obama")).to_be_focused()
    expect_picture(page.get_by_test_id("why-stored"))
    expect(page.get_by_test_id("why-stored")).to_have_accessible_name("Stored photo of Obama")
    assert why.get_by_role("img", name="This face").evaluate(SHOWS_SOMETHING)
    expect(why.locator(".why-score")).to_have_text(re.compile(r"Score 0\.\d+, a match from 0\.\d+"))
    fill, need = (page.locator(f"#why .bar-{part}").bounding_box() for part in ("fill", "need"))
    assert fill and need and fill["x"] + fill["width"] > need["x"] + need["width"]
    expect(page.get_by_test_id("why-promise")).to_contain_text(PROMISE)
    expect(page.get_by_test_id("why-promise")).to_contain_text("With 2 people registered")
    expect(page.get_by_test_id("why-next")).to_have_text(
        re.compile(r"Biden, score -?0\.\d\d: 0\.\d\d behind\.")
    )
    expect(page.get_by_test_id("why-quality")).to_have_text(
        "Size, light, sharpness and pose are good."
    )
    expect(page.get_by_test_id("why-person")).to_have_attribute(
        "href", re.compile("^/people/[0-9a-f-]{36}$")
    )


def test_why_by_keyboard_alone(recognised: Page) -> None:
    page = recognised
    unknown = box(page, "Unknown face 1")

    unknown.focus()
    page.keyboard.press("Enter")

    expect(page.locator("#why-title")).to_be_focused()
    expect(page.get_by_test_id("why-decision")).to_contain_text("no name")
    expect(page.get_by_test_id("why-stored")).to_have_accessible_name(
        re.compile("^Most alike: (Obama|Biden)$")
    )
    fill, need = (page.locator(f"#why .bar-{part}").bounding_box() for part in ("fill", "need"))
    assert fill and need and fill["x"] + fill["width"] < need["x"]
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("why")).to_be_hidden()
    expect(unknown).to_be_focused()


def test_registers_an_unknown_face_of_a_photo(recognised: Page, site: Site) -> None:
    page = recognised
    box(page, "Unknown face 1").click()
    page.get_by_test_id("why-register").click()
    expect(page.get_by_test_id("name")).to_be_focused()

    page.get_by_test_id("adopt-submit").click()
    expect(page.get_by_test_id("name-error")).not_to_be_empty()
    page.get_by_test_id("name").fill("Eileen")
    page.get_by_test_id("adopt-submit").click()

    expect(page.get_by_test_id("summary")).to_have_text("3 faces: Obama, Biden and Eileen")
    expect(page.get_by_test_id("adopt")).to_be_hidden()
    assert site.people() == {"Obama": 1, "Biden": 1, "Eileen": 1}


def test_registering_from_there_asks_for_the_consent_that_is_required(
    recognised: Page, consent_required: None, site: Site, photos: Path
) -> None:
    page = recognised
    page.reload()
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    page.get_by_role("button", name="Register this person").click()
    page.get_by_test_id("consent").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Register this person").click()
    expect(page.get_by_test_id("consent")).not_to_be_checked()  # it may be somebody else
    page.get_by_test_id("name").fill("Eileen")
    page.get_by_test_id("adopt-submit").click()

    expect(page.get_by_test_id("consent-error")).to_contain_text("who has not agreed")
    expect(page.get_by_test_id("consent")).to_be_focused()
    assert_accessible(page)
    assert site.people() == {"Obama": 1, "Biden": 1}
    page.get_by_test_id("consent").check()
    page.get_by_test_id("adopt-submit").click()

    expect(page.get_by_test_id("summary")).to_have_text("3 faces: Obama, Biden and Eileen")
    assert site.agreed_to(site.ids()["Eileen"]) == ["visitors 2"]


def test_a_name_of_another_face_is_asked_about(recognised: Page, site: Site) -> None:
    page = recognised
    page.get_by_role("button", name="Register this person").click()
    page.get_by_test_id("name").fill("Obama")
    page.get_by_test_id("adopt-submit").click()

    expect(page.locator("#choice-title")).to_have_text("Obama is registered with another face")
    page.get_by_test_id("choice-back").click()
    expect(page.get_by_test_id("name")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("adopt")).to_be_hidden()
    assert site.people() == {"Obama": 1, "Biden": 1}


OUT_OF_REACH = """() => {
  const send = window.fetch;
  window.fetch = async (...request) => {
    const answer = await (await send(...request)).json();
    const nobody = { threshold: 1.01, decision: 'unknown', name: null, subject_id: null };
    const faces = answer.faces.map((face) => ({ ...face, ...nobody }));
    return new Response(JSON.stringify({ ...answer, threshold: 1.01, faces }));
  };
}"""  # as the API answers where OUT_OF_REACH of decision.py is the threshold


def test_a_promise_that_no_threshold_keeps_is_said_to_be_that(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise")
    page.evaluate(OUT_OF_REACH)
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect_state(page, "done")

    box(page, "Unknown face 1").click()

    expect(page.get_by_test_id("why-promise")).to_contain_text("no score is high enough")
    expect(page.locator(".why-score")).to_have_text(re.compile("and no score is a match$"))


def test_several_photos_are_gone_through_in_a_strip(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise")

    page.get_by_test_id("file").set_input_files([photos / "biden.jpg", photos / "group.jpg"])

    expect(page.get_by_test_id("summary")).to_have_text("Unknown")
    second = page.get_by_role("button", name="Photo 2: Obama, Unknown, Unknown")
    second.click()
    expect(page.get_by_test_id("summary")).to_have_text("3 faces: Obama and 2 unknown")
    expect(second).to_have_attribute("aria-current", "true")
    page.get_by_test_id("to-camera").click()
    expect(page.get_by_test_id("photos")).to_be_hidden()


def test_a_hostile_name_is_text_wherever_it_stands(
    site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register(HOSTILE, assets.photo("obama.jpg"))
    page = open_page("/recognise")
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect_state(page, "done")

    box(page, f"{HOSTILE[:40]}…, match").click()

    expect(page.locator("#why-title")).to_have_text(HOSTILE)
    assert_nothing_hostile(page)


def test_recognise_speaks_german(site: Site, open_page: OpenPage, photos: Path) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise", locale="de-DE")
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")

    expect(page.get_by_test_id("summary")).to_have_text("3 Gesichter: Obama und 2 unbekannt")
    page.get_by_role("button", name="Obama, erkannt").click()
    expect(page.get_by_test_id("why-promise")).to_contain_text(
        "Von Fremden bekommt hier höchstens 1 von 1.000 einen Namen."
    )
    expect(page.locator(".why-score")).to_have_text(
        re.compile(r"Ähnlichkeit 0,\d+, ein Treffer ab 0,\d+")
    )


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1440, 900)])
def test_why_stays_within_the_screen(
    width: int, height: int, site: Site, open_page: OpenPage, photos: Path
) -> None:
    site.register("Obama", assets.photo("obama.jpg"))
    page = open_page("/recognise", viewport={"width": width, "height": height})
    page.get_by_test_id("file").set_input_files(photos / "group.jpg")
    expect_state(page, "done")

    box(page, "Obama, match").click()

    expect(page.get_by_test_id("why")).to_be_in_viewport()
    assert_no_scrolling(page)
    panel, picture = (
        page.get_by_test_id(one).bounding_box() or {"x": 0, "y": 0} for one in ("why", "stage")
    )
    assert panel["x"] > picture["x"] if width > 1000 else panel["y"] > picture["y"]
    for one in page.get_by_role("group", name="Faces").get_by_role("button").all():
        assert one.evaluate(
            "(button) => parseFloat(getComputedStyle(button, '::after').width) >= 44"
        )
