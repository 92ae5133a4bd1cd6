"""Register and recognise without a script: a form that sends one photo, and a page that answers."""

from __future__ import annotations

import base64
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue

from facecog.errors import FacecogError, MissingField, MixedUp
from facecog.image import decode, encode_jpeg
from facecog.web.current import facecog
from facecog.web.errors import headers_of, note, status_of
from facecog.web.gate import picture_turn
from facecog.web.metrics import count_decisions
from facecog.web.texts import language
from facecog.web.uploads import agreed_field, flag, photo_field, text_field

plain = APIBlueprint("plain", __name__, enable_openapi=False)

CARRIED = 4_000_000  # bytes: with a larger photo the question asks for it again
SHOWN = 800  # pixels of the longer side


@plain.post("/register")
def register() -> ResponseReturnValue:
    """Register the photo; ask on a page where face and name do not go together."""
    photo = b""
    try:
        photo = _photo()
        name = text_field("name")
        duplicate, mismatch = flag("allow_duplicate"), flag("allow_mismatch")
        with picture_turn():
            enrolment = facecog().enrol(
                name, photo, "photo", None, duplicate, mismatch, agreed_field()
            )
    except MixedUp as error:
        note(error)
        carried = _data_url(photo) if len(photo) <= CARRIED else None
        return _page("register", question=error, photo=carried), status_of(error)
    except FacecogError as error:
        note(error)
        return _page("register", refusal=error), status_of(error), headers_of(error)
    return _page("register", enrolment=enrolment), 201 if enrolment.added else 200


@plain.post("/recognise")
def recognise() -> ResponseReturnValue:
    """Say who is in the photo, on a page."""
    try:
        photo = _photo()
        with picture_turn():
            found, picture = facecog().identify(photo), _picture(photo)
        count_decisions(found)
    except FacecogError as error:
        note(error)
        return _page("recognise", refusal=error), status_of(error), headers_of(error)
    return _page("recognise", found=found, picture=picture)


def _page(task: str, **shown: Any) -> str:
    name = request.form.get("name", "")
    shown |= {"consent": facecog().consents.policy(), "consented": request.form.get("consent")}
    return render_template("plain.html", task=task, name=name, score=_score, **shown)


def _photo() -> bytes:
    photo = photo_field()
    if not photo:  # a form whose file was not chosen
        raise MissingField("The field `image` is missing.")
    return photo


def _picture(photo: bytes) -> str | None:
    """The photo as any browser can show it, upright and small; None when it cannot be had."""
    try:
        return _data_url(encode_jpeg(decode(photo).image, SHOWN))
    except FacecogError:
        return None


def _data_url(photo: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"


def _score(value: float) -> str:
    text = f"{value:.2f}".replace("-0.00", "0.00")
    return text.replace(".", ",") if language() == "de" else text
