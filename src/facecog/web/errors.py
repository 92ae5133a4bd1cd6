"""Refusal -> HTTP answer, once: a problem body (RFC 9457) with a stable `code`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from facecog.errors import (
    AccessCodeNeeded,
    AccessCodeWrong,
    AccessNeeded,
    AccessNotSetUp,
    ApiKeyWrong,
    Busy,
    CannotUndo,
    Conflict,
    ConsentNeeded,
    CropLost,
    CrossOrigin,
    DatabaseBusy,
    FacecogError,
    FaceRefused,
    HostNotAllowed,
    InvalidInput,
    LowQuality,
    MalformedRequest,
    MixedUp,
    NotAllowed,
    NotFound,
    NotReady,
    SealedValueDamaged,
    TooLarge,
    TooManyAttempts,
    TooManyPixels,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
    WrongPassword,
)
from facecog.wire import candidate_json, face_json, rounded, size_json

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {
    InvalidInput: 422,
    MalformedRequest: 400,
    UnsupportedMediaType: 415,
    TooLarge: 413,
    TooManyPixels: 413,
    AccessCodeNeeded: 401,
    AccessNeeded: 401,
    WrongPassword: 403,
    AccessNotSetUp: 403,
    CrossOrigin: 403,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    HostNotAllowed: 421,
    TooManyAttempts: 429,
    TooManyRequests: 429,
    SealedValueDamaged: 500,
    Unavailable: 503,
}

# What the HTTP layer refuses by itself, in words that help.
HTTP_DETAIL = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is larger than this server takes."),
    415: ("unsupported_media_type", "Send a form, multipart/form-data or JSON."),
}
INTERNAL = ("internal_error", "Something went wrong here. It has been logged.")
# Of commands and of the start.
NEVER_ANSWERED = (
    "invalid_setting",
    "invalid_certificate",
    "invalid_card",
    "invalid_dataset",
    "calibration_not_found",
    "extra_missing",
    "legacy_home",
    "not_encrypted",
    "invalid_backup",
    "backup_damaged",
    "backup_too_new",
    "home_in_use",
    "home_not_empty",
    "crop_missing",
)


def install(app: Flask) -> None:
    """Answer every error of `app` here."""
    app.register_error_handler(FacecogError, _refusal)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def status_of(error: FacecogError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refusals() -> list[tuple[int, str, str]]:
    """What the API may refuse: status, code and meaning, by status."""
    rows = {code: (status, code, detail) for status, (code, detail) in HTTP_DETAIL.items()}
    rows[INTERNAL[0]] = (500, *INTERNAL)
    for kind in _kinds(FacecogError):
        if kind.code not in NEVER_ANSWERED:
            status = next(STATUS[base] for base in kind.__mro__ if base in STATUS)
            rows[kind.code] = (status, kind.code, (kind.__doc__ or "").partition("\n")[0])
    return sorted(rows.values())


def _kinds(parent: type[FacecogError]) -> Iterator[type[FacecogError]]:
    """The refusals with a code of their own."""
    for kind in parent.__subclasses__():
        if "code" in vars(kind) and kind.__module__.startswith("facecog.errors."):
            yield kind
        yield from _kinds(kind)


def code_and_detail(status: int) -> tuple[str, str]:
    """What is said of a status that HTTP itself gives."""
    title = HTTPStatus(status).phrase
    return HTTP_DETAIL.get(status, (title.lower().replace(" ", "_"), f"{title}."))


def problem(status: int, code: str, detail: str, request_id: str | None) -> dict[str, Any]:
    """The body of RFC 9457."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }


def note(error: FacecogError) -> None:
    """Let metrics and log know of a refusal, and the operator of a breakdown."""
    g.refused = error.code
    if isinstance(error, (Unavailable, CropLost)) and not isinstance(error, Busy):
        log.warning("%s: %s%s", error.code, error, _cause(error))


def _cause(error: FacecogError) -> str:
    """The first line of what a database or the system said; SQLAlchemy's own shows more."""
    cause = getattr(error.__cause__, "orig", error.__cause__)
    lines = str(cause).splitlines() if cause else []
    return f" ({lines[0]})" if lines else ""


def _refusal(error: FacecogError) -> ResponseReturnValue:
    note(error)
    answer = _answer(status_of(error), error.code, str(error), **_extras(error))
    answer.headers.update(headers_of(error))
    return answer


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    g.refused = code_and_detail(status)[0]
    answer = _answer(status, *code_and_detail(status))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value  # Allow, Retry-After, Location
    return answer


def _bug(error: Exception) -> ResponseReturnValue:
    g.refused = INTERNAL[0]
    log.error("request %s failed", g.get("request_id"), exc_info=error)
    return _answer(500, *INTERNAL)


def headers_of(error: FacecogError) -> dict[str, str]:
    """What HTTP itself says of a refusal (RFC 6750, RFC 9110)."""
    if isinstance(error, (TooManyAttempts, TooManyRequests, Busy, DatabaseBusy)):
        return {"Retry-After": str(error.seconds)}
    if isinstance(error, (AccessCodeWrong, ApiKeyWrong)):
        return {"WWW-Authenticate": 'Bearer realm="facecog", error="invalid_token"'}
    if isinstance(error, (AccessCodeNeeded, AccessNeeded)):
        return {"WWW-Authenticate": 'Bearer realm="facecog"'}
    return {}


def _extras(error: FacecogError) -> dict[str, Any]:
    """What a page needs to draw the refusal on the photo, and to say it in its own language."""
    extras: dict[str, Any] = {}
    if isinstance(error, (FaceRefused, MixedUp)):
        extras["image"] = size_json(error.size)
        extras["faces"] = [face_json(face) for face in error.faces]
    if isinstance(error, MixedUp):
        extras["subject"] = candidate_json(error.candidate)
        extras["threshold"] = rounded(error.threshold)
    if isinstance(error, CannotUndo):
        extras["obstacle"], extras["names"] = error.obstacle, error.names
    if isinstance(error, NotReady):
        extras["parts"] = error.parts
    if isinstance(error, ConsentNeeded):
        extras["consent"] = {"text_version": error.text_version, "purpose": error.purpose}
    if isinstance(error, LowQuality):
        extras["reasons"] = [reason.code for reason in error.quality.reasons]
    return extras


def _answer(status: int, code: str, detail: str, **extras: Any) -> Response:
    if wants_page():
        page = render_template("error.html", status=status, code=code, detail=detail)
        return Response(page, status, mimetype="text/html")
    answer = jsonify({**problem(status, code, detail, g.get("request_id")), **extras})
    answer.status_code = status
    answer.mimetype = "application/problem+json"
    return answer


def wants_page() -> bool:
    """Whether a person's browser asked, and not a program."""
    accepts = request.accept_mimetypes
    html_first = accepts["text/html"] > accepts["application/json"]
    return html_first and not request.path.startswith("/api/")
