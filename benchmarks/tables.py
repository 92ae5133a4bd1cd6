"""What a benchmark gives back: tables, claims and plots, and how they are printed and kept.

A benchmark is a module with `measure(smoke: bool) -> Part`, and ends with `run(measure)`:

    python -m benchmarks.NAME              prints its tables and claims; exits 1 on a broken claim
    python -m benchmarks.NAME --smoke      the same code on little data: figures mean nothing
    python -m benchmarks.NAME --json FILE  and keeps the part there, for `make bench`
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facecog.evaluation.report import Table as Table
from facecog.evaluation.report import table_text


@dataclass(frozen=True, slots=True)
class Claim:
    """A ratio or a figure of this run, and what it may be.

    Attributes:
        text: what the figure is, as in "SFace exact, times as fast as the file as shipped".
        value: None where it cannot be measured here.
        limit: None for a figure that is only told.
        at_most: the value may be no more than the limit; otherwise it is to be no less.
        unit: written after the figures, "MB"; nothing for a ratio.
        speed: it depends on the data's size or the machine, so a smoke run does not judge it.
        why: there is no value; `text` is the same with a value and without.
    """

    text: str
    value: float | None
    limit: float | None = None
    at_most: bool = True
    unit: str = ""
    speed: bool = True
    why: str = ""

    @property
    def kept(self) -> bool | None:
        """None where there is nothing to keep or nothing was measured."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def verdict(self) -> str:
        if self.value is None:
            return f"not measured: {self.why}" if self.why else "not measured"
        return {True: "kept", False: "NOT KEPT", None: ""}[self.kept]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over one axis.

    Attributes:
        name: of the picture's file, without its ending.
        logarithmic: both axes are.
    """

    name: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    logarithmic: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """What one benchmark measured.

    Attributes:
        name: its module's.
        note: what was done, in a sentence or two.
        lead: what a reader wants to know first, for the head of docs/performance.md; most say
            nothing there.
    """

    name: str
    title: str
    tables: list[Table]
    claims: list[Claim] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    note: str = ""
    lead: str = ""


def run(measure: Callable[[bool], Part]) -> None:
    """The command line of one benchmark."""
    module = sys.modules[measure.__module__]
    parser = argparse.ArgumentParser(description=(module.__doc__ or "").partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="the same code on little data")
    parser.add_argument("--json", type=Path, help="keep the part in this file")
    options = parser.parse_args()
    part = measure(options.smoke)
    if options.json:
        options.json.write_text(to_json(part), "utf-8")
    print(as_text(part))
    sys.exit(bool(broken(part, options.smoke)))


def broken(part: Part, smoke: bool) -> list[Claim]:
    """The claims that are not kept, of those that are judged."""
    return [one for one in part.claims if one.kept is False and not (smoke and one.speed)]


# -- kept ---------------------------------------------------------------------------------------


def to_json(part: Part) -> str:
    return json.dumps(asdict(part), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> Part:
    return from_told(json.loads(text))


def from_told(told: dict[str, Any]) -> Part:
    """A part from what `asdict` made of it."""
    told = dict(told)
    told["tables"] = [
        Table(**{**one, "columns": tuple(one["columns"]), "rows": tuple(map(tuple, one["rows"]))})
        for one in told["tables"]
    ]
    told["claims"] = [Claim(**one) for one in told["claims"]]
    told["plots"] = [
        Plot(**{**one, "lines": tuple(map(_line, one["lines"]))}) for one in told["plots"]
    ]
    return Part(**told)


def _line(told: dict[str, Any]) -> Line:
    return Line(told["label"], tuple(told["x"]), tuple(told["y"]))


# -- printed ------------------------------------------------------------------------------------


def as_text(part: Part) -> str:
    """For a terminal."""
    tables = [*part.tables, claims_table(part.claims)] if part.claims else part.tables
    head = [part.title, *([part.note] if part.note else [])]
    return "\n\n".join(["\n".join(head), *map(table_text, tables)])


def markdown(table: Table) -> str:
    """A Markdown table, under its title and over its note."""
    rows = [table.columns, ("---", *("---:",) * (len(table.columns) - 1)), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n\n".join(
        piece for piece in (f"**{table.title}**", "\n".join(lines), table.note) if piece
    )


def claims_table(claims: Iterable[Claim], title: str = "Claims") -> Table:
    """Each with its value, its limit, and whether it is kept."""
    return Table(
        title,
        ("", "measured", "limit", ""),
        tuple((one.text, _value(one), _limit(one), one.verdict) for one in claims),
    )


def _value(claim: Claim) -> str:
    return "-" if claim.value is None else f"{figure(claim.value)} {claim.unit}".rstrip()


def _limit(claim: Claim) -> str:
    if claim.limit is None:
        return ""
    most = "at most" if claim.at_most else "at least"
    return f"{most} {figure(claim.limit)} {claim.unit}".rstrip()


def figure(value: float) -> str:
    """Three digits that count, or more where they come before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) < 1e-4:
        return f"{value:.1e}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"
