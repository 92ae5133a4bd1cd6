"""Collections: galleries that know nothing of one another."""

from __future__ import annotations

import click

from facecog.acting import actor
from facecog.bootstrap import open_store
from facecog.cli.common import as_json, counted, print_json, settings_here
from facecog.collections import Collections
from facecog.wire import collection_json


@click.group()
def collections() -> None:
    """List, make, rename and remove collections. FACECOG_COLLECTION says which is used."""


@collections.command("list")
@as_json
def list_collections(machine: bool) -> None:
    """List collections by name."""
    only = actor().collection
    listed = _opened().listed()
    for one in [one for one in listed if only in (None, one.id)]:
        if machine:
            print_json(collection_json(one))
        else:
            click.echo(f"{one.id}  {counted(one.subjects, 'person', 'people')}  {one.name}")


@collections.command("add")
@click.argument("name")
def add_collection(name: str) -> None:
    """Make a collection called NAME."""
    click.echo(f"made {_opened().add(name).name}")


@collections.command("rename")
@click.argument("name")
@click.argument("new_name")
def rename_collection(name: str, new_name: str) -> None:
    """Call the collection NAME NEW_NAME."""
    known = _opened()
    click.echo(f"now {known.rename(known.named(name).id, new_name).name}")


@collections.command("remove")
@click.argument("name")
def remove_collection(name: str) -> None:
    """Forget the collection NAME, which nobody may be in."""
    known = _opened()
    known.remove(known.named(name).id)
    click.echo("removed")


def _opened() -> Collections:
    """Also where that of FACECOG_COLLECTION is not there, which is put right by these commands."""
    store = open_store(settings_here())
    click.get_current_context().call_on_close(store.close)
    return Collections(store)


COMMANDS = (collections,)
