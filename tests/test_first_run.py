"""`facecog serve` at an address that others reach: a real process, and the link that it prints."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from click.testing import CliRunner

from facecog.cli import main
from tests.serving import FACECOG, START, environment

LINK = re.compile(r"(http://[\w.:\[\]]+):(\d+)/welcome#(\w{4}-\w{4})")
PASSWORD = "correct horse battery"


def test_the_owners_account_is_made_by_the_link_in_the_terminal(tmp_path: Path) -> None:
    home, out, log = tmp_path / "home", tmp_path / "out", tmp_path / "log"
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(
            [FACECOG, "serve", "--host", "0.0.0.0", "--port", "0"],
            env=environment(home, threads=1),
            stdout=stdout,
            stderr=stderr,
        )
    try:
        give_up = time.monotonic() + START
        while not (link := LINK.search(out.read_text())):
            assert process.poll() is None and time.monotonic() < give_up, log.read_text()
            time.sleep(0.05)
        address = f"http://127.0.0.1:{link[2]}"
        browser = build_opener(HTTPCookieProcessor())
        assert refused(browser, f"{address}/api/subjects") == "access_needed"  # this machine too
        given = {"code": link[3], "name": "Anna", "password": PASSWORD}
        browser.open(f"{address}/welcome", urlencode(given).encode(), timeout=60).close()
        with browser.open(f"{address}/api/session", timeout=60) as answer:
            assert json.load(answer)["name"] == "Anna"

        # A command makes a key, and the server that runs knows it.
        made = CliRunner().invoke(
            main, ["keys", "add", "door", "--role", "auditor"], env=environment(home)
        )
        program = build_opener()
        program.addheaders = [("X-Api-Key", made.stdout.strip())]
        with program.open(f"{address}/api/session", timeout=60) as answer:
            assert json.load(answer)["role"] == "auditor"
    finally:
        process.kill()
        process.wait()
    assert "plain http" in log.read_text()
    for hidden in (link[3], PASSWORD, made.stdout.strip()):
        assert hidden not in log.read_text()


def refused(browser: object, address: str) -> str:
    try:
        browser.open(address, timeout=60)  # type: ignore[attr-defined]
    except HTTPError as answer:
        with answer:
            return str(json.load(answer)["code"])
    return ""


def test_accounts_and_keys_are_given_and_taken_by_commands(tmp_path: Path) -> None:
    def run(*words: str, typed: str = "") -> str:
        ended = CliRunner().invoke(main, words, env=environment(tmp_path / "home"), input=typed)
        return ended.stdout if ended.exit_code == 0 else ended.stderr

    assert "must be an owner" in run("accounts", "add", "Ben", "--role", "auditor", typed="x" * 10)
    assert "10 to 200" in run("accounts", "add", "Anna", typed="short\n")
    assert run("accounts", "add", "Anna", typed=f"{PASSWORD}\n") == "made Anna, owner\n"
    assert "must be an owner" in run("accounts", "remove", "anna")
    assert run("accounts", "add", "Ben", "--role", "auditor", typed=PASSWORD).startswith("made Ben")
    assert run("accounts", "role", "ben", "owner") == "Ben is owner now\n"
    assert run("accounts", "password", "Ben", typed=f"{PASSWORD}!\n").startswith("Ben has another")
    assert run("accounts", "remove", "Anna") == "removed Anna\n"
    (ben,) = map(json.loads, run("accounts", "list", "--json").splitlines())
    assert (ben["name"], ben["role"]) == ("Ben", "owner")

    made = json.loads(run("keys", "add", "door", "--role", "recogniser", "--days", "1", "--json"))
    assert made["key"].startswith("fc_")
    assert "no such collection" in run("keys", "add", "x", "--role", "owner", "--only", "nowhere")
    assert run("keys", "revoke", made["id"]) == "revoked door\n"
    assert "door" in run("keys", "list") and made["key"] not in run("keys", "list")
