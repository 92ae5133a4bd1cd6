"""How values are stored: as they are, or sealed with AES-256-GCM (docs/privacy.md).

Each collection has a random key of its own, and is kept with it only wrapped: sealed by the master
key, which is the owner's. Where a value belongs, its table, column and row, is its associated data,
so that one that was altered or put elsewhere is refused.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection

from facecog.errors import KeyMissing, KeyWrong, SealedValueDamaged

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = b"\x01"  # the first byte of whatever is sealed
MARK = "\x01"  # the same of a text, in base64; no name and no origin has control characters

NEW_KEY_NEEDED = (
    "This home is encrypted. Set FACECOG_KEY or FACECOG_KEY_FILE to its key, and start again."
)


class Sealer(Protocol):
    """One collection's values. Everywhere `where` is table, column and id of the row."""

    def seal(self, value: bytes, *where: str) -> bytes:
        """A value as it is stored."""

    def open(self, stored: bytes, *where: str) -> bytes:
        """A value as it was. Raises: SealedValueDamaged."""

    def seal_text(self, value: str, *where: str) -> str: ...

    def open_text(self, stored: str, *where: str) -> str:
        """Raises: SealedValueDamaged; KeyMissing: it is sealed, and here is no key."""

    def blind(self, value: str, purpose: str) -> str:
        """What stands for a value that is looked up and never read; always the same."""


class Plain:
    """Values as they are."""

    def seal(self, value: bytes, *where: str) -> bytes:
        return value

    open = seal

    def seal_text(self, value: str, *where: str) -> str:
        return value

    def open_text(self, stored: str, *where: str) -> str:
        if stored.startswith(MARK):
            raise KeyMissing(NEW_KEY_NEEDED)
        return stored

    def blind(self, value: str, purpose: str) -> str:
        return value


class Sealed:
    """Values sealed with a key."""

    def __init__(self, key: bytes) -> None:
        """
        Args:
            key: 32 random bytes. What seals, and what values are looked up by, is derived from it.
        """
        self._key = key
        self._box = AESGCM(derived(key, "values"))
        self._blinding: dict[str, bytes] = {}

    def seal(self, value: bytes, *where: str) -> bytes:
        return sealed(self._box, value, where)

    def open(self, stored: bytes, *where: str) -> bytes:
        return opened(self._box, stored, where)

    def seal_text(self, value: str, *where: str) -> str:
        return MARK + base64.b64encode(self.seal(value.encode(), *where)).decode()

    def open_text(self, stored: str, *where: str) -> str:
        try:
            found = base64.b64decode(stored.removeprefix(MARK), validate=True)
        except (ValueError, binascii.Error):
            raise _damaged(where) from None
        return self.open(found, *where).decode()

    def blind(self, value: str, purpose: str) -> str:
        key = self._blinding.get(purpose)
        if key is None:
            key = self._blinding.setdefault(purpose, derived(self._key, f"blind {purpose}"))
        return hmac.new(key, value.encode(), sha256).hexdigest()

    def secret(self, purpose: str) -> bytes:
        """32 bytes that whoever lacks the key cannot know."""
        return derived(self._key, f"secret {purpose}")


PLAIN = Plain()


class Sealing:
    """How all values of a home are stored."""

    def __init__(
        self,
        master: bytes | None = None,
        wrapped: Callable[[str], bytes] = lambda _: b"",
    ) -> None:
        """
        Args:
            master: the owner's key; None where values are stored as they are.
            wrapped: collection id -> its key as it is stored.
        """
        self._box = None if master is None else AESGCM(master)
        self._wrapped = wrapped
        self._known: dict[str, Sealed] = {}

    @property
    def sealed(self) -> bool:
        return self._box is not None

    def of(self, collection: str) -> Sealer:
        """Of one collection. Raises: KeyWrong."""
        if self._box is None:
            return PLAIN
        known = self._known.get(collection)
        if known is None:
            key = self.unwrapped(collection, self._wrapped(collection))
            known = self._known.setdefault(collection, Sealed(key))
        return known

    def secret(self, collection: str, purpose: str) -> bytes | None:
        """32 bytes for some purpose, of a collection's key; None where there is no key."""
        sealer = self.of(collection)
        return sealer.secret(purpose) if isinstance(sealer, Sealed) else None

    def new_wrapped_key(self, collection: str) -> bytes | None:
        """A new collection's random key as it is stored; None where there is no key."""
        return self.wrap(collection, os.urandom(KEY_BYTES)) if self.sealed else None

    def wrap(self, collection: str, key: bytes) -> bytes:
        return sealed(self._master(), key, _of_key(collection))

    def unwrapped(self, collection: str, wrapped: bytes) -> bytes:
        """Raises: KeyWrong."""
        try:
            return opened(self._master(), wrapped, _of_key(collection))
        except SealedValueDamaged:
            raise KeyWrong("This is not the key that this home was encrypted with.") from None

    def _master(self) -> AESGCM:
        if self._box is None:
            raise KeyMissing(NEW_KEY_NEEDED)
        return self._box


AS_IT_IS = Sealing()


def sealing_of(connection: Connection) -> Sealing:
    """How the values of a connection's database are stored."""
    found: Sealing = connection.get_execution_options().get("sealing", AS_IT_IS)
    return found


def derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose alone (HKDF, RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"facecog " + purpose.encode()).derive(key)


def sealed(box: AESGCM, value: bytes, where: tuple[str, ...]) -> bytes:
    # Random nonces of 96 bits: good for 2^32 values under one key (NIST SP 800-38D, 8.3).
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + box.encrypt(nonce, value, _bound(where))


def opened(box: AESGCM, stored: bytes, where: tuple[str, ...]) -> bytes:
    nonce = stored[1 : 1 + NONCE_BYTES]
    if stored[:1] != VERSION or len(nonce) < NONCE_BYTES:
        raise _damaged(where)
    try:
        return box.decrypt(nonce, stored[1 + NONCE_BYTES :], _bound(where))
    except InvalidTag:
        raise _damaged(where) from None


def _bound(where: tuple[str, ...]) -> bytes:
    return "\0".join(where).encode()


def _of_key(collection: str) -> tuple[str, ...]:
    return "collections", "wrapped_key", collection


def _damaged(where: tuple[str, ...]) -> SealedValueDamaged:
    table, column, row = where[:3]
    return SealedValueDamaged(
        f"{column} of {row} in {table} was altered, or is another row's. Restore a backup."
    )
