"""What a request looks for in the audit, and what the page says of it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from flask import request

from facecog.domain import AuditLine
from facecog.errors import InvalidFilter
from facecog.store import Which
from facecog.web.texts import CATALOGUES, language, t


def which_asked() -> Which:
    """Raises: InvalidFilter."""
    asked = request.args
    subject = asked.get("subject", "").strip()
    return Which(
        since=_moment("since"),
        until=_moment("until"),
        action=_word("action"),
        actor=_word("actor"),
        subject=_id(subject) if subject else "",
    )


def _moment(name: str) -> datetime | None:
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidFilter(f"`{name}` is a moment such as 2026-01-31T12:00:00Z.") from None


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidFilter("`subject` is the id of a person.") from None


def _word(name: str) -> str:
    text = request.args.get(name, "").strip()
    if "\0" in text:  # PostgreSQL takes none
        raise InvalidFilter(f"`{name}` is a word.")
    return text


def action_words(action: str) -> str:
    """In words, or as it is where there are none."""
    name = f"action_{action.replace('.', '_')}"
    return t(f"audit.{name}") if name in CATALOGUES[language()]["audit"] else action


def detail_words(line: AuditLine) -> str:
    """Everything that is known beside whom it was about, in the words of the API."""
    said = [_face_words(face) for face in line.details.get("faces", ())]
    said += [f"{name} {_plain(value)}" for name, value in line.details.items() if name != "faces"]
    return " · ".join(said)


def _face_words(face: dict[str, Any]) -> str:
    score = f" {face['score']:.4f}" if "score" in face else ""
    reason = f" ({face['reason']})" if "reason" in face else ""
    return f"{face['decision']}{score}{reason}"


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (bool, type(None))) else str(value)
