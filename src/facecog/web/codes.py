"""Codes that are typed from where facecog was started: of `--lan`, and of the first run."""

from __future__ import annotations

import hmac
import secrets

# Without I, L, O, U, 0 and 1: eight of these are 30^8, 39 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8


def new_code() -> str:
    """Eight characters that nobody takes for others, as K7QM-2MXP."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def is_code(typed: str, code: str) -> bool:
    return hmac.compare_digest(_bare(typed).encode(), _bare(code).encode())


def _bare(code: str) -> str:
    """As it is compared: without dashes, spaces and small letters."""
    return "".join(filter(str.isalnum, code[:100])).upper()
