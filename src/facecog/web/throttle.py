"""How many requests one client may send: FACECOG_RATE, by API key or else by address.

Each client has a bucket. It is full at first, each request takes one out, and it fills up steadily.
What is kept of a bucket is when it will be full again: one number, whatever the rate.
"""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock

from flask import Flask, Request, Response, request

from facecog.acting import actor
from facecog.config import Settings
from facecog.errors import InvalidSetting, TooManyRequests
from facecog.web import early
from facecog.web.network import client_of, is_loopback
from facecog.web.sent_key import sent_key

RATE = re.compile(r"([1-9]\d{0,8})/(second|minute|hour)")
SECONDS = {"second": 1, "minute": 60, "hour": 3600}
POLICY = "client"  # its name in the headers


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: int

    @classmethod
    def of_setting(cls, text: str) -> Rate | None:
        """That of FACECOG_RATE; None where it is off. Raises: InvalidSetting."""
        if text == "off":
            return None
        found = RATE.fullmatch(text)
        if not found:
            raise InvalidSetting(
                "FACECOG_RATE is a number of requests in a second, minute or hour, such as "
                f"600/minute, or off, and not {text!r}."
            )
        return cls(int(found[1]), SECONDS[found[2]])


class Throttle:
    """The buckets. Those of the last CLIENTS clients are remembered, so memory is bounded."""

    CLIENTS = 10_000

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._each = rate.seconds / rate.requests
        # With this much missing there is one left; beside it, what floating point leaves.
        self._most = rate.seconds - self._each + 1e-6
        self._lock = Lock()
        self._full: OrderedDict[str, float] = OrderedDict()  # when each bucket is full again

    def __len__(self) -> int:
        return len(self._full)

    def knows(self, client: str) -> bool:
        return client in self._full

    def check(self, client: str) -> None:
        """Raises: TooManyRequests: the client's bucket is empty."""
        wait = self._missing(client) - self._most
        if wait > 0:
            raise TooManyRequests(
                "There were too many requests. Wait a moment, then try again.", math.ceil(wait)
            )

    def take(self, client: str) -> tuple[int, int]:
        """Take one out where there is one.

        Returns:
            how many are left, and in how many seconds the bucket will be full again.
        """
        with self._lock:
            missing = self._missing(client)
            if missing <= self._most:  # else whoever goes on asking would wait for ever
                missing += self._each
            self._full[client] = self._clock() + missing
            self._full.move_to_end(client)
            if len(self._full) > self.CLIENTS:
                self._full.popitem(last=False)
        left = (self.rate.seconds - missing + 1e-6) / self._each
        return math.floor(left), math.ceil(missing)

    def _missing(self, client: str) -> float:
        """What the bucket lacks, as the seconds that it takes to come back."""
        return max(self._full.get(client, 0.0) - self._clock(), 0.0)


class Limit:
    """Throttle, at the requests of an app."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        rate = throttle.rate
        self._policy = f'"{POLICY}";q={rate.requests};w={rate.seconds}'

    def install(self, app: Flask) -> None:
        early.add(app, self._check)
        app.after_request(self._count)

    def _check(self, asking: Request) -> None:
        """Before it is known whether the key is good: by the key where it was good before."""
        key = _key(asking)
        client = key if key and self._throttle.knows(key) else _address(asking)
        if client:
            self._throttle.check(client)

    def _count(self, response: Response) -> Response:
        key = _key(request) if actor().kind == "key" else None
        client = key or _address(request)
        if client:
            left, full = self._throttle.take(client)
            response.headers["RateLimit-Policy"] = self._policy
            response.headers["RateLimit"] = f'"{POLICY}";r={left};t={full}'
        return response


def install(app: Flask, settings: Settings) -> None:
    """Raises: InvalidSetting."""
    rate = Rate.of_setting(settings.rate)
    if rate:
        Limit(Throttle(rate)).install(app)


def _key(asking: Request) -> str | None:
    """A name for the API key, from which it cannot be had back."""
    key = sent_key(asking)
    return sha256(key.encode()).hexdigest() if key else None


def _address(asking: Request) -> str | None:
    """None on this machine itself, which has nobody to be protected from."""
    address = asking.remote_addr or ""
    return None if is_loopback(address) else client_of(address)
