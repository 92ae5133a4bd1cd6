"""By which names facecog may be opened: what stands against DNS rebinding.

A page of another web site can have its own name lead to this machine, and is then of the same
origin to the browser. Its name gives it away: the browser says it in `Host`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Request

from facecog.errors import HostNotAllowed, InvalidSetting, MalformedRequest
from facecog.web import network

# A name or an address, then perhaps a port. Names in containers may have "_".
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]{1,253}))(?::\d{1,5})?")
NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?|[0-9a-f:.]+")


@dataclass(frozen=True)
class Hosts:
    """
    Attributes:
        names: names and addresses, in small letters; ".example.org" is all below example.org.
        any_address: an address that is no name will do too: no name leads to it, so nobody's can
            be made to.
    """

    names: frozenset[str] = frozenset()
    any_address: bool = False

    @classmethod
    def of_setting(cls, text: str | None) -> Hosts:
        """Those of FACECOG_HOSTS. Raises: InvalidSetting."""
        names = [name.strip().lower() for name in (text or "").split(",") if name.strip()]
        for name in names:
            if not NAME.fullmatch(name):
                raise InvalidSetting(
                    "FACECOG_HOSTS is host names with commas between them, without https:// and "
                    f"port, .example.org for all below example.org, and not {name!r}."
                )
        return cls(frozenset(map(_plain, names)))

    def serving_on(self, host: str, *names: str) -> Hosts:
        """These, and those by which others reach a server.

        Args:
            host: what it listens on; "" for all addresses.
            names: by which it invites; "*.example.org" as in a certificate.
        """
        if network.is_loopback(host):
            return self
        more = [name.lower().removeprefix("*") for name in (host, *names, *network.names()) if name]
        return Hosts(self.names | frozenset(map(_plain, more)), any_address=True)

    def check(self, request: Request) -> None:
        """Raises: HostNotAllowed; MalformedRequest: the header is no host."""
        given = HOST.fullmatch(request.headers.get("Host", "").lower())
        if not given:
            raise MalformedRequest("The request does not say for which host it is.")
        if not self._known(_plain((given[1] or given[2]).removesuffix("."))):
            raise HostNotAllowed(
                "This facecog is not known by that host name. If it is one of its own, name it in "
                "the setting FACECOG_HOSTS."
            )

    def _known(self, host: str) -> bool:
        if host in self.names or network.is_loopback(host) or host.endswith(".localhost"):
            return True
        if network.address_of(host):
            return self.any_address
        labels = host.split(".")
        return any("." + ".".join(labels[at:]) in self.names for at in range(1, len(labels)))


def _plain(host: str) -> str:
    """An address as it is always written, or else the name."""
    return str(network.address_of(host) or host)
