"""People in a real browser: finding them, and looking after their names and photos."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from benchmarks.people_page import fill
from playwright.sync_api import Browser, Locator, Page, expect

from tests import assets, browser
from tests.browser import (
    HOSTILE,
    OpenPage,
    Site,
    assert_accessible,
    assert_no_scrolling,
    assert_nothing_hostile,
)

CROWD = 300
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that knows CROWD people, which no test changes."""
    folder = tmp_path_factory.mktemp("crowd")
    fill(folder / "home", CROWD)
    with browser.serving(folder) as site:
        yield site


@pytest.fixture
def crowd_page(crowd: Site, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(**DESKTOP)  # type: ignore[arg-type]
    context.set_default_timeout(browser.PATIENCE * 1000)
    page = context.new_page()
    page.goto(f"{crowd.url}/people")
    yield page
    context.close()


@pytest.fixture
def cast(site: Site) -> dict[str, str]:
    """Anna with two photos, Ben with one: name -> id."""
    site.register("Anna", assets.photo("obama.jpg"))
    site.register("Anna", assets.photo("obama2.jpg"))
    site.register("Ben", assets.photo("biden.jpg"))
    return site.ids()


def tiles(page: Page) -> Locator:
    return page.locator("a.tile-person")


def names(page: Page) -> list[str]:
    return tiles(page).locator(".tile-name").all_text_contents()


def scroll_on(page: Page) -> None:
    """To the end of what is there, until there is more."""
    shown = tiles(page).count()
    page.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    expect(tiles(page)).not_to_have_count(shown)


def open_person(open_page: OpenPage, subject_id: str, **options: object) -> Page:
    page = open_page(f"/people/{subject_id}", **options)
    expect(page.locator("h1")).to_be_visible()
    return page


def notice(page: Page, text: str) -> Locator:
    found = page.get_by_test_id("notice").filter(has_text=text)
    expect(found).to_be_visible()
    return found


def undo(page: Page) -> None:
    page.get_by_test_id("notice").get_by_test_id("undo").click()
    notice(page, "Undone.")


def choose(page: Page, q: str) -> None:
    page.get_by_test_id("choose-q").fill(q)
    choices = page.get_by_test_id("choice")
    expect(choices).to_have_count(1)
    choices.click()


# -- the list -------------------------------------------------------------------------------------


def test_nobody_yet_leads_to_register(open_page: OpenPage) -> None:
    page = open_page("/people")

    expect(page.get_by_test_id("nobody")).to_contain_text("Nobody is registered yet")
    page.get_by_role("link", name="Register the first person").click()
    expect(page).to_have_url(re.compile("/register$"))


def test_everybody_is_there_by_scrolling(crowd_page: Page) -> None:
    expect(crowd_page.get_by_test_id("total")).to_have_text("300 people")
    while crowd_page.get_by_test_id("more").count():
        scroll_on(crowd_page)

    expect(tiles(crowd_page)).to_have_count(CROWD)
    shown = names(crowd_page)
    assert len(set(shown)) == CROWD
    assert shown == sorted(shown, key=str.casefold)


def test_a_search_shows_who_has_it_in_the_name_and_is_kept_in_the_address(crowd_page: Page) -> None:
    first = names(crowd_page)[:72]
    crowd_page.get_by_test_id("q").press_sequentially("johan")

    expect(crowd_page.get_by_test_id("total")).to_contain_text("of 300 people")
    expect(crowd_page).to_have_url(re.compile(r"/people\?q=johan"))
    expect(tiles(crowd_page).first).to_contain_text("Johanna")
    assert all("Johanna" in name for name in names(crowd_page))

    crowd_page.reload()
    expect(crowd_page.get_by_test_id("q")).to_have_value("johan")
    assert all("Johanna" in name for name in names(crowd_page))

    crowd_page.get_by_test_id("q").fill("")
    expect(crowd_page.get_by_test_id("total")).to_have_text("300 people")
    expect(tiles(crowd_page).first).to_have_text(re.compile(first[0]))
    assert names(crowd_page)[:72] == first


def test_the_answer_to_the_last_key_wins(crowd_page: Page) -> None:
    """The answer to the first search comes after that to the second."""
    held = []
    crowd_page.route(re.compile(r"\?q=anna&"), lambda route: held.append(route))
    with crowd_page.expect_request(re.compile(r"\?q=anna&")):
        crowd_page.get_by_test_id("q").fill("anna")
    crowd_page.get_by_test_id("q").fill("hugo")
    expect(tiles(crowd_page).first).to_contain_text("Hugo")

    for route in held:
        route.abort() if route.request.failure else route.continue_()

    expect(crowd_page).to_have_url(re.compile("q=hugo"))
    assert all("Hugo" in name for name in names(crowd_page))


def test_a_late_answer_leaves_the_keyboard_where_it_is(crowd_page: Page) -> None:
    """The answer to the last key comes when somebody has gone on to a face already."""
    held = []
    crowd_page.route(re.compile(r"\?q=hug&"), lambda route: held.append(route))
    crowd_page.get_by_test_id("q").fill("hu")
    expect(tiles(crowd_page).first).to_contain_text("Hugo")
    with crowd_page.expect_request(re.compile(r"\?q=hug&")):
        crowd_page.get_by_test_id("q").fill("hug")
    tile = tiles(crowd_page).nth(1)
    name = tile.text_content() or ""
    tile.focus()

    held[0].continue_()

    expect(crowd_page).to_have_url(re.compile("q=hug&"))
    expect(tiles(crowd_page).filter(has_text=name.split()[0]).nth(1)).to_be_focused()


def test_nobody_found_leads_on(crowd_page: Page) -> None:
    crowd_page.get_by_test_id("q").fill("Xanthippe")
    expect(crowd_page.get_by_test_id("nothing")).to_contain_text("“Xanthippe”")
    expect(crowd_page.get_by_test_id("register-this")).to_have_attribute(
        "href", "/register?name=Xanthippe"
    )

    crowd_page.get_by_test_id("clear").click()

    expect(tiles(crowd_page).nth(71)).to_be_attached()
    expect(crowd_page.get_by_test_id("q")).to_be_focused()


def test_sorted_by_name_or_by_date(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    site.register("Aaron", assets.photo("astronaut.png"))
    page = open_page("/people")
    assert names(page) == ["Aaron", "Anna", "Ben"]

    page.get_by_test_id("sort").select_option("newest")
    expect(tiles(page).first).to_contain_text("Aaron")
    expect(page).to_have_url(re.compile("sort=newest"))
    assert names(page) == ["Aaron", "Ben", "Anna"]

    page.get_by_test_id("sort").select_option("oldest")
    expect(page).to_have_url(re.compile("sort=oldest"))
    assert names(page) == ["Anna", "Ben", "Aaron"]


def test_back_leads_to_the_same_place(crowd_page: Page) -> None:
    while tiles(crowd_page).count() < 200:
        scroll_on(crowd_page)
    place = tiles(crowd_page).nth(170)
    name = place.locator(".tile-name").text_content() or ""
    place.click()
    expect(crowd_page.locator("h1")).to_have_text(name)

    crowd_page.go_back()
    expect(tiles(crowd_page).nth(170)).to_be_in_viewport()

    tiles(crowd_page).nth(170).click()
    crowd_page.get_by_test_id("back").click()
    expect(tiles(crowd_page).nth(170)).to_be_in_viewport()


def test_arrow_keys_go_through_the_grid(crowd_page: Page) -> None:
    tiles(crowd_page).first.focus()
    crowd_page.keyboard.press("ArrowRight")
    expect(tiles(crowd_page).nth(1)).to_be_focused()
    crowd_page.keyboard.press("ArrowDown")
    expect(tiles(crowd_page).nth(9)).to_be_focused()
    crowd_page.keyboard.press("ArrowUp")
    crowd_page.keyboard.press("ArrowLeft")
    expect(tiles(crowd_page).first).to_be_focused()


def test_without_javascript_everybody_can_be_found(crowd: Site, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False, **DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{crowd.url}/people")
    first = names(page)

    page.get_by_role("link", name="Show more people").click()
    assert len(names(page)) == 72
    assert not set(names(page)) & set(first)

    page.get_by_test_id("q").fill("johan")
    page.get_by_test_id("sort").select_option("newest")
    page.get_by_role("button", name="Search").click()
    assert names(page) and all("Johanna" in name for name in names(page))
    expect(page.get_by_test_id("sort")).to_have_value("newest")

    tiles(page).first.click()
    browser.expect_picture(page.get_by_test_id("sample").first.locator("img"))
    expect(page.get_by_test_id("delete")).to_be_hidden()
    context.close()


def test_a_server_that_does_not_answer_is_said_and_tried_again(crowd_page: Page) -> None:
    crowd_page.route("**/people?*", lambda route: route.abort())
    crowd_page.get_by_test_id("q").fill("hugo")
    expect(crowd_page.get_by_test_id("message")).to_contain_text("The server does not answer.")

    crowd_page.unroute("**/people?*")
    crowd_page.get_by_role("button", name="Try again").click()

    expect(crowd_page.get_by_test_id("message")).to_be_empty()
    expect(tiles(crowd_page).first).to_contain_text("Hugo")


# -- a person -------------------------------------------------------------------------------------


def test_a_person_with_their_photos(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_page("/people")
    page.get_by_role("link", name="Anna").click()

    expect(page.get_by_test_id("count")).to_contain_text("2 photos · since")
    samples = page.get_by_test_id("sample")
    expect(samples).to_have_count(2)
    expect(samples.first.locator("time")).to_have_text(re.compile(r"20\d\d, \d+:\d\d"))
    expect(samples.first.locator(".sample-origin")).to_have_text("API")
    expect(samples.first.get_by_test_id("quality")).to_have_text("Good")
    expect(page.get_by_test_id("add")).to_have_attribute("href", "/register?name=Anna")

    samples.first.get_by_test_id("open").click()
    browser.expect_picture(page.get_by_test_id("large"))
    first = page.get_by_test_id("large").get_attribute("src")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("dialog")).to_contain_text("Photo 2 of 2")
    assert page.get_by_test_id("large").get_attribute("src") != first
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("dialog")).to_have_count(0)
    expect(samples.first.get_by_test_id("open")).to_be_focused()


def test_renamed_and_undone(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("rename").click()
    page.get_by_test_id("new-name").fill("Annabel")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("Annabel")
    notice(page, "Anna is now Annabel.")
    assert page.title() == "Annabel · facecog"
    assert site.people() == {"Annabel": 2, "Ben": 1}

    undo(page)
    expect(page.locator("h1")).to_have_text("Anna")
    assert site.people() == {"Anna": 2, "Ben": 1}


def test_a_name_that_is_taken_offers_to_merge(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("rename").click()
    page.get_by_test_id("new-name").fill(" ben")
    page.get_by_test_id("rename-save").click()
    expect(page.get_by_test_id("rename-error")).to_have_text(
        "Another person has this name already."
    )
    expect(page.get_by_test_id("new-name")).to_be_focused()

    page.get_by_role("button", name="Merge with Ben").click()
    expect(page.get_by_test_id("merge-what")).to_have_text(
        "All 2 photos of Anna go to Ben, and the name Anna is gone."
    )
    page.get_by_test_id("answer-merge").click()

    expect(page.locator("h1")).to_have_text("Ben")
    notice(page, "Anna is now part of Ben.")
    assert site.people() == {"Ben": 3}


def test_merged_under_the_name_that_is_chosen_and_undone(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("merge").click()
    choose(page, "be")
    stays = page.get_by_test_id("stays")
    for face in stays.locator("img").all():
        browser.expect_picture(face)
    stays.filter(has_text="Anna").locator("input").check()
    expect(page.get_by_test_id("merge-what")).to_have_text(
        "The 1 photo of Ben goes to Anna, and the name Ben is gone."
    )
    page.get_by_test_id("answer-merge").click()

    notice(page, "Ben is now part of Anna.")
    expect(page.get_by_test_id("sample")).to_have_count(3)
    assert site.people() == {"Anna": 3}

    undo(page)
    expect(page.get_by_test_id("sample")).to_have_count(2)
    assert site.people() == {"Anna": 2, "Ben": 1}


def test_photos_moved_to_somebody_else_and_undone(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("pick").first.check()
    expect(page.get_by_test_id("picked")).to_contain_text("1 selected")
    page.get_by_test_id("pick-all").click()
    expect(page.get_by_test_id("picked")).to_contain_text("2 selected")
    page.get_by_test_id("move").click()
    choose(page, "ben")

    notice(page, "2 photos moved to Ben.")
    expect(page.get_by_test_id("no-photos")).to_be_visible()
    assert site.people() == {"Anna": 0, "Ben": 3}

    undo(page)
    expect(page.get_by_test_id("sample")).to_have_count(2)
    assert site.people() == {"Anna": 2, "Ben": 1}


def test_a_photo_moved_to_a_new_name(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("open").first.click()
    page.get_by_test_id("large-move").click()
    page.get_by_test_id("choose-q").fill("Carl")
    page.get_by_test_id("choice-new").click()

    notice(page, "1 photo moved to Carl.").get_by_role("link", name="Show Carl").click()
    expect(page.locator("h1")).to_have_text("Carl")
    assert site.people() == {"Anna": 1, "Ben": 1, "Carl": 1}


def test_photos_removed_and_undone(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("pick").first.check()
    page.get_by_test_id("remove").click()

    expect(notice(page, "1 photo removed.")).to_be_focused()
    expect(page.get_by_test_id("sample")).to_have_count(1)
    expect(page.get_by_test_id("picked")).to_be_hidden()
    assert site.people() == {"Anna": 1, "Ben": 1}

    page.keyboard.press("Control+z")
    notice(page, "Undone.")
    expect(page.get_by_test_id("sample")).to_have_count(2)


def test_deleted_and_undone_on_the_page_that_follows(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_page("/people")
    page.get_by_role("link", name="Anna").click()
    page.get_by_test_id("delete").click()
    expect(page.get_by_test_id("dialog")).to_contain_text("You can undo this for")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("delete")).to_be_focused()
    page.get_by_test_id("delete").click()
    page.get_by_test_id("answer-delete").click()

    notice(page, "Anna was deleted.")
    expect(page).to_have_url(re.compile("/people"))
    expect(tiles(page)).to_have_count(1)
    assert site.people() == {"Ben": 1}

    undo(page)
    expect(tiles(page)).to_have_count(2)
    expect(page.get_by_test_id("total")).to_have_text("2 people")
    assert site.people() == {"Anna": 2, "Ben": 1}


def test_erased_for_good_with_nothing_to_undo(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("delete").click()
    page.get_by_test_id("answer-forever").click()
    receipt = page.get_by_test_id("receipt")
    expect(receipt.locator("[data-place=database] dd")).to_have_text("erased")
    expect(receipt.locator("[data-place=free_space] dd")).to_have_text("by itself, within minutes")
    expect(page.get_by_test_id("dialog")).to_contain_text("the name, 2 photos and 2 templates.")
    expect(page.get_by_test_id("dialog")).not_to_contain_text("Anna")
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_test_id("receipt-save").click()
    assert download.value.suggested_filename == f"facecog-{cast['Anna']}.json"
    page.get_by_test_id("close").click()

    erased = notice(page, "Anna was erased for good.")
    expect(erased.get_by_test_id("undo")).to_have_count(0)
    page.get_by_test_id("go-changes").click()
    expect(page.get_by_test_id("no-changes")).to_be_visible()


def test_an_end_is_set_and_taken_away(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_person(open_page, cast["Anna"])
    expect(page.get_by_test_id("rights")).to_contain_text("On no date")
    page.get_by_test_id("end").fill("2099-05-12")
    page.get_by_test_id("end-save").click()
    notice(page, "Saved.")
    expect(page.get_by_test_id("ends")).to_have_text("12 May 2099")

    page.get_by_test_id("end").fill("")
    page.get_by_test_id("end-save").click()
    expect(page.get_by_test_id("ends")).to_have_count(0)
    assert_accessible(page)


def test_a_copy_is_had(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_person(open_page, cast["Anna"])
    with page.expect_download() as download:
        page.get_by_test_id("export").click()

    assert download.value.suggested_filename == f"facecog-{cast['Anna']}.zip"


def test_a_consent_is_withdrawn(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    site.consents(cast["Anna"], "visitors 2")
    page = open_person(open_page, cast["Anna"])
    expect(page.get_by_test_id("rights")).to_contain_text("“visitors 2”, on paper")
    page.get_by_test_id("withdraw").click()
    page.get_by_test_id("answer-withdraw").click()

    notice(page, "The consent is withdrawn.")
    expect(page.get_by_test_id("rights")).to_contain_text("withdrawn on")
    expect(page.get_by_test_id("withdraw")).to_have_count(0)
    assert "Anna" in site.people()


def test_somebody_who_is_gone(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_person(open_page, cast["Anna"])
    site.forget("Anna")
    page.get_by_test_id("pick").first.check()
    page.get_by_test_id("remove").click()
    expect(page.get_by_test_id("notice")).to_have_text(re.compile("no longer here"))

    page.reload()
    expect(page.locator("h1")).to_have_text(re.compile("not found", re.I))


def test_look_alikes_are_asked_about(site: Site, open_page: OpenPage) -> None:
    site.register_look_alikes("Anna", "Bea", photo=assets.photo("obama.jpg"))
    page = open_person(open_page, site.ids()["Anna"])

    hint = page.get_by_test_id("look-alike")
    expect(hint).to_contain_text("Looks like Bea.")
    hint.get_by_role("button", name="Merge").click()
    page.get_by_test_id("answer-merge").click()

    expect(page.locator("h1")).to_have_text("Bea")
    expect(page.get_by_test_id("look-alike")).to_have_count(0)
    assert set(site.people()) == {"Bea"}


# -- what was changed -----------------------------------------------------------------------------


def test_undone_from_the_page_of_changes(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_person(open_page, cast["Anna"])
    page.get_by_test_id("delete").click()
    page.get_by_test_id("answer-delete").click()
    page.get_by_test_id("close-notice").click()
    expect(page.get_by_test_id("notice")).to_have_count(0)
    page.get_by_test_id("go-changes").click()
    change = page.get_by_test_id("change")
    expect(change).to_contain_text("Anna was deleted, with 2 photos")
    expect(change).to_contain_text("can be undone until")

    change.get_by_test_id("undo").click()

    notice(page, "Undone.").get_by_role("link", name="Show Anna").wait_for()
    expect(change.get_by_test_id("undo")).to_have_count(0)
    assert site.people() == {"Anna": 2, "Ben": 1}


@pytest.mark.parametrize(
    ("locale", "why"),
    [
        ("en-GB", "Another person is named Anna now."),
        ("de-DE", "Eine andere Person heißt jetzt Anna."),
    ],
)
def test_a_change_that_cannot_be_undone_says_why(
    locale: str, why: str, site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    site.delete("Anna")
    site.register("Anna", assets.photo("astronaut.png"))
    page = open_page("/changes", locale=locale)

    page.get_by_test_id("undo").click()

    expect(page.get_by_test_id("change").locator("[data-error]")).to_contain_text(why)
    expect(page.get_by_test_id("undo")).to_be_focused()


def test_changes_are_erased_one_by_one_and_all(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    site.register("Carl", assets.photo("astronaut.png"))
    site.delete("Anna", "Ben", "Carl")
    page = open_page("/changes")
    changes = page.get_by_test_id("change")
    expect(changes).to_have_count(3)

    changes.first.get_by_test_id("erase").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_test_id("answer-erase").click()
    notice(page, "Erased for good.")
    expect(changes.get_by_test_id("undo")).to_have_count(2)

    page.get_by_test_id("erase-all").click()
    page.get_by_test_id("answer-erase").click()
    notice(page, "All of it is erased for good.")
    expect(page.get_by_test_id("no-changes")).to_be_visible()


# -- everywhere -----------------------------------------------------------------------------------


def test_the_keyboard_alone_merges_and_undoes(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_page("/people")
    browser.tab_to(page, page.get_by_test_id("q"))
    page.keyboard.type("ann")
    expect(page).to_have_url(re.compile("q=ann&"))  # the answer to the last key is there
    expect(tiles(page)).to_have_count(1)
    browser.tab_to(page, tiles(page).first)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Anna")
    browser.tab_to(page, page.get_by_test_id("merge"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("choose-q")).to_be_focused()
    expect(page.get_by_test_id("choice")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("answer-merge")).to_be_focused()
    page.keyboard.press("Enter")

    notice(page, "Anna is now part of Ben.")
    assert site.people() == {"Ben": 3}
    browser.tab_to(page, page.get_by_test_id("notice").get_by_test_id("undo"))
    page.keyboard.press("Enter")
    expect(notice(page, "Undone.")).to_be_focused()
    assert site.people() == {"Anna": 2, "Ben": 1}


def test_axe_finds_nothing_in_any_state(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    site.register("Bea", assets.photo("biden.jpg"), allow_duplicate=True)
    page = open_page("/people")
    assert_accessible(page)
    page.get_by_test_id("q").fill("nobody")
    expect(page.get_by_test_id("nothing")).to_be_visible()
    assert_accessible(page)
    page.goto(f"{site.url}/people/{cast['Ben']}")
    expect(page.get_by_test_id("look-alike")).to_be_visible()
    assert_accessible(page)
    page.get_by_test_id("rename").click()
    page.get_by_test_id("new-name").fill("Anna")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("rename-merge")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_test_id("open").first.click()
    assert_accessible(page)
    page.get_by_test_id("large-move").click()
    expect(page.get_by_test_id("choice")).to_have_count(2)
    page.get_by_test_id("choose-q").fill("B")
    expect(page.get_by_test_id("choice-new")).to_be_visible()
    assert_accessible(page)
    page.get_by_test_id("close").click()
    page.get_by_test_id("delete").click()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_test_id("look-alike").get_by_role("button").click()
    expect(page.get_by_test_id("merge-what")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_test_id("pick").first.check()
    assert_accessible(page)
    page.get_by_test_id("remove").click()
    notice(page, "1 photo removed.")
    assert_accessible(page)
    page.goto(f"{site.url}/changes")
    expect(page.get_by_test_id("change")).to_have_count(1)
    assert_accessible(page)
    page.get_by_test_id("undo").click()
    notice(page, "Undone.")
    assert_accessible(page)


@pytest.mark.parametrize("options", [PHONE, DESKTOP], ids=["360", "1440"])
def test_nothing_scrolls_sideways(
    options: dict[str, object], site: Site, open_page: OpenPage
) -> None:
    long = "Maximiliana-Alexandra " * 9
    site.register_look_alikes(long, "W" * 200, photo=assets.photo("obama.jpg"))
    page = open_page("/people", **options)
    assert_no_scrolling(page)
    tiles(page).first.click()
    expect(page.get_by_test_id("look-alike")).to_be_visible()
    assert_no_scrolling(page)
    page.get_by_test_id("rename").click()
    assert_no_scrolling(page)
    page.keyboard.press("Escape")
    page.get_by_test_id("pick").first.check()
    assert_no_scrolling(page)
    page.get_by_test_id("merge").click()
    page.get_by_test_id("choice").click()
    assert_no_scrolling(page)
    page.get_by_test_id("answer-merge").click()
    notice(page, "is now part of")
    assert_no_scrolling(page)
    page.goto(f"{site.url}/changes")
    expect(page.get_by_test_id("change")).to_have_count(1)
    assert_no_scrolling(page)


def test_a_name_that_looks_like_html_is_shown_as_text(site: Site, open_page: OpenPage) -> None:
    site.register(HOSTILE, assets.photo("obama.jpg"))
    site.register("Ben", assets.photo("biden.jpg"))
    page = open_page(f"/people?q={HOSTILE[:12]}")
    assert names(page) == [HOSTILE]
    tiles(page).first.click()
    expect(page.locator("h1")).to_have_text(HOSTILE)
    page.get_by_test_id("delete").click()
    expect(page.get_by_test_id("dialog")).to_contain_text(f"Delete {HOSTILE}?")
    page.keyboard.press("Escape")
    page.get_by_test_id("merge").click()
    page.get_by_test_id("choice").click()
    expect(page.get_by_test_id("merge-what")).to_contain_text(HOSTILE)
    page.get_by_test_id("answer-merge").click()
    notice(page, f"{HOSTILE} is now part of Ben.")
    assert_nothing_hostile(page)

    page.goto(f"{site.url}/changes")
    expect(page.get_by_test_id("change")).to_contain_text(f"{HOSTILE} was merged with Ben")
    assert_nothing_hostile(page)
    page.goto(f"{site.url}/people?q=<b>nobody</b>")
    expect(page.get_by_test_id("nothing")).to_contain_text("<b>nobody</b>")
    assert_nothing_hostile(page)


def test_in_german(site: Site, cast: dict[str, str], open_page: OpenPage) -> None:
    page = open_page("/people", locale="de-DE", **PHONE)
    expect(page.get_by_test_id("total")).to_have_text("2 Personen")
    assert_no_scrolling(page)
    tiles(page).first.click()
    expect(page.get_by_test_id("count")).to_contain_text("2 Fotos · seit")
    page.get_by_test_id("delete").click()
    page.get_by_test_id("dialog").get_by_role("button", name="Löschen", exact=True).click()
    notice(page, "Anna wurde gelöscht.")
    page.get_by_test_id("go-changes").click()
    expect(page.get_by_test_id("change")).to_contain_text("Anna wurde gelöscht, mit 2 Fotos")
    page.get_by_role("button", name="Rückgängig").click()
    notice(page, "Rückgängig gemacht.")


def test_a_lost_photo_has_a_sign_in_its_place(
    site: Site, cast: dict[str, str], open_page: OpenPage
) -> None:
    page = open_page("/people")
    page.route("**/api/samples/*.jpg*", lambda route: route.fulfill(status=404))

    for path in ("/", "/people", f"/people/{cast['Anna']}"):
        page.goto(site.url + path)
        lost = page.locator("img[data-lost]").first
        expect(lost).to_be_visible()
        assert lost.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(page.get_by_test_id("open")).to_have_count(2)
