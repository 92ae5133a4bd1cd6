"""Galleries that know nothing of one another: the staff and the visitors, say."""

from __future__ import annotations

from facecog.domain import Collection
from facecog.names import clean_name
from facecog.store import Store


class Collections:
    """`default` is always there. Names are compared as they are written."""

    def __init__(self, store: Store) -> None:
        self._collections = store.collections
        self.refuse_gone = store.refuse_gone

    def listed(self) -> list[Collection]:
        """All of them, by name."""
        return self._collections.listed()

    def names(self) -> dict[str, str]:
        """Id -> name, by name."""
        return self._collections.names()

    def named(self, name: str) -> Collection:
        """Raises: CollectionNotFound."""
        return self._collections.named(_kept(name))

    def of(self, collection_id: str) -> Collection:
        """Raises: CollectionNotFound."""
        return self._collections.of(_kept(collection_id))

    def add(self, name: str) -> Collection:
        """Make one, with nobody in it. Raises: InvalidName, NameTaken."""
        return self._collections.add(clean_name(name))

    def rename(self, collection_id: str, name: str) -> Collection:
        """Raises: InvalidName, CollectionNotFound, NameTaken, DefaultCollection."""
        return self._collections.rename(collection_id, clean_name(name))

    def remove(self, collection_id: str) -> None:
        """Forget one that nobody is in.

        Raises:
            CollectionNotFound, DefaultCollection, CollectionInUse.
        """
        self._collections.remove(collection_id)


def _kept(text: str) -> str:
    """What a database takes: no half characters, and PostgreSQL no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
