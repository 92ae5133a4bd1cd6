"""Pictures as clients send them: what each gives is for the test client, `post(path, **body)`."""

from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import quote, urlencode

from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

FORM = "application/x-www-form-urlencoded"


def multipart(**fields: str | bytes) -> dict[str, Any]:
    """Text, and bytes as files. Made in memory: Flask's own client leaves a large one open."""
    values = {
        name: FileStorage(io.BytesIO(value), "photo") if isinstance(value, bytes) else value
        for name, value in fields.items()
    }
    boundary, body = encode_multipart(values)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def form(**fields: str | bytes) -> dict[str, Any]:
    """A form with each picture as a base64 data URL, URL-encoded."""
    return {"data": urlencode(_as_text(fields)), "content_type": FORM}


def raw_form(**fields: str | bytes) -> dict[str, Any]:
    """The same as a page sends it that forgets to URL-encode: a plus sign reads as a space."""
    pairs = [f"{name}={value}" for name, value in _as_text(fields).items()]
    return {"data": "&".join(pairs), "content_type": FORM}


def form_encoded_twice(**fields: str | bytes) -> dict[str, Any]:
    """The same as a page sends it that encodes a picture before its form does."""
    texts = {
        name: quote(text, safe="") if text.startswith("data:") else text
        for name, text in _as_text(fields).items()
    }
    return {"data": urlencode(texts), "content_type": FORM}


def as_json(**fields: str | bytes) -> dict[str, Any]:
    """JSON with each picture as a base64 data URL."""
    return {"json": _as_text(fields)}


def data_url(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def _as_text(fields: dict[str, str | bytes]) -> dict[str, str]:
    return {
        name: data_url(value) if isinstance(value, bytes) else value
        for name, value in fields.items()
    }
