"""The bounded queue in front of work on pictures.

More pictures at once than there are cores make each of them slower and none of them sooner
(docs/decisions.md). So one more is worked on than there are cores, some wait, and the rest are
refused at once. Pages, lists and health pass by here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from flask import Flask, Response, current_app, g, request
from werkzeug.http import parse_dict_header

from facecog.config import Settings
from facecog.cores import cores
from facecog.errors import Busy

KEY = "facecog.gate"
PLACES = 6  # that may wait for each that is worked on
BESIDES = 1  # more than cores: while one waits for Python's lock, its core has another
FAIR = 4  # each such turn goes to who has waited longest
USUAL = 3  # urgency of a request that does not say (RFC 9218, section 4.1)
URGENCIES = "01234567"
FULL = "Too many photos are waiting here. Try again in a moment."
COME_AGAIN = 1  # seconds: a full queue is empty long before, but HTTP knows no less


@dataclass(eq=False, slots=True)
class _Waiting:
    urgency: int
    called: Future[None] = field(default_factory=Future)


class Gate:
    """Lets some through at once, and some wait: the more urgent first, then the first come.

    When there is no place left, of the least urgent the last come is refused. Nobody starves:
    each FAIR-th turn goes to who has waited longest, and of each urgency the first one keeps the
    place, whoever else comes. Behind n others that one has a turn within FAIR * (n + 1).
    """

    def __init__(self, at_once: int, places: int) -> None:
        """
        Args:
            at_once: how many are let through at the same time.
            places: how many may wait.
        """
        self.at_once, self.places = at_once, places
        self._free, self._turns = at_once, 0
        self._waiting: list[_Waiting] = []  # in the order in which they came
        self._lock = Lock()

    @property
    def at_work(self) -> int:
        """How many have a turn at the moment."""
        return self.at_once - self._free

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting)

    @contextmanager
    def turn(self, urgency: int = USUAL) -> Iterator[None]:
        """Wait for a turn, then have it.

        Args:
            urgency: 0 is the most, 7 the least (RFC 9218).

        Raises:
            Busy: there is no place to wait, or somebody more urgent took it.
        """
        self._arrive(urgency).result()
        try:
            yield
        finally:
            self._leave()

    def check(self, urgency: int = USUAL) -> None:
        """Raises: Busy: as things stand, who comes now finds no place."""
        mine = _Waiting(urgency)
        with self._lock:
            if not self._free and self._refused_for(mine) is mine:
                raise Busy(FULL, COME_AGAIN)

    def _arrive(self, urgency: int) -> Future[None]:
        mine = _Waiting(urgency)
        with self._lock:
            if self._free:
                self._free -= 1
                mine.called.set_result(None)
                return mine.called
            refused = self._refused_for(mine)
            self._waiting.append(mine)
            if refused:
                self._waiting.remove(refused)
        if refused:
            refused.called.set_exception(Busy(FULL, COME_AGAIN))
        return mine.called

    def _refused_for(self, newcomer: _Waiting) -> _Waiting | None:
        """Of the least urgent the last come, but not the first of an urgency; where it is full."""
        if len(self._waiting) < self.places:
            return None
        first = {one.urgency: one for one in reversed(self._waiting)}
        free_to_go = [one for one in self._waiting if first[one.urgency] is not one]
        return max(reversed([*free_to_go, newcomer]), key=lambda one: one.urgency)

    def _leave(self) -> None:
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            self._turns += 1
            called = self._waiting[0] if self._turns % FAIR == 0 else self._most_urgent()
            self._waiting.remove(called)
        called.called.set_result(None)

    def _most_urgent(self) -> _Waiting:
        return min(self._waiting, key=lambda one: one.urgency)  # of several the first come


def install(app: Flask, settings: Settings) -> None:
    at_once = settings.threads or cores() + BESIDES
    places = PLACES * at_once if settings.queue is None else settings.queue
    app.extensions[KEY] = Gate(at_once, places)
    app.after_request(_say_how_long)


def _say_how_long(response: Response) -> Response:
    """In milliseconds (W3C Server Timing)."""
    if "worked" in g:
        times = f"wait;dur={g.waited * 1000:.1f}, work;dur={g.worked * 1000:.1f}"
        response.headers["Server-Timing"] = times
    return response


def gate_of(app: Flask) -> Gate:
    gate: Gate = app.extensions[KEY]
    return gate


def refuse_when_full() -> None:
    """To be called before the body is read: of a form that takes longer than the work itself.

    Raises:
        Busy: there is no place for the current request.
    """
    gate_of(current_app).check(_urgency_here())


@contextmanager
def picture_turn() -> Iterator[None]:
    """The turn of the current request. Raises: Busy."""
    came = began = time.perf_counter()
    try:
        with gate_of(current_app).turn(_urgency_here()):
            began = time.perf_counter()
            yield
    finally:
        g.waited, g.worked = began - came, time.perf_counter() - began


def _urgency_here() -> int:
    return urgency(request.headers.get("Priority", ""))


def urgency(priority: str) -> int:
    """Of the header `Priority`, "u=5" say; the usual one where it does not say (RFC 9218)."""
    said = (parse_dict_header(priority).get("u") or "").partition(";")[0].strip()
    return int(said) if said and said in URGENCIES else USUAL
