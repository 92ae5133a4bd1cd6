"""Register and recognise in a browser that runs no scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from facecog.service import Facecog
from facecog.web import plain
from tests.browser import HOSTILE, OpenPage, Site
from tests.sending import multipart


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page("/register", java_script_enabled=False, viewport={"width": 360, "height": 780})


def send(page: Page, photo: Path, name: str = "") -> None:
    """Fill in the form and send it."""
    if name:
        page.get_by_role("textbox", name="Name").fill(name)
    form = page.get_by_test_id("plain-form")
    form.get_by_label("Photo").set_input_files(photo)
    form.locator("button").click()


def test_registers_and_recognises_a_photo(site: Site, page: Page, photos: Path) -> None:
    expect(page.get_by_test_id("stage")).to_be_hidden()
    expect(page.get_by_test_id("form")).to_be_hidden()
    send(page, photos / "obama.jpg", HOSTILE)
    expect(page.get_by_role("heading", name=f"{HOSTILE} is registered")).to_be_visible()
    assert site.people() == {HOSTILE: 1}

    page.goto(site.url + "/recognise")
    expect(page.get_by_test_id("stage")).to_be_hidden()
    send(page, photos / "group.jpg")
    expect(page.get_by_role("heading", name="3 faces in the photo")).to_be_visible()
    names = page.locator(".plain-faces strong")
    assert sorted(names.all_text_contents()) == [HOSTILE, "Unknown", "Unknown"]
    expect(page.get_by_text("a match from")).to_be_visible()
    assert page.locator("svg.plain-photo rect").count() == 3
    photo = page.locator("svg.plain-photo").bounding_box()
    assert photo and photo["height"] > 100


def test_a_photo_that_will_not_do_is_refused_in_words(site: Site, page: Page, photos: Path) -> None:
    with page.expect_response("**/register") as answer:
        send(page, photos / "dark.jpg", "Anna")
    assert answer.value.status == 422
    expect(page.get_by_test_id("refusal")).to_contain_text("turn towards the light")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Anna")

    with page.expect_response("**/register") as answer:
        send(page, photos / "coffee.png")
    assert answer.value.status == 422
    expect(page.get_by_test_id("refusal")).to_contain_text("There is no face in this photo.")
    assert site.people() == {}


def test_a_face_of_another_name_is_asked_about(site: Site, page: Page, photos: Path) -> None:
    site.register("Anna", (photos / "obama.jpg").read_bytes())
    with page.expect_response("**/register") as answer:
        send(page, photos / "obama2.jpg", "Bea")
    assert answer.value.status == 409
    expect(
        page.get_by_role("heading", name="This face is registered already, as Anna")
    ).to_be_visible()
    assert_narrow(page)
    page.get_by_role("button", name="Add it to Anna").click()
    expect(page.get_by_role("heading", name="Anna is registered")).to_be_visible()
    assert site.people() == {"Anna": 2}

    page.goto(site.url + "/register")
    send(page, photos / "obama3.jpg", "Bea")
    page.get_by_role("button", name="It is somebody else: register as Bea").click()
    expect(page.get_by_role("heading", name="Bea is registered")).to_be_visible()
    assert site.people() == {"Anna": 2, "Bea": 1}


def test_a_name_of_another_face_is_asked_about(site: Site, page: Page, photos: Path) -> None:
    site.register("Anna", (photos / "obama.jpg").read_bytes())
    send(page, photos / "biden.jpg", "Anna")
    expect(page.get_by_role("heading", name="Anna is registered with another face")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("Carl")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", name="Carl is registered")).to_be_visible()
    assert site.people() == {"Anna": 1, "Carl": 1}


def assert_narrow(page: Page) -> None:
    box = page.get_by_role("main").bounding_box()
    assert box and box["x"] + box["width"] <= 360


# -- on a fake engine -------------------------------------------------------------------------


def test_a_large_photo_is_not_carried_but_chosen_again(
    client: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    facecog.enrol("Anna", b"anna")
    carried = client.post("/register", **multipart(name="Bea", image=b"anna~2"))
    monkeypatch.setattr(plain, "CARRIED", 3)
    chosen = client.post("/register", **multipart(name="Bea", image=b"anna~2"))

    assert (carried.status_code, chosen.status_code) == (409, 409)
    assert 'type="file"' not in carried.text
    assert chosen.text.count('type="file"') == 2
    assert "base64" not in chosen.text


def test_a_form_without_a_photo_or_from_another_site_is_refused(client: FlaskClient) -> None:
    empty = client.post("/register", **multipart(name="Anna", image=b""))
    assert empty.status_code == 400
    assert "a name and a photo are needed" in empty.text

    for path in ("/register", "/recognise"):
        form = multipart(name="Anna", image=b"anna")
        answer = client.post(path, **form, headers={"Origin": "https://elsewhere.test"})
        assert answer.status_code == 403


def test_recognise_says_unknown_and_unsure(client: FlaskClient, facecog: Facecog) -> None:
    nobody = client.post("/recognise", **multipart(image=b"anna"))
    assert "Nobody is registered yet" in nobody.text

    facecog.enrol("Anna", b"anna")
    facecog.enrol("Bea", b"anna", allow_duplicate=True)
    page = client.post("/recognise", **multipart(image=b"anna+ben+carl?"))
    assert "too alike to tell" in page.text
    assert "<strong>Unknown</strong>" in page.text
    assert "Too poor to judge" in page.text


def test_german_has_its_commas(client: FlaskClient, facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")
    german = {"Accept-Language": "de"}
    page = client.post("/recognise", **multipart(image=b"anna~2"), headers=german)

    assert "Ähnlichkeit 0," in page.text
    assert '<html lang="de">' in page.text
