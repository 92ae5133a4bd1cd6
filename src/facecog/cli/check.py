"""Whether all that is stored fits together."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import click
from tqdm import tqdm

from facecog.bootstrap import chosen_model, open_store
from facecog.cli.common import as_json, counted, print_json, settings_here, yielding
from facecog.image import decode
from facecog.store.checking import Finding
from facecog.wire import Json

SHOWN = 5  # ids of a finding; all with --json


@click.command()
@click.option("--mend", is_flag=True, help="Do what can be done of each.")
@as_json
def check(mend: bool, machine: bool) -> None:
    """Look whether all that is stored fits together, while a server may go on."""
    yielding()
    settings = settings_here()
    model = chosen_model(settings)
    readable = partial(decode, max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    with closing(open_store(settings)) as store, tqdm(unit=" samples", disable=None) as progress:
        found = store.check(model, readable, progress.update)
        faults = [one for one in found if one.kind.fault]
        if mend and faults:
            store.mend(faults)
            after = {one.code for one in store.check(model, readable)}
        else:
            after = {one.code for one in faults}
    left = [one for one in faults if one.code in after]
    for one in found:
        if machine:
            print_json(_as_json(one, one in left))
        else:
            click.echo("\n  ".join(_said(one, one in left, mend)))
    if not machine:
        click.echo(_verdict(faults, left))
    if left:
        sys.exit(1)


def _as_json(one: Finding, left: bool) -> Json:
    return {
        "code": one.code,
        "fault": one.kind.fault,
        "count": one.count,
        "ids": list(one.ids),
        "mend": one.kind.mend or None,
        "mended": one.kind.fault and not left,
    }


def _said(one: Finding, left: bool, mend: bool) -> Iterator[str]:
    """What was found, and what becomes of it."""
    yield f"{one.code}: {one.kind.said} ({one.count:,})"
    if one.ids:
        yield ", ".join(one.ids[:SHOWN]) + (", ..." if one.count > SHOWN else "")
    if not one.kind.fault:
        yield one.kind.mend or "that may be so"
    elif not left:
        yield f"done: {one.kind.mend}" if one.kind.mend else "gone with the others"
    elif one.kind.mend:
        yield f"not done: {one.kind.mend}" if mend else f"--mend: {one.kind.mend}"
    else:
        yield "nothing mends that but a backup: facecog restore"


def _verdict(faults: list[Finding], left: list[Finding]) -> str:
    if left:
        return f"{counted(len(left), 'kind')} of faults"
    return "mended" if faults else "all is well"


COMMANDS = (check,)
