"""Who is acting: set at the edge (web, commands), known to whatever keeps a record of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """What somebody is trusted with; permissions.py says which role may do what."""

    OWNER = "owner"
    ENROLLER = "enroller"
    RECOGNISER = "recogniser"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Attributes:
        kind: "account", "key", "code" (of `--lan`), "local" (whoever uses this machine), "open"
            (whoever a proxy lets in), "command", "system" (the server itself, of what is due) or
            "nobody" (who was not let in, at what is open to everybody).
        role: none of nobody.
        id: of the account or the key.
        collection: id of the only collection that is open to it; all where there is none.
        request_id: of the request that it makes.
    """

    kind: str
    role: Role | None = Role.OWNER
    id: str | None = None
    collection: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        """As a record names it: "key:1f0c..."; no name, which may be a person's."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


SYSTEM = Actor("system")
NOBODY = Actor("nobody", role=None)

_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def actor() -> Actor:
    """Whoever acts at the moment; the system itself where nobody was named."""
    return _actor.get()


@contextmanager
def acting(who: Actor) -> Iterator[None]:
    """All that is done in this context is done by `who`."""
    token = _actor.set(who)
    try:
        yield
    finally:
        _actor.reset(token)
