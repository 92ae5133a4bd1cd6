"""The shape of a report, and how it reads on a terminal; `html.py` shows it as a page."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facecog.evaluation.trials import Curve, Histogram


@dataclass(frozen=True, slots=True)
class About:
    """Of what, with what and when.

    Attributes:
        model: the model card.
        version: of facecog.
        made: the day, as YYYY-MM-DD.
        data: what the lists are, and where, as they were given.
    """

    model: str
    version: str
    made: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure that is read first, and in words what it means."""

    label: str
    value: str
    note: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are read; the first column says what the row is about."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plots:
    """What is drawn.

    Attributes:
        false_positives, missed: what the two axes of the curve are called.
        mated, non_mated: what the two histograms are called.
        threshold: in force.
    """

    curve: Curve
    false_positives: str
    missed: str
    scores: Histogram
    mated: str
    non_mated: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Report:
    """All of it.

    Attributes:
        listings: long tables, of single photographs.
        figures: for programs.
    """

    title: str
    about: About
    facts: tuple[tuple[str, str], ...]
    headlines: tuple[Headline, ...]
    tables: tuple[Table, ...]
    listings: tuple[Table, ...]
    plots: Plots
    figures: dict[str, Any]


def as_text(report: Report) -> str:
    """For a terminal."""
    width = max(len(label) for label, _ in report.facts)
    lines = [report.title, *(f"  {label:<{width}}  {value}" for label, value in report.facts)]
    return "\n\n".join(["\n".join(lines), *map(table_text, report.tables)])


def table_text(table: Table) -> str:
    """For a terminal."""
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    cells = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    note = textwrap.wrap(table.note, 98)
    return "\n".join([table.title, *(f"  {line}" for line in (*cells, *note))])


def percent(value: float) -> str:
    """Two decimals, or two digits where the value is small."""
    if math.isnan(value):
        return "-"
    part = 100 * value
    if part == 0 or part >= 0.01:
        return f"{part:.2f} %"
    return f"{part:.{1 - math.floor(math.log10(part))}f} %"


def round_rate(rate: float) -> str:
    """A rate that is a round number, in full."""
    return f"{100 * rate:.9f}".rstrip("0").rstrip(".") + " %"


def between(interval: tuple[float, float]) -> str:
    return f"{percent(interval[0]).removesuffix(' %')} to {percent(interval[1])}"
