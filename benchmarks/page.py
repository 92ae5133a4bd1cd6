"""docs/performance.md and its plots, from what the benchmarks measured.

The figures themselves are kept beside the plots, in docs/performance/figures.json, so that a test
can make the page again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.tables import Part, Plot, claims_table, from_json, markdown

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
FOLDER = ROOT / "docs" / "performance"
FIGURES = FOLDER / "figures.json"
IN_README = re.compile(r"(?<=<!-- make bench writes this -->\n).*?(?=<!-- until here -->)", re.S)

HEAD = """# Performance

{lead}

`make bench` measures all of this again and writes this page; `make bench PARTS="search load"` does
some of it. Times are CPU time of one thread unless a table says otherwise. The machine is shared
with others, so go by the ratios: what is compared takes turns in one run, and each ratio is of
medians of that run. Other machines have other times.

{claims}

## The machine

{machine}
"""


def write(machine: dict[str, str], parts: Sequence[Part]) -> None:
    """The page, its plots, its figures, and what the README says of them."""
    FOLDER.mkdir(exist_ok=True)
    told = {"machine": machine, "parts": [asdict(part) for part in parts]}
    FIGURES.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(rendered(machine, parts), "utf-8")
    README.write_text(
        IN_README.sub(lambda _: f"{lead(parts)}\n", README.read_text("utf-8")), "utf-8"
    )
    for part in parts:
        for plot in part.plots:
            draw(plot, FOLDER / f"{plot.name}.svg")


def figures() -> tuple[dict[str, str], list[Part]]:
    """What `write` has kept: the machine and the parts."""
    told = json.loads(FIGURES.read_text("utf-8"))
    return told["machine"], [from_json(json.dumps(part)) for part in told["parts"]]


def rendered(machine: dict[str, str], parts: Sequence[Part]) -> str:
    """The page."""
    claims = [claim for part in parts for claim in part.claims]
    about = "\n".join(f"- {key}: {value}" for key, value in machine.items())
    head = HEAD.format(
        lead=lead(parts),
        claims=markdown(claims_table(claims, "What is claimed, and what this run measured")),
        machine=about,
    )
    return "\n".join([head, *map(section, parts)])


def lead(parts: Sequence[Part]) -> str:
    """What a reader wants to know first."""
    return " ".join(part.lead for part in parts if part.lead)


def section(part: Part) -> str:
    """One part: its tables and plots."""
    pieces = [f"## {part.title}", f"`python -m benchmarks.{part.name}`", part.note]
    pieces += map(markdown, part.tables)
    pieces += [f"![{plot.title}](performance/{plot.name}.svg)" for plot in part.plots]
    return "\n\n".join(piece for piece in pieces if piece) + "\n"


def draw(plot: Plot, file: Path) -> None:
    """A small SVG, the same bytes for the same figures."""
    with mpl.rc_context({"svg.hashsalt": "facecog", "svg.fonttype": "none", "font.size": 8}):
        picture = Figure(figsize=(4.8, 3.0), layout="constrained")
        axes = picture.subplots()
        for line in plot.lines:
            axes.plot(line.x, line.y, marker=".", label=line.label)
        if plot.logarithmic:
            axes.set(xscale="log", yscale="log")
        axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
        axes.grid(alpha=0.3)
        axes.legend()
        picture.savefig(file, metadata={"Date": None, "Creator": None})
