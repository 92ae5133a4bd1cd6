"""What every request passes: a check against other sites' pages, and safe answer headers."""

from __future__ import annotations

from flask import Flask, Request, Response, request

from facecog.config import Settings
from facecog.errors import CrossOrigin
from facecog.web import early
from facecog.web.cors import Origins
from facecog.web.hosts import Hosts
from facecog.web.proxies import Proxies

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OUR_OWN = ("same-origin", "none")  # of Sec-Fetch-Site; "none" is what a person typed

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
    # Faces and names are not for caches, on the way or on the disk of who looked at them.
    "Cache-Control": "no-store",
}
HTTPS_ONLY = "max-age=31536000"  # a year


def install(app: Flask, settings: Settings, hosts: Hosts) -> None:
    """Raises: InvalidSetting."""
    guard = Guard(hosts, Origins.of_setting(settings.origins))
    Proxies.of_setting(settings.proxies).install(app)
    early.install(app)
    early.add(app, guard.check)
    app.before_request(guard.answer_preflight)
    app.after_request(guard.finish)


class Guard:
    """Refuses what comes under another name, or from another site's page."""

    def __init__(self, hosts: Hosts, origins: Origins) -> None:
        self._hosts, self._origins = hosts, origins

    def check(self, asking: Request) -> None:
        """Raises: HostNotAllowed, MalformedRequest, CrossOrigin."""
        self._hosts.check(asking)
        if _from_elsewhere(asking) and not (
            self._origins.lets_in(asking) or self._origins.asks_first(asking)
        ):
            raise CrossOrigin("Pages of other web sites may not use this facecog.")

    def answer_preflight(self) -> Response | None:
        return Response(status=204) if self._origins.asks_first(request) else None

    def finish(self, response: Response) -> Response:
        self._origins.answer(request, response)
        return _finish(response)


def _from_elsewhere(asking: Request) -> bool:
    """A browser names the page that sends a request; a form on another site must not enrol.

    What changes nothing may be linked to, and not be made part of another site's page.
    """
    site = asking.headers.get("Sec-Fetch-Site", "none")
    if asking.method in SAFE_METHODS:
        return site not in OUR_OWN and asking.headers.get("Sec-Fetch-Mode") != "navigate"
    return of_another_site(asking) or site not in OUR_OWN


def of_another_site(asking: Request) -> bool:
    """Whether a page of another web site asks, one that is named or not."""
    origin = asking.headers.get("Origin")
    return origin is not None and origin.lower() != f"{asking.scheme}://{asking.host}"


def _finish(response: Response) -> Response:
    # At once: set one by one, they cost three times as much.
    given = {name.lower() for name in response.headers.keys()}  # noqa: SIM118  it gives pairs
    response.headers.extend(pair for pair in HEADERS.items() if pair[0].lower() not in given)
    if request.is_secure and ":" not in request.host:
        # With a port, other servers of that name may speak http, and would be cut off.
        response.headers["Strict-Transport-Security"] = HTTPS_ONLY
    return response
