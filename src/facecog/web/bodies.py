"""How large a request's body may be: as large as pictures where those are taken, else small.

It is known before the body is read, of all but those that come in chunks.
"""

from __future__ import annotations

from flask import Flask, Request

from facecog.config import Settings
from facecog.errors import TooLarge
from facecog.web import early

# Base64 and URL-encoding make a picture half as large again, and verify takes two.
PER_PICTURE_BYTE = 3
BESIDE_PICTURES = 100_000
LARGER = "The request is larger than this server takes."

TAKE_PICTURES = frozenset(
    {
        "/api/register",
        "/api/recognise",
        "/api/verify",
        "/api/detect",
        "/register",
        "/recognise",
    }
)


def body_limit(settings: Settings) -> int:
    """The largest request body, in bytes."""
    return settings.max_bytes * PER_PICTURE_BYTE + BESIDE_PICTURES


def install(app: Flask, settings: Settings) -> None:
    largest = body_limit(settings)

    def check(asking: Request) -> None:
        """Raises: TooLarge."""
        limit = largest if asking.path in TAKE_PICTURES else BESIDE_PICTURES
        asking.max_content_length = limit  # of chunks, when they are read
        if (asking.content_length or 0) > limit:
            raise TooLarge(LARGER)

    early.add(app, check)
