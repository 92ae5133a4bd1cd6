"""Slowing down who guesses: per address, and all together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from facecog.errors import TooManyAttempts
from facecog.web.network import client_of


@dataclass
class Tally:
    """Wrong codes of one client, or of all."""

    wrong: int = 0
    last: float = 0.0
    until: float = 0.0  # when the next code is looked at


class Attempts:
    """Slows guessing: after some wrong codes, passwords or keys each further one costs a wait.

    For one client up to a minute, so that somebody else's typing is not held up by it; for all
    together up to five seconds, for those who guess from many addresses. Of clients the last
    thousand are remembered.
    """

    FREE, LONGEST = 5, 60
    FREE_IN_ALL, LONGEST_IN_ALL = 50, 5
    FORGOTTEN = 900  # seconds after the last wrong one
    CLIENTS = 1_000

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._in_all = Tally()
        self._clients: OrderedDict[str, Tally] = OrderedDict()

    def count(self, address: str, right: bool) -> None:
        """Note an attempt. Raises: TooManyAttempts: it comes too early to be looked at."""
        client = client_of(address)
        with self._lock:
            now = self._clock()
            own = self._clients.get(client, Tally())
            wait = max(own.until, self._in_all.until) - now
            if wait > 0:
                raise TooManyAttempts("There were too many wrong ones.", seconds=int(wait) + 1)
            if right:
                self._clients.pop(client, None)
                return
            self._clients[client] = own
            self._clients.move_to_end(client)
            if len(self._clients) > self.CLIENTS:
                self._clients.popitem(last=False)
            self._wrong(own, now, self.FREE, self.LONGEST)
            self._wrong(self._in_all, now, self.FREE_IN_ALL, self.LONGEST_IN_ALL)

    def forgive(self, address: str) -> None:
        """What was counted as wrong, before it was looked at, turned out right.

        Otherwise many guesses that come at once would all be looked at before the first counts.
        """
        with self._lock:
            self._in_all.wrong = max(0, self._in_all.wrong - 1)
            if own := self._clients.get(client_of(address)):
                own.wrong, own.until = max(0, own.wrong - 1), self._clock()

    def _wrong(self, tally: Tally, now: float, free: int, longest: int) -> None:
        if now - tally.last > self.FORGOTTEN:
            tally.wrong = 0
        tally.wrong += 1
        tally.last = now
        if tally.wrong >= free:
            tally.until = now + min(2 ** min(tally.wrong - free, 16), longest)
