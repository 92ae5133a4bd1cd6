"""The shapes of what the API answers, for the OpenAPI document; `facecog.wire` makes the values."""

from __future__ import annotations

import warnings
from typing import Any

from apiflask import Schema
from marshmallow.fields import Boolean, Dict, Float, Integer, List, Nested, String

from facecog.acting import Role

# A schema that stands both alone and inside another is registered twice under one name, which is
# what we mean; apispec warns of it.
warnings.filterwarnings("ignore", message=".*has already been added to the spec")


ROLES = [role.value for role in Role]


class Shape(Schema):
    """A shape that is described and not applied: tests/test_api.py holds the answers against it."""

    def dump(self, obj: Any, **_: Any) -> Any:
        return obj


class Size(Shape):
    width = Integer(metadata={"description": "Pixels of the upright image."})
    height = Integer()


class Box(Shape):
    x = Float(metadata={"description": "Left edge, in pixels of the upright image."})
    y = Float()
    width = Float()
    height = Float()


class Landmarks(Shape):
    right_eye = List(Float(), metadata={"description": "x, y; right is the person's own right."})
    left_eye = List(Float())
    nose = List(Float())
    mouth_right = List(Float())
    mouth_left = List(Float())


class Reason(Shape):
    code = String()
    message = String()


class Quality(Shape):
    ok = Boolean()
    measures = Dict(keys=String(), values=Float())
    reasons = List(Nested(Reason))


class Face(Shape):
    box = Nested(Box)
    landmarks = Nested(Landmarks)
    detection_score = Float()
    quality = Nested(Quality)


class Candidate(Shape):
    subject_id = String()
    name = String()
    sample_id = String()
    score = Float()


class IdentifiedFace(Face):
    decision = String(metadata={"enum": ["match", "unknown", "uncertain"]})
    reason = String(
        allow_none=True,
        metadata={"description": "Why it is uncertain: look_alikes or poor_quality."},
    )
    name = String(allow_none=True)
    subject_id = String(allow_none=True)
    score = Float(allow_none=True)
    threshold = Float()
    margin = Float(
        allow_none=True, metadata={"description": "Score above that of the second subject."}
    )
    candidates = List(Nested(Candidate), metadata={"description": "Best first."})


class Operation(Shape):
    model = String()
    threshold = Float(metadata={"description": "Cosine at or above which it is a match."})
    fpir = Float(
        allow_none=True,
        metadata={"description": "The promise: of strangers searched, the part that gets a name."},
    )
    fmr = Float(
        allow_none=True,
        metadata={
            "description": "False match rate of one comparison at the threshold; null: not known."
        },
    )
    raised_by = Float(
        metadata={"description": "By how much this gallery's own people raise the threshold."}
    )
    min_margin = Float(
        metadata={"description": "Two subjects that match are told apart from this margin on."}
    )
    calibration = String(metadata={"description": "What the rates were measured on."})


class Gallery(Shape):
    subjects = Integer()
    samples = Integer()


class Identification(Operation):
    name = String(
        allow_none=True, metadata={"description": "The best match in the photo, or null."}
    )
    image = Nested(Size)
    gallery = Nested(Gallery)
    faces = List(Nested(IdentifiedFace))


class Verification(Operation):
    same = Boolean()
    score = Float()
    faces = List(Nested(Face))
    images = List(Nested(Size))


class Detection(Shape):
    image = Nested(Size)
    faces = List(Nested(Face))


class Subject(Shape):
    id = String()
    name = String()
    created_at = String(metadata={"format": "date-time"})
    samples = Integer()
    cover = String(
        allow_none=True, metadata={"description": "Address of the crop of its oldest sample."}
    )
    expires_at = String(
        allow_none=True, metadata={"format": "date-time", "description": "Then it is erased."}
    )


class Sample(Shape):
    id = String()
    subject_id = String()
    created_at = String(metadata={"format": "date-time"})
    origin = String()
    quality = Dict(keys=String(), values=Float())
    url = String()


class Named(Shape):
    id = String()
    name = String()


class Change(Shape):
    id = String()
    kind = String(metadata={"enum": ["renamed", "moved", "merged", "removed", "deleted"]})
    at = String(metadata={"format": "date-time"})
    until = String(metadata={"format": "date-time", "description": "Then it is past undoing."})
    undone_at = String(allow_none=True, metadata={"format": "date-time"})
    subject = Nested(Named, metadata={"description": "Whom it happened to, as named then."})
    other = Nested(
        Named,
        allow_none=True,
        metadata={"description": "Whom samples went to; of one renamed, the new name."},
    )
    samples = Integer(metadata={"description": "How many went with it."})
    undoable = Boolean()


class ConsentPolicy(Shape):
    required = Boolean()
    text_version = String(metadata={"description": "What the text is called; empty: none."})
    purpose = String()


class Consent(Shape):
    id = String()
    text_version = String()
    purpose = String()
    how = String()
    given_at = String(metadata={"format": "date-time"})
    withdrawn_at = String(allow_none=True, metadata={"format": "date-time"})


class Consents(Shape):
    consents = List(Nested(Consent), metadata={"description": "Oldest first."})


class Retention(Shape):
    keep_days = Integer(allow_none=True)
    unseen_days = Integer(allow_none=True)
    due = Integer(metadata={"description": "How many would be erased now; 500 at most."})


OUTCOME = {"enum": ["done", "follows", "yours"]}


class Receipt(Shape):
    subjects = List(String(), metadata={"description": "Ids, of those merged into it too."})
    samples = List(String(), metadata={"description": "Ids."})
    templates = Integer()
    crops = Integer()
    consents = Integer()
    changes = Integer(metadata={"description": "That kept something of it for undoing."})
    at = String(metadata={"format": "date-time"})
    by = String()
    places = Dict(
        keys=String(),
        values=String(metadata=OUTCOME),
        metadata={"description": "Where something was: erased, will be, or yours to see to."},
    )


class Withdrawn(Consents):
    receipt = Nested(Receipt, allow_none=True)


NULL_CHANGE = {"description": "Null where nothing changed, or nothing is kept."}


class Changed(Shape):
    change = Nested(Change)


class ChangedSubject(Shape):
    subject = Nested(Subject)
    change = Nested(Change, allow_none=True, metadata=NULL_CHANGE)


class RenamedSubject(Subject):
    change = Nested(Change, allow_none=True, metadata=NULL_CHANGE)


class MovedSample(ChangedSubject):
    sample = Nested(Sample)


class Changes(Shape):
    changes = List(Nested(Change), metadata={"description": "Newest first."})
    next_cursor = String(allow_none=True)


class AuditLine(Shape):
    number = Integer(metadata={"description": "Lines are in the order of their numbers."})
    at = String(metadata={"format": "date-time"})
    action = String()
    actor = String(metadata={"description": "By id, as `account:...`; no name."})
    request_id = String(allow_none=True)
    collection_id = String(allow_none=True)
    subject_id = String(allow_none=True)
    details = Dict(metadata={"description": "Ids and numbers (docs/audit.md)."})
    hash = String()


class Audit(Shape):
    lines = List(Nested(AuditLine), metadata={"description": "Newest first."})
    next_cursor = String(allow_none=True)


class AuditCheck(Shape):
    whole = Boolean()
    fault = String(allow_none=True, metadata={"description": "Of the first line that is wrong."})
    lines = Integer()
    first = Integer()
    last = Integer()
    head = String(metadata={"description": "NUMBER:HASH of the last line; note it elsewhere."})
    keyed = Boolean(metadata={"description": "Whether hashes are made with the owner's key."})


class Enrolment(Shape):
    message = String()
    subject = Nested(Subject)
    sample = Nested(Sample)
    face = Nested(Face)
    image = Nested(Size)


class Collection(Shape):
    id = String()
    name = String()
    created_at = String(metadata={"format": "date-time"})
    subjects = Integer()


class Collections(Shape):
    collections = List(Nested(Collection))


class Subjects(Shape):
    subjects = List(Nested(Subject))
    next_cursor = String(allow_none=True)
    total = Integer(metadata={"description": "How many match `q`, on all pages together."})


class Samples(Shape):
    samples = List(Nested(Sample))
    next_cursor = String(allow_none=True)


class LookAlikePair(Shape):
    people = List(Nested(Candidate), metadata={"description": "Two of them."})
    score = Float()


class LookAlikes(Shape):
    pairs = List(Nested(LookAlikePair))


class OwnGallery(Shape):
    pairs = Integer(metadata={"description": "Comparisons of two registered people."})
    expected = Float(metadata={"description": "Part of them that reaches the calibration's level."})
    found = Float(allow_none=True, metadata={"description": "The same here; null when too few."})


class Promise(Operation):
    gallery = Nested(Gallery)
    own_gallery = Nested(OwnGallery)


class Inference(Shape):
    precision = String()
    runtime = String()
    providers = List(String())


class Health(Shape):
    status = String()
    version = String()


class Ready(Health):
    model = String()
    inference = Nested(Inference)
    database = String()
    collections = Integer()
    subjects = Integer()
    samples = Integer()
    templates = Integer(metadata={"description": "Of the model in use: what is searched."})


class Account(Shape):
    id = String()
    name = String()
    role = String(metadata={"enum": ROLES})
    created_at = String(metadata={"format": "date-time"})
    seen_at = String(
        allow_none=True, metadata={"format": "date-time", "description": "When last signed in."}
    )


class Accounts(Shape):
    accounts = List(Nested(Account))


class Key(Shape):
    id = String()
    name = String()
    role = String(metadata={"enum": ROLES})
    collection_id = String(
        allow_none=True, metadata={"description": "The only one that it opens; null: all."}
    )
    created_at = String(metadata={"format": "date-time"})
    expires_at = String(allow_none=True, metadata={"format": "date-time"})
    revoked_at = String(allow_none=True, metadata={"format": "date-time"})
    used_at = String(
        allow_none=True, metadata={"format": "date-time", "description": "To the minute."}
    )


class NewKey(Key):
    key = String(metadata={"description": "Shown this once."})


class Keys(Shape):
    keys = List(Nested(Key))


class Session(Shape):
    kind = String(metadata={"enum": ["account", "key", "code", "local", "open"]})
    id = String(allow_none=True, metadata={"description": "Of the account or the key."})
    name = String(allow_none=True, metadata={"description": "Of the account."})
    role = String(metadata={"enum": ROLES})
    collection_id = String(allow_none=True)
    permissions = List(String())
