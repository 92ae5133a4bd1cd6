"""What the commands say, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from facecog.cli.common import counted
from facecog.decision import OUT_OF_REACH
from facecog.domain import (
    Change,
    Decision,
    GallerySize,
    Identification,
    IdentifiedFace,
    Kind,
    Operation,
    Receipt,
)
from facecog.thresholds import InForce
from facecog.wire import rounded


def said_of(face: IdentifiedFace) -> str:
    """Who a face is, in a word or two."""
    if face.match:
        return f"{face.match.name} ({face.match.score:.2f})"
    if face.decision is Decision.UNKNOWN:
        return "unknown"
    if face.reason == "look_alikes":
        return f"uncertain ({either(face)})"
    return f"uncertain (too poor to judge: {poor(face)})"


def either(face: IdentifiedFace) -> str:
    """The people whom a face may be."""
    return listed([one.name for one in face.candidates if one.score >= face.threshold], "or")


def poor(face: IdentifiedFace) -> str:
    """What is wrong with a face, as a part of a sentence."""
    messages = [reason.message.rstrip(".") for reason in face.face.quality.reasons]
    return "; ".join(message[:1].lower() + message[1:] for message in messages)


def explained(found: Identification) -> list[str]:
    """Why each face is who it is said to be, a line each."""
    lines: list[str] = []
    for number, face in enumerate(found.faces, 1):
        lines.append(f"face {number}, {_where(face)}: {_why(face, found.operation)}")
        lines += [f"  {line}" for line in (*_scores(face), _quality(face))]
    return [*lines, *basis(found.operation, found.gallery)]


def _where(face: IdentifiedFace) -> str:
    x, y, width, height = face.face.box
    return f"{width:.0f}x{height:.0f} at {x:.0f},{y:.0f}"


def _why(face: IdentifiedFace, at: Operation) -> str:
    if face.match:
        return f"{face.match.name}, whose score reaches the threshold"
    if face.reason == "look_alikes":
        return (
            f"uncertain, since {listed([one.name for one in face.candidates[:2]])} both reach the "
            f"threshold and are less than {at.min_margin:.4f} apart"
        )
    nobody = "nobody's score reaches the threshold"
    who = nobody if face.candidates else "nobody is registered"
    if face.decision is Decision.UNCERTAIN:
        return f"uncertain, since {who} and the face is too poor to be judged"
    return f"unknown, since {who}"


def _scores(face: IdentifiedFace) -> list[str]:
    if not face.candidates:
        return []
    best = face.candidates[0]
    lines = [
        f"score {best.score:.4f} with {best.name}, threshold {rounded(face.threshold):.4f}; "
        f"most like sample {best.sample_id}"
    ]
    if face.margin is not None:
        second = face.candidates[1]
        lines.append(f"margin {face.margin:.4f} to {second.name}, who has {second.score:.4f}")
    return lines


def _quality(face: IdentifiedFace) -> str:
    return "quality: " + (poor(face) if not face.face.quality.ok else "good")


def basis(at: Operation, gallery: GallerySize) -> list[str]:
    """What a threshold rests on."""
    lines = [f"threshold {rounded(at.threshold):.4f}, with {registered(gallery)}: {promised(at)}"]
    if at.raised_by:
        lines.append(
            f"raised by {at.raised_by:.4f}, since the people registered here are more alike than "
            "those it was measured on"
        )
    lines.append(f"model {at.model}, measured on: {at.calibration or 'not known'}")
    return lines


def promised(at: Operation) -> str:
    """The promise of a search, as a sentence without its full stop."""
    if at.fpir is None:
        return "the model's own, and nothing is known of its error rates"
    if at.threshold >= OUT_OF_REACH:
        return f"no score keeps the promise of {odds(at.fpir)}, so nobody gets a name"
    return f"of strangers who are searched, at most {odds(at.fpir)} gets a name"


def own_gallery(force: InForce) -> str:
    """What the gallery's own people say of each other."""
    own = force.own
    if math.isnan(own.found):
        return f"{counted(own.pairs, 'pair')} of people, too few to say how alike they are"
    compared = (
        f"of {own.pairs:,} pairs of people {100 * own.found:.2g} % are as alike as "
        f"{100 * own.expected:.2g} % are where it was measured"
    )
    if own.shift:
        return f"{compared}; that raises the threshold by {own.shift:.4f}"
    return f"{compared}; the threshold stays"


def undo_with(change: Change | None) -> str:
    """How a change is undone, as the end of a sentence."""
    return f" (facecog changes undo {change.id})" if change else ""


def changed(change: Change) -> str:
    """What was done to whom."""
    photos, name = counted(change.samples, "sample"), change.subject.name
    other = change.other.name if change.other else ""
    said = {
        Kind.RENAMED: f"{name} renamed to {other}",
        Kind.MOVED: f"{photos} moved from {name} to {other}",
        Kind.MERGED: f"{name} and {photos} merged into {other}",
        Kind.REMOVED: f"{photos} of {name} deleted",
        Kind.DELETED: f"{name} and {photos} deleted",
    }[change.kind]
    return f"{said} (undone)" if change.undone_at else said


PLACES = {
    "database": "database",
    "undo": "what could undo it",
    "crops": "pictures",
    "memory": "memory of this process",
    "other_servers": "memory of servers that run",
    "free_space": "free space of the database's files",
    "server_log": "PostgreSQL's own log",
    "backups": "backups",
}
OUTCOMES = {
    "done": "erased",
    "follows": "follows by itself, from a server that runs or `facecog retention run`",
    "yours": "yours to see to (docs/privacy.md)",
}


def receipt_lines(receipt: Receipt) -> list[str]:
    """A receipt, a line for each place."""
    what = listed(
        [
            counted(len(receipt.samples), "sample"),
            counted(receipt.templates, "template"),
            counted(receipt.crops, "picture"),
            counted(receipt.consents, "consent"),
            counted(receipt.changes, "change"),
        ]
    )
    ids = ", ".join(receipt.subjects)
    at = f"{receipt.at:%Y-%m-%d %H:%M:%S} UTC"
    places = [f"{PLACES[place]}: {OUTCOMES[outcome]}" for place, outcome in receipt.places.items()]
    return [f"erased {ids} at {at}, by {receipt.by}", f"with {what}", *places]


def odds(rate: float) -> str:
    """A rate as "1 in 1,000", rounded so that "at most" stays true."""
    return f"1 in {math.floor(1 / rate + 1e-9):,}"


def registered(gallery: GallerySize) -> str:
    people = counted(gallery.subjects, "person", "people")
    return f"{people} registered by {counted(gallery.samples, 'photo')}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Names as a sentence has them: "Anna, Bea and Cleo"."""
    *first, last = names
    return f"{', '.join(first)} {joint} {last}" if first else last
