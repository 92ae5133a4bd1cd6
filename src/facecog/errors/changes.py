"""Refusals to undo what was done to people."""

from __future__ import annotations

from typing import Literal

from facecog.errors.tree import Conflict, NotFound

Obstacle = Literal["done", "gone", "renamed", "name_taken", "moved_on", "erased", "same_photo"]
"""What stands in the way of an undo."""


class ChangeNotFound(NotFound):
    """There is no such change, or the time in which it could be undone is over."""

    code = "change_not_found"


class CannotUndo(Conflict):
    """Something has happened since that a change cannot be undone around.

    Attributes:
        obstacle: what it is, as a stable word.
        names: of the people whom the sentence names: `name`, and `other` for a second one.
    """

    code = "cannot_undo"

    def __init__(self, obstacle: Obstacle, message: str, **names: str) -> None:
        super().__init__(message)
        self.obstacle = obstacle
        self.names = names
