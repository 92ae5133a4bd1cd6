"""`make screenshots`: pictures of the pages at work, for docs/screenshots/. Some alone:

    python -m tests.screenshots policies sign_in

The people in them come out of the packages of assets.py, never from anywhere else.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests import assets, browser
from tests.browser import GRANTED, PATIENCE, Site

FOLDER = assets.ROOT / "docs" / "screenshots"
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}
OBAMA, BIDEN, COLLINS = "Barack Obama", "Joe Biden", "Eileen Collins"


@dataclass(frozen=True)
class Stage:
    """What the states are brought about with."""

    site: Site
    photos: Path


Arrange = Callable[[Stage, Page], None]


@dataclass(frozen=True)
class State:
    """A page in a state: name.jpg on a desk, name-phone.jpg, and name-light.jpg where wanted."""

    name: str
    path: str
    arrange: Arrange = lambda stage, page: None
    camera: str = "alone"
    known: tuple[str, ...] = (OBAMA,)
    light: bool = False


def coach(stage: Stage, page: Page) -> None:
    page.get_by_test_id("name").fill(OBAMA)
    page.get_by_test_id("shot").first.wait_for()


def done(stage: Stage, page: Page) -> None:
    browser.register_from_camera(page, BIDEN)


def question(stage: Stage, page: Page) -> None:
    browser.register_file(page, "Ben", stage.photos / "again.jpg", ends="asked")
    page.locator("[data-testid=choice-new] canvas").wait_for()


def refused(stage: Stage, page: Page) -> None:
    page.get_by_test_id("file").set_input_files(stage.photos / "dark.jpg")
    page.locator("[data-testid=shot]:not([data-state=checking])").first.wait_for()


def live(stage: Stage, page: Page) -> None:
    page.locator(f"#stage[data-names*='{OBAMA}']").wait_for()


def photo(stage: Stage, page: Page) -> None:
    page.get_by_test_id("file").set_input_files(stage.photos / "group.jpg")
    page.get_by_test_id("face").nth(2).wait_for()


def why(stage: Stage, page: Page) -> None:
    photo(stage, page)
    page.get_by_test_id("face").filter(has_text=OBAMA).locator("button").first.click()
    page.get_by_test_id("why").wait_for()


def person(stage: Stage, page: Page) -> None:
    page.get_by_text(OBAMA).first.click()
    page.wait_for_url("**/people/*")


def merging(stage: Stage, page: Page) -> None:
    person(stage, page)
    page.get_by_test_id("merge").click()
    page.get_by_role("dialog").get_by_text(BIDEN).wait_for()


def deleting(stage: Stage, page: Page) -> None:
    person(stage, page)
    page.get_by_test_id("delete").click()
    page.get_by_role("dialog").wait_for()


def deleted(stage: Stage, page: Page) -> None:
    deleting(stage, page)
    page.get_by_test_id("answer-delete").click()
    page.get_by_test_id("notices").get_by_role("button").first.wait_for()


def erased(stage: Stage, page: Page) -> None:
    deleting(stage, page)
    page.get_by_test_id("answer-forever").click()
    page.get_by_test_id("receipt").wait_for()


def policies(stage: Stage, page: Page) -> None:
    stage.site.requires_consent(True)
    stage.site.keeps(keep_days=365, unseen_days=90)
    page.reload()


def keeping(stage: Stage, page: Page) -> None:
    stage.site.ends(stage.site.ids()[BIDEN], "2026-01-01")
    page.get_by_test_id("unseen").fill("90")
    page.get_by_test_id("keeping-save").click()
    page.get_by_role("dialog").wait_for()


def changed(stage: Stage, page: Page) -> None:
    deleted(stage, page)
    page.goto(f"{stage.site.url}/changes")
    page.get_by_test_id("change").first.wait_for()


def several(stage: Stage, page: Page) -> None:
    photos = [stage.photos / name for name in ("again.jpg", "dark.jpg", "group.jpg")]
    page.get_by_test_id("file").set_input_files(photos)
    page.locator("[data-testid=shot][data-state=choose]").wait_for()
    page.locator("[data-testid=shot][data-state=choose] button").first.click()


EVERYBODY = (OBAMA, BIDEN, COLLINS)
STATES = (
    State("first-run", "/", known=(), light=True),
    State("home", "/", known=EVERYBODY, light=True),
    State("register-camera", "/register", coach, camera="turning", known=()),
    State("register", "/register", done),
    State("register-choice", "/register", question, light=True),
    State("register-refused", "/register", refused),
    State("register-photos", "/register", several, light=True),
    State("live", "/recognise", live, camera="room"),
    State("recognise", "/recognise", photo, light=True),
    State("why", "/recognise", why),
    State("no-camera", "/register", camera="none"),
    State("people", "/people", known=EVERYBODY, light=True),
    State("person", "/people", person, known=EVERYBODY),
    State("person-merge", "/people", merging, known=EVERYBODY),
    State("person-delete", "/people", deleting, known=EVERYBODY),
    State("people-undo", "/people", deleted, known=EVERYBODY),
    State("changes", "/people", changed, known=EVERYBODY, light=True),
    State("changes-none", "/changes"),
    State("person-receipt", "/people", erased, known=EVERYBODY),
    State("accounts", "/accounts"),
    State("policies", "/policies", policies, light=True),
    State("policies-keeping", "/policies", keeping, known=EVERYBODY),
    State("api", "/docs", light=True),
    State("error", "/nothing"),
)
PHOTO_OF = {OBAMA: "obama.jpg", BIDEN: "biden.jpg", COLLINS: "astronaut.png"}


def main() -> None:
    """All of them, or those that are named."""
    assets.ensure()
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:]
    if not wanted:
        for old in FOLDER.glob("*.jpg"):
            old.unlink()
    if states := [state for state in STATES if not wanted or state.name in wanted]:
        at_work(states)
    for door in (access_code, sign_in):
        if not wanted or door.__name__ in wanted:
            door()


def at_work(states: list[State]) -> None:
    with (
        tempfile.TemporaryDirectory() as scratch,
        browser.serving(Path(scratch)) as site,
        sync_playwright() as playwright,
    ):
        cameras = films(Path(scratch))
        for camera, film in cameras.items():
            chromium = browser.chromium(playwright, film, GRANTED)
            for state in states:
                if state.camera == camera:
                    take(Stage(site, Path(scratch)), chromium, state)
            chromium.close()


def access_code() -> None:
    """The page that asks for it, of `facecog serve --lan`."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        browser.serving(Path(scratch), "--lan") as site,
        sync_playwright() as playwright,
    ):
        chromium = browser.chromium(playwright)
        for suffix, screen in [("", DESK), ("-phone", PHONE)]:
            page = chromium.new_page(**screen, color_scheme="dark", ignore_https_errors=True)
            page.goto(site.url)
            shoot(page, f"access{suffix}")
        chromium.close()


def sign_in() -> None:
    """The door, of a facecog that has accounts."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        browser.serving(Path(scratch)) as site,
        sync_playwright() as playwright,
    ):
        site.lets_in("Anna", "correct horse battery")
        chromium = browser.chromium(playwright)
        for suffix, screen in [("", DESK), ("-phone", PHONE)]:
            page = chromium.new_page(**screen, color_scheme="dark")
            page.goto(site.url)
            shoot(page, f"sign-in{suffix}")
        chromium.close()


def films(folder: Path) -> dict[str, Path | None]:
    """What the cameras see; and the photos that are chosen."""
    two = browser.group("obama3.jpg", "biden.jpg").resize((1280, 960), box=(0, 30, 960, 750))
    one = browser.seen("biden.jpg", (1280, 960))
    group = browser.group("obama3.jpg", "biden.jpg", "astronaut.png")
    dark = browser.seen("astronaut.png").point(lambda level: level // 18)
    (folder / "group.jpg").write_bytes(browser.jpeg(group))
    (folder / "dark.jpg").write_bytes(browser.jpeg(dark))
    (folder / "again.jpg").write_bytes(browser.jpeg(browser.seen("obama3.jpg", (1280, 960))))
    return {
        "room": browser.camera_file(two, folder / "room.mjpeg"),
        "alone": browser.camera_file(one, folder / "alone.mjpeg"),
        "turning": browser.turning(folder / "turning.mjpeg"),
        "none": None,
    }


def take(stage: Stage, chromium: Browser, state: State) -> None:
    kinds = [("", DESK, "dark"), ("-phone", PHONE, "dark")]
    for suffix, screen, scheme in [*kinds, *([("-light", DESK, "light")] if state.light else [])]:
        stage.site.forget()
        stage.site.requires_consent(False)
        stage.site.keeps()
        for name in state.known:
            stage.site.register(name, assets.photo(PHOTO_OF[name]))
        context = chromium.new_context(**screen, color_scheme=scheme)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        page.goto(stage.site.url + state.path)
        state.arrange(stage, page)
        shoot(page, f"{state.name}{suffix}")
        context.close()


def shoot(page: Page, name: str) -> None:
    page.wait_for_timeout(1000)  # until everything has glided to its place
    page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=80)


if __name__ == "__main__":
    main()
