"""Everything that is held on a person, as a zip: JSON, and the pictures as they are stored."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Set
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from io import RawIOBase
from typing import Any

from facecog.domain import Subject
from facecog.errors import CropLost
from facecog.store import MAX_PAGE, Store
from facecog.wire import Json, sample_json, subject_json

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
READ_ME = """\
Everything that this facecog holds on one person.

person.json        who it is, consents, for how long it is kept, what was changed lately, and
                   what is in the record of what happened
samples/ID.json    a photo: when, where from, its quality; and its templates, which are the
                   numbers by which the face is compared, with the model that made them
samples/ID.jpg     the picture that is kept of it
removed/           the same of photos that were removed and can still be brought back
"""


class Export:
    """Of the people of one collection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, subject_id: str) -> Iterator[bytes]:
        """The zip, a part at a time: no more than one picture of it is in memory at once.

        Raises:
            SubjectNotFound: before anything is read.
        """
        self._store.seen.flush()
        self._store.trail.flush()
        subject = self._store.subject(subject_id)
        self._store.audit.note("export.person", self._store.collection, subject_id)
        return self._zipped(subject)

    def _zipped(self, subject: Subject) -> Iterator[bytes]:
        out = _Parts()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", READ_ME)
            archive.writestr("person.json", _text(self._person(subject)))
            yield out.taken()
            for folder, sample in self._samples(subject.id):
                archive.writestr(f"{folder}/{sample['id']}.json", _text(sample))
                try:
                    jpeg = self._store.crop(sample["id"], removed=True)
                    archive.writestr(f"{folder}/{sample['id']}.jpg", jpeg, zipfile.ZIP_STORED)
                except CropLost:  # its picture is gone: the JSON says what there was
                    pass
                yield out.taken()
        yield out.taken()

    def _person(self, subject: Subject) -> Json:
        own = {subject.id, *(sample["id"] for _, sample in self._samples(subject.id))}
        return {
            **subject_json(subject),
            "seen_at": self._store.seen_at(subject.id),
            "consents": [asdict(one) for one in self._store.consents.of(subject.id)],
            # Whom a photo went to, or came from, is of somebody else.
            "changes": [
                {
                    "kind": one.kind,
                    "at": one.at,
                    "until": one.until,
                    "undone_at": one.undone_at,
                    "name": one.subject.name,
                    "samples": one.samples,
                }
                for one in self._store.journal.about(subject.id)
            ],
            "record": [
                {
                    "at": one.at,
                    "action": one.action,
                    "actor": one.actor,
                    "details": _without_others(one.details, own),
                }
                for one in self._store.audit.about(subject.id)
            ],
        }

    def _samples(self, subject_id: str) -> Iterator[tuple[str, Json]]:
        cursor = None
        while True:
            page = self._store.samples(subject_id, MAX_PAGE, cursor)
            for sample in page.items:
                made = {one.model: one.vector.tolist() for one in self._store.templates(sample.id)}
                yield "samples", {**sample_json(sample), "templates": made}
            cursor = page.next_cursor
            if cursor is None:
                break
        for kept in self._store.journal.kept_of(subject_id):
            yield "removed", kept


class _Parts(RawIOBase):
    """What a zip writes, until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _without_others(said: Any, own: Set[str]) -> Any:
    """What a line says, with the ids of other people and of their photos left blank."""
    if isinstance(said, dict):
        return {name: _without_others(value, own) for name, value in said.items()}
    if isinstance(said, list):
        return [_without_others(value, own) for value in said]
    others = isinstance(said, str) and ID.fullmatch(said) and said not in own
    return None if others else said


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"{type(value).__name__} is not for JSON")
