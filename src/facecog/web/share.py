"""What one client may hold of all connections: plenty for a network behind one address, not all.

Slow clients cost no thread, but each costs a connection, and of these a server has so many.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

from waitress.channel import HTTPChannel

from facecog.web.network import client_of, is_loopback

log = logging.getLogger(__name__)

SHARE = 100  # connections


class Share:
    """Makes the channel of a new connection, or closes it where its client has enough of them."""

    def __init__(
        self, make: Callable[..., Any], spared: Callable[[str], bool], most: int = SHARE
    ) -> None:
        """
        Args:
            make: what waitress would call instead.
            spared: addresses of proxies, behind which there are many clients.
        """
        self._make, self._spared, self._most = make, spared, most
        self._told = False

    def __call__(
        self,
        server: Any,
        connection: socket.socket,
        address: tuple[Any, ...],
        adjustments: Any,
        map: dict[int, Any],
    ) -> None:
        host = str(address[0])
        if is_loopback(host) or self._spared(host) or _held(map, client_of(host)) < self._most:
            self._make(server, connection, address, adjustments, map=map)
            return
        connection.close()
        if not self._told:  # once, so that nobody fills the log
            self._told = True
            log.warning("a client has %d connections; further ones are closed", self._most)


def _held(map: dict[int, Any], client: str) -> int:
    channels = [one for one in map.values() if isinstance(one, HTTPChannel)]
    return sum(client_of(str(one.addr[0])) == client for one in channels)
