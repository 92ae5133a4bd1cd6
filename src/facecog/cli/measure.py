"""Measuring: error rates on labelled photographs, and calibrations made from them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import click

from facecog.bootstrap import chosen_card
from facecog.cli.common import FILE, Command, counted, opened_facecog, settings_here, yielding
from facecog.cli.words import odds, registered
from facecog.config import Settings
from facecog.evaluation import html, owners
from facecog.evaluation.evaluate import evaluate_identification, evaluate_verification
from facecog.evaluation.labels import read_corrections, read_photos
from facecog.evaluation.report import Report, as_text, table_text
from facecog.evaluation.templates import Faces
from facecog.service import Facecog
from facecog.thresholds import InForce, checked_rate

LIST = click.Path(exists=True, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, allow_dash=True, writable=True, path_type=Path)
HTML_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
STDOUT = Path("-")


def cached(command: Command) -> Command:
    """The options of where templates are kept."""
    where = click.option(
        "--cache", type=NEW_FILE, help="Where templates are kept.  [HOME/cache/evaluation.db]"
    )
    return where(click.option("--no-cache", is_flag=True, help="Keep no templates.")(command))


def corrected(command: Command) -> Command:
    return click.option(
        "--corrections", type=FILE, help="A CSV of known label errors: path, identity."
    )(command)


@click.command()
@click.argument("lists", nargs=-1, required=True, type=LIST)
@corrected
@click.option("--fpir", type=float, help="The promise, if not the one in force.")
@click.option(
    "--json", "json_file", type=NEW_FILE, is_flag=False, flag_value="-", help="- prints it."
)
@click.option("--html", "html_file", type=HTML_FILE, help="A report with plots, in one file.")
@cached
def evaluate(
    lists: tuple[Path, ...],
    corrections: Path | None,
    fpir: float | None,
    json_file: Path | None,
    html_file: Path | None,
    cache: Path | None,
    no_cache: bool,
) -> None:
    """Measure on labelled photos how often facecog is right.

    LISTS are one or three. Three: GALLERY PROBES IMPOSTORS, CSV files with the columns path and
    identity: the gallery is enrolled, the others are searched (identification). One: PAIRS, a CSV
    file with the columns path_a, path_b and same, or photos of which each is compared with each,
    a CSV file with path and identity or a folder with a folder for each person (verification).

    Paths are relative to the file's folder. A column group counts groups by themselves. The
    faces that are registered are not touched.
    """
    if len(lists) not in (1, 3):
        raise click.UsageError("LISTS are one (verification) or three (identification).")
    if fpir is not None and len(lists) == 1:
        raise click.UsageError("--fpir is for identification; verify promises FACECOG_FMR.")
    promise = None if fpir is None else checked_rate(fpir)
    for file in (json_file, html_file):
        _must_be_writable(file)
    if html_file:
        html.must_be_possible()
    today = date.today().isoformat()
    yielding()
    settings, facecog = settings_here(), opened_facecog()
    with _faces(facecog, settings, cache, no_cache) as faces:
        if len(lists) == 1:
            report = evaluate_verification(facecog, faces, lists[0], corrections, today)
        else:
            gallery, probes, strangers = lists
            report = evaluate_identification(
                facecog, faces, (gallery, probes, strangers), corrections, promise, today
            )
    _give(report, json_file, html_file)


@click.command()
@click.argument("photos", required=False, type=LIST)
@click.option("--gallery", is_flag=True, help="From the faces that are registered.")
@click.option("--rollback", is_flag=True, help="Use the calibration before again.")
@corrected
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@cached
def calibrate(
    photos: Path | None,
    gallery: bool,
    rollback: bool,
    corrections: Path | None,
    dry_run: bool,
    yes: bool,
    cache: Path | None,
    no_cache: bool,
) -> None:
    """Learn from your own photos which score keeps the promise.

    PHOTOS is a folder with a folder for each person, or a CSV file with the columns path and
    identity, of at least 30 people. What changes is shown before it is used.
    """
    if [photos is not None, gallery, rollback].count(True) != 1:
        raise click.UsageError("Name PHOTOS, or --gallery, or --rollback: one of the three.")
    yielding()
    settings, facecog = settings_here(), opened_facecog()
    if rollback:
        click.echo(f"now {_threshold(facecog.roll_back_calibration())}")
        return
    with _faces(facecog, settings, cache, no_cache) as faces:
        proposal = _proposal(facecog, faces, photos, corrections)
    _show(facecog, proposal)
    if dry_run:
        return
    if not yes:
        click.confirm("Use this calibration from now on?", abort=True)
    click.echo(f"now {_threshold(facecog.put_in_force(proposal.calibration))}")


def _proposal(
    facecog: Facecog, faces: Faces, photos: Path | None, corrections: Path | None
) -> owners.Proposal:
    force, today = facecog.in_force(), date.today().isoformat()
    if photos is None:
        return owners.from_gallery(*facecog.templates(), force, today)
    known = read_corrections(corrections) if corrections else None
    shown = faces(read_photos(photos, known), "photos")
    return owners.from_photos(shown, force.calibration, photos.resolve().name, today)


def _show(facecog: Facecog, proposal: owners.Proposal) -> None:
    before, after = facecog.in_force(), facecog.would_hold(proposal.calibration)
    click.echo(f"made from {proposal.photos:,} photos of {proposal.people:,} people")
    if proposal.look_alikes:
        pairs = counted(proposal.look_alikes, "pair")
        click.echo(f"not learnt from: {pairs} of people who match each other")
    click.echo(
        f"with {registered(facecog.gallery_size())} and a promise of {odds(facecog.promised())}"
    )
    for table in owners.changes(before, after, proposal):
        click.echo("\n" + table_text(table))


@contextmanager
def _faces(
    facecog: Facecog, settings: Settings, cache: Path | None, no_cache: bool
) -> Iterator[Faces]:
    """Faces of photographs, kept in the cache or only while the command runs."""
    maker = f"{facecog.model} {_card(settings)}"
    if not no_cache:
        default = settings.home / "cache" / "evaluation.db"
        yield Faces(facecog.embed, maker, cache or default)
        return
    with tempfile.TemporaryDirectory(prefix="facecog-") as folder:
        yield Faces(facecog.embed, maker, Path(folder, "evaluation.db"))


def _card(settings: Settings) -> str:
    """Changes with a model card of one's own, which the code does not know."""
    if settings.engine != "onnx":
        return ""
    return hashlib.sha256(repr(chosen_card(settings)).encode()).hexdigest()[:16]


def _must_be_writable(file: Path | None) -> None:
    """Asked before the measuring, which takes minutes."""
    if file and file != STDOUT and not file.parent.is_dir():
        raise click.ClickException(f"{file} cannot be written: there is no folder {file.parent}.")


def _give(report: Report, json_file: Path | None, html_file: Path | None) -> None:
    figures = json.dumps(report.figures, ensure_ascii=False)
    if json_file == STDOUT:
        click.echo(figures)
    else:
        click.echo(as_text(report))
    for file, text in ((json_file, figures), (html_file, html_file and html.as_html(report))):
        if file and text and file != STDOUT:
            try:
                file.write_text(text, "utf-8")
            except OSError as error:
                raise click.ClickException(
                    f"{file} cannot be written: {error.strerror}."
                ) from error
            click.echo(f"written to {file}", err=True)


def _threshold(force: InForce) -> str:
    at = force.operation
    return f"threshold {at.threshold:.3f}, calibration: {at.calibration}"


COMMANDS = (evaluate, calibrate)
