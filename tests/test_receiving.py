"""How a body is received: refused before it is read, counted while it is. Over real connections."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest
from apiflask import APIFlask
from waitress import create_server, wasyncore
from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer

from facecog.acting import Role
from facecog.config import Settings
from facecog.errors import AccessCodeNeeded
from facecog.service import Facecog
from facecog.web import early, proxies, share
from facecog.web.app import create_app
from facecog.web.bodies import TAKE_PICTURES, body_limit
from facecog.web.gate import gate_of
from facecog.web.receiving import LARGE, CountedRequest, Intake, Room
from facecog.web.serve import RECEIVED, USE_POLL, TimedChannel
from facecog.web.share import Share
from tests.sending import multipart

HERE = "127.0.0.1"
PATIENCE = 30  # seconds
SHARE = 3  # connections of one client
LARGEST = 1_000_000  # bytes of a picture


class Running:
    """waitress with an app, in this process."""

    def __init__(self, app: APIFlask, room: int) -> None:
        self.app, self.intake = app, Intake(partial(early.refusal, app), room)
        self.sockets: dict[int, Any] = {}
        self.server = create_server(
            app,
            map=self.sockets,
            host=HERE,
            port=0,
            recv_bytes=RECEIVED,
            clear_untrusted_proxy_headers=False,
            max_request_body_size=body_limit(Settings(max_bytes=LARGEST)) + 1,
        )
        (listener,) = [one for one in self.sockets.values() if isinstance(one, BaseWSGIServer)]
        channel = partial(TimedChannel, self.intake)
        listener.channel_class = Share(channel, app.extensions[proxies.KEY].named, SHARE)
        self.port = int(listener.effective_port)
        self.stopping = Event()
        self.thread = Thread(target=self._turn)
        self.thread.start()

    def _turn(self) -> None:
        while not self.stopping.is_set():
            wasyncore.loop(timeout=0.05, use_poll=USE_POLL, map=self.sockets, count=1)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.server.task_dispatcher.shutdown()
        wasyncore.close_all(self.sockets)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with closing(socket.create_connection((HERE, self.port), timeout=PATIENCE)) as opened:
            yield opened


Run = Callable[..., Running]


@pytest.fixture
def run(facecog: Facecog, settings: Settings) -> Iterator[Run]:
    running: list[Running] = []

    def run(room: int = 10**9, check: early.Check | None = None, **changed: Any) -> Running:
        app = create_app(facecog, replace(settings, max_bytes=LARGEST, **changed))
        if check:
            early.add(app, check)
        running.append(Running(app, room))
        return running[-1]

    yield run
    for one in running:
        one.stop()


def head(length: int, path: str = "/api/recognise", *more: str, host: str = "localhost") -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {length}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and the JSON of the next answer."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, json.loads(stream.read(int(headers["content-length"])))


def photo_request(picture: bytes, *more: str) -> bytes:
    sent = multipart(image=picture)
    kind = f"Content-Type: {sent['content_type']}"
    return head(len(sent["data"]), "/api/recognise", kind, *more) + sent["data"]


def refuse_all(_: object) -> None:
    raise AccessCodeNeeded("Send the access code.")


def test_what_will_be_refused_is_refused_before_its_body_is_there(run: Run) -> None:
    server = run(check=refuse_all)
    with server.connection() as connection:
        connection.sendall(head(LARGEST))
        status, headers, problem = answer(connection)

    assert (status, problem["code"]) == (401, "access_code_needed")
    # The app has answered: with all that its answers have.
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["www-authenticate"] == 'Bearer realm="facecog"'
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"


def test_so_is_that_of_somebody_who_shows_nothing_once_there_is_an_account(
    run: Run, facecog: Facecog
) -> None:
    server = run()
    facecog.accounts.add("Olga", "correct horse battery", Role.OWNER)
    assert facecog.accounts.are_there()
    for shown, code in (("X-Nothing: 1", "access_needed"), ("X-Api-Key: fc_wrong", None)):
        with server.connection() as connection:
            connection.sendall(head(LARGEST, "/api/recognise", shown))
            connection.settimeout(PATIENCE if code else 0.5)
            if code:
                status, _, problem = answer(connection)
                assert (status, problem["code"]) == (401, code)
            else:  # whether a key is good only the database can say, once the body is there
                with pytest.raises(TimeoutError):
                    answer(connection)


def test_so_is_one_in_chunks_however_small(run: Run) -> None:
    with run(check=refuse_all).connection() as connection:
        connection.sendall(
            b"POST /api/recognise HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert answer(connection)[0] == 401


def test_a_client_that_asks_whether_to_go_on_hears_no(run: Run) -> None:
    with run(check=refuse_all).connection() as connection:
        connection.sendall(head(LARGEST, "/api/recognise", "Expect: 100-continue"))
        assert answer(connection)[0] == 401
    with run().connection() as connection:
        connection.sendall(head(LARGEST, "/api/recognise", "Expect: 100-continue"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (head(LARGEST, host="evil.example"), 421, "host_not_allowed"),
        (head(LARGEST, host="a b"), 400, "malformed_request"),
        (head(LARGEST, "/api/register", "Origin: https://evil.example"), 403, "cross_origin"),
        (head(10 * LARGEST), 413, "too_large"),
        (head(10**12), 413, "too_large"),
        (head(LARGEST, "/api/promise"), 413, "too_large"),
        (head(LARGEST, "/api/nothing"), 413, "too_large"),
    ],
)
def test_each_guard_looks_before_the_body(
    run: Run, request_head: bytes, status: int, code: str
) -> None:
    with run().connection() as connection:
        connection.sendall(request_head)
        said, _, problem = answer(connection)

    assert (said, problem["code"]) == (status, code)


def test_who_has_sent_too_much_is_refused_before_the_body(run: Run) -> None:
    server = run(rate="1/hour", proxies=HERE)
    there = "X-Forwarded-For: 203.0.113.9"
    with server.connection() as connection:
        connection.sendall(photo_request(b"anna", there))
        assert answer(connection)[1]["ratelimit"].startswith('"client";r=0;')
        connection.sendall(head(LARGEST, "/api/recognise", there))
        status, headers, problem = answer(connection)

    assert (status, problem["code"]) == (429, "too_many_requests")
    assert 3500 < int(headers["retry-after"]) <= 3600


@pytest.mark.parametrize("more", [(), ("Connection: close",)])
def test_who_sends_the_body_all_the_same_gets_the_answer_whole(
    run: Run, more: tuple[str, ...]
) -> None:
    """Were the connection closed at once, its reset would overtake the answer."""
    server = run(check=refuse_all)
    with server.connection() as connection:
        connection.sendall(head(LARGEST, "/api/recognise", *more))
        for _ in range(10):
            connection.sendall(bytes(LARGEST // 10))
            time.sleep(0.02)
        assert answer(connection)[0] == 401
    assert server.intake.room.left == 10**9


def test_what_follows_a_refused_body_is_no_request(run: Run) -> None:
    smuggled = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with run(check=refuse_all).connection() as connection:
        connection.sendall(head(LARGEST) + smuggled)
        assert answer(connection)[0] == 401
        connection.settimeout(0.5)
        connection.sendall(smuggled)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_who_goes_on_sending_is_cut_off_in_the_end(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facecog.web.serve.SILENCE", 0.2)
    with run(check=refuse_all).connection() as connection:
        connection.sendall(head(LARGEST))
        answer(connection)
        with pytest.raises(OSError):
            for _ in range(PATIENCE * 10):
                connection.sendall(b"x")
                time.sleep(0.1)


def test_bodies_take_so_much_room_together_and_no_more(run: Run) -> None:
    server = run(room=LARGEST)
    with server.connection() as slow, server.connection() as other:
        slow.sendall(head(LARGEST) + bytes(LARGEST - 100_000))
        until(lambda: server.intake.room.left < 200_000)
        other.sendall(photo_request(bytes(300_000)))
        status, headers, problem = answer(other)
        assert (status, problem["code"], headers["retry-after"]) == (503, "busy", "1")
        assert "photos are on their way" in problem["detail"]

    until(lambda: server.intake.room.left == LARGEST)  # who hangs up takes none
    with server.connection() as again:
        again.sendall(photo_request(bytes(300_000)))
        assert answer(again)[0] == 422
    until(lambda: server.intake.room.left == LARGEST)  # nor who is answered


def test_a_small_request_needs_room_too_and_others_do_not(run: Run) -> None:
    server = run(room=10)
    with server.connection() as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer(connection)[0] == 200
        connection.sendall(photo_request(b"anna"))
        assert answer(connection)[0] == 503


def test_requests_behind_one_whose_client_hung_up_keep_no_room(run: Run) -> None:
    server = run(threads=1)
    both = photo_request(b"anna") + photo_request(b"ben")
    with gate_of(server.app).turn():
        with server.connection() as connection:
            connection.sendall(both)
            until(lambda: server.intake.room.left == 10**9 - bodies(both))
        time.sleep(0.2)  # until it is noticed
    until(lambda: server.intake.room.left == 10**9)


def test_a_request_that_is_forgotten_keeps_no_room() -> None:
    class Connection:
        intake = Intake(lambda _: None, 100)

        def has_refused(self) -> None:
            raise AssertionError

    forgotten = CountedRequest(Adjustments(), Connection())
    left = head(50) + bytes(50)
    while left:
        left = left[forgotten.received(left) :]
    assert forgotten.completed and Connection.intake.room.left == 50

    del forgotten
    assert Connection.intake.room.left == 100


def bodies(requests: bytes) -> int:
    return sum(int(length) for length in re.findall(rb"Content-Length: (\d+)", requests))


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_room_is_never_more_than_there_is() -> None:
    room = Room(10)

    assert room.take(6) and not room.take(5) and room.take(4) and not room.take(1)
    room.give(10)
    assert room.left == 10


def test_a_large_photo_is_taken(run: Run) -> None:
    with run().connection() as connection:
        connection.sendall(photo_request(bytes(LARGE * 4)))
        status, headers, problem = answer(connection)

    assert (status, problem["code"]) == (422, "no_face")  # so it was looked at
    assert "connection" not in headers


def test_only_routes_that_take_pictures_take_large_bodies(
    facecog: Facecog, settings: Settings
) -> None:
    app = create_app(facecog, settings)
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    spec = app.test_client().get("/openapi.json").json["paths"]
    described = {
        path for path, methods in spec.items() if "multipart/form-data" in json.dumps(methods)
    }

    assert paths >= TAKE_PICTURES >= described
    assert {path for path in TAKE_PICTURES if path.startswith("/api/")} == described


# -- what one client may hold of all connections -------------------------------------------------


def is_answered(connection: socket.socket) -> bool:
    """Whether it is served; a connection that was closed says nothing, or is reset."""
    try:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(1) == b"H"
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    ("far", "changed", "served"),
    [
        (True, {}, [True] * SHARE + [False]),
        (True, {"proxies": HERE}, [True] * (SHARE + 1)),
        (False, {}, [True] * (SHARE + 1)),
    ],
    ids=["a client", "a named proxy", "this machine"],
)
def test_one_client_may_not_hold_all_connections(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    far: bool,
    changed: dict[str, str],
    served: list[bool],
) -> None:
    if far:  # these connections are as good as a client's from elsewhere
        monkeypatch.setattr(share, "is_loopback", lambda _: False)
    server = run(**changed)
    with ExitStack() as opened:
        held = [opened.enter_context(server.connection()) for _ in served]
        assert [is_answered(connection) for connection in held] == served
    if not all(served):  # what is closed makes room
        _until(lambda: not any(isinstance(one, TimedChannel) for one in server.sockets.values()))
        with server.connection() as connection:
            assert is_answered(connection)


def _until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)
