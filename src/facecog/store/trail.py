"""Searches and views on their way into the audit, a batch in one transaction."""

from __future__ import annotations

import logging
import os
from collections import deque
from itertools import islice
from threading import Condition, Thread, main_thread
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from facecog.errors import AuditUnavailable, FacecogError
from facecog.store.audit import Entry, Keeping, append, entry
from facecog.store.transactions import begin

log = logging.getLogger(__name__)

GATHERING = 0.2  # seconds for which a line waits for others
BATCH = 500  # lines in one transaction
ROOM = 2000  # lines that may wait
PATIENCE = 3.0  # seconds for which a search waits for room
AGAIN = 1.0  # seconds after which a batch is tried again that could not be written


class AuditTrail:
    """Lines wait in memory for a moment; a thread writes them, which lives while there are any.

    Where they cannot be written nothing further is answered: `add` waits, then refuses.
    """

    def __init__(self, engine: Engine, keeping: Keeping) -> None:
        self._engine, self._keeping = engine, keeping
        self._begin()

    def _begin(self) -> None:
        # A process that was forked has neither the thread nor a part in its parent's lines.
        self._process = os.getpid()
        self._changed = Condition()
        self._lines: deque[Entry] = deque()
        self._writer: Thread | None = None
        self._hurried = 0  # callers that wait for everything to be written
        self._failing = self._closed = False
        self.failures = 0  # times that lines could not be written

    def add(
        self,
        action: str,
        collection_id: str | None = None,
        subject_id: str | None = None,
        **details: Any,
    ) -> None:
        """Record a search or a view. Raises: AuditUnavailable."""
        if self._keeping.level != "all":
            return
        line = entry(action, collection_id, subject_id, details)
        with self._changing():
            if not self._changed.wait_for(self._has_room, PATIENCE):
                raise AuditUnavailable("The audit cannot be written, so nothing is answered.")
            self._put(line)

    def add_refusal(self, action: str, **details: Any) -> None:
        """Record that somebody was not let in, without ever waiting: nothing is answered them."""
        if self._keeping.level == "off":
            return
        line = entry(action, None, None, details)
        with self._changing():
            if len(self._lines) < ROOM:  # also while lines cannot be written: they are tried again
                self._put(line)
            else:
                log.error("a line of the audit is lost: %s", action)

    def _changing(self) -> Condition:
        if self._process != os.getpid():
            self._begin()
        return self._changed

    def _put(self, line: Entry) -> None:
        self._lines.append(line)
        if self._writer is None:
            # Python waits for it when it ends, so that a command's lines are written too.
            self._writer = Thread(target=self._write, name="audit", daemon=False)
            self._writer.start()
        elif len(self._lines) >= BATCH:
            self._changed.notify_all()

    def flush(self, seconds: float = 30.0) -> bool:
        """Wait until all lines are written; False where they are not after so many seconds."""
        with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._writer is None, seconds)
            finally:
                self._hurried -= 1

    def close(self) -> None:
        """Write what there is; what cannot be written is tried no further."""
        self._closed = True
        self.flush()

    def _has_room(self) -> bool:
        return len(self._lines) < ROOM and not self._failing

    def _write(self) -> None:
        while batch := self._next():
            self._settle(batch, self._written(batch))

    def _next(self) -> list[Entry]:
        """The lines to write next; none, and the thread is done."""
        with self._changed:
            self._changed.wait_for(self._is_time, AGAIN if self._failing else GATHERING)
            batch = list(islice(self._lines, BATCH))
            if not batch:
                self._writer = None
                self._changed.notify_all()
            return batch

    def _settle(self, batch: list[Entry], written: bool) -> None:
        with self._changed:
            self._failing = not written
            self.failures += not written
            if written:
                for _ in batch:
                    self._lines.popleft()
            elif self._closed or not main_thread().is_alive():
                log.error("%d lines of the audit could not be written", len(self._lines))
                self._lines.clear()
            self._changed.notify_all()

    def _is_time(self) -> bool:
        return not self._failing and (bool(self._hurried) or len(self._lines) >= BATCH)

    def _written(self, batch: list[Entry]) -> bool:
        try:
            with begin(self._engine, writes=True) as connection:
                append(connection, batch)
        except (FacecogError, SQLAlchemyError) as error:
            log.warning("%d lines of the audit are not written yet: %s", len(batch), error)
            return False
        return True
