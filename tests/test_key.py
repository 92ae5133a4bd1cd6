"""The owner's key: files, settings and commands; `key init` killed with SIGKILL."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from facecog.bootstrap import chosen_key, open_store
from facecog.cli import main
from facecog.config import Settings
from facecog.errors import InvalidSetting, KeyMissing, KeyWrong, NotEncrypted
from facecog.store import Store
from tests import assets
from tests.databases import KEY, add, names
from tests.serving import FACECOG, environment, serving

BASE64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def run(home: Path, *arguments: str, **settings: Any) -> Result:
    return CliRunner().invoke(
        main,
        arguments,
        env={
            "FACECOG_HOME": str(home),
            "FACECOG_MODELS": str(assets.MODELS),
            **{f"FACECOG_{name.upper()}": str(value) for name, value in settings.items()},
        },
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of Anna, who is not encrypted."""
    with closing(Store.on_sqlite(tmp_path / "home")) as store:
        add(store, "Anna")
    return tmp_path / "home"


# -- what a key may look like -----------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [BASE64, f"{BASE64}=", KEY.hex(), KEY.hex().upper(), f" {BASE64}\n"]
)
def test_a_key_is_32_bytes_as_base64url_or_hex(text: str) -> None:
    assert chosen_key(Settings(key=text)) == KEY


@pytest.mark.parametrize("text", ["secret", BASE64[:-1], f"{BASE64}AA", KEY.hex()[:-2], "ü" * 43])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidSetting, match="FACECOG_KEY is no key") as refusal:
        chosen_key(Settings(key=text))

    assert text not in str(refusal.value)


def test_settings_do_not_show_their_keys() -> None:
    shown = repr(Settings(key=BASE64, new_key=KEY.hex()))

    assert BASE64 not in shown
    assert KEY.hex() not in shown


def test_a_key_or_a_file_and_not_both(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="not both"):
        chosen_key(Settings(key=BASE64, key_file=tmp_path / "key"))


# -- key files --------------------------------------------------------------------------------


def test_a_new_key_is_in_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    made = run(tmp_path, "key", "new", str(tmp_path / "key"))
    run(tmp_path, "key", "new", str(tmp_path / "other"))

    assert made.exit_code == 0
    first, other = (chosen_key(Settings(key_file=tmp_path / name)) for name in ("key", "other"))
    assert first != other
    assert (tmp_path / "key").read_text().strip() not in made.output
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("there")

    again = run(tmp_path, "key", "new", str(tmp_path / "key"))

    assert again.exit_code == 1
    assert "never written over" in again.output
    assert (tmp_path / "key").read_text() == "there"


@pytest.mark.skipif(os.name == "nt", reason="of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(BASE64)
    file.chmod(mode)

    with pytest.raises(InvalidSetting, match="others may read"):
        chosen_key(Settings(key_file=file))
    file.chmod(0o600)
    assert chosen_key(Settings(key_file=file)) == KEY


def test_a_key_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="cannot be read"):
        chosen_key(Settings(key_file=tmp_path / "key"))


# -- commands ---------------------------------------------------------------------------------


def test_a_home_is_encrypted_by_a_command(home: Path) -> None:
    refused = run(home, "people", "list", key=BASE64)
    assert refused.exit_code == 1
    assert "facecog key init" in refused.output

    done = run(home, "key", "init", key=BASE64)
    assert (done.exit_code, done.output.startswith("encrypted;")) == (0, True)
    again = run(home, "key", "init", key=BASE64)
    assert (again.exit_code, again.output.startswith("encrypted already;")) == (0, True)

    assert run(home, "people", "list", key=BASE64).output.endswith("Anna\n")
    missing = run(home, "people", "list")
    assert (missing.exit_code, "FACECOG_KEY" in missing.output) == (1, True)
    assert not [file for file in home.rglob("*") if file.is_file() and b"Anna" in file.read_bytes()]


def test_the_key_is_changed_by_a_command(home: Path) -> None:
    new = bytes(32).hex()
    assert run(home, "key", "init", key=BASE64).exit_code == 0
    assert run(home, "key", "rotate", key=BASE64).exit_code == 1  # no new key

    for _ in range(2):  # the first one may have been killed when it was done
        done = run(home, "key", "rotate", key=BASE64, new_key=new)
        assert (done.exit_code, "1 collection" in done.output) == (0, True)

    assert run(home, "people", "list", key=BASE64).exit_code == 1
    assert run(home, "people", "list", key=new).output.endswith("Anna\n")


def test_a_server_goes_on_while_the_key_is_changed(tmp_path: Path) -> None:
    home, new = tmp_path / "home", bytes(32).hex()
    with serving(home, key=BASE64) as server:
        registered = server.ask("/api/register", name="Anna", image=assets.photo("obama.jpg"))
        assert registered.status == 201

        assert run(home, "key", "rotate", key=BASE64, new_key=new).exit_code == 0

        found = server.ask("/api/recognise", image=assets.photo("obama2.jpg")).json
        assert found["faces"][0]["name"] == "Anna"
        again = server.ask("/api/register", name="Anna", image=assets.photo("obama2.jpg"))
        assert again.json["subject"]["samples"] == 2
    with serving(home, key=new) as server:
        found = server.ask("/api/recognise", image=assets.photo("obama3.jpg")).json
        assert found["faces"][0]["name"] == "Anna"
        listed = server.ask("/api/subjects?search=ann").json["subjects"]
        assert [one["name"] for one in listed] == ["Anna"]


def test_a_server_without_the_key_answers_that_it_is_missing(home: Path) -> None:
    with serving(home) as server:
        assert run(home, "key", "init", key=BASE64).exit_code == 0

        refused = server.ask("/api/subjects")

        assert (refused.status, refused.json["code"]) == (503, "key_missing")


def test_encrypting_needs_a_key(home: Path) -> None:
    refused = run(home, "key", "init")

    assert (refused.exit_code, "facecog key new" in refused.output) == (1, True)


# -- killed -----------------------------------------------------------------------------------

PEOPLE = 150


def killed_init(home: Path, moment: float) -> None:
    """`facecog key init`, killed so many parts of its way through the crops."""
    started = subprocess.Popen(
        [FACECOG, "key", "init"],
        env=environment(home, key=BASE64),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with started:
        while started.poll() is None:
            sealed = len(list((home / "dataset").glob("*.sealed")))
            if sealed >= moment * PEOPLE:
                started.kill()
                break
            time.sleep(0.001)


@pytest.mark.parametrize("moment", [0.01, 0.5, 1.0])
def test_a_killed_init_leaves_a_home_whole_and_can_be_run_again(
    tmp_path: Path, moment: float
) -> None:
    home = tmp_path / "home"
    with closing(Store.on_sqlite(home)) as store:
        crops = {add(store, f"Person {n}")[1].id: f"Person {n}".encode() for n in range(PEOPLE)}

    killed_init(home, moment)

    settings = Settings(home=home)
    try:
        store = open_store(settings)
    except KeyMissing:  # it was killed after the commit
        store = open_store(Settings(home=home, key=BASE64))
    with closing(store):
        assert store.counts() == (PEOPLE, PEOPLE)
        assert {one: store.crop(one) for one in crops} == crops
        endings = {file.suffix for file in (home / "dataset").iterdir()}
        assert endings == {".sealed" if store.sealed else ".jpg"}
        sealed = store.sealed
    if moment < 1:
        assert not sealed
        with pytest.raises(NotEncrypted):
            open_store(Settings(home=home, key=BASE64))
    assert run(home, "key", "init", key=BASE64).exit_code == 0
    with closing(open_store(Settings(home=home, key=BASE64))) as store:
        assert {one: store.crop(one) for one in crops} == crops
        assert len(names(store.subjects(PEOPLE))) == PEOPLE
    with pytest.raises(KeyWrong):
        open_store(Settings(home=home, key=bytes(32).hex()))
    assert not [
        file for file in home.rglob("*") if file.is_file() and b"Person 1" in file.read_bytes()
    ]
