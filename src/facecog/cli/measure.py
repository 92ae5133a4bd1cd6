"""Measuring: error rates on labelled photographs."""

from __future__ import annotations

from pathlib import Path

import click

from facecog.bootstrap import scratch_facecog
from facecog.cli.common import FILE, as_json, print_json, settings_here
from facecog.evaluation.identification import measure, read_list


@click.command()
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
    with scratch_facecog(settings_here()) as facecog:
        rates = measure(facecog, *lists)
    if machine:
        print_json(rates.as_json())
    else:
        click.echo(rates.as_text())


COMMANDS = (evaluate,)
