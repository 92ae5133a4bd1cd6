"""How many frames a second does Recognise look at, and how late are the names on them?

    python -m benchmarks.live                   one person before the camera, 20 seconds
    python -m benchmarks.live --people 2        two, side by side
    python -m benchmarks.live --seconds 60

A real `facecog serve` with the real models and headless Chromium with a fake camera of 640 x 480
share this machine's cores. The page puts each look on the browser's own time line, from the moment
the camera captured the frame to the one at which its names were on the screen; this reads them
there. CPU is what the operating system counts for the server's processes and for all of
Chromium's, whose headless drawing has no graphics card. Prints one line a figure.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps
from playwright.sync_api import Page, sync_playwright
from tests import assets, browser

TICKS = os.sysconf("SC_CLK_TCK")
PEOPLE = ("obama3.jpg", "biden.jpg", "astronaut.png")


class Cpu(NamedTuple):
    """Seconds of user and system time."""

    server: float
    chromium: float


def measure(people: int, seconds: float) -> None:
    """Print the figures with so many people before the camera."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        film = browser.camera_file(_scene(people), Path(folder, "camera.mjpeg"))
        with browser.serving(Path(folder)) as site:
            site.register("Obama", assets.photo("obama.jpg"))
            chromium = browser.chromium(playwright, film, browser.GRANTED)
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{site.url}/recognise")
            page.locator("#stage[data-names*=Obama]").wait_for()
            _report(page, seconds)
            chromium.close()


def _scene(people: int) -> Image.Image:
    if people == 1:
        return browser.seen("obama3.jpg")
    scene = browser.group(*PEOPLE[:people])
    return ImageOps.pad(scene, (640, 480))


def _report(page: Page, seconds: float) -> None:
    before, began = _cpu(), time.monotonic()
    looks = browser.looks(page, seconds)
    passed, after = time.monotonic() - began, _cpu()
    delays = statistics.quantiles(looks, n=20)
    print(f"{len(looks) / passed:.1f} frames a second ({len(looks)} in {passed:.0f} s)")
    print(f"capture to drawn name: {delays[9]:.0f} ms (median), {delays[18]:.0f} ms (95 of 100)")
    for who, start, end in zip(Cpu._fields, before, after, strict=True):
        print(f"CPU of {who}: {(end - start) / len(looks) * 1000:.0f} ms a frame")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; the page says {_said(page)}")


def _said(page: Page) -> str:
    return page.get_by_test_id("pace").text_content() or ""


def _cpu() -> Cpu:
    server = chromium = 0.0
    for process in _descendants(os.getpid()):
        command = _read(process, "cmdline")
        if "facecog" in command:
            server += _seconds(process)
        elif "chrom" in command:
            chromium += _seconds(process)
    return Cpu(server, chromium)


def _descendants(process: int) -> list[int]:
    children = [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and (stat := _stat(int(name))) and int(stat[1]) == process
    ]
    return [one for child in children for one in (child, *_descendants(child))]


def _seconds(process: int) -> float:
    stat = _stat(process)
    return (int(stat[11]) + int(stat[12])) / TICKS if stat else 0.0


def _stat(process: int) -> list[str]:
    """The fields after the command's name: state, parent, ... (proc(5))."""
    return _read(process, "stat").rpartition(")")[2].split()


def _read(process: int, file: str) -> str:
    try:
        return Path(f"/proc/{process}/{file}").read_text()
    except OSError:  # it has ended
        return ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, choices=range(1, len(PEOPLE) + 1), default=1)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    measure(given.people, given.seconds)
