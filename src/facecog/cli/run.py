"""Serving, and taking over an original facecog's faces."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from tqdm import tqdm

from facecog.cli.common import FOLDER, opened_facecog, settings_here
from facecog.legacy import import_faces, legacy_faces
from facecog.web.app import create_app
from facecog.web.serve import serve as serve_app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
def serve(host: str, port: int) -> None:
    """Serve the pages and the API."""
    logging.getLogger("facecog").setLevel(logging.INFO)
    settings = settings_here()
    app = create_app(settings=settings)
    try:
        serve_app(app, settings, host, port)
    except OSError as error:
        raise click.ClickException(f"{host}:{port} cannot be served: {error.strerror}.") from error


@click.command("import-legacy")
@click.argument("folder", type=FOLDER)
def import_legacy(folder: Path) -> None:
    """Take over the faces of an original facecog's FOLDER, which is not changed."""
    faces = legacy_faces(folder)
    facecog = opened_facecog()
    added = known = 0
    progress = tqdm(import_faces(facecog, folder, faces), total=len(faces), disable=None)
    for outcome in progress:
        if outcome.refusal:
            tqdm.write(f"not taken: {outcome.face.id} ({outcome.face.name}): {outcome.refusal}")
        added += outcome.added
        known += not outcome.added and not outcome.refusal
    refused = len(faces) - added - known
    click.echo(f"{added} added, {known} already here, {refused} not taken")


COMMANDS = (serve, import_legacy)
