"""What people may ask of whoever keeps their faces: consent, an end, erasing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """Whether people must agree before they are registered.

    Attributes:
        text_version: what the text is called that they agree to.
        purpose: what their faces are kept for.
    """

    required: bool = False
    text_version: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """That a person agreed.

    Attributes:
        how: on paper, say, or on the page.
        withdrawn_at: None while it is in force.
    """

    id: str
    subject_id: str
    text_version: str
    purpose: str
    how: str
    given_at: datetime
    withdrawn_at: datetime | None = None


class Agreed(NamedTuple):
    """What somebody says who registers a person: that they agreed to a text, and how."""

    text_version: str
    how: str


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """For how long people are kept.

    Attributes:
        keep_days: since they were registered; None: however long.
        unseen_days: since they were last recognised, or registered; None: however long.
    """

    keep_days: int | None = None
    unseen_days: int | None = None


class Due(NamedTuple):
    """Somebody who is to be erased, and why: "expired", "kept_too_long" or "unseen"."""

    subject_id: str
    reason: str


Place = Literal[
    "database", "undo", "crops", "memory", "other_servers", "free_space", "server_log", "backups"
]
Outcome = Literal["done", "follows", "yours"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a subject was erased. No name in it, nothing of a face, nothing to bring it back.

    Attributes:
        subjects: ids; those who were merged into the subject among them.
        samples: their ids.
        templates, crops, consents, changes: how many there were.
        by: who erased, as a record names them.
        places: everywhere that something was: whether it is gone, will be without anybody doing
            anything, or is for the owner to see to.
    """

    subjects: tuple[str, ...]
    samples: tuple[str, ...]
    templates: int
    crops: int
    consents: int
    changes: int
    at: datetime
    by: str
    places: Mapping[Place, Outcome]
