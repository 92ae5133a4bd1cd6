"""Under which addresses and names others in the network reach this machine.

Nothing is sent to find them, except what the system's resolver does to look up its own host name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from functools import lru_cache

# Addresses that nobody has, or that private networks have. Asked for the way to them, the system
# tells which address of its own it would take: first that of the way out, then those of networks
# that have none.
SOMEWHERE = (
    (socket.AF_INET, ("203.0.113.1", "192.168.255.254", "10.255.255.254", "172.31.255.254")),
    (socket.AF_INET6, ("2001:db8::1", "fd00::1")),
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


def addresses() -> list[str]:
    """Addresses of this machine in its networks, the one to try first first; perhaps none."""
    found = [
        address
        for family, targets in SOMEWHERE
        for target in targets
        if (address := _source(family, target))
    ]
    with suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    return list(dict.fromkeys(filter(_of_the_network, found)))


def names() -> list[str]:
    """Names under which this machine may be known to others: `anna-pc`, `anna-pc.local`."""
    full = socket.gethostname().lower()
    host = full.split(".")[0]
    return [name for name in dict.fromkeys((full, host, f"{host}.local")) if NAME.fullmatch(name)]


@lru_cache(maxsize=1_000)  # asked of every request, and mostly of the same
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    address = address_of(host)
    return address.is_loopback if address else host == "localhost"


@lru_cache(maxsize=1_000)
def address_of(text: str) -> Address | None:
    """What is written there; of an IPv4 address in the clothes of IPv6 the IPv4 address."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


@lru_cache(maxsize=1_000)
def client_of(text: str) -> str:
    """What one client cannot change: an IPv4 address, or the network part of an IPv6 address."""
    found = address_of(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found or text)


def in_url(host: str) -> str:
    """The host as an address on the web writes it."""
    return f"[{host}]" if ":" in host else host


def _source(family: socket.AddressFamily, target: str) -> str | None:
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((target, 9))  # a datagram's socket: nothing goes out until something is sent
        return str(asked.getsockname()[0])
    return None


def _of_the_network(address: str) -> bool:
    found = ipaddress.ip_address(address.split("%")[0])
    return not (found.is_loopback or found.is_link_local or found.is_unspecified)
