"""What a request asked for, in words of facecog's own: for logs and metrics.

Whatever else stands in an address or takes the place of a method is a client's, and may be a name.
"""

from __future__ import annotations

import re
from functools import cache
from uuid import UUID

from flask import request

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"


def method() -> str:
    return request.method if request.method in METHODS else OTHER


def route() -> str:
    """The address as docs/api.md writes it, `/api/subjects/{subject_id}`."""
    rule = request.url_rule
    if rule is None:
        return OTHER
    return "/static" if request.endpoint == "static" else _words(rule.rule)


def place() -> str:
    """The path where nothing but ids stands in it, and else the route."""
    ids = all(isinstance(value, UUID) for value in (request.view_args or {}).values())
    return request.path if request.url_rule and ids else route()


@cache
def _words(rule: str) -> str:
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)
