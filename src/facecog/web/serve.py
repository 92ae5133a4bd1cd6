"""The production server: waitress, which reads a request whole before a thread works on it.

So a client that sends a byte a second costs a file descriptor and no thread
(`benchmarks/slow_clients.py`; docs/decisions.md).
"""

from __future__ import annotations

import ctypes
import errno
import json
import logging
import os
import select
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from apiflask import APIFlask
from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask

from facecog.config import Settings
from facecog.web import early, proxies
from facecog.web.bodies import body_limit
from facecog.web.current import KEY
from facecog.web.errors import code_and_detail, problem
from facecog.web.gate import gate_of
from facecog.web.housekeeping import keep_house
from facecog.web.receiving import AppTask, CountedRequest, Intake
from facecog.web.share import Share
from facecog.web.tls import TlsChannel

log = logging.getLogger(__name__)

CONNECTIONS = 500
OTHERS = 4  # threads for what is no picture
RECEIVED = 65_536  # bytes at once: a webcam's frame in one or two turns of the loop instead of nine
ROOM = 512_000_000  # bytes of all bodies that are on their way or worked on
SILENCE = 30  # seconds without a byte after which a connection is closed
REQUEST_TIME = 300  # seconds that one request may take to arrive
FINISHING_TIME = 20  # seconds that requests under way get after SIGTERM
# Seconds after which a thread gives up Python's lock to one that has come back from the engine.
SWITCH = 0.0005
M_ARENA_MAX = -8  # of malloc.h
USE_POLL = hasattr(select, "poll")  # select() ends at 1,024 files; Windows has only that


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """What waitress refuses by itself, a body far too large say, answered as the app does it."""

    def execute(self) -> None:
        refusal = self.request.error
        code, detail = code_and_detail(refusal.code)
        request_id = uuid4().hex
        body = json.dumps(problem(refusal.code, code, detail, request_id)).encode()
        self.status = f"{refusal.code} {refusal.reason}"
        self.response_headers += [
            ("Content-Type", "application/problem+json"),
            ("X-Request-ID", request_id),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
        said = {"request_id": request_id, "status": refusal.code, "code": code}
        log.info("refused before the app: %s %s", self.status, request_id, extra=said)


class TimedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its request takes too long to arrive."""

    task_class, error_task_class = AppTask, ProblemTask
    began = 0.0
    refused: float | None = None  # when the answer was that nothing more is read

    def __init__(self, intake: Intake, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.intake = intake

    def parser_class(self, adjustments: Any) -> CountedRequest:
        return CountedRequest(adjustments, self)

    def has_refused(self) -> None:
        self.refused = time.monotonic()

    def received(self, data: bytes) -> bool:
        if self.refused is not None:
            self.will_close = time.monotonic() - self.refused > SILENCE
            return False
        if self.request is None:
            self.began = time.monotonic()
        elif time.monotonic() - self.began > REQUEST_TIME:
            self.will_close = True
            return False
        return bool(super().received(data))

    def handle_close(self) -> None:
        if self.request is not None:  # half of one: waitress would leave its file to the collector
            self.request.close()
        super().handle_close()


class SecureChannel(TlsChannel, TimedChannel):
    """Such a connection over TLS."""


def serve(
    app: APIFlask,
    settings: Settings,
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way.

    Args:
        host: an address of this machine, or "" for all of them.
        tls: what makes it https.
        on_ready: called with the port once requests are taken.

    Raises:
        OSError: the address cannot be listened on.
    """
    _share_heaps(gate_of(app).at_once)
    sys.setswitchinterval(SWITCH)
    intake = Intake(partial(early.refusal, app), max(ROOM, 2 * body_limit(settings)))
    stopping = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopping.set())
    sockets: dict[int, Any] = {}
    where = {"host": host, "port": port} if host else {"sockets": [_on_every_address(port)]}
    try:
        server = create_server(
            app,
            map=sockets,
            **where,
            threads=_threads(app),
            ident="facecog",
            url_scheme="https" if tls else "http",
            connection_limit=CONNECTIONS,
            channel_timeout=SILENCE,
            cleanup_interval=10,
            recv_bytes=RECEIVED,
            max_request_header_size=32_768,
            clear_untrusted_proxy_headers=False,  # web/proxies.py tells whom to believe
            max_request_body_size=body_limit(settings) + 1,
        )
    except ValueError as error:  # what waitress makes of a name without an address
        raise OSError(errno.EADDRNOTAVAIL, "There is no such address") from error
    for listener in _listeners(sockets):
        channel = partial(SecureChannel, tls, intake) if tls else partial(TimedChannel, intake)
        listener.channel_class = Share(channel, app.extensions[proxies.KEY].named)
        port = int(listener.effective_port)
    scheme = "https" if tls else "http"
    log.info("facecog is ready on %s://%s:%s", scheme, host or "localhost", port)
    if on_ready:
        on_ready(port)
    keeper = Thread(target=keep_house, args=(app.extensions[KEY], stopping), daemon=True)
    keeper.start()
    while not stopping.is_set():
        _turn(sockets, 1.0)
    log.info("facecog stops, after what is under way")
    _finish(server, sockets)
    log.info("facecog has stopped")


def _share_heaps(most: int) -> None:
    """Let glibc make no more heaps than pictures are worked on at once.

    By itself it makes one for each thread, up to eight for each core, and none gives back what a
    large photo took (docs/decisions.md). Source: mallopt(3).
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of another libc: none
        if mallopt:
            mallopt(M_ARENA_MAX, most)


def _threads(app: APIFlask) -> int:
    """One for each picture that is worked on or waits: waitress's own queue knows no urgency."""
    gate = gate_of(app)
    return min(gate.at_once + gate.places + OTHERS, CONNECTIONS)


def _on_every_address(port: int) -> socket.socket:
    """Of IPv6 and IPv4 with one port, or of IPv4 where there is no IPv6."""
    try:
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    except ValueError:  # it has no IPv6
        pass
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):  # it may not use it
            raise
    return socket.create_server(("", port))


def _listeners(sockets: dict[int, Any]) -> list[Any]:
    return [one for one in sockets.values() if isinstance(one, BaseWSGIServer)]


def _turn(sockets: dict[int, Any], seconds: float) -> None:
    wasyncore.loop(timeout=seconds, use_poll=USE_POLL, map=sockets, count=1)


def _finish(server: Any, sockets: dict[int, Any]) -> None:
    """Take no new connection, answer what has arrived, stop the threads."""
    for listener in _listeners(sockets):
        # Its own close() would also close the pipe by which threads say that they are done.
        wasyncore.dispatcher.close(listener)
    give_up = time.monotonic() + FINISHING_TIME
    while _busy(sockets) and time.monotonic() < give_up:
        _turn(sockets, 0.1)
    server.task_dispatcher.shutdown(timeout=1)


def _busy(sockets: dict[int, Any]) -> bool:
    channels = [one for one in sockets.values() if isinstance(one, HTTPChannel)]
    return any(
        # One that is arriving, one that is worked on, an answer that is being sent.
        channel.request or channel.requests or channel.total_outbufs_len
        for channel in channels
    )
