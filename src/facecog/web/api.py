"""The HTTP API: read the request, one call, answer."""

from __future__ import annotations

from importlib.metadata import version

from apiflask import APIBlueprint
from flask import Response, request
from flask.typing import ResponseReturnValue

from facecog.errors import InvalidLimit
from facecog.service import MAX_PAGE
from facecog.web import schemas
from facecog.web.current import facecog
from facecog.web.uploads import flag, optional_field, photo_field, rate_field, text_field
from facecog.wire import (
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
    """Register the one face of a photo under a name."""
    origin = optional_field("origin")
    enrolment = facecog().enrol(
        text_field("name"),
        photo_field(),
        origin if origin in ORIGINS else "api",
        allow_duplicate=flag("allow_duplicate"),
        allow_mismatch=flag("allow_mismatch"),
    )
    return enrolment_json(enrolment), 201 if enrolment.added else 200


@api.post("/recognise")
@api.output(schemas.Identification)
def recognise() -> ResponseReturnValue:
    """Say who is in the picture, and who is unknown."""
    return identification_json(facecog().identify(photo_field()))


@api.post("/verify")
@api.output(schemas.Verification)
def verify() -> ResponseReturnValue:
    """Say whether two photos show the same person."""
    return verification_json(facecog().verify(photo_field("image_a"), photo_field("image_b")))


@api.post("/detect")
@api.output(schemas.Detection)
def detect() -> ResponseReturnValue:
    """Find the faces of a photo."""
    return detection_json(facecog().detect(photo_field()))


@api.get("/subjects")
@api.output(schemas.Subjects)
def list_subjects() -> ResponseReturnValue:
    """List people by name; `q` is a part of the name."""
    page = facecog().subjects(_limit(), request.args.get("cursor"), request.args.get("q", ""))
    return {
        "subjects": [subject_json(subject) for subject in page.items],
        "next_cursor": page.next_cursor,
    }


@api.get("/subjects/<uuid:subject_id>")
@api.output(schemas.Subject)
def show_subject(subject_id: str) -> ResponseReturnValue:
    """Show one person."""
    return subject_json(facecog().subject(str(subject_id)))


@api.patch("/subjects/<uuid:subject_id>")
@api.output(schemas.Subject)
def rename_subject(subject_id: str) -> ResponseReturnValue:
    """Rename a person."""
    return subject_json(facecog().rename_subject(str(subject_id), text_field("name")))


@api.delete("/subjects/<uuid:subject_id>")
@api.output({}, status_code=204)
def delete_subject(subject_id: str) -> ResponseReturnValue:
    """Forget a person with all samples."""
    facecog().delete_subject(str(subject_id))
    return ""


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
    return Response(facecog().crop(str(sample_id)), mimetype="image/jpeg")


@api.delete("/samples/<uuid:sample_id>")
@api.output({}, status_code=204)
def delete_sample(sample_id: str) -> ResponseReturnValue:
    """Forget one sample; its person stays."""
    facecog().delete_sample(str(sample_id))
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
    """Say that the server is alive, with what, and how many it knows."""
    subjects, samples = facecog().counts()
    return {
        "status": "ok",
        "version": version("facecog"),
        "model": facecog().model,
        "database": facecog().database,
        "subjects": subjects,
        "samples": samples,
    }


def _limit() -> int:
    text = request.args.get("limit", "100")
    # Python refuses to read a number of thousands of digits.
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidLimit(f"`limit` is a whole number from 1 to {MAX_PAGE}.")
    return int(text)
