"""Passwords: what one may be, and its hash (argon2id, RFC 9106)."""

from __future__ import annotations

import unicodedata
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from facecog.errors import Busy, InvalidPassword

SHORTEST, LONGEST = 10, 200  # characters
# Each takes 64 MiB, so few are computed at once, and nobody waits for long.
AT_ONCE = 2
PATIENCE = 5  # seconds

hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_turns = BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """Raises: InvalidPassword, Busy."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidPassword(f"A password has {SHORTEST} to {LONGEST} characters.")
    with _Turn():
        return hasher.hash(_bytes(password))


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the one of this hash. Where there is none it takes as long, and it is not.

    Raises:
        Busy.
    """
    with _Turn():
        nobodys = _nobodys()  # first, so that the first of all takes as long for either too
        try:
            return hasher.verify(kept or nobodys, _bytes(password[: LONGEST + 1])) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return hasher.hash(b"of nobody")


def _bytes(password: str) -> bytes:
    """As it was meant, however a keyboard composes it."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")


class _Turn:
    def __enter__(self) -> None:
        if not _turns.acquire(timeout=PATIENCE):
            raise Busy("Too many passwords are being checked. Try again in a moment.", PATIENCE)

    def __exit__(self, *_: object) -> None:
        _turns.release()
