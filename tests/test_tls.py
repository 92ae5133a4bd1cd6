"""https under waitress: many clients, large bodies, and slow, silent, broken and rude clients."""

from __future__ import annotations

import hashlib
import http.client
import logging
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from waitress import create_server, wasyncore
from waitress.server import BaseWSGIServer

from facecog.web.certificate import kept_certificate
from facecog.web.receiving import Intake
from facecog.web.serve import ROOM, USE_POLL, SecureChannel
from facecog.web.tls import RECORD, context_of

# waitress leaves the files that it spools large answers to for Python to close.
pytestmark = pytest.mark.filterwarnings("ignore:.*FileIO:pytest.PytestUnraisableExceptionWarning")

HOST = "127.0.0.1"
SILENCE = 2  # seconds, here
LARGE = bytes(range(256)) * 40_000  # 10 MB, in which a lost or doubled record shows
PATIENCE = 60


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """/large answers 10 MB in pieces, /nothing an empty body; everything else what was sent."""
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/large":
        start_response("200 OK", [("Content-Length", str(len(LARGE)))])
        return (LARGE[at : at + 50_000] for at in range(0, len(LARGE), 50_000))
    if environ["PATH_INFO"] == "/unknown-length":
        start_response("200 OK", [])
        return iter([b"all ", b"of it"])
    scheme = environ["wsgi.url_scheme"]
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Scheme", scheme)])
    return [body]


@dataclass
class Served:
    """A waitress with TLS in a thread of this process."""

    port: int = 0
    sockets: dict[int, Any] = field(default_factory=dict)
    opened: list[socket.socket] = field(default_factory=list)

    def start(self, tls: ssl.SSLContext, silence: int) -> Callable[[], None]:
        server = create_server(
            app,
            map=self.sockets,
            host=HOST,
            port=0,
            threads=4,
            url_scheme="https",
            channel_timeout=silence,
            cleanup_interval=1,
            connection_limit=500,
        )
        (listener,) = (one for one in self.sockets.values() if isinstance(one, BaseWSGIServer))
        listener.channel_class = partial(SecureChannel, tls, Intake(lambda _: None, ROOM))
        self.port = int(listener.effective_port)
        stopping = Event()

        def turn() -> None:
            while not stopping.is_set():
                wasyncore.loop(timeout=0.05, use_poll=USE_POLL, map=self.sockets, count=1)

        thread = Thread(target=turn)
        thread.start()

        def stop() -> None:
            stopping.set()
            thread.join()
            server.task_dispatcher.shutdown()
            wasyncore.close_all(self.sockets)

        return stop

    def connections(self) -> int:
        return sum(isinstance(one, SecureChannel) for one in list(self.sockets.values()))

    def raw(self, **options: int) -> socket.socket:
        """A connection before any TLS."""
        made = socket.socket()
        made.settimeout(PATIENCE)
        for name, value in options.items():
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        made.connect((HOST, self.port))
        self.opened.append(made)
        return made

    def secure(self, context: ssl.SSLContext | None = None, **options: int) -> ssl.SSLSocket:
        made = (context or trusting()).wrap_socket(
            self.raw(**options), suppress_ragged_eofs=False, server_hostname="localhost"
        )
        self.opened.append(made)
        return made

    def ask(self, path: str = "/", body: bytes = b"", times: int = 1) -> bytes:
        """What is answered last to the same request sent `times` over one connection."""
        connection = http.client.HTTPSConnection(
            HOST, self.port, context=trusting(), timeout=PATIENCE
        )
        try:
            for _ in range(times):
                connection.request("POST" if body else "GET", path, body or None)
                answer = connection.getresponse()
                assert answer.status == 200
                content = answer.read()
            return content
        finally:
            connection.close()


def trusting() -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    kept = kept_certificate(tmp_path_factory.mktemp("tls"), "localhost", [HOST])
    return context_of(kept.file, kept.key)


@pytest.fixture
def served(tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture) -> Iterator[Served]:
    yield from running(tls, caplog, PATIENCE)


@pytest.fixture
def impatient(tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture) -> Iterator[Served]:
    """Closes who says nothing for two seconds."""
    yield from running(tls, caplog, SILENCE)


def running(
    tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture, silence: int
) -> Iterator[Served]:
    """Fails when the server logged an error, or when it does not answer any more in the end."""
    served = Served()
    stop = served.start(tls, silence)
    try:
        yield served
        assert served.ask(body=b"still here") == b"still here"
    finally:
        for connection in served.opened:
            connection.close()
        stop()
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


def soon(condition: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.02)
    return False


def at_end(connection: socket.socket) -> bool:
    """Whether the server closes this connection; what still comes before is dropped."""
    with suppress(ConnectionError, ssl.SSLError):
        while connection.recv(65_536):
            pass
    return True


GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"


# -- well-behaved clients -----------------------------------------------------------------------


def test_a_small_and_a_large_request_are_answered_and_know_that_it_is_https(
    served: Served,
) -> None:
    assert served.ask(body=b"hello") == b"hello"
    assert served.ask(body=LARGE) == LARGE
    assert served.ask("/large") == LARGE

    connection = served.secure()
    connection.sendall(GET % b"")
    assert b"X-Scheme: https\r\n" in connection.recv(RECORD)


@pytest.mark.parametrize("size", [1, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD])
def test_bodies_at_the_edges_of_a_record_are_whole(served: Served, size: int) -> None:
    assert served.ask(body=LARGE[:size], times=3) == LARGE[:size]


def test_many_clients_at_once_each_get_their_own(served: Served) -> None:
    def talk(number: int) -> bool:
        body = hashlib.sha256(b"%d" % number).digest() * 2_000  # 64 kB
        return served.ask(body=body, times=4) == body

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(talk, range(64)))


def received(connection: ssl.SSLSocket, until: bytes, times: int = 1) -> bytes:
    """Everything up to and with what comes `times`."""
    answer = bytearray()
    while answer.count(until) < times:
        part = connection.recv(RECORD)
        assert part, "the server closed the connection"
        answer += part
    return bytes(answer)


def test_requests_in_one_record_and_a_request_in_many(served: Served) -> None:
    connection = served.secure()
    connection.sendall((GET % b"") * 20)
    received(connection, b"X-Scheme: https", times=20)

    for byte in GET % b"":
        connection.send(bytes([byte]))
    received(connection, b"X-Scheme: https")


def test_a_slow_reader_gets_large_answers_whole_while_it_sends_on(served: Served) -> None:
    """Both directions are full: waitress's threads write while its main thread reads."""
    connection = served.secure(SO_RCVBUF=65_536)
    connection.sendall((GET % b"large") * 2)
    answers = bytearray()
    while len(answers) < 2 * len(LARGE) + 200:
        if len(answers) < 1_000_000:
            time.sleep(0.01)
        answers += connection.recv(65_536)

    parts = bytes(answers).split(b"HTTP/1.1 200 OK")
    assert [part.partition(b"\r\n\r\n")[2] == LARGE for part in parts[1:]] == [True] * 2


def test_a_reader_slower_than_the_silence_is_not_cut_off(impatient: Served) -> None:
    """What counts is that something goes on, not that all of it is done."""
    connection = impatient.secure(SO_RCVBUF=4_096)
    connection.sendall(GET % b"large")
    read, began = 0, time.monotonic()
    while time.monotonic() - began < 2.5 * SILENCE:
        read += len(connection.recv(16_384))
        time.sleep(0.02)
    while read < len(LARGE):
        part = connection.recv(1_000_000)
        assert part, "the server closed the connection"
        read += len(part)


def test_an_answer_that_ends_with_the_connection_says_that_it_is_whole(served: Served) -> None:
    connection = served.secure()  # which throws when the end is not announced
    connection.sendall(b"GET /unknown-length HTTP/1.0\r\n\r\n")
    answer = b"".join(iter(lambda: connection.recv(RECORD), b""))

    assert answer.endswith(b"\r\n\r\nall of it")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_speaks_tls_of_today(served: Served, version: ssl.TLSVersion) -> None:
    context = trusting()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])

    with served.secure(context) as connection:
        connection.sendall(GET % b"")
        assert b"200 OK" in connection.recv(RECORD)
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_it_does_not_speak_tls_of_yesterday(served: Served) -> None:
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")  # a client from then
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(ssl.SSLError):
        served.secure(context)


# -- silent, slow and broken ones ---------------------------------------------------------------


def hello() -> bytes:
    """The first flight of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def cut_record(served: Served) -> socket.socket:
    """A connection after the handshake, with half a record on its way."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing)
    connection = served.raw()
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(RECORD))
    connection.sendall(outgoing.read())
    client.write(GET % b"")
    record = outgoing.read()
    connection.sendall(record[: len(record) // 2])
    return connection


RUDE: dict[str, Callable[[Served], socket.socket]] = {
    "says nothing": lambda served: served.raw(),
    "one byte of a handshake": lambda served: sent(served.raw(), hello()[:1]),
    "half a handshake": lambda served: sent(served.raw(), hello()[:100]),
    "a handshake without an end": lambda served: sent(served.raw(), hello()),
    "half a record": cut_record,
    "half a request": lambda served: sent(served.secure(), b"GET / HT"),
    "nothing after the handshake": lambda served: served.secure(),
}


def sent(connection: socket.socket, what: bytes) -> socket.socket:
    connection.sendall(what)
    return connection


@pytest.mark.parametrize("rude", RUDE.values(), ids=RUDE)
def test_who_falls_silent_is_closed_and_holds_nobody_up(
    impatient: Served, rude: Callable[[Served], socket.socket]
) -> None:
    silent = [rude(impatient) for _ in range(40)]

    assert impatient.ask(body=b"x" * 100_000) == b"x" * 100_000
    assert all(map(at_end, silent))
    assert soon(lambda: impatient.connections() == 0)


def test_a_handshake_a_byte_at_a_time_does_not_last_for_ever(impatient: Served) -> None:
    slow = impatient.raw()
    for byte in hello()[:-1]:  # some hundred bytes: half a minute and more
        with suppress(ConnectionError):
            slow.send(bytes([byte]))
        if select.select([slow], [], [], 0.1)[0]:
            break  # the end, or a reset
    else:
        raise AssertionError("the handshake was never given up")


def test_a_record_that_was_changed_on_the_way_ends_the_connection(served: Served) -> None:
    with served.secure() as connection:
        raw = socket.socket(fileno=connection.detach())
        with raw:
            raw.settimeout(PATIENCE)
            raw.sendall(b"\x17\x03\x03\x00\x40" + bytes(64))
            assert at_end(raw)
    assert soon(lambda: served.connections() == 0)


@pytest.mark.parametrize("path", [b"", b"large"])
def test_who_hangs_up_in_the_middle_leaves_nothing_behind(served: Served, path: bytes) -> None:
    for _ in range(20):
        connection = served.secure(SO_RCVBUF=4_096)
        connection.sendall(GET % path)
        if path:
            connection.recv(1_000)
        # A reset instead of a goodbye.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    assert soon(lambda: served.connections() == 0)


def test_who_is_gone_before_the_handshake_does_no_harm(served: Served) -> None:
    for beginning in (b"", b"\x16", hello()):
        connection = sent(served.raw(), beginning)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    assert soon(lambda: served.connections() == 0)


# -- plain http to the port of https ------------------------------------------------------------


def plain(served: Served, request: bytes) -> bytes:
    with sent(served.raw(), request) as connection:
        return b"".join(iter(lambda: connection.recv(RECORD), b""))


def test_reading_by_plain_http_is_sent_on_to_https(served: Served) -> None:
    answer = plain(served, b"GET /a%20b?c=d HTTP/1.1\r\nHost: faces.local:8443\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nLocation: https://faces.local:8443/a%20b?c=d\r\n" in answer
    assert b"https://" in answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /api/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nface",
        b"GET / HTTP/1.1\r\nHost: evil.example/@localhost\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
def test_other_plain_http_is_refused_with_a_sentence(served: Served, request_: bytes) -> None:
    answer = plain(served, request_)

    assert answer[8:].startswith(b" 426 ")
    assert b"Location" not in answer
    assert b"write https://" in answer


def test_what_is_neither_is_refused(served: Served) -> None:
    assert b" 400 Bad Request" in plain(served, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


# -- the certificate, as a client sees it -------------------------------------------------------


def test_a_client_that_knows_the_certificate_accepts_it(served: Served, tmp_path: Path) -> None:
    pem = ssl.get_server_certificate((HOST, served.port), timeout=PATIENCE)

    for name in ("localhost", HOST):
        context = ssl.create_default_context(cadata=pem)
        with served.raw() as raw, context.wrap_socket(raw, server_hostname=name) as connection:
            assert connection.version() == "TLSv1.3"
