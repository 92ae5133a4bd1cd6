"""The key that a home is encrypted with."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from facecog.bootstrap import encrypt_home, rotate_key
from facecog.cli.common import counted, settings_here
from facecog.store import keyfiles


@click.group()
def key() -> None:
    """Make a key, encrypt a home with it, and change it."""


@key.command("new")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def new_key(file: Path) -> None:
    """Write a new random key to FILE, which nobody else may read."""
    keyfiles.write_new(file)
    click.echo(f"written to {file}. Whoever loses it loses all faces: keep a copy elsewhere.")


@key.command("init")
def init() -> None:
    """Encrypt a home in which there are people already."""
    with tqdm(unit=" values", disable=None) as progress:
        encrypted = encrypt_home(settings_here(), progress.update)
    done = "encrypted" if encrypted else "encrypted already"
    click.echo(f"{done}; free space of the database is wiped. Copies and backups are as they were.")


@key.command("rotate")
def rotate() -> None:
    """Take the key of FACECOG_NEW_KEY or FACECOG_NEW_KEY_FILE instead of the one in use."""
    number = rotate_key(settings_here())
    click.echo(
        f"the new key opens {counted(number, 'collection')}, the old one none. "
        "Give it to every server before its next start."
    )


COMMANDS = (key,)
