"""What every request passes: an id, a check against other sites' pages, and safe answer headers."""

from __future__ import annotations

import logging
import time
from urllib.parse import quote, urlsplit
from uuid import uuid4

from flask import Flask, Response, g, request

from facecog.errors import CrossOrigin

log = logging.getLogger("facecog.access")

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # To nobody else; but with "no-referrer" a form of one's own comes without its Origin.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.before_request(_refuse_other_sites)
    app.after_request(_finish)


def _begin() -> None:
    g.request_id = uuid4().hex
    g.began = time.perf_counter()


def _refuse_other_sites() -> None:
    """A browser names the page that sends a request; a form on another site must not enrol."""
    origin = request.headers.get("Origin")
    if origin is None or request.method in SAFE_METHODS:
        return
    if _host(origin) != request.host:
        raise CrossOrigin("Pages of other web sites may not use this facecog.")


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # no address
        return ""


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        # Faces and names are not for caches on the way.
        response.headers.setdefault("Cache-Control", "no-store")
    # The path only: a query may hold a name.
    elapsed = (time.perf_counter() - g.began) * 1000
    log.info(
        "%s %s %d %.0f ms %s",
        request.method,
        quote(request.path),  # it may hold a line break
        response.status_code,
        elapsed,
        g.request_id,
    )
    return response
