"""Pages of other web sites that may use the API from a browser: those that FACECOG_ORIGINS names.

They need a key, and send it themselves. No cookie counts, so a page cannot act for whoever looks
at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Request, Response

from facecog.errors import InvalidSetting
from facecog.web.sent_key import API_KEY, sent_key

ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?")
METHODS = "GET, POST, PUT, PATCH, DELETE"
SENT = f"Authorization, {API_KEY}, Content-Type, Priority"
SHOWN = "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Server-Timing"
KEPT = 600  # seconds for which a browser need not ask again


@dataclass(frozen=True)
class Origins:
    """Web sites, each as a browser names it: https://app.example.org."""

    named: frozenset[str] = frozenset()

    @classmethod
    def of_setting(cls, text: str | None) -> Origins:
        """Those of FACECOG_ORIGINS. Raises: InvalidSetting."""
        named = [part.strip().lower() for part in (text or "").split(",") if part.strip()]
        for origin in named:
            if not ORIGIN.fullmatch(origin):
                raise InvalidSetting(
                    "FACECOG_ORIGINS is web sites with commas between them, such as "
                    f"https://app.example.org, without a path, and not {origin!r}."
                )
        return cls(frozenset(named))

    def has(self, request: Request) -> bool:
        """Whether a page of one of them asks the API."""
        return _of_api(request) and request.headers.get("Origin") in self.named

    def lets_in(self, request: Request) -> bool:
        """Whether such a page brings a key of its own."""
        return self.has(request) and bool(sent_key(request))

    def asks_first(self, request: Request) -> bool:
        """Whether the browser asks for such a page what it may send."""
        asked = "Access-Control-Request-Method" in request.headers
        return request.method == "OPTIONS" and asked and self.has(request)

    def answer(self, request: Request, response: Response) -> None:
        """Say to the browser which page may read this."""
        if self.named and _of_api(request):
            response.vary.add("Origin")
        if not self.has(request):
            return
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = SHOWN
        if self.asks_first(request):
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = SENT
            response.headers["Access-Control-Max-Age"] = str(KEPT)


def _of_api(request: Request) -> bool:
    return request.path.startswith("/api/")
