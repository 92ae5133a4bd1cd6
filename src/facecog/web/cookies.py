"""The two cookies: of who signed in, and of who gave the code of `--lan`."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from flask import Request, Response, request

from facecog.store.accounts import LONGEST

CODE = "__Host-facecog"  # browsers take a cookie of such a name by https and for this host alone
SESSION = "facecog_session"


def session_token() -> str | None:
    """Of the session that the browser says it has."""
    return request.cookies.get(_session_name())


def keep_session(answer: Response, token: str) -> None:
    # Lax: who follows a link from a mail or another site is still signed in. Such requests only
    # read; what changes anything comes from a page of facecog's own (guard.py).
    answer.set_cookie(
        _session_name(),
        token,
        max_age=int(LONGEST.total_seconds()),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def forget_session(answer: Response) -> None:
    answer.delete_cookie(_session_name(), secure=request.is_secure, httponly=True, samesite="Lax")


def _session_name() -> str:
    return f"__Host-{SESSION}" if request.is_secure else SESSION


def any_of(asking: Request) -> bool:
    """Whether a request has one of facecog's cookies, good or not."""
    return "HTTP_COOKIE" in asking.environ and any(
        name in asking.cookies for name in (CODE, SESSION, f"__Host-{SESSION}")
    )


class CodeCookie:
    """Says that this browser gave the code; good until the server stops."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def is_here(self) -> bool:
        number, _, signature = request.cookies.get(CODE, "").partition(".")
        return hmac.compare_digest(signature.encode(), self._signature(number).encode())

    def keep(self, answer: Response) -> None:
        number = secrets.token_urlsafe(16)
        value = f"{number}.{self._signature(number)}"
        answer.set_cookie(CODE, value, secure=True, httponly=True, samesite="Strict")

    def _signature(self, number: str) -> str:
        return hmac.new(self._secret, number.encode(), sha256).hexdigest()
