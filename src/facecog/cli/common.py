"""What the commands share: opening, arguments, printing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import UUID

import click

from facecog.acting import actor
from facecog.bootstrap import open_facecog
from facecog.config import Settings
from facecog.domain import Agreed, Subject
from facecog.errors import InvalidInput, MixedUp
from facecog.permissions import Permission, require
from facecog.service import Facecog
from facecog.store import Page
from facecog.wire import Json

Item = TypeVar("Item")
Command = TypeVar("Command", bound=Callable[..., Any])

YIELDING = 10  # of 19: a tenth of a core where another process wants it too (Linux, sched(7))

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def private_file(file: Path) -> IO[bytes]:
    """For what is somebody's: nobody else may read it, unless it was there. Raises: OSError."""
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(file, how, 0o600), "wb")


def as_json(command: Command) -> Command:
    return click.option("--json", "machine", is_flag=True, help="Print JSON, one object a line.")(
        command
    )


def agreed_option(who: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Two options that a command gets as one value, `agreed`: that `who` consented, and how."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--consent", help=f"The version of the text that {who} agreed to.")
        @click.option("--consent-how", default="not said", help="How they did: on paper, say.")
        @wraps(command)
        def said(*args: Any, consent: str | None, consent_how: str, **options: Any) -> None:
            agreed = Agreed(consent, consent_how) if consent else None
            command(*args, agreed=agreed, **options)

        return said

    return add


def yielding() -> None:
    """Let this process have what others, a server say, leave of the cores."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(YIELDING)


def settings_here() -> Settings:
    return Settings.from_environment(os.environ)


def opened_facecog() -> Facecog:
    """Of the collection of FACECOG_COLLECTION, or of the only one that a key opens."""
    facecog, only = open_facecog(settings_here()), actor().collection
    click.get_current_context().call_on_close(facecog.close)
    return facecog.within(only) if only else facecog


def may_erase(forever: bool) -> bool:
    """Whether it is to be for good. Raises: NotAllowed."""
    if forever:
        require(actor(), Permission.ERASE)
    return forever


def on_each(
    images: tuple[Path, ...], one: Callable[[bytes], tuple[Json, str]], machine: bool
) -> None:
    """Work on each image; a refused one is said and does not stop the others."""
    refused = False
    for image in images:
        try:
            answer, said = one(image.read_bytes())
        except (InvalidInput, MixedUp) as error:
            refused = True
            answer, said = {"error": {"code": error.code, "detail": str(error)}}, str(error)
        if machine:
            print_json({"file": str(image), **answer})
        else:
            click.echo(f"{image}: {said}", err="error" in answer)
    if refused:
        sys.exit(1)


def every_page(page_after: Callable[[str | None], Page[Item]]) -> Iterator[Item]:
    page = page_after(None)
    yield from page.items
    while page.next_cursor:
        page = page_after(page.next_cursor)
        yield from page.items


def person_of(facecog: Facecog, person: str) -> Subject:
    try:
        return facecog.subject(str(UUID(person)))
    except ValueError:
        return facecog.subject_named(person)


def counted(number: int, noun: str, several: str = "") -> str:
    """A number and what it counts: "1 sample", "2 samples"."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def print_json(value: Json) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def print_table(rows: list[Json]) -> None:
    columns = [name for name in rows[0] if name != "note"]
    cells = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    for row in rows:
        if row["note"]:
            click.echo(f"{row['name']}: {row['note']}")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
