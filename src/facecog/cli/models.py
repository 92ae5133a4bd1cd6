"""Models: showing and fetching them."""

from __future__ import annotations

import click

from facecog.bootstrap import chosen_card
from facecog.cli.common import as_json, print_json, print_table, settings_here
from facecog.engines import fetch
from facecog.engines.cards import YUNET, all_cards
from facecog.engines.fast import whole_numbers, with_openvino
from facecog.engines.prepare import prepared


@click.group()
def models() -> None:
    """Show and fetch the models."""


@models.command("list")
@as_json
def list_models(machine: bool) -> None:
    """List the models that facecog knows."""
    settings = settings_here()
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
            print_json(row)
    else:
        print_table(rows)


@models.command("fetch")
def fetch_models() -> None:
    """Fetch the models in use where they are not here yet, check all, and prepare them."""
    settings = settings_here()
    cards = [YUNET, chosen_card(settings)]
    fetch.ensure(cards, settings.models_folder)
    for card in cards:
        fetch.check(card, settings.models_folder)
        prepared(card, settings.models_folder)
        if settings.precision == "fast":
            whole_numbers(card, settings.models_folder, with_openvino())
        click.echo(f"{card.name}: here and whole")


COMMANDS = (models,)
