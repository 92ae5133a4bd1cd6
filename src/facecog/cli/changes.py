"""What was changed, undone or erased."""

from __future__ import annotations

from uuid import UUID

import click

from facecog.cli.common import as_json, every_page, opened_facecog, print_json
from facecog.cli.words import changed
from facecog.wire import change_json


@click.group()
def changes() -> None:
    """List what was renamed, moved, merged and deleted, undo it, or erase it for good."""


@changes.command("list")
@as_json
def list_changes(machine: bool) -> None:
    """List the changes that are not past, newest first."""
    listed = opened_facecog().changes.listed
    for change in every_page(lambda cursor: listed(cursor=cursor)):
        if machine:
            print_json(change_json(change))
        else:
            click.echo(f"{change.id}  {change.at:%Y-%m-%d %H:%M}  {changed(change)}")


@changes.command("undo")
@click.argument("change", type=click.UUID)
def undo_change(change: UUID) -> None:
    """Take CHANGE back."""
    undone, _ = opened_facecog().changes.undo(str(change))
    click.echo(changed(undone))


@changes.command("erase")
@click.argument("change", type=click.UUID, required=False)
@click.option("--all", "every", is_flag=True, help="All changes, instead of CHANGE.")
def erase_changes(change: UUID | None, every: bool) -> None:
    """Erase for good what CHANGE keeps: it cannot be undone then."""
    if bool(change) == every:
        raise click.UsageError("Name one change, or say --all.")
    changes = opened_facecog().changes
    if change:
        changes.erase(str(change))
    else:
        changes.erase_all()
    click.echo("erased")


COMMANDS = (changes,)
