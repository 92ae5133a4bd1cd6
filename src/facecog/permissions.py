"""What there is to be allowed, and which role is."""

from __future__ import annotations

from enum import Enum

from facecog.acting import Actor, Role
from facecog.errors import NotAllowed


class Permission(Enum):
    """What a route or a command needs; web/rules.py and cli/rules.py say which needs what."""

    OPEN = "open to everybody"
    ENTER = "look at what holds nothing of anybody"
    RECOGNISE = "recognise, verify and detect"
    ENROL = "register"
    LOOK = "list people, and look at their photos"
    CHANGE = "change and delete people, and undo that"
    STATE = "see counts, the promise and what runs"
    WATCH = "see the metrics of all collections"
    AUDIT = "read the audit log"
    ERASE = "erase for good"
    EXPORT = "take out what is held on people"
    SETTINGS = "change the promise and other settings"
    COLLECTIONS = "make, rename and remove collections"
    ACCESS = "give and take access"
    OPERATE = "serve, back up and restore"


P = Permission

MAY: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ENROLLER: frozenset(
        {P.OPEN, P.ENTER, P.RECOGNISE, P.ENROL, P.LOOK, P.CHANGE, P.STATE, P.WATCH},
    ),
    Role.RECOGNISER: frozenset({P.OPEN, P.ENTER, P.RECOGNISE}),
    Role.AUDITOR: frozenset({P.OPEN, P.ENTER, P.STATE, P.WATCH, P.AUDIT}),
}


# Of all collections together: nothing for a key that opens one alone.
OF_ALL = frozenset({P.WATCH, P.AUDIT, P.COLLECTIONS, P.ACCESS, P.OPERATE})


def may(who: Actor, permission: Permission) -> bool:
    if who.role is None:
        return permission is Permission.OPEN
    if who.collection and permission in OF_ALL:
        return False
    return permission in MAY[who.role]


def require(who: Actor, permission: Permission | None) -> None:
    """Raises: NotAllowed: the role has not this permission, or nobody said what is needed."""
    if permission is None:
        raise NotAllowed("No rule says who may do this, so nobody may.")
    if not may(who, permission):
        where = " with a key of one collection" if who.collection else ""
        role = who.role.value if who.role else "nobody"
        raise NotAllowed(f"The role {role} may not {permission.value}{where}.")
