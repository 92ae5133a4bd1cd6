"""The plots of a report, as SVG that stands by itself. Needs the extra `evaluation`."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from facecog.evaluation.report import Plots, percent
from facecog.evaluation.trials import Histogram

SIZE = (6.4, 4.2)  # inches
ZERO = "A rate of 0 is drawn at half of the lowest other rate."
INK, QUIET, LINE = "#14141a", "#575766", "#dfdfe7"
VIOLET, GREEN, AMBER = "#6d28d9", "#047857", "#92520a"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and is small
    "svg.hashsalt": "facecog",  # the same figures give the same file
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def drawn(plots: Plots) -> list[tuple[str, str, str]]:
    """Title, SVG and note of each plot that there is something for."""
    found = []
    if len(plots.curve.thresholds) > 1:
        found.append(("What a stricter threshold costs", _curve(plots), ZERO))
    if plots.scores.edges:
        found.append(("Scores", _histogram(plots), ""))
    return found


def _curve(plots: Plots) -> str:
    """Detection error trade-off; both axes by their logarithm, as NIST draws it."""
    curve = plots.curve
    across, up = _drawable(curve.false_positives), _drawable(curve.missed)
    here = curve.thresholds.index(plots.threshold)
    with _axes() as (figure, axes):
        axes.plot(across, up, color=VIOLET, linewidth=2)
        axes.plot(
            across[here],
            up[here],
            "o",
            color=AMBER,
            markersize=8,
            clip_on=False,
            zorder=3,
            label=f"the threshold in force, {plots.threshold:.3f}",
        )
        axes.set(xscale="log", yscale="log", xlabel=plots.false_positives, ylabel=plots.missed)
        for axis, rates in ((axes.xaxis, across), (axes.yaxis, up)):
            few = max(rates) < 30 * min(rates)  # powers of ten alone would label next to nothing
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
            axis.set_minor_formatter(NullFormatter())
        axes.legend(loc="upper right")
        return _svg(figure)


def _histogram(plots: Plots) -> str:
    scores: Histogram = plots.scores
    with _axes() as (figure, axes):
        for heights, colour, label in (
            (scores.non_mated, VIOLET, plots.non_mated),
            (scores.mated, GREEN, plots.mated),
        ):
            axes.stairs(heights, scores.edges, fill=True, color=colour, alpha=0.25)
            axes.stairs(heights, scores.edges, color=colour, linewidth=1.5, label=label)
        axes.axvline(
            plots.threshold,
            color=AMBER,
            linewidth=1.5,
            linestyle="--",
            label=f"the threshold in force, {plots.threshold:.3f}",
        )
        axes.set(xlabel="score", ylabel="part of each kind")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.24))
        return _svg(figure)


def _drawable(rates: Sequence[float]) -> list[float]:
    """With a rate of 0, which the logarithm of an axis lacks, at half of the lowest other."""
    lowest = min((one for one in rates if one > 0), default=1e-3) / 2
    return [max(one, lowest) for one in rates]


@contextmanager
def _axes() -> Iterator[tuple[Figure, Axes]]:
    with mpl.rc_context(STYLE):
        figure = Figure(SIZE, layout="constrained")
        yield figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    """The element alone: without what only a file of its own needs, addresses among it."""
    text = io.StringIO()
    none = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=none)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    return re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
