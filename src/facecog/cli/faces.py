"""Registering, recognising, comparing and finding faces."""

from __future__ import annotations

from pathlib import Path

import click

from facecog.acting import actor
from facecog.cli.common import FILE, agreed_option, as_json, on_each, opened_facecog, print_json
from facecog.cli.words import explained, said_of
from facecog.domain import Agreed
from facecog.permissions import Permission, may, require
from facecog.wire import (
    Json,
    detection_json,
    enrolment_json,
    identification_json,
    verification_json,
)


@click.command()
@click.argument("name")
@click.argument("images", nargs=-1, required=True, type=FILE)
@click.option(
    "--allow-duplicate", is_flag=True, help="Also a face that is registered under another name."
)
@click.option(
    "--allow-mismatch", is_flag=True, help="Also a face that does not resemble NAME's others."
)
@agreed_option("the person")
@as_json
def register(
    name: str,
    images: tuple[Path, ...],
    allow_duplicate: bool,
    allow_mismatch: bool,
    agreed: Agreed | None,
    machine: bool,
) -> None:
    """Register NAME by one or more photos of that person alone."""
    facecog = opened_facecog()

    def one(photo: bytes) -> tuple[Json, str]:
        enrolment = facecog.enrol(
            name,
            photo,
            origin="cli",
            allow_duplicate=allow_duplicate,
            allow_mismatch=allow_mismatch,
            agreed=agreed,
        )
        said = "registered as" if enrolment.added else "is already a photo of"
        return enrolment_json(enrolment), f"{said} {enrolment.subject.name}"

    on_each(images, one, machine)


@click.command()
@click.argument("images", nargs=-1, required=True, type=FILE)
@click.option("--explain", is_flag=True, help="Say why, of each face.")
@as_json
def recognise(images: tuple[Path, ...], explain: bool, machine: bool) -> None:
    """Say who is in each photo."""
    facecog, nearest = opened_facecog(), may(actor(), Permission.LOOK)
    if explain:
        require(actor(), Permission.LOOK)  # it names whoever is nearest

    def one(photo: bytes) -> tuple[Json, str]:
        found = facecog.identify(photo)
        said = [", ".join(said_of(face) for face in found.faces)]
        if explain:
            said += [f"  {line}" for line in explained(found)]
        return identification_json(found, nearest), "\n".join(said)

    try:
        on_each(images, one, machine)
    finally:
        facecog.retention.flush()


@click.command()
@click.argument("image_a", type=FILE)
@click.argument("image_b", type=FILE)
@as_json
def verify(image_a: Path, image_b: Path, machine: bool) -> None:
    """Say whether two photos show the same person."""
    result = opened_facecog().verify(image_a.read_bytes(), image_b.read_bytes())
    if machine:
        print_json(verification_json(result))
        return
    said = "the same person" if result.same else "not the same person"
    click.echo(f"{said} (score {result.score:.3f}, threshold {result.operation.threshold:.3f})")


@click.command()
@click.argument("images", nargs=-1, required=True, type=FILE)
@as_json
def detect(images: tuple[Path, ...], machine: bool) -> None:
    """Find the faces in each photo."""
    facecog = opened_facecog()

    def one(photo: bytes) -> tuple[Json, str]:
        detection = facecog.detect(photo)
        boxes = [
            f"{face.box.width:.0f}x{face.box.height:.0f} at {face.box.x:.0f},{face.box.y:.0f}"
            for face in detection.faces
        ]
        return detection_json(detection), ", ".join(boxes) or "no face"

    on_each(images, one, machine)


COMMANDS = (register, recognise, verify, detect)
