"""Real Chromium with a fake camera, and a real `facecog serve` to point it at."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageOps
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Route,
    expect,
)

from facecog.web.gate import FULL
from tests import assets
from tests.pictures import opened, saved

PATIENCE = 60  # seconds; the machine may be busy with other tests
HEADPOSE = assets.SHARED / "video" / "headpose_female.mjpeg"
ELSEWHERE = "facecog.test"  # a name that tests open it by, as if from another machine
GRANTED = "--use-fake-ui-for-media-stream"  # allows the camera without asking

PROMISE = "Of strangers, at most 1 in 1,000 gets a name here."
ALIKE = "Anna or Bea: too alike to tell"
HOSTILE = "<img src=x onerror=document.title='owned'>"
OpenPage = Callable[..., Page]
Seeing = Callable[..., Browser]

# Head and shoulders as left, top, right, bottom pixels: of 4:3 as a camera sees one person...
SEEN = {
    "obama.jpg": (0, 0, 910, 682),
    "obama3.jpg": (227, 100, 1327, 925),
    "biden.jpg": (0, 40, 970, 768),
    "astronaut.png": (0, 0, 512, 384),
}
# ...and upright, to stand beside others.
STANDING = {
    "obama3.jpg": (497, 130, 1057, 1075),
    "biden.jpg": (270, 20, 870, 1032),
    "astronaut.png": (90, 0, 360, 455),
}


# -- pictures -------------------------------------------------------------------------------------


def seen(name: str, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """One person as a camera sees them."""
    return opened(name).resize(size, box=SEEN[name])


def group(*names: str) -> Image.Image:
    """Several people side by side, 810 pixels high."""
    picture = Image.new("RGB", (480 * len(names), 810))
    for place, name in enumerate(names):
        picture.paste(opened(name).resize((480, 810), box=STANDING[name]), (480 * place, 0))
    return picture


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    # yuvj420p: all that Chromium takes
    return saved(picture, "JPEG", quality=quality, subsampling=2)


def camera_file(picture: Image.Image, path: Path) -> Path:
    """A film for the fake camera, in which the picture sways a little."""
    width, height = picture.size
    frames = [
        jpeg(picture.resize((width, height), box=(shift, shift, width - 8 + shift, height - 8)))
        for shift in (*range(8), *range(8, 0, -1))
    ]
    path.write_bytes(b"".join(frames))
    return path


def film(frames: list[bytes], path: Path, each: int = 1) -> Path:
    """A film for the fake camera, 30 frames a second: each of these `each` times, over and over."""
    path.write_bytes(b"".join(frame * each for frame in frames))
    return path


def turning(path: Path, *, each: int = 45) -> Path:
    """One man looks straight, then to either side, over and over: a second and a half each."""
    poses = [seen("obama.jpg"), on_a_wall("obama2.jpg"), ImageOps.mirror(on_a_wall("obama2.jpg"))]
    return film([jpeg(pose) for pose in poses], path, each)


def on_a_wall(name: str, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A tall photo as a camera sees the person, before a plain wall."""
    photo = opened(name)
    scale = size[1] * 1.35 / photo.height
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
    wall = Image.new("RGB", size, (150, 156, 160))
    wall.paste(photo, ((size[0] - photo.width) // 2, -20))
    return wall


def slowly(film_: Path, path: Path, each: int) -> Path:
    """A film of JPEGs again, each of its frames shown `each` times."""
    start = b"\xff\xd8\xff"
    frames = [start + rest for rest in film_.read_bytes().split(start)[1:]]
    return film(frames, path, each)


def somebody_on_camera(folder: Path) -> Path:
    """A woman turning her head where her film is at hand, else a photo in motion."""
    if HEADPOSE.is_file():
        return HEADPOSE
    return camera_file(seen("obama.jpg"), folder / "somebody.mjpeg")


# -- the server -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """A running facecog."""

    url: str

    def register(self, name: str, photo: bytes, **allowed: bool) -> dict[str, Any]:
        image = f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"
        return self._call("POST", "/api/register", {"name": name, "image": image, **allowed})

    def register_look_alikes(self, *names: str, photo: bytes) -> None:
        """People whom nothing tells apart: the same photo under each name."""
        for name in names:
            self.register(name, photo, allow_duplicate=True)

    def samples(self, name: str) -> list[dict[str, Any]]:
        """Somebody's, oldest first."""
        [subject] = [one for one in self._subjects() if one["name"] == name]
        found: list[dict[str, Any]] = self._call("GET", f"/api/subjects/{subject['id']}/samples")[
            "samples"
        ]
        return found

    def crop(self, sample: dict[str, Any]) -> bytes:
        with urllib.request.urlopen(self.url + sample["url"], timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def detect(self, photo: bytes) -> dict[str, Any]:
        image = f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"
        found: dict[str, Any] = self._call("POST", "/api/detect", {"image": image})
        return found

    def people(self) -> dict[str, int]:
        """Name -> number of samples."""
        return {one["name"]: one["samples"] for one in self._subjects()}

    def ids(self) -> dict[str, str]:
        """Name -> id."""
        return {one["name"]: one["id"] for one in self._subjects()}

    def consents(self, subject_id: str, text: str) -> None:
        body = {"consent": text, "consent_how": "on paper"}
        self._call("POST", f"/api/subjects/{subject_id}/consent", body)

    def agreed_to(self, subject_id: str) -> list[str]:
        """The versions of texts, oldest first."""
        found = self._call("GET", f"/api/subjects/{subject_id}/consent")["consents"]
        return [one["text_version"] for one in found]

    def requires_consent(self, yes: bool) -> None:
        body = {"required": yes, "text_version": "visitors 2", "purpose": "the front door"}
        self._call("PUT", "/api/consent", body)

    def lets_in(self, name: str, password: str) -> None:
        """The first account: from then on everybody signs in."""
        body = {"name": name, "password": password, "role": "owner"}
        self._call("POST", "/api/accounts", body)

    def consent_policy(self) -> dict[str, Any]:
        policy: dict[str, Any] = self._call("GET", "/api/consent")
        return policy

    def keeps(self, keep_days: int | None = None, unseen_days: int | None = None) -> None:
        body = {"keep_days": keep_days, "unseen_days": unseen_days}
        self._call("PUT", "/api/retention", body)

    def retention(self) -> dict[str, Any]:
        policy: dict[str, Any] = self._call("GET", "/api/retention")
        return policy

    def ends(self, subject_id: str, day: str) -> None:
        self._call("PUT", f"/api/subjects/{subject_id}/expiry", {"expires_at": day})

    def delete(self, *names: str) -> None:
        """As the page does: it can be undone."""
        for name in names:
            self._call("DELETE", f"/api/subjects/{self.ids()[name]}")

    def forget(self, *names: str) -> None:
        """Everyone, when nobody is named."""
        for subject in self._subjects():
            if not names or subject["name"] in names:
                self._call("DELETE", f"/api/subjects/{subject['id']}?forever=true")
        if not names:
            self._call("DELETE", "/api/changes")

    def _subjects(self) -> list[dict[str, Any]]:
        return self._call("GET", "/api/subjects")["subjects"]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Site]:
    """`facecog serve` with an empty home in `folder`."""
    scheme = "https" if "--lan" in options else "http"
    log, port = folder / "server.log", _free_port()
    command = [sys.executable, "-c", "from facecog.cli import main; main()", "serve"]
    environment = {"FACECOG_HOME": str(folder / "home"), "FACECOG_MODELS": str(assets.MODELS)}
    environment["FACECOG_HOSTS"] = ELSEWHERE
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*command, "--port", str(port), *options],
            stdout=subprocess.DEVNULL,
            stderr=out,
            env={**os.environ, **environment},
        ) as server,
    ):
        try:
            _wait_until_listening(server, port, log)
            yield Site(f"{scheme}://127.0.0.1:{port}")
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_listening(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


# -- the browser ----------------------------------------------------------------------------------


def chromium(playwright: Playwright, camera: Path | None = None, *flags: str) -> Browser:
    """Headless Chromium that sees `camera`, or that has none."""
    if camera:
        flags += (
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        )
    names = ("chromium", "chromium-browser", "google-chrome")
    installed = next(filter(None, map(shutil.which, names)), None)  # else playwright's own
    return playwright.chromium.launch(
        executable_path=installed, args=["--no-sandbox", "--disable-dev-shm-usage", *flags]
    )


REPORT = """addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  brokenPolicy(`${violatedDirective} ${blockedURI}`));"""


@dataclass
class Watch:
    """What no page may do: complain, throw, break its policy, or ask another origin."""

    site: Site
    seen: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.seen.append(f"error: {error.error}"))
        context.on("request", lambda request: self._request(request.url))
        context.expose_binding("brokenPolicy", lambda _, what: self.seen.append(f"policy: {what}"))
        context.add_init_script(REPORT)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium itself writes a line for each answer of 400 and above: refusals, "not found".
        where, page = message.location["url"], message.page.url if message.page else ""
        refusal = "Failed to load resource" in message.text and ("/api/" in where or where == page)
        if message.type in ("error", "warning") and not refusal:
            self.seen.append(f"{message.type}: {message.text} {where}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.site.url + "/", "blob:", "data:")):
            self.seen.append(f"request: {url}")


def state(page: Page) -> str:
    """camera, no-camera, photo, sending, asked, done or refused."""
    return page.get_by_test_id("stage").get_attribute("data-state") or ""


def take_photo(page: Page) -> None:
    """One photo by the shutter, with its verdict; the coach takes none."""
    switch_coach_off(page)
    before = page.get_by_test_id("shot").count()
    page.locator("[data-testid=shutter]:enabled").click()
    page.locator("[data-testid=shot]:not([data-state=checking])").nth(before).wait_for()


def busy(route: Route) -> None:
    """What a server says whose queue is full."""
    body = {"status": 503, "code": "busy", "detail": FULL}
    route.fulfill(
        status=503,
        headers={"Retry-After": "1", "Content-Type": "application/problem+json"},
        body=json.dumps(body),
    )


def look_on(page: Page, frames: int = 1) -> None:
    """Until the live view has had an answer to so many frames more."""
    answered = int(page.get_by_test_id("stage").get_attribute("data-frames") or 0)
    page.wait_for_function(
        "(enough) => document.getElementById('stage').dataset.frames >= enough",
        arg=answered + frames,
    )


def looks(page: Page, seconds: float) -> list[float]:
    """The live view's looks in so many seconds: of each, ms from the capture to the drawn name."""
    page.evaluate(
        """() => {
          window.looks = [];
          new PerformanceObserver((list) => window.looks.push(...list.getEntriesByName('look')))
            .observe({ type: 'measure' });
        }"""
    )
    page.wait_for_timeout(seconds * 1000)
    delays: list[float] = page.evaluate("() => window.looks.map(({ duration }) => duration)")
    return delays


def switch_coach_off(page: Page) -> None:
    auto = page.get_by_test_id("auto")
    if auto.get_attribute("aria-pressed") == "true":
        auto.click()
    for remove in reversed(page.get_by_test_id("shot").all()):
        remove.get_by_role("button", name="Remove").click()


def register_from_camera(page: Page, name: str) -> None:
    """Register whoever is in front of the camera, trying again while the head is turned away."""
    page.get_by_test_id("name").fill(name)
    for _ in range(10):
        take_photo(page)
        page.get_by_test_id("submit").click()
        page.locator("#stage:not([data-state=camera], [data-state=sending])").wait_for()
        if state(page) == "done":
            return
        page.get_by_test_id("to-camera").click()
    raise AssertionError(page.get_by_test_id("message").text_content())


# -- what tests say of a page ----------------------------------------------------------------------


def choose(page: Page, photo: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("choose").click()
    chooser.value.set_files(photo)


def drop(page: Page, *photos: Path) -> None:
    """As a hand would: Chromium itself makes the events."""
    hand = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [*map(str, photos)], "dragOperationsMask": 1}
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 200, "data": data})
        if kind == "dragOver":
            expect(page.locator(".drop")).to_be_visible()


def paste(page: Page, photo: Path) -> None:
    page.context.grant_permissions(["camera", "clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (photo) => {
          const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
          const blob = new Blob([bytes], { type: 'image/png' });
          await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
        }""",
        base64.b64encode(photo.read_bytes()).decode(),
    )
    page.keyboard.press("Control+V")


# WCAG 2.2 AA, and what axe calls good practice. Only violations are listed with their elements.
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # of 2.2, which axe leaves out by itself
    "resultTypes": ["violations"],
}

# Half faded in, a text has not the colours it will have. What follows a face never rests.
AT_REST = """() => document.getAnimations()
  .filter(({ effect }) => !effect.target?.closest('#over'))
  .every(({ effect, playState }) => playState !== 'running' || effect.getComputedTiming().endTime === Infinity)
"""  # noqa: E501


def assert_accessible(page: Page) -> None:
    """Axe finds nothing against the page as it is now, by day and by night."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(AT_REST)
        found = Axe().run(page, options=AXE)
        assert found.violations_count == 0, f"{page.url}, {scheme}\n{found.generate_report()}"


CONTRAST = """(element) => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  let ground = element;
  while (ground && numbers(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const light = (color) => {
    const [r, g, b] = numbers(color).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const both = [light(getComputedStyle(element).color),
    light(getComputedStyle(ground ?? document.documentElement).backgroundColor)];
  return Math.max(...both) / Math.min(...both);
}"""  # noqa: E501


SIDE_BY_SIDE = """() => {
  const [left, right] = ['choice-new', 'choice-known']
    .map((id) => document.getElementById(id).getBoundingClientRect());
  return left.right < right.left && left.top === right.top && left.height === right.height;
}"""


SHOWS_SOMETHING = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(data).size > 100;
}"""


def marks(page: Page) -> Locator:
    """The names on the picture."""
    return page.get_by_test_id("marks").locator(".label")


def kinds(elements: Locator) -> list[str | None]:
    return [element.get_attribute("data-kind") for element in elements.all()]


def expect_question(page: Page, title: str, stored: str) -> None:
    """Register asks, with the face of the photo and the stored one side by side."""
    expect(page.locator("#choice-title")).to_have_text(title)
    expect(page.locator("#choice-title")).to_be_focused()
    expect(page.get_by_test_id("form")).to_be_hidden()
    new, known = page.get_by_test_id("choice-new"), page.get_by_test_id("choice-known")
    expect(new.get_by_role("img", name="The face in this photo")).to_be_visible()
    assert new.locator("canvas").evaluate(SHOWS_SOMETHING)
    expect(known).to_have_accessible_name(f"The stored photo of {stored}")
    expect_picture(known)
    assert kinds(page.get_by_test_id("box")) == ["uncertain"]
    assert page.evaluate(SIDE_BY_SIDE)


def expect_state(page: Page, state: str) -> None:
    expect(page.get_by_test_id("stage")).to_have_attribute("data-state", state)


def expect_live(page: Page, name: str = "") -> None:
    """The camera runs, frames are answered, and once somebody of this name is seen."""
    wanted = f"[data-names={json.dumps(json.dumps([name]))}]" if name else ""
    page.locator(f"#stage[data-state=camera]:not([data-frames='0']){wanted}").wait_for()


def register_file(page: Page, name: str, photo: Path, ends: str = "done") -> None:
    page.get_by_test_id("file").set_input_files(photo)
    expect_state(page, "photo")
    page.get_by_test_id("name").fill(name)
    page.get_by_test_id("submit").click()
    expect_state(page, ends)


def expect_picture(image: Locator) -> None:
    expect(image).to_be_visible()
    assert image.evaluate("async (image) => { await image.decode(); return image.naturalWidth }")


def assert_inside(inner: Locator, outer: Locator) -> None:
    here, there = inner.bounding_box(), outer.bounding_box()
    assert here and there
    assert there["x"] <= here["x"] <= here["x"] + here["width"] <= there["x"] + there["width"]
    assert there["y"] <= here["y"] <= here["y"] + here["height"] <= there["y"] + there["height"]


def assert_nothing_hostile(page: Page) -> None:
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "owned"


def assert_no_scrolling(page: Page) -> None:
    wide = page.evaluate("[document.documentElement.scrollWidth, screen.width]")
    assert wide[0] <= wide[1]


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus; each stop on the way must be seen."""
    for _ in range(30):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        assert focus.evaluate("(element) => getComputedStyle(element).outlineStyle") != "none"
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")
