"""The production server: waitress, which reads a request whole before a thread works on it.

So a client that sends a byte a second costs a file descriptor and no thread
(`benchmarks/slow_clients.py`; docs/decisions.md).
"""

from __future__ import annotations

import errno
import json
import logging
import select
import signal
import time
from threading import Event
from typing import Any
from uuid import uuid4

from apiflask import APIFlask
from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask

from facecog.config import Settings
from facecog.web.app import body_limit
from facecog.web.errors import code_and_detail, problem

log = logging.getLogger(__name__)

CONNECTIONS = 500
SILENCE = 30  # seconds without a byte after which a connection is closed
REQUEST_TIME = 300  # seconds that one request may take to arrive
FINISHING_TIME = 20  # seconds that requests under way get after SIGTERM
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
        log.info("refused before the app: %s %s", self.status, request_id)


class TimedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its request takes too long to arrive."""

    error_task_class = ProblemTask
    began = 0.0

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.began = time.monotonic()
        elif time.monotonic() - self.began > REQUEST_TIME:
            self.will_close = True
            return False
        return bool(super().received(data))


def serve(app: APIFlask, settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way.

    Raises:
        OSError: the address cannot be listened on.
    """
    stopping = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopping.set())
    # waitress makes its own kind of server for each kind of address; the channel is set on their
    # common base.
    BaseWSGIServer.channel_class = TimedChannel
    sockets: dict[int, Any] = {}
    try:
        server = create_server(
            app,
            map=sockets,
            host=host,
            port=port,
            threads=settings.threads,
            ident="facecog",
            connection_limit=CONNECTIONS,
            channel_timeout=SILENCE,
            cleanup_interval=10,
            max_request_header_size=32_768,
            # A little above the app's own limit, so that most refusals have the app's words.
            max_request_body_size=body_limit(settings) + 1_000_000,
        )
    except ValueError as error:  # what waitress makes of a name without an address
        raise OSError(errno.EADDRNOTAVAIL, "There is no such address") from error
    log.info("facecog is ready on http://%s:%s", host, server.effective_port)
    while not stopping.is_set():
        _turn(sockets, 1.0)
    _finish(server, sockets)


def _turn(sockets: dict[int, Any], seconds: float) -> None:
    wasyncore.loop(timeout=seconds, use_poll=USE_POLL, map=sockets, count=1)


def _finish(server: Any, sockets: dict[int, Any]) -> None:
    """Take no new connection, answer what has arrived, stop the threads."""
    for listener in [one for one in sockets.values() if isinstance(one, BaseWSGIServer)]:
        # Its own close() would also close the pipe by which threads say that they are done.
        wasyncore.dispatcher.close(listener)
    give_up = time.monotonic() + FINISHING_TIME
    while _busy(sockets) and time.monotonic() < give_up:
        _turn(sockets, 0.1)
    server.task_dispatcher.shutdown(timeout=1)


def _busy(sockets: dict[int, Any]) -> bool:
    channels = [one for one in sockets.values() if isinstance(one, HTTPChannel)]
    return any(channel.requests or channel.total_outbufs_len for channel in channels)
