"""Sends bytes to a server as they are, and reads what it answers."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import suppress
from typing import NamedTuple

from tests.serving import HOST

PATIENCE = 60  # seconds without an answer
HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
JSON_KIND = re.compile(rb"\r\nContent-Type: application/(problem\+)?json", re.I)
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.I)
NO_ANSWER = 0  # the status of a connection that was closed without one


class Answer(NamedTuple):
    """What came back; `fault` says in words what is wrong with it, if anything is."""

    status: int
    code: str
    fault: str
    seconds: float


def send(port: int, sent: bytes) -> Answer:
    """Send all of it, then nothing more, on a connection of its own."""
    began = time.perf_counter()
    received = b""
    try:
        with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
            with suppress(ConnectionError):  # it may answer and close before it has all
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while piece := connection.recv(65536):
                    received += piece
    except OSError as error:  # it does not listen any more, or does not answer
        return Answer(NO_ANSWER, "", f"{type(error).__name__}", time.perf_counter() - began)
    answers = _answers(received)
    worst = max(answers, key=lambda one: (bool(one[2]), one[0]), default=(NO_ANSWER, "", ""))
    return Answer(*worst, time.perf_counter() - began)


def _answers(received: bytes) -> list[tuple[int, str, str]]:
    """Status, code and fault of each: after a false length the rest reads as one more request."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        said, length = HEAD.match(head), LENGTH.search(head)
        if not said:
            return [*found, (NO_ANSWER, "", "an answer that is none")]
        body, received = (
            rest[: int(length[1])] if length else b"",
            rest[int(length[1]) :] if length else b"",
        )
        found.append(_read(int(said[1]), head, body))
    return found


def _read(status: int, head: bytes, body: bytes) -> tuple[int, str, str]:
    if not JSON_KIND.search(head):
        return status, "", "a refusal that is no problem body" if status >= 400 else ""
    try:
        code = str(json.loads(body).get("code", ""))
    except ValueError:
        return status, "", "JSON that is none"
    return status, code, "a refusal without a code" if status >= 400 and not code else ""
