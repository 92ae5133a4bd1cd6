"""A report as one HTML file that needs nothing else, and no network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from facecog.errors import ExtraMissing
from facecog.evaluation.report import Report

PAGE = Path(__file__).with_name("report.html")


def must_be_possible() -> None:
    """To be asked before the measuring, which takes minutes. Raises: ExtraMissing."""
    if find_spec("matplotlib") is None:
        raise ExtraMissing(
            "The HTML report needs matplotlib: pip install 'facecog[evaluation]'. "
            "Text and JSON need nothing."
        )


def as_html(report: Report) -> str:
    """Raises: ExtraMissing."""
    must_be_possible()
    # An optional extra, imported where the report is made.
    from facecog.evaluation.plots import drawn

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(PAGE.read_text("utf-8"))
    return page.render(report=report, plots=drawn(report.plots))
