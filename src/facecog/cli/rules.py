"""As whom commands act, and who may do what: each command with the permission that it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from typing import Any

import click

from facecog.acting import Actor, acting
from facecog.bootstrap import chosen_collection, open_store
from facecog.cli.common import settings_here
from facecog.config import Settings, variable
from facecog.errors import DatabaseUnavailable, NotAllowed
from facecog.keys import Keys
from facecog.permissions import Permission, require

P = Permission

RULES: dict[str, Permission] = {
    "accounts add": P.ACCESS,
    "accounts list": P.ACCESS,
    "accounts password": P.ACCESS,
    "accounts remove": P.ACCESS,
    "accounts role": P.ACCESS,
    "backup": P.OPERATE,
    "audit export": P.EXPORT,
    "audit list": P.AUDIT,
    "audit verify": P.AUDIT,
    "calibrate": P.OPERATE,
    "changes erase": P.ERASE,
    "changes list": P.LOOK,
    "changes undo": P.CHANGE,
    "check": P.OPERATE,
    "collections add": P.COLLECTIONS,
    "collections list": P.LOOK,
    "collections remove": P.COLLECTIONS,
    "collections rename": P.COLLECTIONS,
    "consent give": P.ENROL,
    "consent require": P.SETTINGS,
    "consent show": P.LOOK,
    "consent waive": P.SETTINGS,
    "consent withdraw": P.ERASE,
    "detect": P.RECOGNISE,
    "erase": P.ERASE,
    "export": P.EXPORT,
    "evaluate": P.STATE,
    "import-legacy": P.ENROL,
    "key init": P.OPERATE,
    "key new": P.OPEN,
    "key rotate": P.OPERATE,
    "keys add": P.ACCESS,
    "keys list": P.ACCESS,
    "keys revoke": P.ACCESS,
    "models fetch": P.OPEN,
    "models list": P.OPEN,
    "people delete": P.CHANGE,
    "people list": P.LOOK,
    "people lookalikes": P.LOOK,
    "people merge": P.CHANGE,
    "people rename": P.CHANGE,
    "promise": P.STATE,  # to change it: SETTINGS
    "recognise": P.RECOGNISE,
    "register": P.ENROL,
    "restore": P.OPERATE,
    "retention expire": P.ERASE,
    "retention run": P.OPERATE,  # in every collection
    "retention set": P.SETTINGS,
    "retention show": P.STATE,
    "samples delete": P.CHANGE,
    "samples list": P.LOOK,
    "samples move": P.CHANGE,
    "samples show": P.LOOK,
    "serve": P.OPERATE,
    "verify": P.RECOGNISE,
}


def guard(main: click.Group) -> None:
    """Let each command ask first."""
    for path, command in commands(main):
        if command.callback:
            command.callback = guarded(path, command.callback)


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, by what is typed after `facecog`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def guarded(path: str, callback: Callable[..., Any]) -> Callable[..., Any]:
    """The command, done as whoever it is and only if they may."""

    @wraps(callback)
    def asking(*arguments: Any, **options: Any) -> Any:
        needed = RULES.get(path)
        who = Actor("command") if needed is P.OPEN else _who()
        require(who, needed)
        with acting(who):
            return callback(*arguments, **options)

    return asking


def _who() -> Actor:
    """The owner, for whoever may read the home is one; or of FACECOG_TOKEN.

    Raises:
        DatabaseUnavailable: the home is another user's; ApiKeyWrong; NotAllowed: the key is not
            for the collection of FACECOG_COLLECTION.
    """
    settings = settings_here()
    if not settings.token:
        _check_readable(settings)
        return Actor("command")
    with closing(open_store(settings)) as store:
        who = Keys(store).actor_of(settings.token)
        named = os.environ.get(variable("collection"))
        if who.collection and named and chosen_collection(store, named) != who.collection:
            raise NotAllowed("This key is for another collection.")
        return who


def _check_readable(settings: Settings) -> None:
    """The home, where faces are in it; so that nothing else of it is tried before."""
    if settings.database_url:
        return
    try:
        os.scandir(settings.home).close()
    except FileNotFoundError:
        pass  # it is made
    except OSError as error:
        raise DatabaseUnavailable(f"{settings.home} cannot be used: {error.strerror}.") from error
