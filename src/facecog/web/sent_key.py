"""The key or code that a program sends with a request."""

from __future__ import annotations

from flask import Request

API_KEY = "X-Api-Key"


def sent_key(asking: Request) -> str:
    """`Authorization: Bearer ...`, or else `X-Api-Key: ...`; empty where there is neither."""
    kind, _, value = asking.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return asking.headers.get(API_KEY, "").strip()
