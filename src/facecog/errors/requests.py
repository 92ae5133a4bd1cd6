"""Refusals of what is asked, and of how, whatever it is about."""

from __future__ import annotations

from facecog.errors.tree import FacecogError, InvalidInput


class InvalidCursor(InvalidInput):
    """A paging cursor that facecog did not give out."""

    code = "invalid_cursor"


class InvalidLimit(InvalidInput):
    """The length asked for a page is not one that facecog gives."""

    code = "invalid_limit"


class InvalidSort(InvalidInput):
    """An order that facecog does not list people in."""

    code = "invalid_sort"


class InvalidSize(InvalidInput):
    """A picture is not given in this size."""

    code = "invalid_size"


class InvalidFilter(InvalidInput):
    """Something to look for in the audit that cannot be read."""

    code = "invalid_filter"


class MalformedRequest(InvalidInput):
    """The request itself cannot be read."""

    code = "malformed_request"


class MissingField(MalformedRequest):
    """A field that the request needs is not in it."""

    code = "missing_field"


class MalformedBase64(MalformedRequest):
    """A picture that was sent as text is not base64."""

    code = "malformed_base64"


class MalformedJson(MalformedRequest):
    """The body says it is JSON and is not, or is not an object."""

    code = "malformed_json"


class UnsupportedMediaType(InvalidInput):
    """The body is of a content type that is not taken here."""

    code = "unsupported_media_type"


class CrossOrigin(FacecogError):
    """Another web site's page tried to use this facecog through its visitor's browser."""

    code = "cross_origin"


class HostNotAllowed(FacecogError):
    """The request is for a host name that is not known to be one of this facecog."""

    code = "host_not_allowed"


class TooManyRequests(FacecogError):
    """A client has sent so many requests that no more are taken for some `seconds`."""

    code = "too_many_requests"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
