"""Backups of all that is stored."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
from tqdm import tqdm

from facecog.archive import Told
from facecog.bootstrap import open_store, restore_home
from facecog.cli.common import FILE, counted, settings_here, yielding


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Write all that is stored to FILE, while a server may go on."""
    yielding()
    with closing(open_store(settings_here())) as store, _progress() as progress:
        made = store.backup(file, progress.update)
    people, photos = counted(made.subjects, "person", "people"), counted(made.samples, "sample")
    encrypted = "encrypted" if made.sealed else "not encrypted"
    click.echo(f"{file}: {people}, {photos}, {made.size:,} bytes, {encrypted}; read back and whole")


@click.command()
@click.argument("file", type=FILE)
@click.option("--replace", is_flag=True, help="Also where there are people: they are forgotten.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Put the backup FILE in the place of what is in the home."""
    settings = settings_here()
    if replace and not yes:
        where = "the database" if settings.database_url else settings.home
        click.confirm(f"Forget all that is in {where} now?", abort=True)
    with _progress() as progress:

        def starts(samples: int) -> Told:
            progress.reset(samples)
            told: Told = progress.update
            return told

        done = restore_home(settings, file, replace, starts)
    people, photos = counted(done.subjects, "person", "people"), counted(done.samples, "sample")
    click.echo(f"restored {people} and {photos}, as of {done.made_at}")
    if done.subjects_left_out or done.samples_left_out:
        people = counted(done.subjects_left_out, "person", "people")
        photos = counted(done.samples_left_out, "sample")
        click.echo(f"left out, since they were erased after it was made: {people} and {photos}")


def _progress() -> tqdm:
    return tqdm(unit=" samples", disable=None)


COMMANDS = (backup, restore)
