"""What is kept of the benchmarks: each part as it was last measured, and on what machine.

That is docs/performance/figures.json, in the repository: a part that is not measured anew stays as
it was, wherever that was. docs/performance.md is made from it alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_uppercase

from benchmarks.machine import Machine, distinct
from benchmarks.tables import Part, Table, claims_table, from_told

FIGURES = Path(__file__).parent.parent / "docs" / "performance" / "figures.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A part, and what it was measured on."""

    part: Part
    machine: Machine


def read(file: Path = FIGURES) -> list[Kept]:
    """All that are kept, in the order of the page."""
    told = json.loads(file.read_text("utf-8"))
    return [Kept(from_told(one["part"]), Machine(**one["machine"])) for one in told]


def write(kept: Sequence[Kept], file: Path = FIGURES) -> None:
    """These, instead of what was kept."""
    told = [asdict(one) for one in kept]
    text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(f"{text}\n", "utf-8")


def unmeasured(new: Part, old: Part) -> list[str]:
    """The claims that the old one has a value for and the new one could not measure.

    Where there are any, the old one is worth more, as on a machine that lacks what they are about.
    A claim that is no longer made counts for nothing.
    """
    measured = {claim.text for claim in old.claims if claim.value is not None}
    return [one.text for one in new.claims if one.value is None and one.text in measured]


def machines(kept: Sequence[Kept]) -> dict[str, list[Machine]]:
    """Each machine by a letter, with what is told of it by each part that it measured."""
    return dict(zip(ascii_uppercase, distinct(one.machine for one in kept), strict=False))


def letters(kept: Sequence[Kept]) -> list[str]:
    """Of the machine of each part; empty where one machine has measured all of them."""
    known = machines(kept)
    if len(known) == 1:
        return [""] * len(kept)
    return [next(name for name, runs in known.items() if one.machine in runs) for one in kept]


def ratios(kept: Sequence[Kept], title: str) -> Table:
    """All claims in one table, each with its machine where there is more than one."""
    table = claims_table([claim for one in kept for claim in one.part.claims], title)
    whose = [
        letter for one, letter in zip(kept, letters(kept), strict=True) for _ in one.part.claims
    ]
    if not any(whose):
        return table
    rows = tuple((*row, letter) for row, letter in zip(table.rows, whose, strict=True))
    return Table(title, (*table.columns, "machine"), rows)
