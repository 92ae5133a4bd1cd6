"""What all refusals are kinds of."""

from __future__ import annotations

from typing import ClassVar


class FacecogError(Exception):
    """A refusal. `str(error)` is the sentence for the person who asked."""

    code: ClassVar[str] = "error"


class InvalidInput(FacecogError):
    """What was sent cannot be used as it is."""

    code = "invalid_input"


class NotFound(FacecogError):
    """There is nothing of that id or name."""

    code = "not_found"


class Conflict(FacecogError):
    """It contradicts what is already stored."""

    code = "conflict"


class Unavailable(FacecogError):
    """A part that facecog needs is not there (a model, the database)."""

    code = "unavailable"
