"""`facecog serve --lan` as a real process, from the terminal's words to a phone's browser."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import segno
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect

from facecog.cli import main
from facecog.cli.lan import Invitation
from facecog.web import network
from facecog.web.certificate import FILE, kept_certificate
from tests import browser
from tests.serving import FACECOG, START, environment
from tests.test_tls import trusting

HOST = "127.0.0.1"
WHOLE = re.compile(
    r"https://127\.0\.0\.1:(\d+)/.*Access code: +(\S+)\n.*fingerprint:\n  (\S+:)\n  (\S+)\n", re.S
)


@dataclass(frozen=True)
class Lan:
    """A running `facecog serve --lan`, and what it said."""

    port: int
    code: str
    fingerprint: str
    home: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    folder = tmp_path_factory.mktemp("lan")
    home, out, log = folder / "home", folder / "out", folder / "log"
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(
            [FACECOG, "serve", "--lan", "--port", "0", "--address", HOST],
            env=environment(home, threads=2) | {"PYTHONIOENCODING": "utf-8"},
            stdout=stdout,
            stderr=stderr,
        )
    try:
        give_up = time.monotonic() + START
        while not (found := WHOLE.search(out.read_text("utf-8"))):
            assert process.poll() is None and time.monotonic() < give_up, log.read_text()
            time.sleep(0.05)
        yield Lan(int(found[1]), found[2], found[3] + found[4], home, log)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert found[2] not in log.read_text()
    assert "Traceback" not in log.read_text()


# -- the terminal -----------------------------------------------------------------------------


def test_it_listens_on_every_address_and_asks_each_for_the_code(lan: Lan) -> None:
    for host in [HOST, "localhost", *network.addresses()]:
        connection = http.client.HTTPSConnection(host, lan.port, context=trusting(), timeout=60)
        with closing(connection):
            connection.request("GET", "/api/subjects")
            assert connection.getresponse().status == 401, host


def test_a_program_gets_in_with_the_printed_code_and_the_kept_certificate(lan: Lan) -> None:
    context = ssl.create_default_context(cafile=lan.home / "tls" / FILE)
    connection = http.client.HTTPSConnection(HOST, lan.port, context=context, timeout=60)
    with closing(connection):
        connection.request("GET", "/api/ready", headers={"Authorization": f"Bearer {lan.code}"})
        assert json.loads(connection.getresponse().read())["subjects"] == 0


def test_the_printed_fingerprint_is_that_of_the_certificate(lan: Lan) -> None:
    pem = ssl.get_server_certificate((HOST, lan.port), timeout=60)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()

    assert lan.fingerprint.replace(":", "") == digest


def test_the_qr_code_holds_the_address_with_the_code_as_fragment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held, make = [], segno.make
    monkeypatch.setattr(segno, "make", lambda text, **how: held.append(text) or make(text, **how))
    certificate = kept_certificate(tmp_path, "fd00::5", [])
    Invitation("fd00::5", "K7QM-2MXP", certificate, own=False).say(8443)

    assert held == ["https://[fd00::5]:8443/access#K7QM-2MXP"]
    said = capsys.readouterr().out
    drawn = [line for line in said.splitlines() if set(line) & set("█▀▄")]
    assert len(drawn) >= 15 and len({len(line) for line in drawn}) == 1
    assert max(map(len, said.splitlines())) <= 80


def run(home: Path, *arguments: str, **settings: object) -> str:
    """What a start that is refused says."""
    ended = CliRunner().invoke(main, ["serve", *arguments], env=environment(home, **settings))
    assert ended.exit_code != 0
    return ended.output.strip().splitlines()[-1]


def test_a_start_that_cannot_be_is_refused_in_one_line(lan: Lan, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    other = kept_certificate(tmp_path / "other", HOST, []).file
    known = lan.home / "tls" / FILE

    assert run(tmp_path / "home", "--address", "x") == (
        "Error: --address, --certificate and --key go with --lan."
    )
    for given, said in (
        (("--certificate", str(missing)), f"{missing} cannot be read"),
        (("--key", str(known)), "needs a certificate: --certificate FILE."),
        (("--certificate", str(known), "--key", str(other)), "is not the key of the certificate"),
        (("--port", str(lan.port)), f"*:{lan.port} cannot be served: Address already in use."),
    ):
        assert said in run(tmp_path / "home", "--lan", "--address", HOST, *given)
    settings = {"tls_certificate": missing, "tls_key": other}
    assert f"{missing} cannot be read" in run(tmp_path / "home", "--lan", **settings)


def test_a_machine_in_no_network_is_told_to_say_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "addresses", list)

    assert "--address" in run(tmp_path / "home", "--lan")
    assert not (tmp_path / "home" / "tls").exists()


# -- a phone ----------------------------------------------------------------------------------


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        ignore_https_errors=True, viewport={"width": 390, "height": 844}, locale="en-GB"
    )
    context.set_default_timeout(browser.PATIENCE * 1000)
    yield context
    context.close()


CAMERA = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  return stream.getVideoTracks()[0].readyState;
}"""


def assert_inside(page: Page, lan: Lan, path: str) -> None:
    page.wait_for_url(lan.url + path)
    assert page.evaluate("isSecureContext")
    assert page.evaluate(CAMERA) == "live"


def test_scanning_the_code_is_enough_and_leaves_no_trace(lan: Lan, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{lan.url}/access#{lan.code}")
    assert_inside(page, lan, "/")

    (cookie,) = phone.cookies()
    assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    page.go_back()  # to where the code was
    page.wait_for_load_state()
    assert lan.code not in page.evaluate("location.href")
    page.goto(f"{lan.url}/access#{lan.code}")  # scanned once more
    page.wait_for_url(f"{lan.url}/#main")


def test_the_code_is_typed_and_the_page_asked_for_opens(lan: Lan, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto(f"{lan.url}/register?a=b")
    expect(page.get_by_test_id("code")).to_be_focused()
    browser.assert_accessible(page)
    browser.assert_no_scrolling(page)

    page.keyboard.type("aaaa aaaa")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("code-error")).to_contain_text("This is not the code.")
    expect(page.get_by_test_id("code")).to_be_focused()
    browser.assert_accessible(page)

    page.get_by_test_id("code").fill(lan.code.lower().replace("-", " "))
    page.get_by_test_id("enter").click()
    assert_inside(page, lan, "/register?a=b")


def test_it_opens_without_javascript_and_speaks_german(lan: Lan, chromium: Browser) -> None:
    context = chromium.new_context(
        ignore_https_errors=True, java_script_enabled=False, locale="de-AT"
    )
    with closing(context):
        page = context.new_page()
        page.goto(lan.url)
        expect(page.get_by_label("Zugangscode")).to_be_visible()
        page.get_by_label("Zugangscode").fill(lan.code)
        page.get_by_role("button", name="facecog öffnen").click()
        page.wait_for_url(f"{lan.url}/")
        expect(page.get_by_role("navigation").first).to_be_visible()
