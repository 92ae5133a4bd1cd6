"""The HTTP API: read the request, one call, answer."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version

from apiflask import APIBlueprint
from flask import Response, request
from flask.typing import ResponseReturnValue

from facecog.acting import actor
from facecog.domain import Change
from facecog.errors import InvalidLimit, MalformedRequest, MissingField
from facecog.permissions import Permission, may, require
from facecog.store import MAX_PAGE
from facecog.web import schemas
from facecog.web.audit import which_asked
from facecog.web.current import facecog, served
from facecog.web.gate import picture_turn, refuse_when_full
from facecog.web.metrics import count_decisions
from facecog.web.uploads import (
    agreed_field,
    flag,
    id_field,
    optional_field,
    photo_field,
    point_field,
    rate_field,
    text_field,
)
from facecog.wire import (
    audit_check_json,
    audit_line_json,
    change_json,
    change_or_null,
    collection_json,
    detection_json,
    enrolment_json,
    identification_json,
    look_alikes_json,
    promise_json,
    sample_json,
    subject_json,
    verification_json,
)

api = APIBlueprint("api", __name__, url_prefix="/api", tag="facecog")

# What the pages say of themselves; everything else is "api".
ORIGINS = ("camera", "photo")


@api.post("/register")
@api.output(schemas.Enrolment, status_code=201)
def register() -> ResponseReturnValue:
    """Register the one face of a photo, or of several the one that is pointed at, under a name."""
    refuse_when_full()
    origin, near = optional_field("origin"), point_field("near")
    name, photo = text_field("name"), photo_field()
    duplicate, mismatch = flag("allow_duplicate"), flag("allow_mismatch")
    origin, agreed = origin if origin in ORIGINS else "api", agreed_field()
    with picture_turn():
        enrolment = facecog().enrol(name, photo, origin, near, duplicate, mismatch, agreed)
    return enrolment_json(enrolment), 201 if enrolment.added else 200


@api.post("/recognise")
@api.output(schemas.Identification)
def recognise() -> ResponseReturnValue:
    """Say who is in the picture, and who is unknown."""
    refuse_when_full()
    photo, allow_no_face = photo_field(), flag("allow_no_face")
    with picture_turn():
        found = facecog().identify(photo, allow_no_face)
    count_decisions(found)
    return identification_json(found, nearest=may(actor(), Permission.LOOK))


@api.post("/verify")
@api.output(schemas.Verification)
def verify() -> ResponseReturnValue:
    """Say whether two photos show the same person."""
    refuse_when_full()
    photos = photo_field("image_a"), photo_field("image_b")
    with picture_turn():
        verification = facecog().verify(*photos)
    return verification_json(verification)


@api.post("/detect")
@api.output(schemas.Detection)
def detect() -> ResponseReturnValue:
    """Find the faces of a photo."""
    refuse_when_full()
    photo = photo_field()
    with picture_turn():
        detection = facecog().detect(photo)
    return detection_json(detection)


@api.get("/subjects")
@api.output(schemas.Subjects)
def list_subjects() -> ResponseReturnValue:
    """List people by name or by date; `q` is a part of the name."""
    asked = request.args
    page = facecog().subjects(
        _limit(), asked.get("cursor"), asked.get("q", ""), asked.get("sort", "name")
    )
    return {
        "subjects": [subject_json(subject) for subject in page.items],
        "next_cursor": page.next_cursor,
        "total": page.total,
    }


@api.get("/subjects/<uuid:subject_id>")
@api.output(schemas.Subject)
def show_subject(subject_id: str) -> ResponseReturnValue:
    """Show one person."""
    return subject_json(facecog().subject(str(subject_id)))


@api.patch("/subjects/<uuid:subject_id>")
@api.output(schemas.RenamedSubject)
def rename_subject(subject_id: str) -> ResponseReturnValue:
    """Rename a person."""
    subject, change = facecog().changes.rename(str(subject_id), text_field("name"))
    return {**subject_json(subject), "change": change_or_null(change)}


@api.post("/subjects/<uuid:subject_id>/merge")
@api.output(schemas.ChangedSubject)
def merge_subject(subject_id: str) -> ResponseReturnValue:
    """Give all samples of a person to the one whom `into` names, and forget the person."""
    into = id_field("into")
    if into is None:
        raise MissingField("The field `into` is missing.")
    subject, change = facecog().changes.merge(str(subject_id), into)
    return {"subject": subject_json(subject), "change": change_or_null(change)}


@api.delete("/subjects/<uuid:subject_id>")
@api.output(schemas.Changed)
def delete_subject(subject_id: str) -> ResponseReturnValue:
    """Forget a person with all samples; with `forever` beyond undoing."""
    if _forever():
        facecog().erasure.erase(str(subject_id))
        return "", 204
    return _deleted(facecog().changes.delete(str(subject_id)))


@api.get("/subjects/<uuid:subject_id>/samples")
@api.output(schemas.Samples)
def list_samples(subject_id: str) -> ResponseReturnValue:
    """List a person's samples, oldest first."""
    page = facecog().samples(str(subject_id), _limit(), request.args.get("cursor"))
    return {
        "samples": [sample_json(sample) for sample in page.items],
        "next_cursor": page.next_cursor,
    }


@api.get("/samples/<uuid:sample_id>")
@api.output(schemas.Sample)
def show_sample(sample_id: str) -> ResponseReturnValue:
    """Show one sample."""
    return sample_json(facecog().sample(str(sample_id)))


@api.get("/samples/<uuid:sample_id>.jpg")
@api.doc(responses={200: "A JPEG."})
def show_crop(sample_id: str) -> ResponseReturnValue:
    """Show a sample's picture."""
    return Response(facecog().crop(str(sample_id), _side()), mimetype="image/jpeg")


@api.patch("/samples/<uuid:sample_id>")
@api.output(schemas.MovedSample)
def move_sample(sample_id: str) -> ResponseReturnValue:
    """Make a sample another person's, by `subject_id` or by `name`, who is made when new."""
    changes, subject_id = facecog().changes, id_field("subject_id")
    if subject_id:
        sample, subject, change = changes.move(str(sample_id), subject_id)
    else:
        sample, subject, change = changes.move_to_name(str(sample_id), text_field("name"))
    return {
        "sample": sample_json(sample),
        "subject": subject_json(subject),
        "change": change_or_null(change),
    }


@api.delete("/samples/<uuid:sample_id>")
@api.output(schemas.Changed)
def delete_sample(sample_id: str) -> ResponseReturnValue:
    """Forget one sample, its person stays; with `forever` beyond undoing."""
    return _deleted(facecog().changes.remove(str(sample_id), _forever()))


@api.get("/changes")
@api.output(schemas.Changes)
def list_changes() -> ResponseReturnValue:
    """List what was renamed, moved, merged, removed and deleted, newest first."""
    page = facecog().changes.listed(_limit(), request.args.get("cursor"))
    return {
        "changes": [change_json(change) for change in page.items],
        "next_cursor": page.next_cursor,
    }


@api.delete("/changes")
@api.output({}, status_code=204)
def erase_changes() -> ResponseReturnValue:
    """Erase for good what all changes keep."""
    facecog().changes.erase_all()
    return ""


@api.post("/changes/<uuid:change_id>/undo")
@api.output(schemas.ChangedSubject)
def undo_change(change_id: str) -> ResponseReturnValue:
    """Take a change back; the person it happened to is answered."""
    change, subject = facecog().changes.undo(str(change_id))
    return {"subject": subject_json(subject), "change": change_json(change)}


@api.delete("/changes/<uuid:change_id>")
@api.output({}, status_code=204)
def erase_change(change_id: str) -> ResponseReturnValue:
    """Erase for good what a change keeps."""
    facecog().changes.erase(str(change_id))
    return ""


@api.get("/audit")
@api.output(schemas.Audit)
def list_audit() -> ResponseReturnValue:
    """List who did what, newest first."""
    page = facecog().audit.listed(which_asked(), _limit(), request.args.get("cursor"))
    return {
        "lines": [audit_line_json(line) for line in page.items],
        "next_cursor": page.next_cursor,
    }


@api.get("/audit/verify")
@api.output(schemas.AuditCheck)
def verify_audit() -> ResponseReturnValue:
    """Say whether every line of the audit is there and as it was written."""
    return audit_check_json(facecog().audit.check())


@api.get("/collections")
@api.output(schemas.Collections)
def list_collections() -> ResponseReturnValue:
    """List the collections that are open to whoever asks, by name."""
    only = actor().collection
    listed = served().collections.listed()
    return {"collections": [collection_json(one) for one in listed if only in (None, one.id)]}


@api.post("/collections")
@api.output(schemas.Collection, status_code=201)
def add_collection() -> ResponseReturnValue:
    """Make a collection, with nobody in it."""
    return collection_json(served().collections.add(text_field("name"))), 201


@api.patch("/collections/<uuid:collection_id>")
@api.output(schemas.Collection)
def rename_collection(collection_id: str) -> ResponseReturnValue:
    """Rename a collection."""
    return collection_json(served().collections.rename(str(collection_id), text_field("name")))


@api.delete("/collections/<uuid:collection_id>")
@api.output({}, status_code=204)
def remove_collection(collection_id: str) -> ResponseReturnValue:
    """Forget a collection that nobody is in."""
    served().collections.remove(str(collection_id))
    return ""


@api.get("/lookalikes")
@api.output(schemas.LookAlikes)
def list_look_alikes() -> ResponseReturnValue:
    """List pairs of people whose faces match each other, most alike first."""
    return {"pairs": [look_alikes_json(pair) for pair in facecog().look_alikes()]}


@api.get("/promise")
@api.output(schemas.Promise)
def show_promise() -> ResponseReturnValue:
    """Show the promised error rate and the threshold that keeps it."""
    return promise_json(facecog().in_force(), facecog().gallery_size())


@api.put("/promise")
@api.output(schemas.Promise)
def change_promise() -> ResponseReturnValue:
    """Promise another false-positive identification rate; null takes the setting's again."""
    return promise_json(facecog().promise(rate_field("fpir")), facecog().gallery_size())


@api.get("/health")
@api.output(schemas.Health)
def health() -> ResponseReturnValue:
    """Say that the server is alive, whatever its database does."""
    about = {"version": version("facecog")} if may(actor(), Permission.STATE) else {}
    return {"status": "ok", **about}


@api.get("/ready")
@api.output(schemas.Ready)
def ready() -> ResponseReturnValue:
    """Say that database, models, index and collection are there, and how many they know."""
    served().readiness.check()
    if not may(actor(), Permission.STATE) or actor().collection:
        return {"status": "ready"}
    return {
        "status": "ready",
        "version": version("facecog"),
        "model": served().model,
        "inference": asdict(served().inference),
        "database": served().database,
        **asdict(served().totals()),
    }


def _deleted(change: Change | None) -> ResponseReturnValue:
    """Nothing is said where nothing is kept."""
    return {"change": change_json(change)} if change else ("", 204)


def _forever() -> bool:
    asked = request.args.get("forever", "false")
    if asked not in ("true", "1", "false", "0"):
        raise MalformedRequest("`forever` is true or false.")
    forever = asked in ("true", "1")
    if forever:
        require(actor(), Permission.ERASE)
    return forever


def _side() -> int | None:
    asked = request.args.get("side")
    if asked is None:
        return None
    return int(asked) if asked.isdecimal() and len(asked) < 9 else 0  # which is no size


def _limit() -> int:
    text = request.args.get("limit", "100")
    # Python refuses to read a number of thousands of digits.
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidLimit(f"`limit` is a whole number from 1 to {MAX_PAGE}.")
    return int(text)
