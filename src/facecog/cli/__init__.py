"""The command line: each command parses, makes one call, prints. One module a group of commands."""

from __future__ import annotations

import logging
from typing import Any

import click

from facecog.cli import (
    accounts,
    audit,
    backup,
    changes,
    check,
    collections,
    faces,
    key,
    measure,
    models,
    people,
    promise,
    rights,
    rules,
    run,
)
from facecog.errors import FacecogError


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


MODULES = (
    faces,
    people,
    rights,
    collections,
    changes,
    audit,
    promise,
    accounts,
    backup,
    check,
    key,
    models,
    run,
    measure,
)
for module in MODULES:
    for command in module.COMMANDS:
        main.add_command(command)
rules.guard(main)
