"""`make screenshots`: pictures of the pages at work, for docs/screenshots/.

The people in them come out of the packages of assets.py, never from anywhere else.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests import assets, browser
from tests.browser import GRANTED, PATIENCE, Site

FOLDER = assets.ROOT / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
OBAMA, BIDEN = "Barack Obama", "Joe Biden"


def main() -> None:
    assets.ensure()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        browser.serving(Path(scratch)) as site,
        sync_playwright() as playwright,
    ):
        # A room with two people in it, then one person alone.
        two = browser.group("obama3.jpg", "biden.jpg").resize((1280, 960), box=(0, 30, 960, 750))
        room = browser.camera_file(two, Path(scratch) / "room.mjpeg")
        alone = browser.camera_file(
            browser.seen("biden.jpg", (1280, 960)), Path(scratch) / "alone.mjpeg"
        )
        photo = Path(scratch) / "photo.jpg"
        photo.write_bytes(browser.jpeg(browser.group("obama3.jpg", "biden.jpg", "astronaut.png")))
        again = Path(scratch) / "again.jpg"
        again.write_bytes(browser.jpeg(browser.seen("obama3.jpg", (1280, 960))))

        site.register(OBAMA, assets.photo("obama.jpg"))
        chromium = browser.chromium(playwright, room, GRANTED)
        live(site, chromium)
        chromium.close()
        chromium = browser.chromium(playwright, alone, GRANTED)
        register(site, chromium)
        site.register(OBAMA, assets.photo("obama2.jpg"))
        home(site, chromium)
        register_again(site, chromium, again)
        recognise(site, chromium, photo)
        chromium.close()


def home(site: Site, chromium: Browser) -> None:
    for kind, options in {"": DESKTOP, "-phone": PHONE}.items():
        take(open_page(site, chromium, "/", options), f"home{kind}")
    take(open_page(site, chromium, "/", DESKTOP, "light"), "home-light")


def register(site: Site, chromium: Browser) -> None:
    for kind, options in {"": DESKTOP, "-phone": PHONE}.items():
        page = open_page(site, chromium, "/register", options)
        page.locator("[data-testid=shutter]:enabled").wait_for()
        if kind:
            take(page, f"register-camera{kind}")
        browser.register_from_camera(page, BIDEN)
        take(page, f"register{kind}")
        if not kind:
            site.forget(BIDEN)


def register_again(site: Site, chromium: Browser, photo: Path) -> None:
    """Somebody who is registered already, under another name."""
    page = open_page(site, chromium, "/register", DESKTOP)
    page.get_by_test_id("file").set_input_files(photo)
    page.locator("[data-state=photo]#stage").wait_for()
    page.get_by_test_id("name").fill("Ben")
    page.get_by_test_id("submit").click()
    page.locator("[data-testid=choice-new] canvas").wait_for()
    take(page, "register-choice")


def recognise(site: Site, chromium: Browser, photo: Path) -> None:
    for kind, options in {"": DESKTOP, "-phone": PHONE}.items():
        page = open_page(site, chromium, "/recognise", options)
        page.get_by_test_id("file").set_input_files(photo)
        page.locator("[data-testid=face]").nth(2).wait_for()
        take(page, f"recognise{kind}")


def live(site: Site, chromium: Browser) -> None:
    for kind, options in {"": DESKTOP, "-phone": PHONE}.items():
        page = open_page(site, chromium, "/recognise", options)
        page.locator(f"#stage[data-names*='{OBAMA}']").wait_for()
        take(page, f"live{kind}")


def open_page(
    site: Site, chromium: Browser, path: str, options: dict[str, Any], scheme: str = "dark"
) -> Page:
    context = chromium.new_context(**options, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(site.url + path)
    return page


def take(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)  # until everything has glided to its place
    page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=88)


if __name__ == "__main__":
    main()
