"""The command line: each command parses, makes one call, prints."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click
from tqdm import tqdm

from facecog.bootstrap import chosen_card, open_facecog, scratch_facecog
from facecog.config import Settings
from facecog.domain import Subject
from facecog.engines import fetch
from facecog.engines.cards import YUNET, all_cards
from facecog.errors import FacecogError, InvalidInput
from facecog.evaluation.identification import measure, read_list
from facecog.legacy import import_faces, legacy_faces
from facecog.service import Facecog
from facecog.store import Page
from facecog.web.app import create_app
from facecog.web.serve import serve as serve_app
from facecog.wire import (
    Json,
    detection_json,
    enrolment_json,
    identification_json,
    sample_json,
    subject_json,
    verification_json,
)

Item = TypeVar("Item")
Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class Refusals(click.Group):
    """Turns a refusal into one line on stderr and exit 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except FacecogError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Refusals, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facecog")
def main() -> None:
    """Register faces, and say who is in a picture.

    Settings are FACECOG_* environment variables; data is kept in FACECOG_HOME (./data).
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


def as_json(command: Command) -> Command:
    return click.option("--json", "machine", is_flag=True, help="Print JSON, one object a line.")(
        command
    )


# -- faces ------------------------------------------------------------------------------------


@main.command()
@click.argument("name")
@click.argument("images", nargs=-1, required=True, type=FILE)
@as_json
def register(name: str, images: tuple[Path, ...], machine: bool) -> None:
    """Register NAME by one or more photos of that person alone."""
    facecog = _facecog()

    def one(photo: bytes) -> tuple[Json, str]:
        enrolment = facecog.enrol(name, photo, origin="cli")
        said = "registered as" if enrolment.added else "is already a photo of"
        return enrolment_json(enrolment), f"{said} {enrolment.subject.name}"

    _each(images, one, machine)


@main.command()
@click.argument("images", nargs=-1, required=True, type=FILE)
@as_json
def recognise(images: tuple[Path, ...], machine: bool) -> None:
    """Say who is in each photo."""
    facecog = _facecog()

    def one(photo: bytes) -> tuple[Json, str]:
        found = facecog.identify(photo)
        named = [
            f"{face.match.name} ({face.match.score:.2f})" if face.match else "unknown"
            for face in found.faces
        ]
        return identification_json(found), ", ".join(named)

    _each(images, one, machine)


@main.command()
@click.argument("image_a", type=FILE)
@click.argument("image_b", type=FILE)
@as_json
def verify(image_a: Path, image_b: Path, machine: bool) -> None:
    """Say whether two photos show the same person."""
    result = _facecog().verify(image_a.read_bytes(), image_b.read_bytes())
    if machine:
        _print_json(verification_json(result))
        return
    said = "the same person" if result.same else "not the same person"
    click.echo(f"{said} (score {result.score:.3f}, threshold {result.operation.threshold:.3f})")


@main.command()
@click.argument("images", nargs=-1, required=True, type=FILE)
@as_json
def detect(images: tuple[Path, ...], machine: bool) -> None:
    """Find the faces in each photo."""
    facecog = _facecog()

    def one(photo: bytes) -> tuple[Json, str]:
        detection = facecog.detect(photo)
        boxes = [
            f"{face.box.width:.0f}x{face.box.height:.0f} at {face.box.x:.0f},{face.box.y:.0f}"
            for face in detection.faces
        ]
        return detection_json(detection), ", ".join(boxes) or "no face"

    _each(images, one, machine)


# -- people -----------------------------------------------------------------------------------


@main.group()
def people() -> None:
    """List, rename and delete people. PERSON is a name or an id."""


@people.command("list")
@click.argument("search", default="")
@as_json
def list_people(search: str, machine: bool) -> None:
    """List people, those with SEARCH in their name."""
    facecog = _facecog()
    for subject in _all(lambda cursor: facecog.subjects(cursor=cursor, search=search)):
        if machine:
            _print_json(subject_json(subject))
        else:
            click.echo(f"{subject.id}  {_count(subject.samples, 'sample')}  {subject.name}")


@people.command("rename")
@click.argument("person")
@click.argument("name")
def rename_person(person: str, name: str) -> None:
    """Give PERSON another NAME."""
    facecog = _facecog()
    renamed = facecog.rename_subject(_person(facecog, person).id, name)
    click.echo(f"now {renamed.name}")


@people.command("delete")
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_person(person: str, yes: bool) -> None:
    """Forget PERSON with all samples."""
    facecog = _facecog()
    subject = _person(facecog, person)
    samples = _count(subject.samples, "sample")
    if not yes:
        click.confirm(f"Delete {subject.name} and {samples} for good?", abort=True)
    facecog.delete_subject(subject.id)
    click.echo(f"deleted {subject.name} and {samples}")


@main.group()
def samples() -> None:
    """List, show and delete a person's samples."""


@samples.command("list")
@click.argument("person")
@as_json
def list_samples(person: str, machine: bool) -> None:
    """List the samples of PERSON, a name or an id."""
    facecog = _facecog()
    subject = _person(facecog, person)
    for sample in _all(lambda cursor: facecog.samples(subject.id, cursor=cursor)):
        if machine:
            _print_json(sample_json(sample))
        else:
            click.echo(f"{sample.id}  {sample.created_at:%Y-%m-%d %H:%M}  {sample.origin}")


@samples.command("show")
@click.argument("sample", type=click.UUID)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def show_sample(sample: UUID, file: Path) -> None:
    """Write the picture of SAMPLE to FILE, a JPEG."""
    crop = _facecog().crop(str(sample))
    try:
        file.write_bytes(crop)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"written to {file}")


@samples.command("delete")
@click.argument("sample", type=click.UUID)
def delete_sample(sample: UUID) -> None:
    """Forget SAMPLE; its person stays."""
    _facecog().delete_sample(str(sample))
    click.echo("deleted")


# -- models -----------------------------------------------------------------------------------


@main.group()
def models() -> None:
    """Show and fetch the models."""


@models.command("list")
@as_json
def list_models(machine: bool) -> None:
    """List the models that facecog knows."""
    settings = _settings()
    cards = all_cards(settings.models_folder).values()
    rows = [
        {
            "name": card.name,
            "task": card.task,
            "megabytes": round(card.size / 1e6, 1) or None,
            "licence": card.licence,
            "dimension": card.dimension,
            "source": card.source,
            "here": fetch.is_here(card, settings.models_folder),
            "note": card.note,
        }
        for card in cards
    ]
    if machine:
        for row in rows:
            _print_json(row)
    else:
        _print_table(rows)


@models.command("fetch")
def fetch_models() -> None:
    """Fetch the models in use, where they are not here yet, and check those that are."""
    settings = _settings()
    cards = [YUNET, chosen_card(settings)]
    fetch.ensure(cards, settings.models_folder)
    for card in cards:
        fetch.check(card, settings.models_folder)
        click.echo(f"{card.name}: here and whole")


# -- running ----------------------------------------------------------------------------------


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
def serve(host: str, port: int) -> None:
    """Serve the pages and the API."""
    logging.getLogger("facecog").setLevel(logging.INFO)
    settings = _settings()
    app = create_app(settings=settings)
    try:
        serve_app(app, settings, host, port)
    except OSError as error:
        raise click.ClickException(f"{host}:{port} cannot be served: {error.strerror}.") from error


@main.command("import-legacy")
@click.argument("folder", type=FOLDER)
def import_legacy(folder: Path) -> None:
    """Take over the faces of an original facecog's FOLDER, which is not changed."""
    faces = legacy_faces(folder)
    facecog = _facecog()
    added = known = 0
    progress = tqdm(import_faces(facecog, folder, faces), total=len(faces), disable=None)
    for outcome in progress:
        if outcome.refusal:
            tqdm.write(f"not taken: {outcome.face.id} ({outcome.face.name}): {outcome.refusal}")
        added += outcome.added
        known += not outcome.added and not outcome.refusal
    refused = len(faces) - added - known
    click.echo(f"{added} added, {known} already here, {refused} not taken")


@main.command()
@click.argument("gallery", type=FILE)
@click.argument("probes", type=FILE)
@click.argument("impostors", type=FILE)
@as_json
def evaluate(gallery: Path, probes: Path, impostors: Path, machine: bool) -> None:
    """Measure 1:N identification on labelled photos.

    Each of GALLERY, PROBES and IMPOSTORS is a CSV file with the columns path and identity; paths
    are relative to its folder. The faces in use are not touched.
    """
    lists = [read_list(file) for file in (gallery, probes, impostors)]
    with scratch_facecog(_settings()) as facecog:
        rates = measure(facecog, *lists)
    if machine:
        _print_json(rates.as_json())
    else:
        click.echo(rates.as_text())


# -- helpers ----------------------------------------------------------------------------------


def _settings() -> Settings:
    return Settings.from_environment(os.environ)


def _facecog() -> Facecog:
    return open_facecog(_settings())


def _each(
    images: tuple[Path, ...], one: Callable[[bytes], tuple[Json, str]], machine: bool
) -> None:
    """Work on each image; a refused one is said and does not stop the others."""
    refused = False
    for image in images:
        try:
            answer, said = one(image.read_bytes())
        except InvalidInput as error:
            refused = True
            answer, said = {"error": {"code": error.code, "detail": str(error)}}, str(error)
        if machine:
            _print_json({"file": str(image), **answer})
        else:
            click.echo(f"{image}: {said}", err="error" in answer)
    if refused:
        sys.exit(1)


def _all(page_after: Callable[[str | None], Page[Item]]) -> Iterator[Item]:
    page = page_after(None)
    yield from page.items
    while page.next_cursor:
        page = page_after(page.next_cursor)
        yield from page.items


def _person(facecog: Facecog, person: str) -> Subject:
    try:
        return facecog.subject(str(UUID(person)))
    except ValueError:
        return facecog.subject_named(person)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _print_json(value: Json) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _print_table(rows: list[Json]) -> None:
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
