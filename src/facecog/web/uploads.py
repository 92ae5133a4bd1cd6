"""Reading what clients send: forms with a base64 data URL, JSON, or multipart with the file."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pybase64
from flask import Request, g, request
from werkzeug.exceptions import BadRequest

from facecog.domain import Agreed
from facecog.errors import (
    InvalidRetention,
    MalformedBase64,
    MalformedJson,
    MalformedRequest,
    MissingField,
    SubjectNotFound,
    UnsupportedMediaType,
)
from facecog.web.forms import URLENCODED, Forms

MOST_VALUES = 1_000  # of JSON; a registration has ten
UNSAID = "not said"  # how somebody consented
FORMS = (URLENCODED, "multipart/form-data")


class Upload(Request):
    """A request whose files stay in memory: MAX_CONTENT_LENGTH bounds them, and a disk is slower.

    Otherwise a file of more than 500 kB is written to a temporary one and read back.
    """

    form_data_parser_class = Forms

    def _get_file_stream(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO()


def text_field(name: str) -> str:
    """A field of text. Raises: MissingField, MalformedJson, UnsupportedMediaType."""
    value = _fields().get(name)
    if value is None:
        raise MissingField(f"The field `{name}` is missing.")
    if not isinstance(value, str):
        raise MalformedJson(f"The field `{name}` is not text.")
    return value


def optional_field(name: str) -> str | None:
    """A field of text that may be left out. Raises: MalformedJson, UnsupportedMediaType."""
    return text_field(name) if name in _fields() else None


def flag(name: str) -> bool:
    """A yes or no that may be left out, then no: JSON true, or "true" or "1" in a form.

    Raises:
        MalformedJson, UnsupportedMediaType.
    """
    value = _fields().get(name, False)
    if value in (True, "true", "1"):
        return True
    if value in (False, "false", "0", ""):
        return False
    raise MalformedJson(f"The field `{name}` is true or false.")


def agreed_field() -> Agreed | None:
    """That the person consents: `consent`, the text's version, which may be left out, and how."""
    text = optional_field("consent")
    return Agreed(text, optional_field("consent_how") or UNSAID) if text else None


def days_field(name: str) -> int | None:
    """A whole number that may be null. Raises: MissingField, MalformedJson, InvalidRetention."""
    days = rate_field(name)
    if days is not None and not days.is_integer():
        raise InvalidRetention(f"`{name}` is a whole number of days, or null.")
    return None if days is None else int(days)


def moment_field(name: str) -> datetime | None:
    """A day or a moment (ISO 8601, without a zone UTC) that may be null or empty.

    Raises:
        MissingField, MalformedJson, InvalidRetention.
    """
    fields = _fields()
    if name not in fields:
        raise MissingField(f"The field `{name}` is missing.")
    if fields[name] in (None, ""):
        return None
    try:
        return moment_of(text_field(name))
    except (ValueError, OverflowError):
        raise InvalidRetention(f"`{name}` is a day such as 2027-12-31, or null.") from None


def moment_of(text: str) -> datetime:
    """Raises: ValueError, OverflowError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def id_field(name: str) -> str | None:
    """A UUID that may be left out; something else is the id of nobody.

    Raises:
        SubjectNotFound, MalformedJson, UnsupportedMediaType.
    """
    text = optional_field(name)
    try:
        return text and str(UUID(text))
    except ValueError:
        raise SubjectNotFound("There is nobody with this id.") from None


def point_field(name: str) -> tuple[float, float] | None:
    """A point "x,y" that may be left out, both from 0 to 1.

    Raises:
        MalformedRequest, UnsupportedMediaType.
    """
    text = optional_field(name)
    if not text:
        return None
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = math.nan
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise MalformedRequest(f"The field `{name}` is x,y with both from 0 to 1.")
    return x, y


def rate_field(name: str) -> float | None:
    """A number that may be null. Raises: MissingField, MalformedJson, UnsupportedMediaType."""
    fields = _fields()
    if name not in fields:
        raise MissingField(f"The field `{name}` is missing.")
    value = fields[name]
    if value in (None, ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise MalformedJson(f"The field `{name}` is a number or null.") from None


def photo_field(name: str = "image") -> bytes:
    """The bytes of a picture, sent as a file or as a base64 data URL.

    Raises:
        MissingField, MalformedBase64, MalformedJson, UnsupportedMediaType.
    """
    if name in request.files:
        data: bytes = request.files[name].read()
        return data
    return _from_base64(text_field(name), name)


def _fields() -> Mapping[str, Any]:
    if request.mimetype in FORMS:
        return request.form
    if "fields" not in g:
        g.fields = _json_object()
    fields: Mapping[str, Any] = g.fields
    return fields


def _json_object() -> dict[str, Any]:
    if not request.is_json:
        raise UnsupportedMediaType("Send a form, multipart/form-data or JSON.")
    # Before it is parsed: a value takes up to a hundred times the two bytes that say it.
    if sum(map(request.get_data().count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise MalformedJson(f"The body has more than {MOST_VALUES:,} values.")
    try:
        body = request.get_json()
    except (BadRequest, RecursionError):
        raise MalformedJson("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise MalformedJson("The body is not a JSON object.")
    return body


def _from_base64(text: str, name: str) -> bytes:
    """Decode a data URL, or bare base64. Raises: MalformedBase64, MissingField."""
    try:
        try:
            data = _decoded(text)
        except ValueError:
            data = _decoded(_mended(text))
    except ValueError:
        raise MalformedBase64(f"The field `{name}` is not a picture in base64.") from None
    if not data:
        raise MissingField(f"The field `{name}` holds no picture.")
    return data


def _decoded(text: str) -> bytes:
    """What stands behind the last comma. Raises: ValueError."""
    return pybase64.b64decode(text[text.rfind(",") + 1 :], validate=True)


def _mended(text: str) -> str:
    """A form that was not URL-encoded has spaces for plus signs, one encoded twice has %2B.

    Lines may be broken, and senders drop the padding as often as they send it.
    """
    text = unquote(text) if "%" in text else text
    encoded = "".join(text[text.rfind(",") + 1 :].replace(" ", "+").split()).rstrip("=")
    return encoded + "=" * (-len(encoded) % 4)
