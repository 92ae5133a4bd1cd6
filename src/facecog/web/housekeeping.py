"""What a server does by itself, while nobody asks for anything."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event

from facecog.errors import FacecogError
from facecog.service import Facecog

log = logging.getLogger(__name__)

TURN = 1.0  # seconds from one look at what is due to the next
REST = 30  # times as long as it took, at least, until something is done again


@dataclass
class Task:
    """
    Attributes:
        what: is not done yet, when it fails.
        every: seconds.
        due: when it is done next, of time.monotonic().
    """

    what: str
    every: float
    do: Callable[[], object]
    due: float = 0.0

    def work(self) -> None:
        began = time.monotonic()
        try:
            self.do()
        except FacecogError as error:
            log.warning("%s is not done yet: %s", self.what, error)
        ended = time.monotonic()
        self.due = ended + max(self.every, REST * (ended - began))


def tasks(facecog: Facecog) -> list[Task]:
    return [
        # So that a server whom nobody asks forgets those whom another one erased.
        Task("looking for what others changed", 5, facecog.gallery_size),
        Task("erasing what is past undoing", 300, facecog.changes.tidy),
        Task("writing down who was seen", 60, facecog.retention.flush),
        Task("erasing who is due", 300, partial(erase_due, facecog)),
        Task("wiping what was erased", 60, facecog.erasure.wipe),
    ]


def erase_due(facecog: Facecog) -> None:
    """In every collection."""
    for collection in facecog.collections.names():
        for due, receipt in facecog.within(collection).retention.run():
            log.info("erased %s (%s), by %s", due.subject_id, due.reason, receipt.by)


def keep_house(facecog: Facecog, stopping: Event) -> None:
    """Do what is due, until `stopping`."""
    work = tasks(facecog)
    while not stopping.wait(TURN):
        for task in work:
            if task.due <= time.monotonic() and not stopping.is_set():
                task.work()
    Task("writing down who was seen", 0, facecog.retention.flush).work()
