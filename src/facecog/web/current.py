"""The Facecog that the current request is about: of the collection that it names."""

from __future__ import annotations

from contextlib import suppress

from flask import current_app, g, request

from facecog.acting import actor
from facecog.errors import CollectionGone, CollectionNotFound, NotAllowed
from facecog.service import Facecog

KEY = "facecog"
# Which collection a browser's pages show; no secret.
COOKIE = "facecog-collection"


def served() -> Facecog:
    """As the app opened it."""
    opened: Facecog = current_app.extensions[KEY]
    return opened


def facecog() -> Facecog:
    """Of the collection that the request names, or else of the only one that is open to it.

    Raises:
        CollectionNotFound, NotAllowed; CollectionGone: that of FACECOG_COLLECTION was removed.
    """
    if "facecog" not in g:
        g.facecog = _chosen()
    chosen: Facecog = g.facecog
    return chosen


def open_collections() -> dict[str, str]:
    """Those that are open to whoever asks: id -> name, by name."""
    only = actor().collection
    names = served().collections.names()
    return {one: name for one, name in names.items() if only in (None, one)}


def chosen_collection() -> str | None:
    """Id of that which a page is about; None where it is not there, or not for whoever asks."""
    try:
        return facecog().collection
    except (CollectionGone, CollectionNotFound, NotAllowed):
        return None


def _chosen() -> Facecog:
    asked, only = request.args.get("collection"), actor().collection
    if only:
        # Whether there is one of that name is nothing that this key may know.
        if asked and asked != open_collections().get(only):
            raise NotAllowed("This key is for another collection.")
        return served().within(only)
    return served().within(served().collections.named(asked).id) if asked else _of_pages()


def _of_pages() -> Facecog:
    """What was chosen on a page, as long as it is there."""
    if chosen := request.cookies.get(COOKIE):
        with suppress(CollectionNotFound):
            return served().within(served().collections.of(chosen).id)
    served().collections.refuse_gone()
    return served()
