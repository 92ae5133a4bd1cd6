"""One code for everybody, asked of every request: the guard of `facecog serve --lan`.

A browser gives the code once on a page of its own and gets a cookie; a program sends it as a bearer
token. The code is good until the server stops.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from urllib.parse import urlencode

from apiflask import APIBlueprint, APIFlask
from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from facecog.errors import AccessCodeNeeded, AccessCodeWrong, TooManyAttempts
from facecog.web.errors import wants_page

# Without I, L, O, U, 0 and 1: eight of these are 30^8, 39 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
COOKIE = "__Host-facecog"  # browsers take a cookie of such a name by https and for this host alone
# What the page that asks for the code consists of.
OPEN = frozenset({"app.css", "plain.css", "access.css", "access.js", "favicon.svg"})
# A path of this server: no other host after two slashes, a backslash or what browsers drop.
LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def new_code() -> str:
    """Eight characters that nobody takes for others, as K7QM-2MXP."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


class Access:
    """Lets those in who know the code."""

    def __init__(self, code: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._code = _bare(code)
        self._secret = secrets.token_bytes(32)
        self._attempts = Attempts(clock)

    def install(self, app: APIFlask) -> None:
        app.before_request(self._ask)
        page = APIBlueprint("door", __name__, enable_openapi=False)
        page.add_url_rule("/access", "show", self._show, methods=["GET"])
        page.add_url_rule("/access", "enter", self._enter, methods=["POST"])
        app.register_blueprint(page)

    def _ask(self) -> ResponseReturnValue | None:
        if _is_open() or self._has_cookie():
            return None
        kind, _, code = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            self._check(code)
            return None
        if not wants_page():
            raise AccessCodeNeeded("Send the access code that facecog printed at its start.")
        return redirect(_asking(request.full_path if request.method == "GET" else "/"), 303)

    def _check(self, code: str) -> None:
        """Raises: AccessCodeWrong, TooManyAttempts."""
        right = hmac.compare_digest(_bare(code).encode(), self._code.encode())
        self._attempts.count(request.remote_addr or "", right)
        if not right:
            raise AccessCodeWrong("This is not the access code that facecog printed at its start.")

    def _show(self) -> ResponseReturnValue:
        target = _local(request.args.get("next", "/"))
        if self._has_cookie():
            # Without a fragment of its own the browser would keep the one with the code.
            return redirect(f"{target}#main", 303)
        return _page(target)

    def _enter(self) -> ResponseReturnValue:
        request.max_content_length = 10_000
        target = _local(request.form.get("next", "/"))
        try:
            self._check(request.form.get("code", ""))
        except AccessCodeWrong as error:
            return _page(target, error.code), 403
        except TooManyAttempts as error:
            return (
                _page(target, error.code, error.seconds),
                429,
                {"Retry-After": str(error.seconds)},
            )
        answer = redirect(target, 303)
        answer.set_cookie(COOKIE, self._new_cookie(), secure=True, httponly=True, samesite="Strict")
        return answer

    def _new_cookie(self) -> str:
        number = secrets.token_urlsafe(16)
        return f"{number}.{self._signature(number)}"

    def _has_cookie(self) -> bool:
        number, _, signature = request.cookies.get(COOKIE, "").partition(".")
        return hmac.compare_digest(signature.encode(), self._signature(number).encode())

    def _signature(self, number: str) -> str:
        return hmac.new(self._secret, number.encode(), sha256).hexdigest()


def _is_open() -> bool:
    """Whether it is the page that asks for the code, or a part of it."""
    file = (request.view_args or {}).get("filename")
    return request.path == "/access" or (request.endpoint == "static" and file in OPEN)


@dataclass
class Tally:
    """Wrong codes of one client, or of all."""

    wrong: int = 0
    last: float = 0.0
    until: float = 0.0  # when the next code is looked at


class Attempts:
    """Slows guessing: after some wrong codes each further one costs a longer wait.

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
        client = _network(address)
        with self._lock:
            now = self._clock()
            own = self._clients.get(client, Tally())
            wait = max(own.until, self._in_all.until) - now
            if wait > 0:
                raise TooManyAttempts("There were too many wrong codes.", seconds=int(wait) + 1)
            if right:
                self._clients.pop(client, None)
                return
            self._clients[client] = own
            self._clients.move_to_end(client)
            if len(self._clients) > self.CLIENTS:
                self._clients.popitem(last=False)
            self._wrong(own, now, self.FREE, self.LONGEST)
            self._wrong(self._in_all, now, self.FREE_IN_ALL, self.LONGEST_IN_ALL)

    def _wrong(self, tally: Tally, now: float, free: int, longest: int) -> None:
        if now - tally.last > self.FORGOTTEN:
            tally.wrong = 0
        tally.wrong += 1
        tally.last = now
        if tally.wrong >= free:
            tally.until = now + min(2 ** min(tally.wrong - free, 16), longest)


def _network(address: str) -> str:
    """What one client cannot change: an IPv4 address, or the network part of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def _bare(code: str) -> str:
    """As it is compared: without dashes, spaces and small letters."""
    return "".join(filter(str.isalnum, code[:100])).upper()


def _local(path: str) -> str:
    return path if LOCAL.fullmatch(path) else "/"


def _asking(path: str) -> str:
    path = path.rstrip("?")
    return url_for("door.show") + ("" if path == "/" else "?" + urlencode({"next": path}))


def _page(target: str, problem: str = "", seconds: int = 0) -> Response:
    page = render_template("access.html", target=target, problem=problem, seconds=seconds)
    return Response(page, headers={"Cache-Control": "no-store"}, mimetype="text/html")
