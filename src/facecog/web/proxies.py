"""Proxies that are believed: what they say of a request's client, scheme and host.

Anybody can send `X-Forwarded-For`. It counts only from a peer that FACECOG_PROXIES names, and of
its addresses the last one that no such peer has: what stands before it the client may have made up.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from facecog.errors import InvalidSetting
from facecog.web.network import address_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

KEY = "facecog.proxies"
FOR, PROTO, HOST = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"
PORT = re.compile(r"(?<=[\].\d]):\d+$")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """Of a request through a named proxy, the environment is made that of its client."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        self._warned = False

    @classmethod
    def of_setting(cls, text: str | None) -> Proxies:
        """Those of FACECOG_PROXIES. Raises: InvalidSetting."""
        try:
            return cls(
                ipaddress.ip_network(part.strip())
                for part in (text or "").split(",")
                if part.strip()
            )
        except ValueError as error:
            raise InvalidSetting(
                "FACECOG_PROXIES is addresses or networks with commas between them, such as "
                f"127.0.0.1,10.0.0.0/8: {error}."
            ) from error

    def install(self, app: Flask) -> None:
        app.extensions[KEY] = self
        app.wsgi_app = self._around(app.wsgi_app)  # type: ignore[method-assign,assignment]

    def hear(self, environ: WSGIEnvironment) -> None:
        """Put what a named proxy says in the place of what is known of itself."""
        if FOR not in environ and PROTO not in environ and HOST not in environ:
            return
        if not self.named(environ.get("REMOTE_ADDR", "")):
            self._warn(environ)
            return
        passed = 1  # proxies between here and the client
        for hop in reversed(_listed(environ, FOR)):
            address = address_of(PORT.sub("", hop).strip("[]"))
            if not address:
                break
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = str(address)
            if not self.named(str(address)):
                break
            passed += 1
        scheme = _said(environ, PROTO, passed).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        if host := _said(environ, HOST, passed):
            environ["HTTP_HOST"] = host

    def named(self, text: str) -> bool:
        """Whether FACECOG_PROXIES names this address."""
        address = address_of(text)
        return address is not None and any(address in network for network in self._networks)

    def _warn(self, environ: WSGIEnvironment) -> None:
        """Once, so that nobody fills the log."""
        if not self._warned:
            self._warned = True
            log.warning(
                "A proxy at %s is not believed: FACECOG_PROXIES does not name it.",
                environ.get("REMOTE_ADDR"),
            )

    def _around(self, inner: WSGIApplication) -> WSGIApplication:
        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
            self.hear(environ)
            return inner(environ, start_response)

        return app


def _listed(environ: WSGIEnvironment, name: str) -> list[str]:
    return [part.strip() for part in environ.get(name, "").split(",") if part.strip()]


def _said(environ: WSGIEnvironment, name: str, passed: int) -> str:
    """By the proxy that the client spoke to, which is the `passed`-th from here, or a later one."""
    values = _listed(environ, name)
    return values[-min(passed, len(values))] if values else ""
