"""API keys: how programs are let in."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from facecog.acting import Actor, Role
from facecog.domain import ApiKey
from facecog.errors import ApiKeyWrong, InvalidExpiry
from facecog.names import clean_name
from facecog.store import Store

PREFIX = "fc_"
DAYS, MOST_DAYS = 365, 3650


class Keys:
    """A key is shown once; what is kept is its SHA-256, which tells nothing of 256 random bits."""

    def __init__(self, store: Store) -> None:
        self._rows = store.keys

    def listed(self) -> list[ApiKey]:
        """Newest first, also those that were revoked."""
        return self._rows.listed()

    def add(
        self, name: str, role: Role, collection: str | None = None, days: int = DAYS
    ) -> tuple[ApiKey, str]:
        """A new key, and its secret, which is nowhere else.

        Args:
            collection: id of the only one that it opens; all where not given.
            days: for how long it is good; 0: until it is revoked.

        Raises:
            InvalidName, InvalidExpiry.
        """
        if not 0 <= days <= MOST_DAYS:
            raise InvalidExpiry(f"An API key is good for 1 to {MOST_DAYS} days; 0: until revoked.")
        secret = PREFIX + secrets.token_urlsafe(32)
        good_for = timedelta(days=days) if days else None
        key = self._rows.add(clean_name(name), _hash_of(secret), role, collection, good_for)
        return key, secret

    def revoke(self, key_id: str) -> ApiKey:
        """Nobody gets in by it any more. Raises: KeyNotFound."""
        return self._rows.revoke(key_id)

    def actor_of(self, secret: str) -> Actor:
        """Whoever shows this key. Raises: ApiKeyWrong."""
        shown = self._rows.shown(_hash_of(secret))
        if shown is None:
            raise ApiKeyWrong("This is not an API key of this facecog.")
        # Whoever has the key may know why it does not work.
        if shown.revoked:
            raise ApiKeyWrong("This API key was revoked.", shown.id)
        if shown.expired:
            raise ApiKeyWrong("This API key has expired.", shown.id)
        return Actor("key", shown.role, shown.id, shown.collection)


def _hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
