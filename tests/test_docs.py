"""The documentation: complete, its links whole, its examples true."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import fields
from html import unescape
from pathlib import Path
from typing import Any

import click
import pytest
from flask.testing import FlaskClient
from PIL import Image

import facecog.legacy  # noqa: F401  its refusal is one of the codes
from facecog.cli import main
from facecog.config import Settings, variable
from facecog.engines.cards import SFACE, YUNET
from facecog.errors import FacecogError
from facecog.web.errors import HTTP_DETAIL, status_of
from tests import assets
from tests.pictures import opened

# One worker runs all of it, on one server.
DOCS = assets.ROOT / "docs"
PAGES = [
    *(assets.ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted(DOCS.glob("*.md")),
]
SUBJECTS = ("access", "api", "cli", "configuration", "models", "accuracy", "privacy", "operations")
SUBJECTS += ("audit", "performance", "phone", "decisions", "glossary")
# What the examples call photos; `party` is made of Anna and a stranger.
PHOTOS = {"anna.jpg": "obama.jpg", "anna2.jpg": "obama2.jpg"}
ADDRESS = "http://127.0.0.1:8080"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def fences(file: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", file.read_text("utf-8"), re.M | re.S)


# -- nothing is left out ----------------------------------------------------------------------


def test_there_is_a_page_for_each_subject() -> None:
    assert {f"{name}.md" for name in SUBJECTS} <= {file.name for file in DOCS.iterdir()}


@pytest.mark.parametrize("option", fields(Settings), ids=lambda option: variable(option.name))
def test_each_setting_is_documented_with_its_default(option: Any) -> None:
    default = "not set" if option.default is None else f"`{option.default}`"

    assert f"| `{variable(option.name)}` | {default} |" in page("configuration")


def test_no_setting_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^\| `(FACECOG_\w+)`", page("configuration"), re.M)

    assert sorted(documented) == sorted(variable(option.name) for option in fields(Settings))


def commands(command: click.Command = main, path: str = "facecog") -> Iterator[tuple[str, Any]]:
    """Each command that does something, by what is typed."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from commands(inner, f"{path} {name}")


def usage(path: str, command: click.Command) -> str:
    """The command with its arguments, as `--help` prints it."""
    pieces = command.collect_usage_pieces(click.Context(command))
    return " ".join([path, *pieces]).replace(" [OPTIONS]", "")


COMMANDS = dict(commands())


@pytest.mark.parametrize(("path", "command"), list(COMMANDS.items()), ids=list(COMMANDS))
def test_each_command_is_documented_with_its_options(path: str, command: click.Command) -> None:
    _, heading, rest = page("cli").partition(f"\n### {usage(path, command)}\n")

    assert heading
    section = re.split(r"^##", rest, maxsplit=1, flags=re.M)[0]
    for option in command.params:
        if isinstance(option, click.Option):
            assert f"- `{option.opts[0]}`: " in section


def test_no_command_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^### (facecog .*)$", page("cli"), re.M)

    assert sorted(documented) == sorted(usage(path, command) for path, command in COMMANDS.items())


def test_each_route_is_documented(client: FlaskClient) -> None:
    missing = [
        f"{method} {path}"
        for rule in client.application.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        for path in [re.sub(r"<(?:.*?:)?(\w+)>", r"{\1}", rule.rule)]
        for path in [re.sub(r"^/static/\w+/", "/static/{hash}/", path)]
        if f"`{method} {path}`" not in page("api")
    ]

    assert missing == []


def refusals(kind: type[FacecogError] = FacecogError) -> Iterator[type[FacecogError]]:
    for inner in kind.__subclasses__():
        if inner.__module__.startswith("facecog."):  # and not of another test
            yield inner
        yield from refusals(inner)


def documented_codes() -> dict[str, int | None]:
    """Code -> status, None for those that never go over HTTP."""
    _, _, section = page("api").partition("### Error codes")
    rows = re.findall(r"^\| `(\w+)` \| (?:(\d{3}) \| )?\S", section, re.M)
    return {code: int(status) if status else None for code, status in rows}


def test_each_error_code_is_documented_with_its_status() -> None:
    documented = documented_codes()
    raised = {kind.code: status_of(kind.__new__(kind)) for kind in refusals()}
    answered = {code: status for status, (code, _) in HTTP_DETAIL.items()}

    assert set(documented) == {*raised, *answered, "internal_error"}
    for code, status in {**raised, **answered, "internal_error": 500}.items():
        assert documented[code] in (status, None), code


# -- links ------------------------------------------------------------------------------------


def anchors(file: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_link_points_at_something(file: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", file.read_text("utf-8"), flags=re.M | re.S)
    broken = []
    for link in re.findall(r"(?:\]\(|<img src=\")([^)\"\s]+)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


# -- examples ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photos that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    for name, source in PHOTOS.items():
        shutil.copy(assets.PHOTOS / source, folder / name)
    anna, stranger = map(opened, ("obama2.jpg", "astronaut.png"))
    party = Image.new("RGB", (anna.width + stranger.width, anna.height))
    party.paste(anna, (0, 0))
    party.paste(stranger, (anna.width, 0))
    party.save(folder / "party.jpg", quality=95)
    return folder


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "FACECOG_HOME": str(home),
        "FACECOG_MODELS": str(assets.MODELS),
        "ORT_DISABLE_TELEMETRY": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A real `facecog serve` on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            ["facecog", "serve", "--port", str(port)],
            env=environment(tmp_path / "home"),
            stderr=log,
        )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/api/health", timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, "the server ended by itself"
            assert time.monotonic() < give_up, "the server does not answer"
            time.sleep(0.1)


def answers(output: str) -> list[dict[str, Any]]:
    """JSON objects one after the other, as several calls of curl print them."""
    found, rest = [], output.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found


def run(script: str, folder: Path, home: Path) -> str:
    """Run an example in a folder; its output."""
    shell = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(
        shell, cwd=folder, env=environment(home), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def curl(file: Path, address: str, photos: Path) -> list[dict[str, Any]]:
    """Run the shell examples of a page against a server; what it answered."""
    examples = "\n".join(fences(file, "sh"))
    assert "curl " in examples
    calls = examples.replace(ADDRESS, address).replace("curl ", "curl --silent --show-error ")
    return answers(run(calls, photos, photos / "unused"))


def test_the_readmes_curl_examples_work(address: str, photos: Path) -> None:
    registered, recognised, verified, again = curl(assets.ROOT / "README.md", address, photos)

    assert registered["message"] == "Registered Successfully"
    assert registered["subject"]["name"] == "Anna"
    assert [face["name"] for face in recognised["faces"]] == ["Anna", None]
    assert verified["same"]
    assert again["subject"]["samples"] == 2


def test_the_readme_shows_what_recognise_answers(address: str, photos: Path) -> None:
    _, recognised, *_ = curl(assets.ROOT / "README.md", address, photos)
    (shown,) = map(json.loads, fences(assets.ROOT / "README.md", "json"))

    for shown_face, face in zip(shown.pop("faces"), recognised["faces"], strict=True):
        assert face["score"] == pytest.approx(shown_face.pop("score"), abs=0.02)
        assert shown_face.items() <= face.items()
    assert recognised["threshold"] == pytest.approx(shown.pop("threshold"), abs=0.02)
    assert shown.items() <= recognised.items()


def test_the_apis_curl_examples_work(address: str, photos: Path) -> None:
    registered, recognised, detected, listed = curl(DOCS / "api.md", address, photos)

    assert recognised["name"] == "Anna"
    assert len(detected["faces"]) == 1
    assert listed == {"subjects": [registered["subject"]], "next_cursor": None, "total": 1}


def test_the_examples_of_the_api_page_work(address: str, photos: Path) -> None:
    """As they stand, each person or sample of theirs being Anna's; what destroys comes last."""
    page = urllib.request.urlopen(f"{address}/docs").read().decode()
    examples = [unescape(one) for one in re.findall(r"<pre[^>]*><code>(.*?)</code>", page)]
    anna = json.loads(run(next(one for one in examples if "register" in one), photos, photos))
    variables = {"SUBJECT_ID": anna["subject"]["id"], "SAMPLE_ID": anna["sample"]["id"]}
    known = [one for one in examples if set(re.findall(r"\$(\w+)", one)) <= set(variables)]
    assert len(known) >= 14

    def last(example: str) -> tuple[bool, bool]:
        takes_back = "DELETE" in example and "consent" in example
        ends = ("DELETE" in example and not takes_back) or "/erase" in example
        return ends, "subjects/" in example

    for example in sorted(known, key=last):
        given = "".join(f"{name}={value}; " for name, value in variables.items())
        run(given + example.replace("curl ", "curl --silent --show-error --fail "), photos, photos)

    assert (photos / "face.jpg").read_bytes().startswith(b"\xff\xd8")


def test_the_readmes_python_example_works(photos: Path, tmp_path: Path) -> None:
    (example,) = fences(assets.ROOT / "README.md", "python")
    (tmp_path / "example.py").write_text(example, "utf-8")

    said = run(f"python -W error {tmp_path / 'example.py'}", photos, tmp_path / "home")

    assert [line.split()[0] for line in said.splitlines()] == ["Anna", "unknown"]


def test_the_python_example_of_the_settings_works(photos: Path, tmp_path: Path) -> None:
    (example,) = fences(DOCS / "configuration.md", "python")
    shutil.copytree(assets.MODELS, tmp_path / "faces" / "models", copy_function=os.symlink)
    (tmp_path / "example.py").write_text(example + "print(facecog.counts())\n", "utf-8")

    assert run("python -W error example.py", tmp_path, tmp_path / "unused") == "(0, 0)\n"
    assert not (tmp_path / "unused").exists()


def indented_commands(file: Path) -> list[str]:
    """The lines of indented blocks that call facecog in the virtual environment."""
    lines = re.findall(r"^    (.*\.venv/bin/facecog .*)$", file.read_text("utf-8"), re.M)
    return [line.replace(".venv/bin/", "") for line in lines]


def test_the_readmes_commands_work(photos: Path, tmp_path: Path) -> None:
    calls = [line for line in indented_commands(assets.ROOT / "README.md") if "OLD" not in line]

    said = run("\n".join(calls), photos, tmp_path / "home").splitlines()

    assert said[:2] == [f"{name}: registered as Anna" for name in PHOTOS]
    assert re.fullmatch(r"party.jpg: Anna \(\S+\), unknown", said[2])
    assert said[3].startswith("the same person")
    assert said[4].endswith("2 samples  Anna")


def test_the_card_of_ones_own_works(photos: Path, tmp_path: Path) -> None:
    (card,) = fences(DOCS / "models.md", "toml")
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / YUNET.file).symlink_to(assets.MODELS / YUNET.file)
    (models / "my-embedder.onnx").symlink_to(assets.MODELS / SFACE.file)
    (models / "mine.toml").write_text(card, "utf-8")

    said = run(
        "export FACECOG_MODEL=mine; unset FACECOG_MODELS\n"
        "facecog models list | grep '^mine '; facecog models fetch\n"
        "facecog register Anna anna.jpg; facecog recognise --json anna2.jpg",
        photos,
        tmp_path / "home",
    ).splitlines()

    assert said[0].split() == ["mine", "embed", "-", "Apache-2.0", "128", "yours", "yes"]
    assert said[1:3] == ["yunet: here and whole", "mine: here and whole"]
    found = json.loads(said[-1])
    assert (found["name"], found["model"], found["calibration"]) == ("Anna", "mine", "its card")
    # 1e-3 is as far beyond the card's 1e-4 as that is beyond its 1e-5.
    assert found["threshold"] == pytest.approx(0.415 - (0.467 - 0.415), abs=1e-3)
