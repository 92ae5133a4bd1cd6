"""Consent and keeping, the rules of a collection, in a real browser on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from facecog.domain import RetentionPolicy
from facecog.service import Facecog
from tests import assets
from tests.browser import (
    HOSTILE,
    OpenPage,
    Site,
    assert_accessible,
    assert_no_scrolling,
    assert_nothing_hostile,
    tab_to,
)


@pytest.fixture
def policies(site: Site, open_page: OpenPage) -> Iterator[Page]:
    """The page of an owner on a phone; the rules are as they were afterwards."""
    yield open_page("/policies", viewport={"width": 320, "height": 700})
    site.requires_consent(False)
    site.keeps()


def save(page: Page, what: str) -> None:
    page.get_by_test_id(f"{what}-save").click()
    page.get_by_test_id("answer-go").click()
    expect(page.get_by_test_id("notice")).to_have_text("Saved.")
    expect(page.get_by_test_id("notice")).to_be_focused()


def test_an_owner_requires_consent_and_waives_it(policies: Page, site: Site) -> None:
    page = policies
    page.get_by_test_id("ask_off").check()
    page.get_by_test_id("consent-save").click()
    expect(page.get_by_test_id("notice")).to_have_text("That is how it is already.")

    page.get_by_test_id("ask_on").check()
    page.get_by_test_id("text").fill("")
    page.get_by_test_id("purpose").fill(" ")
    page.get_by_test_id("consent-save").click()
    expect(page.get_by_test_id("text-error")).to_have_text("Say what the text is called.")
    expect(page.get_by_test_id("purpose-error")).to_contain_text("what the faces are kept for")
    expect(page.get_by_test_id("text")).to_be_focused()
    assert_accessible(page)

    page.get_by_test_id("text").fill("visitors  2")
    page.get_by_test_id("purpose").fill("the front\ndoor")
    expect(page.get_by_test_id("preview")).to_have_text(
        "The person agreed to “visitors 2”, for this purpose: the front door"
    )
    page.get_by_test_id("consent-save").click()
    expect(page.get_by_test_id("dialog")).to_contain_text("without having agreed to “visitors 2”")
    expect(page.get_by_test_id("dialog")).to_contain_text("stays, and is recognised as before")
    assert_accessible(page)
    page.get_by_test_id("answer-").click()
    assert site.consent_policy()["required"] is False

    save(page, "consent")
    expect(page.get_by_test_id("consent-now")).to_contain_text("without having agreed to “visitors")
    agreed = {"required": True, "text_version": "visitors 2", "purpose": "the front door"}
    assert site.consent_policy() == agreed
    page.reload()
    expect(page.get_by_test_id("ask_on")).to_be_checked()

    page.get_by_test_id("text").fill("visitors 3")
    page.get_by_test_id("consent-save").click()
    expect(page.get_by_test_id("dialog")).to_contain_text("agreed to “visitors 2” stays registered")
    page.keyboard.press("Escape")
    page.get_by_test_id("text").fill("visitors 2")
    page.get_by_test_id("purpose").fill("the back door")
    page.get_by_test_id("consent-save").click()
    expect(page.get_by_test_id("dialog")).to_contain_text("is not asked again")
    page.keyboard.press("Escape")

    page.get_by_test_id("ask_off").check()
    expect(page.get_by_test_id("text")).to_be_hidden()
    save(page, "consent")
    expect(page.get_by_test_id("consent-now")).to_have_text("Nobody is asked.")
    assert site.consent_policy() == {**agreed, "required": False}


def test_an_owner_says_for_how_long_people_are_kept(policies: Page, site: Site) -> None:
    page = policies
    expect(page.get_by_test_id("keeping-now")).to_contain_text("People are kept however long.")
    expect(page.get_by_test_id("due")).to_have_text("Nobody is due.")
    for wrong in ("0", "36501", "1.5", "-3", "soon"):
        page.get_by_test_id("keep").fill(wrong)
        page.get_by_test_id("keeping-save").click()
        expect(page.get_by_test_id("keep-error")).to_contain_text("from 1 to 36,500, or nothing")
        expect(page.get_by_test_id("keep")).to_be_focused()
    assert_accessible(page)

    page.get_by_test_id("keep").fill("30")
    page.get_by_test_id("unseen").fill("7")
    page.get_by_test_id("keeping-save").click()
    dialog = page.get_by_test_id("dialog")
    expect(dialog).to_contain_text("People are erased 30 days after they were registered.")
    expect(dialog).to_contain_text("counted from today")
    expect(dialog).to_contain_text("Nobody is due by these rules now.")
    page.get_by_test_id("answer-go").click()
    expect(page.get_by_test_id("keeping-now")).to_contain_text("not recognised for 7 days")
    assert site.retention() == {"keep_days": 30, "unseen_days": 7, "due": 0}

    page.get_by_test_id("keep").fill("")
    page.get_by_test_id("unseen").fill("")
    save(page, "keeping")
    assert site.retention() == {"keep_days": None, "unseen_days": None, "due": 0}


def test_who_is_due_is_named_before_and_after(policies: Page, site: Site) -> None:
    site.register(HOSTILE, assets.photo("astronaut.png"))
    site.register("Ben", assets.photo("biden.jpg"))
    site.ends(site.ids()[HOSTILE], "2020-01-01")
    page = policies
    page.reload()

    expect(page.get_by_test_id("due")).to_contain_text("1 person is due.")
    expect(page.get_by_test_id("due-people")).to_contain_text("the date of their own is over")
    assert_nothing_hostile(page)
    assert_no_scrolling(page)
    assert_accessible(page)

    page.get_by_test_id("keep").fill("10")
    page.get_by_test_id("keeping-save").click()
    dialog = page.get_by_test_id("dialog")
    expect(dialog).to_contain_text("1 person is due by these rules now, and is erased for good")
    expect(dialog.get_by_role("link")).to_have_text(HOSTILE)
    expect(page.get_by_test_id("answer-")).to_be_focused()  # not what erases
    assert_accessible(page)
    page.keyboard.press("Escape")

    page.get_by_test_id("due-people").get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(HOSTILE)
    page.get_by_test_id("go-policies").click()
    expect(page.locator("h1")).to_have_text("Consent and keeping")


def test_the_keyboard_alone_is_enough(policies: Page, site: Site) -> None:
    page = policies
    page.goto(f"{site.url}/accounts")
    tab_to(page, page.get_by_test_id("go-policies"))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Consent and keeping")
    tab_to(page, page.get_by_test_id("unseen"))
    page.keyboard.type("90")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("answer-go")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("keeping-now")).to_contain_text("not recognised for 90 days")


def test_a_refusal_is_said(policies: Page, site: Site) -> None:
    page = policies
    page.route("**/api/retention", lambda route: route.abort())
    page.get_by_test_id("keep").fill("30")
    page.get_by_test_id("keeping-save").click()
    page.get_by_test_id("answer-go").click()

    expect(page.get_by_test_id("notice")).to_have_text(re.compile("does not answer"))
    expect(page.get_by_test_id("keep")).to_have_value("30")
    assert site.retention()["keep_days"] is None


# -- without a browser ----------------------------------------------------------------------------


def test_the_page_is_of_the_collection_that_was_chosen(
    client: FlaskClient, facecog: Facecog
) -> None:
    door = facecog.collections.add("Front door")
    facecog.within(door.id).retention.set_policy(RetentionPolicy(keep_days=30))

    chosen = client.post("/collection", data={"collection": door.id, "page": "pages.policies"})
    page = client.get(chosen.location).text

    assert chosen.location == "/policies"
    assert "in “Front door”" in page
    assert "erased 30 days after" in page


@pytest.mark.parametrize("asked", ["0", "36501", "x", "-1", "1.5", "9" * 30])
def test_days_that_are_none_are_refused(client: FlaskClient, asked: str) -> None:
    page = client.get("/policies", query_string={"keep_days": asked, "part": "1"})

    assert page.status_code == 422
