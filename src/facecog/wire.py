"""The nouns as plain JSON values: one shape for the API, the command line and the pages."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from facecog.domain import (
    Account,
    ApiKey,
    AuditCheck,
    AuditLine,
    Candidate,
    Change,
    Collection,
    Consent,
    Detection,
    Enrolment,
    Face,
    GallerySize,
    Identification,
    IdentifiedFace,
    LookAlikes,
    Operation,
    PixelSize,
    Quality,
    Receipt,
    Sample,
    Subject,
    Verification,
)

if TYPE_CHECKING:
    from facecog.thresholds import InForce

Json = dict[str, Any]

LANDMARKS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")


def collection_json(collection: Collection) -> Json:
    return {
        "id": collection.id,
        "name": collection.name,
        "created_at": _time(collection.created_at),
        "subjects": collection.subjects,
    }


def subject_json(subject: Subject) -> Json:
    return {
        "id": subject.id,
        "name": subject.name,
        "created_at": _time(subject.created_at),
        "samples": subject.samples,
        "cover": crop_url(subject.cover) if subject.cover else None,
        "expires_at": _time(subject.expires_at) if subject.expires_at else None,
    }


def change_json(change: Change) -> Json:
    return {
        "id": change.id,
        "kind": change.kind.value,
        "at": _time(change.at),
        "until": _time(change.until),
        "undone_at": _time(change.undone_at) if change.undone_at else None,
        "subject": change.subject._asdict(),
        "other": change.other._asdict() if change.other else None,
        "samples": change.samples,
        "undoable": change.undoable,
    }


def account_json(account: Account) -> Json:
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role.value,
        "created_at": _time(account.created_at),
        "seen_at": _time_or_null(account.seen_at),
    }


def key_json(key: ApiKey) -> Json:
    """Without its secret, which nobody has any more."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "collection_id": key.collection,
        "created_at": _time(key.created_at),
        "expires_at": _time_or_null(key.expires_at),
        "revoked_at": _time_or_null(key.revoked_at),
        "used_at": _time_or_null(key.used_at),
    }


def change_or_null(change: Change | None) -> Json | None:
    """Null where nothing is kept, so that there is nothing to undo."""
    return change_json(change) if change else None


def audit_line_json(line: AuditLine) -> Json:
    return {
        "number": line.number,
        "at": line.at.isoformat(timespec="microseconds"),  # as it is hashed
        "action": line.action,
        "actor": line.actor,
        "request_id": line.request_id,
        "collection_id": line.collection_id,
        "subject_id": line.subject_id,
        "details": line.details,
        "hash": line.hash,
    }


def audit_check_json(check: AuditCheck) -> Json:
    return {
        "whole": check.fault is None,
        "fault": check.fault,
        "lines": check.lines,
        "first": check.first,
        "last": check.last,
        "head": f"{check.last}:{check.head}",
        "keyed": check.keyed,
    }


def crop_url(sample_id: str) -> str:
    return f"/api/samples/{sample_id}.jpg"


def sample_json(sample: Sample) -> Json:
    return {
        "id": sample.id,
        "subject_id": sample.subject_id,
        "created_at": _time(sample.created_at),
        "origin": sample.origin,
        "quality": sample.quality,
        "url": crop_url(sample.id),
    }


def face_json(face: Face) -> Json:
    """Box and landmarks in pixels of the upright picture."""
    x, y, width, height = (round(value, 1) for value in face.box)
    return {
        "box": {"x": x, "y": y, "width": width, "height": height},
        "landmarks": {
            name: [round(float(value), 1) for value in point]
            for name, point in zip(LANDMARKS, face.landmarks, strict=True)
        },
        "detection_score": round(face.detection_score, 4),
        "quality": _quality(face.quality),
    }


def enrolment_json(enrolment: Enrolment) -> Json:
    return {
        # The first is what the original facecog answers.
        "message": "Registered Successfully" if enrolment.added else "Already registered",
        "subject": subject_json(enrolment.subject),
        "sample": sample_json(enrolment.sample),
        "face": face_json(enrolment.face),
        "image": size_json(enrolment.size),
    }


def identification_json(identification: Identification, nearest: bool = True) -> Json:
    """
    Args:
        nearest: also name those who are nearest and do not reach the threshold.
    """
    best = identification.best
    return {
        "name": best.name if best else None,
        "image": size_json(identification.size),
        **_operation(identification.operation),
        "gallery": gallery_json(identification.gallery),
        "faces": [_identified(face, nearest) for face in identification.faces],
    }


def verification_json(verification: Verification) -> Json:
    return {
        "same": verification.same,
        "score": round(verification.score, 4),
        **_operation(verification.operation),
        "faces": [face_json(face) for face in verification.faces],
        "images": [size_json(size) for size in verification.sizes],
    }


def detection_json(detection: Detection) -> Json:
    return {
        "image": size_json(detection.size),
        "faces": [face_json(face) for face in detection.faces],
    }


def size_json(size: PixelSize) -> Json:
    return {"width": size.width, "height": size.height}


def _identified(found: IdentifiedFace, nearest: bool) -> Json:
    named = [one for one in found.candidates if nearest or one.score >= found.threshold]
    return {
        **face_json(found.face),
        "decision": found.decision.value,
        "reason": found.reason,
        "name": found.match.name if found.match else None,
        "subject_id": found.match.subject_id if found.match else None,
        "score": None if found.score is None else round(found.score, 4),
        "threshold": rounded(found.threshold),
        "margin": None if found.margin is None else round(found.margin, 4),
        "candidates": [candidate_json(candidate) for candidate in named],
    }


def candidate_json(candidate: Candidate) -> Json:
    return {
        "subject_id": candidate.subject_id,
        "name": candidate.name,
        "sample_id": candidate.sample_id,
        "score": round(candidate.score, 4),
    }


def promise_json(force: InForce, gallery: GallerySize) -> Json:
    own = force.own
    return {
        **_operation(force.operation),
        "gallery": gallery_json(gallery),
        "own_gallery": {
            "pairs": own.pairs,
            "expected": own.expected,
            "found": None if math.isnan(own.found) else round(own.found, 5),
        },
    }


def consent_json(consent: Consent) -> Json:
    return {
        "id": consent.id,
        "text_version": consent.text_version,
        "purpose": consent.purpose,
        "how": consent.how,
        "given_at": _time(consent.given_at),
        "withdrawn_at": _time(consent.withdrawn_at) if consent.withdrawn_at else None,
    }


def receipt_json(receipt: Receipt) -> Json:
    return {
        "subjects": list(receipt.subjects),
        "samples": list(receipt.samples),
        "templates": receipt.templates,
        "crops": receipt.crops,
        "consents": receipt.consents,
        "changes": receipt.changes,
        "at": _time(receipt.at),
        "by": receipt.by,
        "places": dict(receipt.places),
    }


def look_alikes_json(pair: LookAlikes) -> Json:
    return {"people": [candidate_json(one) for one in pair.people], "score": round(pair.score, 4)}


def gallery_json(gallery: GallerySize) -> Json:
    return {"subjects": gallery.subjects, "samples": gallery.samples}


def _operation(operation: Operation) -> Json:
    return {
        "model": operation.model,
        "threshold": rounded(operation.threshold),
        "fpir": operation.fpir,
        "fmr": None if operation.fmr is None else float(f"{operation.fmr:.3g}"),
        "raised_by": rounded(operation.raised_by),
        "min_margin": rounded(operation.min_margin),
        "calibration": operation.calibration,
    }


def rounded(threshold: float) -> float:
    """Up, so that a score that prints as the threshold is one that reaches it."""
    return math.ceil(threshold * 1e4 - 1e-6) / 1e4


def _quality(quality: Quality) -> Json:
    return {
        "ok": quality.ok,
        "measures": quality.measures,
        "reasons": [{"code": r.code, "message": r.message} for r in quality.reasons],
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_or_null(moment: datetime | None) -> str | None:
    return _time(moment) if moment else None
