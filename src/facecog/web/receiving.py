"""How `facecog serve` takes in a request's body: looked at before it is read, counted while it is.

waitress reads bodies whole, into memory and then into files. What would be refused anyway is
refused as soon as its headers are there, and all bodies together get so much room and no more. The
app answers such a request, as it does any other, and what still comes of the body is thrown away:
a connection that is closed while its client sends has its answer torn off.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask
from waitress.utilities import RequestEntityTooLarge

from facecog.errors import Busy, FacecogError, TooLarge
from facecog.web import early
from facecog.web.bodies import LARGER

LARGE = 65_536  # bytes; what is smaller is here nearly as soon as its headers
FULL = "Too many photos are on their way here. Try again in a moment."
COME_AGAIN = 1  # seconds

Refusal = Callable[[dict[str, Any]], FacecogError | None]


class Room:
    """What all bodies together may take, from their first byte until they are answered."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    @property
    def left(self) -> int:
        return self._left

    def take(self, size: int) -> bool:
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self._left += size


class Intake:
    """
    Args:
        refusal: says of a request's environment why its body need not be read.
        room: bytes that all bodies together may take.
    """

    def __init__(self, refusal: Refusal, room: int) -> None:
        self.refusal, self.room = refusal, Room(room)


class Receiver(Protocol):
    """The connection that a request comes from."""

    intake: Intake

    def has_refused(self) -> None: ...


class CountedRequest(HTTPRequestParser):  # type: ignore[misc]
    """A request that may be refused before its body is there."""

    error: Any
    refusal: FacecogError | None = None

    def __init__(self, adjustments: Any, channel: Receiver) -> None:
        super().__init__(adjustments)
        self._channel: Receiver | None = channel  # until all of it is here
        self._room, self._taken = channel.intake.room, 0

    def __del__(self) -> None:
        # waitress forgets those behind a request whose client hung up, without closing them.
        self._give_back()

    def received(self, data: bytes) -> int:
        channel, in_body = self._channel, self.body_rcv is not None
        used = int(super().received(data))
        refused = self._counted(used) if in_body else self._looked_at(channel)
        if isinstance(self.error, RequestEntityTooLarge):
            refused, self.error = TooLarge(LARGER), None
        if refused is not None and channel is not None:
            self._refuse(refused)
            channel.has_refused()
            used = len(data)
        if self.completed:
            self._channel = None
        return used

    def close(self) -> None:
        """Whether it was answered, refused or given up, or all of it."""
        super().close()
        self._give_back()

    def _looked_at(self, channel: Receiver | None) -> FacecogError | None:
        """By its headers, when they have just arrived."""
        if channel is None or self.body_rcv is None or self.error or not self._is_large():
            return None
        return channel.intake.refusal(WSGITask(channel, self).get_environment())

    def _is_large(self) -> bool:
        return bool(self.chunked or self.content_length > LARGE)

    def _counted(self, size: int) -> FacecogError | None:
        if not self._room.take(size):
            return Busy(FULL, COME_AGAIN)
        self._taken += size
        return None

    def _give_back(self) -> None:
        taken, self._taken = self._taken, 0
        self._room.give(taken)

    def _refuse(self, refusal: FacecogError) -> None:
        self.close()
        self.body_rcv = None
        self.headers.pop("CONTENT_LENGTH", None)
        self.refusal, self.completed, self.expect_continue = refusal, True, False


class AppTask(WSGITask):  # type: ignore[misc]
    """The app's work on a request, also on one that is to be refused."""

    def start(self) -> None:
        super().start()
        if self.request.refusal:
            self.response_headers.append(("Connection", "close"))

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.request.refusal:
            environ[early.REFUSAL] = self.request.refusal
        return environ

    def finish(self) -> None:
        super().finish()
        if self.request.refusal:
            self.close_on_finish = False  # by the client, when it has the answer
