"""People and their samples."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click

from facecog.cli.common import (
    as_json,
    counted,
    every_page,
    may_erase,
    opened_facecog,
    person_of,
    print_json,
    private_file,
)
from facecog.cli.words import undo_with
from facecog.wire import look_alikes_json, sample_json, subject_json


@click.group()
def people() -> None:
    """List, compare, change and delete people, and undo that. PERSON is a name or an id."""


@people.command("list")
@click.argument("search", default="")
@as_json
def list_people(search: str, machine: bool) -> None:
    """List people, those with SEARCH in their name."""
    facecog = opened_facecog()
    for subject in every_page(lambda cursor: facecog.subjects(cursor=cursor, search=search)):
        if machine:
            print_json(subject_json(subject))
        else:
            click.echo(f"{subject.id}  {counted(subject.samples, 'sample')}  {subject.name}")


@people.command("rename")
@click.argument("person")
@click.argument("name")
def rename_person(person: str, name: str) -> None:
    """Give PERSON another NAME."""
    facecog = opened_facecog()
    renamed, change = facecog.changes.rename(person_of(facecog, person).id, name)
    click.echo(f"now {renamed.name}{undo_with(change)}")


@people.command("merge")
@click.argument("person")
@click.argument("into")
def merge_person(person: str, into: str) -> None:
    """Give all samples of PERSON to INTO, a name or an id, and forget PERSON."""
    facecog = opened_facecog()
    subject = person_of(facecog, person)
    other, change = facecog.changes.merge(subject.id, person_of(facecog, into).id)
    has = counted(other.samples, "sample")
    click.echo(f"{subject.name} is {other.name} now, with {has}{undo_with(change)}")


@people.command("delete")
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--forever", is_flag=True, help="Beyond undoing, with what earlier changes keep.")
def delete_person(person: str, yes: bool, forever: bool) -> None:
    """Forget PERSON with all samples."""
    facecog = opened_facecog()
    subject = person_of(facecog, person)
    samples = counted(subject.samples, "sample")
    if not yes:
        beyond = " for good" if forever else ""
        click.confirm(f"Delete {subject.name} and {samples}{beyond}?", abort=True)
    change = None
    if may_erase(forever):
        facecog.erasure.erase(subject.id, wipe=True)
    else:
        change = facecog.changes.delete(subject.id)
    click.echo(f"deleted {subject.name} and {samples}{undo_with(change)}")


@people.command("lookalikes")
@as_json
def list_look_alikes(machine: bool) -> None:
    """List pairs of people whose faces match each other, most alike first."""
    for pair in opened_facecog().look_alikes():
        if machine:
            print_json(look_alikes_json(pair))
        else:
            one, other = pair.people
            click.echo(f"{pair.score:.2f}  {one.name} and {other.name}")


@click.group()
def samples() -> None:
    """List, show, move and delete a person's samples."""


@samples.command("list")
@click.argument("person")
@as_json
def list_samples(person: str, machine: bool) -> None:
    """List the samples of PERSON, a name or an id."""
    facecog = opened_facecog()
    subject = person_of(facecog, person)
    for sample in every_page(lambda cursor: facecog.samples(subject.id, cursor=cursor)):
        if machine:
            print_json(sample_json(sample))
        else:
            click.echo(f"{sample.id}  {sample.created_at:%Y-%m-%d %H:%M}  {sample.origin}")


@samples.command("show")
@click.argument("sample", type=click.UUID)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def show_sample(sample: UUID, file: Path) -> None:
    """Write the picture of SAMPLE to FILE, a JPEG."""
    crop = opened_facecog().crop(str(sample))
    try:
        with private_file(file) as out:
            out.write(crop)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"written to {file}")


@samples.command("move")
@click.argument("sample", type=click.UUID)
@click.argument("person")
def move_sample(sample: UUID, person: str) -> None:
    """Make SAMPLE another PERSON's, by name or id; a new name makes a new person."""
    changes = opened_facecog().changes
    try:
        _, subject, change = changes.move(str(sample), str(UUID(person)))
    except ValueError:
        _, subject, change = changes.move_to_name(str(sample), person)
    click.echo(f"moved to {subject.name}{undo_with(change)}")


@samples.command("delete")
@click.argument("sample", type=click.UUID)
@click.option("--forever", is_flag=True, help="Beyond undoing, with what earlier changes keep.")
def delete_sample(sample: UUID, forever: bool) -> None:
    """Forget SAMPLE; its person stays."""
    change = opened_facecog().changes.remove(str(sample), may_erase(forever))
    click.echo(f"deleted{undo_with(change)}")


COMMANDS = (people, samples)
