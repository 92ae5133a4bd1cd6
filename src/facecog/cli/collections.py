"""Collections: galleries that know nothing of one another."""

from __future__ import annotations

import click

from facecog.acting import actor
from facecog.cli.common import as_json, counted, opened_facecog, print_json
from facecog.wire import collection_json


@click.group()
def collections() -> None:
    """List, make, rename and remove collections. FACECOG_COLLECTION says which is used."""


@collections.command("list")
@as_json
def list_collections(machine: bool) -> None:
    """List collections by name."""
    only = actor().collection
    listed = opened_facecog().collections.listed()
    for one in [one for one in listed if only in (None, one.id)]:
        if machine:
            print_json(collection_json(one))
        else:
            click.echo(f"{one.id}  {counted(one.subjects, 'person', 'people')}  {one.name}")


@collections.command("add")
@click.argument("name")
def add_collection(name: str) -> None:
    """Make a collection called NAME."""
    click.echo(f"made {opened_facecog().collections.add(name).name}")


@collections.command("rename")
@click.argument("name")
@click.argument("new_name")
def rename_collection(name: str, new_name: str) -> None:
    """Call the collection NAME NEW_NAME."""
    known = opened_facecog().collections
    click.echo(f"now {known.rename(known.named(name).id, new_name).name}")


@collections.command("remove")
@click.argument("name")
def remove_collection(name: str) -> None:
    """Forget the collection NAME, which nobody may be in."""
    known = opened_facecog().collections
    known.remove(known.named(name).id)
    click.echo("removed")


COMMANDS = (collections,)
