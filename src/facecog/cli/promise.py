"""The promised error rate."""

from __future__ import annotations

import click

from facecog.acting import actor
from facecog.cli.common import as_json, counted, opened_facecog, print_json
from facecog.cli.words import basis, own_gallery
from facecog.permissions import Permission, require
from facecog.wire import promise_json


@click.command()
@click.argument("rate", type=float, required=False)
@click.option("--reset", is_flag=True, help="Promise what FACECOG_FPIR says again.")
@as_json
def promise(rate: float | None, reset: bool, machine: bool) -> None:
    """Show the promise, or promise another RATE.

    RATE is of strangers who are searched the part that may get a name: 0.001 is 1 in 1,000.
    """
    if reset and rate is not None:
        raise click.UsageError("Give a rate or --reset, not both.")
    other = reset or rate is not None
    if other:
        require(actor(), Permission.SETTINGS)
    facecog = opened_facecog()
    force = facecog.promise(rate) if other else facecog.in_force()
    gallery = facecog.gallery_size()
    if machine:
        print_json(promise_json(force, gallery))
        return
    for line in basis(force.operation, gallery):
        click.echo(line)
    click.echo(f"own gallery: {own_gallery(force)}")
    click.echo(f"look-alikes: {counted(len(facecog.look_alikes()), 'pair')}")


COMMANDS = (promise,)
