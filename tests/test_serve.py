"""`facecog serve` and `flask run` as real processes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from PIL import Image

from tests.assets import ROOT, photo
from tests.pictures import opened, saved
from tests.serving import FACECOG, HOST, START, Server, environment, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "home") as server:
        yield server


def test_it_registers_recognises_and_still_knows_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        assert server.ask("/api/register", name="Obama", image=photo("obama.jpg")).status == 201
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0

    with serving(tmp_path / "home") as server:
        found = server.ask("/api/recognise", image=photo("obama2.jpg"))
        assert (found.status, found.json["name"]) == (200, "Obama")
        assert server.ask("/").kind == "text/html"
        assert "GET / 200" in server.log.read_text()


@contextmanager
def slow_connections(server: Server, start: bytes) -> Iterator[None]:
    """Fifty, each of which sends one byte a second of a request that never ends."""
    stop = Event()
    with ExitStack() as opened:
        slow = [
            opened.enter_context(socket.create_connection((HOST, server.port))) for _ in range(50)
        ]
        for connection in slow:
            connection.sendall(start)

        def drip() -> None:
            while not stop.wait(1):
                for connection in slow:
                    connection.sendall(b"x")

        dripping = Thread(target=drip)
        dripping.start()
        opened.callback(dripping.join)
        opened.callback(stop.set)
        yield


SLOW_STARTS = {
    "headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": b"POST /api/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n"
    b"Content-Type: application/json\r\n\r\n",
}


@pytest.mark.parametrize("start", SLOW_STARTS.values(), ids=SLOW_STARTS)
def test_slow_clients_do_not_stop_the_others(server: Server, start: bytes) -> None:
    with slow_connections(server, start):
        time.sleep(1)
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: server.ask("/api/health"), range(20)))
        taken = time.monotonic() - began

    assert {answer.status for answer in answers} == {200}
    assert taken < 20  # each slow request takes days


def test_a_crowd_is_refused_in_part_and_the_rest_of_the_server_does_not_notice(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "home", threads=1, queue=2) as server, ThreadPoolExecutor(24) as pool:
        large = large_photo(0)
        asked = [pool.submit(server.ask, "/api/recognise", image=large) for _ in range(24)]
        while not any(one.done() for one in asked):
            time.sleep(0.01)
        # What is refused is answered while the first is still worked on; so is what is no picture.
        assert server.ask("/api/health").status == 200
        assert server.ask("/people").status == 200
        assert not all(one.done() for one in asked)
        answers = [one.result() for one in asked]
        again = server.ask("/api/recognise", image=photo("obama.jpg"))

    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 3  # one that was worked on and two that waited
    assert {answer.json["code"] for answer in answers if answer.status == 503} == {"busy"}
    assert again.status == 200


def test_requests_under_way_are_answered_before_it_stops(tmp_path: Path) -> None:
    with serving(tmp_path / "home", threads=1) as server, ThreadPoolExecutor(4) as pool:
        photos = [large_photo(level) for level in range(4)]
        asked = [
            pool.submit(server.ask, "/api/register", name="Obama", image=one) for one in photos
        ]
        while "POST /api/register 201" not in server.log.read_text():
            time.sleep(0.01)
        assert not all(one.done() for one in asked)
        server.process.send_signal(signal.SIGTERM)

        assert [one.result().status for one in asked] == [201] * 4
        assert server.process.wait(30) == 0


def large_photo(level: int) -> bytes:
    """Some tenths of a second's work."""
    scene = Image.new("RGB", (6000, 6000), (level, 0, 0))
    scene.paste(opened("obama.jpg").resize((1800, 2250)))
    return saved(scene, "PNG", compress_level=1)


def test_it_stops_at_once_when_nothing_is_under_way(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)

    assert server.process.wait(15) == 0
    assert "Traceback" not in server.log.read_text()
    with pytest.raises(URLError):
        server.ask("/")


def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "home", max_bytes=100_000) as server:
        refusal = server.ask("/api/register", name="Anna", image=bytes(500_000))

        assert (refusal.status, refusal.kind) == (413, "application/problem+json")
        assert refusal.json["code"] == "too_large"
        assert server.ask("/api/ready").json["samples"] == 0


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [(b"10000000000", 413, "too_large"), (b"many", 400, "bad_request")],
)
def test_what_never_reaches_the_app_is_refused_in_the_same_form(
    server: Server, length: bytes, status: int, code: str
) -> None:
    with socket.create_connection((HOST, server.port), timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n")
        with HTTPResponse(connection) as answer:
            answer.begin()
            problem = json.loads(answer.read())
        # Of a body that is too large what still comes is thrown away first (test_receiving.py).
        assert status == 413 or connection.recv(1) == b""

    assert (answer.version, answer.status) == (11, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] in answer.headers.values()


def test_its_guards_stand_before_large_bodies_and_believe_the_named_proxy(tmp_path: Path) -> None:
    there = b"X-Forwarded-For: 203.0.113.9\r\nContent-Length: 1000000\r\n\r\n"
    with serving(tmp_path / "home", rate="1/hour", proxies=HOST) as server:

        def status(head: bytes, body: bytes = b"") -> bytes:
            with socket.create_connection((HOST, server.port), timeout=60) as connection:
                connection.sendall(b"POST /api/detect HTTP/1.1\r\n" + head + there + body)
                return connection.recv(65536).split()[1]

        assert status(b"Host: evil.example\r\n") == b"421"
        assert status(b"Host: localhost\r\n", bytes(1_000_000)) == b"429"
        assert server.ask("/api/health").status == 200


def test_beyond_this_machine_it_is_known_by_its_addresses_and_by_named_hosts(
    tmp_path: Path,
) -> None:
    arguments = ("--host", "0.0.0.0")
    with serving(tmp_path / "home", *arguments, hosts="faces.example.org") as server:
        for host, status in (
            ("192.0.2.7:80", b"200"),
            ("faces.example.org", b"200"),
            ("localhost", b"200"),
            ("evil.example", b"421"),
        ):
            with socket.create_connection((HOST, server.port), timeout=60) as connection:
                connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
                assert connection.recv(65536).split()[1] == status, host


def said(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [FACECOG, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )


def test_an_address_in_use_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    refused = said(tmp_path / "other", "serve", "--port", str(server.port))

    assert refused.returncode == 1
    assert (
        refused.stderr == f"Error: {HOST}:{server.port} cannot be served: Address already in use.\n"
    )


def test_an_address_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    refused = said(tmp_path / "home", "serve", "--host", "no.such.host.invalid")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: no.such.host.invalid:8080 cannot be served: ")
    assert len(refused.stderr.splitlines()) == 1


def test_flask_run_works_in_the_checkout(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    log = tmp_path / "flask.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("flask"), "run", "-p", str(port)],
            cwd=ROOT,
            env=environment(tmp_path / "home"),
            stdout=out,
            stderr=out,
        )
    try:
        assert b'"ok"' in answered(f"http://{HOST}:{port}/api/health", process)
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "home" / "faces.db").is_file()


def answered(url: str, process: subprocess.Popen[bytes]) -> bytes:
    give_up = time.monotonic() + START
    while process.poll() is None and time.monotonic() < give_up:
        try:
            with urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")
