"""What people may ask of whoever keeps their faces: consent, an end, a copy, to be erased."""

from __future__ import annotations

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response
from flask.typing import ResponseReturnValue

from facecog.domain import ConsentPolicy, RetentionPolicy
from facecog.errors import MissingField
from facecog.web import schemas
from facecog.web.current import facecog
from facecog.web.uploads import agreed_field, days_field, flag, moment_field, optional_field
from facecog.wire import consent_json, receipt_json, subject_json

rights = APIBlueprint("rights", __name__, url_prefix="/api", tag="facecog")


@rights.post("/subjects/<uuid:subject_id>/erase")
@rights.output(schemas.Receipt)
def erase_subject(subject_id: str) -> ResponseReturnValue:
    """Erase a person beyond undoing, with what earlier changes keep; a receipt is answered."""
    return receipt_json(facecog().erasure.erase(str(subject_id)))


@rights.get("/subjects/<uuid:subject_id>/export")
@rights.doc(responses={200: "A zip."})
def export_subject(subject_id: str) -> ResponseReturnValue:
    """Give everything that is held on a person, as a zip of JSON and pictures."""
    parts = facecog().export.of(str(subject_id))
    said = {
        "Content-Disposition": f'attachment; filename="facecog-{subject_id}.zip"',
        "Cache-Control": "no-store",
    }
    return Response(parts, mimetype="application/zip", headers=said)


@rights.put("/subjects/<uuid:subject_id>/expiry")
@rights.output(schemas.Subject)
def change_expiry(subject_id: str) -> ResponseReturnValue:
    """Say when a person is erased; null: by no date of their own."""
    facecog().retention.set_expiry(str(subject_id), moment_field("expires_at"))
    return subject_json(facecog().subject(str(subject_id)))


@rights.get("/subjects/<uuid:subject_id>/consent")
@rights.output(schemas.Consents)
def list_consents(subject_id: str) -> ResponseReturnValue:
    """List what a person consented to, and what they took back."""
    return _consents(str(subject_id))


@rights.post("/subjects/<uuid:subject_id>/consent")
@rights.output(schemas.Consents)
def give_consent(subject_id: str) -> ResponseReturnValue:
    """Note that a person consents."""
    agreed = agreed_field()
    if agreed is None:
        raise MissingField("The field `consent` is missing.")
    facecog().consents.give(str(subject_id), agreed)
    return _consents(str(subject_id))


@rights.delete("/subjects/<uuid:subject_id>/consent")
@rights.output(schemas.Withdrawn)
def withdraw_consent(subject_id: str) -> ResponseReturnValue:
    """Take back a person's consent; where it is required, the person is erased."""
    receipt = facecog().consents.withdraw(str(subject_id))
    if receipt:
        return {"consents": [], "receipt": receipt_json(receipt)}
    return {**_consents(str(subject_id)), "receipt": None}


@rights.get("/consent")
@rights.output(schemas.ConsentPolicy)
def show_consent() -> ResponseReturnValue:
    """Show whether people must consent, and to what."""
    return asdict(facecog().consents.policy())


@rights.put("/consent")
@rights.output(schemas.ConsentPolicy)
def change_consent() -> ResponseReturnValue:
    """Say whether people must consent, to which version of which text, and for what purpose."""
    text, purpose = optional_field("text_version") or "", optional_field("purpose") or ""
    return asdict(facecog().consents.set_policy(ConsentPolicy(flag("required"), text, purpose)))


@rights.get("/retention")
@rights.output(schemas.Retention)
def show_retention() -> ResponseReturnValue:
    """Show for how long people are kept."""
    return _retention()


@rights.put("/retention")
@rights.output(schemas.Retention)
def change_retention() -> ResponseReturnValue:
    """Say for how long people are kept; null: however long. Who is due is erased soon."""
    policy = RetentionPolicy(days_field("keep_days"), days_field("unseen_days"))
    facecog().retention.set_policy(policy)
    return _retention()


def _consents(subject_id: str) -> dict[str, object]:
    return {"consents": [consent_json(one) for one in facecog().consents.of(subject_id)]}


def _retention() -> dict[str, object]:
    retention = facecog().retention
    return {**asdict(retention.policy()), "due": len(retention.due())}
