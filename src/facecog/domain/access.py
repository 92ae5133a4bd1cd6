"""Who is let in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facecog.acting import Role


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who signs in.

    Attributes:
        seen_at: when last signed in.
    """

    id: str
    name: str
    role: Role
    created_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a program shows to be let in; of its secret only a hash is kept.

    Attributes:
        collection: id of the only one that it opens; all where there is none.
        used_at: to the minute.
    """

    id: str
    name: str
    role: Role
    collection: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
