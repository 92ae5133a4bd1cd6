"""docs/performance.md and its plots, from what the benchmarks measured.

The figures themselves are kept beside the plots (kept.py), so that a test can make the page again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import kept as store
from benchmarks.kept import Kept, letters, machines, ratios
from benchmarks.machine import lines
from benchmarks.tables import Part, Plot, markdown

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
FOLDER = ROOT / "docs" / "performance"
IN_README = re.compile(r"(?<=<!-- make bench writes this -->\n).*?(?=<!-- until here -->)", re.S)

HEAD = """# Performance

{lead}

`make bench` measures all of this again and writes this page; `make bench PARTS="search load"` does
some of it. Times are CPU time of one thread unless a table says otherwise. The machine is shared
with others, so go by the ratios: what is compared takes turns in one run, and each ratio is of
medians of that run. Other machines have other times.

{claims}

{machines}
"""
SEVERAL = """## The machines

Each part was measured on one of these, with the software that it names, and says on which. Figures
of different machines are not to be compared."""


def write(kept: Sequence[Kept]) -> None:
    """The page, its plots, its figures, and what the README says of them."""
    parts = [one.part for one in kept]
    FOLDER.mkdir(exist_ok=True)
    store.write(kept)
    PAGE.write_text(rendered(kept), "utf-8")
    README.write_text(
        IN_README.sub(lambda _: f"{lead(parts)}\n", README.read_text("utf-8")), "utf-8"
    )
    for part in parts:
        for plot in part.plots:
            draw(plot, FOLDER / f"{plot.name}.svg")


def rendered(kept: Sequence[Kept]) -> str:
    """The page."""
    head = HEAD.format(
        lead=lead([one.part for one in kept]),
        claims=markdown(ratios(kept, "What is claimed, and what was measured")),
        machines=described(kept),
    )
    sections = [section(one.part, letter) for one, letter in zip(kept, letters(kept), strict=True)]
    return "\n".join([head, *sections])


def described(kept: Sequence[Kept]) -> str:
    """What the parts were measured on."""
    known = {
        letter: "\n".join(f"- {line}" for line in lines(runs))
        for letter, runs in machines(kept).items()
    }
    if len(known) == 1:
        return "\n\n".join(["## The machine", *known.values()])
    return "\n\n".join([SEVERAL, *(f"**{letter}**\n\n{text}" for letter, text in known.items())])


def lead(parts: Sequence[Part]) -> str:
    """What a reader wants to know first."""
    return " ".join(part.lead for part in parts if part.lead)


def section(part: Part, machine: str) -> str:
    """One part: its tables and plots, and the machine's letter where there are several."""
    on = f", measured on machine {machine}" if machine else ""
    pieces = [f"## {part.title}", f"`python -m benchmarks.{part.name.split()[0]}`{on}", part.note]
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
