"""Who is let in: by a session, an API key or a code, or because only this machine asks.

Each request is somebody's (`acting.py`), and is refused where `rules.py` does not let them. As soon
as there is an account, whoever comes signs in or shows a key. Before that:

- at a loopback address this machine is let in, and nobody else;
- at any other address nobody is, until the owner's account is made by the code of the first run;
- with `--lan` whoever gives its code is;
- with FACECOG_ACCESS=open everybody is, because something else stands in front.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from urllib.parse import urlencode

from apiflask import APIFlask
from flask import Request, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from facecog.acting import NOBODY, Actor, Role, acting
from facecog.config import Settings
from facecog.errors import (
    AccessCodeNeeded,
    AccessCodeWrong,
    AccessNeeded,
    AccessNotSetUp,
    ApiKeyWrong,
    DatabaseUnavailable,
    FacecogError,
    InvalidSetting,
    WrongPassword,
)
from facecog.keys import PREFIX
from facecog.permissions import Permission, may, require
from facecog.web import cookies, early, metrics, rules
from facecog.web.attempts import Attempts
from facecog.web.codes import is_code
from facecog.web.current import KEY as FACECOG
from facecog.web.current import facecog, served
from facecog.web.errors import wants_page
from facecog.web.guard import SAFE_METHODS, of_another_site
from facecog.web.network import is_loopback
from facecog.web.receiving import LARGE
from facecog.web.sent_key import sent_key

KEY = "facecog.access"
MODES = ("auto", "open")
# What a proxy adds, as WSGI names it. Who comes through one is not on this machine, whatever its
# address says.
FORWARDED = frozenset(
    {
        "HTTP_FORWARDED",
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_REAL_IP",
        "HTTP_VIA",
    }
)


class Access:
    """Says who asks, and whether they may."""

    def __init__(
        self,
        code: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        local: bool = True,
        welcome: str | None = None,
    ) -> None:
        """
        Args:
            code: of `--lan`: who gives it is let in while there is no account.
            local: this machine itself is let in while there is no account, and no code.
            welcome: the code by which the owner's account is made, once.
        """
        self.code, self.welcome = code, welcome
        self.local = local and not code and not welcome
        self.attempts = Attempts(clock)
        self.code_cookie = cookies.CodeCookie()
        self._open = False

    def install(self, app: APIFlask, settings: Settings) -> None:
        """Raises: InvalidSetting."""
        if settings.access not in MODES:
            raise InvalidSetting(f"FACECOG_ACCESS is auto or open, not {settings.access}.")
        self._open = settings.access == "open"
        app.extensions[KEY] = self
        self._known: Callable[[], bool] = lambda: app.extensions[FACECOG].accounts.known
        early.add(app, self._refuse_early)
        app.before_request(self._admit)
        app.teardown_request(_leave)

        @app.context_processor
        def rights() -> dict[str, object]:
            return {
                "allowed": allowed,
                "allows": allows,
                "permissions": permissions,
                "account": g.get("account"),
            }

    def check_code(self, typed: str) -> None:
        """Of `--lan`. Raises: AccessCodeWrong, TooManyAttempts."""
        right = self.code is not None and is_code(typed, self.code)
        self.attempts.count(_address(), right)
        if not right:
            self._turned_away("code")
            raise AccessCodeWrong("This is not the access code that facecog printed at its start.")

    def check_welcome(self, typed: str) -> None:
        """Of the first run. Raises: AccessCodeWrong, TooManyAttempts."""
        right = self.welcome is not None and is_code(typed, self.welcome)
        self.attempts.count(_address(), right)
        if not right:
            self._turned_away("welcome")
            raise AccessCodeWrong("This is not the code that facecog printed at its start.")

    @contextmanager
    def guessing(self) -> Iterator[None]:
        """A password is looked at. It counts as wrong first, so that guesses that come at once are
        not all looked at. Raises: TooManyAttempts."""
        address = _address()
        self.attempts.count(address, right=False)
        try:
            yield
        except WrongPassword as error:
            self._turned_away("password", account=error.account)
            raise
        self.attempts.forgive(address)

    def _turned_away(self, how: str, **who: str | None) -> None:
        """Only what was looked at is told, so the slowing down of guesses bounds the audit too."""
        metrics.count_turned_away(how)
        nobody = replace(NOBODY, request_id=g.get("request_id"))
        with acting(g.get("actor", nobody)):
            served().audit.turned_away(how, **who)

    def by_code(self) -> bool:
        """Whether the code of `--lan` is what is asked for."""
        return self.code is not None and not served().accounts.are_there()

    def by_welcome(self) -> bool:
        """Whether the owner's account is still to be made by the code of the first run."""
        return self.welcome is not None and not served().accounts.are_there()

    # -- each request -------------------------------------------------------------------------

    def _refuse_early(self, asking: Request) -> None:
        """Of somebody who shows nothing a photo is not even taken in.

        Raises:
            AccessCodeNeeded, AccessNeeded.
        """
        large = (asking.content_length or 0) > LARGE or "Transfer-Encoding" in asking.headers
        if not large or sent_key(asking) or cookies.any_of(asking) or self._open:
            return
        if self.local and _is_this_machine(asking) and not self._known():
            return  # as far as can be said without the database
        if asking.method not in SAFE_METHODS:
            raise self._needed(by_code=self.code is not None and not self._known())

    def _admit(self) -> ResponseReturnValue | None:
        needed = rules.needed_here()
        who = self._who(needed)
        g.actor = replace(who, request_id=g.get("request_id"))
        g.acting = ExitStack()
        g.acting.enter_context(acting(g.actor))  # also of what is refused
        if who is NOBODY and needed is not Permission.OPEN:
            return self._refused()
        if not request.routing_exception:  # else there is nothing that could be allowed
            require(who, needed)
        if who.collection and "collection" in request.args and needed is not Permission.OPEN:
            facecog()  # raises NotAllowed: it asks for another one
        return None

    def _who(self, needed: Permission | None) -> Actor:
        try:
            return self._by_key() or self._by_cookie() or self._by_place()
        except DatabaseUnavailable:
            if needed is Permission.OPEN:
                return NOBODY
            # Whoever watches this machine is not to lose sight of it with its database.
            watching = needed in (Permission.STATE, Permission.WATCH)
            here = self.local and _is_this_machine(request)
            if watching and here and not served().accounts.known:
                return Actor("local", Role.AUDITOR)
            raise

    def _by_key(self) -> Actor | None:
        """Raises: ApiKeyWrong, AccessCodeWrong, TooManyAttempts."""
        shown = sent_key(request)
        if shown.startswith(PREFIX):
            return self._of_key(shown)
        if not shown or self._by_place() is not NOBODY:
            return None  # a token of somebody else's, of a proxy in front say
        if self.by_code():
            self.check_code(shown)
            return Actor("code")
        return self._of_key(shown)

    def _of_key(self, shown: str) -> Actor:
        # Right ones are let in whatever others guess: nobody guesses 256 bits.
        try:
            return served().keys.actor_of(shown)
        except ApiKeyWrong as error:
            self.attempts.count(_address(), right=False)
            self._turned_away("key", key=error.key)
            raise

    def _by_cookie(self) -> Actor | None:
        token = cookies.session_token()
        if token and (signed_in := served().accounts.signed_in(token)):
            g.account = signed_in.name
            return signed_in.actor
        if self.code and self.code_cookie.is_here() and self.by_code():
            return Actor("code")
        return None

    def _by_place(self) -> Actor:
        """Who is let in without saying who they are."""
        if self._open:
            return Actor("open")
        if self.local and _is_this_machine(request) and not served().accounts.are_there():
            return Actor("local")
        return NOBODY

    def _refused(self) -> ResponseReturnValue:
        """Raises: AccessNotSetUp, AccessCodeNeeded, AccessNeeded; or leads to the door."""
        if self.local and not served().accounts.are_there():
            raise AccessNotSetUp(
                "Only this machine itself is let in, for there is no account yet. Make one where "
                "facecog runs: facecog accounts add NAME --role owner."
            )
        if wants_page():
            target = request.full_path if request.method == "GET" else "/"
            return redirect(self._door() + _next(target), 303)
        raise self._needed(self.by_code())

    def _door(self) -> str:
        if self.by_code():
            return url_for("door.show_code")
        return url_for("door.show_welcome" if self.by_welcome() else "door.show_sign_in")

    @staticmethod
    def _needed(by_code: bool) -> FacecogError:
        if by_code:
            return AccessCodeNeeded("Send the access code that facecog printed at its start.")
        return AccessNeeded("Send an API key: Authorization: Bearer fc_...; or sign in.")


def access() -> Access:
    """That of the current app."""
    found: Access = current_app.extensions[KEY]
    return found


def allowed(permission: str) -> bool:
    """Whether the current request's actor has a permission; for templates, by its name."""
    who = g.get("actor", NOBODY)
    return may(who, Permission[permission])


def allows(endpoint: str) -> bool:
    """Whether the current request's actor may ask an endpoint; for templates and their links."""
    return may(g.get("actor", NOBODY), rules.RULES[endpoint])


def permissions() -> str:
    """What the current request's actor may, for scripts and styles."""
    who = g.get("actor", NOBODY)
    return " ".join(one.name.lower() for one in Permission if may(who, one))


def _leave(_: BaseException | None) -> None:
    if entered := g.pop("acting", None):
        entered.close()


def _is_this_machine(asking: Request) -> bool:
    """Itself, and not a page of another site in its browser, which needs a key of its own."""
    here = is_loopback(asking.remote_addr or "") and FORWARDED.isdisjoint(asking.environ)
    return here and not of_another_site(asking)


def _address() -> str:
    return request.remote_addr or ""


def _next(path: str) -> str:
    path = path.rstrip("?")
    return "" if path == "/" else "?" + urlencode({"next": path})
