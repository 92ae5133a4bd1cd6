"""Who may sign in, and the keys of programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import click

from facecog.accounts import Accounts, role_named
from facecog.acting import Role
from facecog.bootstrap import open_store
from facecog.cli.common import as_json, print_json, print_table, settings_here
from facecog.domain import Account
from facecog.keys import DAYS, Keys
from facecog.store import Store
from facecog.wire import account_json, key_json

ROLE = click.Choice([role.value for role in Role])


@contextmanager
def _store() -> Iterator[Store]:
    """Without the models, which nobody needs for this."""
    with closing(open_store(settings_here())) as store:
        yield store


@click.group()
def accounts() -> None:
    """List, make, change and remove accounts. ACCOUNT is a name or an id."""


@accounts.command("list")
@as_json
def list_accounts(machine: bool) -> None:
    """List accounts by name."""
    with _store() as store:
        listed = Accounts(store).listed()
    if machine:
        for one in listed:
            print_json(account_json(one))
    elif listed:
        print_table([{**account_json(one), "note": ""} for one in listed])


@accounts.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, default="owner", help="What it may do.  [owner]")
def add_account(name: str, role: str) -> None:
    """Make an account; its password is asked for, or read from stdin.

    The first one has to be an owner's. From then on everybody signs in.
    """
    with _store() as store:
        made = Accounts(store).add(name, _new_password(), role_named(role))
    click.echo(f"made {made.name}, {made.role.value}")


@accounts.command("password")
@click.argument("account")
def change_password(account: str) -> None:
    """Give ACCOUNT another password, and sign it out everywhere."""
    with _store() as store:
        one = _account_of(Accounts(store), account)
        Accounts(store).change_password(one.id, _new_password())
    click.echo(f"{one.name} has another password")


@accounts.command("role")
@click.argument("account")
@click.argument("role", type=ROLE)
def change_role(account: str, role: str) -> None:
    """Give ACCOUNT another ROLE, from its next request on."""
    with _store() as store:
        one = _account_of(Accounts(store), account)
        Accounts(store).change_role(one.id, role_named(role))
    click.echo(f"{one.name} is {role} now")


@accounts.command("remove")
@click.argument("account")
def remove_account(account: str) -> None:
    """Take ACCOUNT away, and sign it out everywhere."""
    with _store() as store:
        one = _account_of(Accounts(store), account)
        Accounts(store).remove(one.id)
    click.echo(f"removed {one.name}")


@click.group()
def keys() -> None:
    """List, make and revoke API keys, by which programs are let in."""


@keys.command("list")
@as_json
def list_keys(machine: bool) -> None:
    """List keys, newest first, without their secrets."""
    with _store() as store:
        listed = Keys(store).listed()
    if machine:
        for one in listed:
            print_json(key_json(one))
    elif listed:
        print_table([{**key_json(one), "note": ""} for one in listed])


@keys.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, required=True, help="What it may do.")
@click.option("--only", help="Name of the only collection that it opens.")
@click.option("--days", type=int, default=DAYS, help="Good for so many; 0: until revoked.  [365]")
@as_json
def add_key(name: str, role: str, only: str | None, days: int, machine: bool) -> None:
    """Make a key called NAME. It is printed this once, and kept nowhere."""
    with _store() as store:
        collection = store.collections.named(only).id if only else None
        key, secret = Keys(store).add(name, role_named(role), collection, days)
    if machine:
        print_json({**key_json(key), "key": secret})
    else:
        click.echo(secret)


@keys.command("revoke")
@click.argument("key", type=click.UUID)
def revoke_key(key: UUID) -> None:
    """Revoke KEY, an id: nobody gets in by it any more."""
    with _store() as store:
        revoked = Keys(store).revoke(str(key))
    click.echo(f"revoked {revoked.name}")


def _account_of(known: Accounts, account: str) -> Account:
    try:
        return known.of_id(str(UUID(account)))
    except ValueError:
        return known.named(account)


def _new_password() -> str:
    """Typed twice, or a line of stdin; never an argument, which others on the machine can read."""
    if sys.stdin.isatty():
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


COMMANDS = (accounts, keys)
