"""Accounts and keys on their page, and the door, in a real browser on a server of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import browser
from tests.browser import PATIENCE, Site, assert_accessible, assert_no_scrolling

PASSWORD = "correct horse battery"


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    with browser.serving(tmp_path) as site:
        yield site


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_test_id("name").fill(name)
    page.get_by_test_id("password").fill(password)
    page.get_by_test_id("enter").click()


def add_account(page: Page, name: str, role: str) -> None:
    page.get_by_test_id("account-name").fill(name)
    page.get_by_test_id("account-password").fill(PASSWORD)
    page.get_by_test_id("account-role").select_option(role)
    page.get_by_test_id("account-add").click()


def test_an_owner_lets_others_in_and_takes_it_back(own_site: Site, chromium: Browser) -> None:
    page = chromium.new_context(viewport={"width": 320, "height": 700}).new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{own_site.url}/accounts")
    expect(page.get_by_test_id("no-accounts")).to_be_visible()
    add_account(page, "Anna", "owner")
    page.wait_for_url(lambda url: "/sign-in" in url)
    assert_accessible(page)

    sign_in(page, "Anna", "wrong wrong wrong")
    expect(page.get_by_test_id("problem")).to_contain_text("do not go together")
    sign_in(page, "Anna")
    page.wait_for_url("**/accounts")
    add_account(page, "Ben", "recogniser")
    expect(page.get_by_test_id("account")).to_have_count(2)
    assert_accessible(page)
    assert_no_scrolling(page)

    page.get_by_test_id("key-name").fill("Front door")
    page.get_by_test_id("key-add").click()
    expect(page.get_by_test_id("key-shown")).to_contain_text("fc_")
    page.get_by_test_id("close").click()
    page.get_by_test_id("revoke").click()
    page.get_by_test_id("answer-revoke").click()
    expect(page.get_by_test_id("key")).to_contain_text("revoked")

    other = chromium.new_context().new_page()
    other.set_default_timeout(PATIENCE * 1000)
    other.goto(own_site.url)
    sign_in(other, "Ben")
    other.wait_for_url(f"{own_site.url}/")
    navigation = other.get_by_role("navigation")
    expect(navigation.get_by_role("link", name="Recognise")).to_be_visible()
    expect(navigation.get_by_role("link", name="People")).to_have_count(0)
    page.get_by_test_id("account").filter(has_text="Ben").get_by_test_id("remove").click()
    page.get_by_test_id("answer-remove").click()
    expect(page.get_by_test_id("account")).to_have_count(1)
    other.reload()
    other.wait_for_url(lambda url: "/sign-in" in url)

    page.get_by_test_id("sign-out").click()
    page.wait_for_url(f"{own_site.url}/sign-in")
