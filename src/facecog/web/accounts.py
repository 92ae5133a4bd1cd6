"""The API of accounts, keys and sessions, for owners; and of oneself, for whoever is signed in."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import g
from flask.typing import ResponseReturnValue

from facecog.accounts import role_named
from facecog.acting import actor
from facecog.errors import AccountNotFound, InvalidExpiry
from facecog.keys import DAYS
from facecog.permissions import MAY, Permission
from facecog.web import schemas
from facecog.web.access import access
from facecog.web.cookies import session_token
from facecog.web.current import served
from facecog.web.uploads import optional_field, text_field
from facecog.wire import account_json, key_json

accounts = APIBlueprint("access", __name__, url_prefix="/api", tag="facecog")


@accounts.get("/accounts")
@accounts.output(schemas.Accounts)
def list_accounts() -> ResponseReturnValue:
    """List those who may sign in, by name."""
    return {"accounts": [account_json(one) for one in served().accounts.listed()]}


@accounts.post("/accounts")
@accounts.output(schemas.Account, status_code=201)
def add_account() -> ResponseReturnValue:
    """Make an account. The first one has to be an owner's; from then on everybody signs in."""
    role = role_named(text_field("role"))
    made = served().accounts.add(text_field("name"), text_field("password"), role)
    return account_json(made), 201


@accounts.patch("/accounts/<uuid:account_id>")
@accounts.output(schemas.Account)
def change_account(account_id: str) -> ResponseReturnValue:
    """Give an account another role or another password, which signs it out everywhere."""
    role, password = optional_field("role"), optional_field("password")
    named = None if role is None else role_named(role)
    served().accounts.change(str(account_id), named, password)
    return account_json(served().accounts.of_id(str(account_id)))


@accounts.delete("/accounts/<uuid:account_id>")
@accounts.output({}, status_code=204)
def remove_account(account_id: str) -> ResponseReturnValue:
    """Take an account away; whoever is signed in with it is no more."""
    served().accounts.remove(str(account_id))
    return ""


@accounts.get("/keys")
@accounts.output(schemas.Keys)
def list_keys() -> ResponseReturnValue:
    """List API keys, newest first, without their secrets."""
    return {"keys": [key_json(one) for one in served().keys.listed()]}


@accounts.post("/keys")
@accounts.output(schemas.NewKey, status_code=201)
def add_key() -> ResponseReturnValue:
    """Make an API key. It is answered this once, and kept nowhere."""
    role, days = role_named(text_field("role")), optional_field("days") or str(DAYS)
    if not days.isdecimal() or len(days) > 9:
        raise InvalidExpiry("`days` is a whole number.")
    only = optional_field("collection")
    collection = served().collections.named(only).id if only else None
    key, secret = served().keys.add(text_field("name"), role, collection, int(days))
    return {**key_json(key), "key": secret}, 201


@accounts.delete("/keys/<uuid:key_id>")
@accounts.output({}, status_code=204)
def revoke_key(key_id: str) -> ResponseReturnValue:
    """Revoke an API key: nobody gets in by it any more."""
    served().keys.revoke(str(key_id))
    return ""


@accounts.get("/session")
@accounts.output(schemas.Session)
def show_session() -> ResponseReturnValue:
    """Say as whom the request comes, and what that may do."""
    who = actor()
    permissions = MAY[who.role] if who.role else frozenset()
    return {
        "kind": who.kind,
        "id": who.id,
        "name": g.get("account"),
        "role": who.role.value if who.role else None,
        "collection_id": who.collection,
        "permissions": [one.name.lower() for one in Permission if one in permissions],
    }


@accounts.put("/session/password")
@accounts.output({}, status_code=204)
def change_password() -> ResponseReturnValue:
    """Change one's own password; all other browsers are signed out."""
    who, token = actor(), session_token()
    if who.kind != "account" or not who.id or not token:
        raise AccountNotFound("Only whoever is signed in has a password.")
    now, password = text_field("now"), text_field("password")
    with access().guessing():
        served().accounts.change_own_password(who.id, now, password, token)
    return ""
