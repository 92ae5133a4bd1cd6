"""What the benchmarks give back is told whole: kept as JSON, printed, and judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import page
from benchmarks.bench import faults
from benchmarks.tables import (
    Claim,
    Line,
    Part,
    Plot,
    as_text,
    broken,
    claims_table,
    figure,
    from_json,
    markdown,
    to_json,
)

from facecog.evaluation.report import Table

SLOW = Claim("search, in milliseconds of faiss", 0.5, 0.35)
FAST = Claim("SFace exact, times as fast", 2.4, 2.2, at_most=False)
WRONG = Claim("recall", 0.99, 1.0, at_most=False, speed=False)
ABSENT = Claim("fast: this processor has no bf16", None, 4.0, at_most=False)
PART = Part(
    "search",
    "Search",
    [Table("Milliseconds", ("rows", "facecog"), (("1,000", "0.1"),), "A note.")],
    [SLOW, FAST, WRONG, ABSENT],
    [Plot("growth", "Growth", "rows", "ms", (Line("facecog", (1.0, 2.0), (0.1, 0.2)),))],
)


def test_a_part_comes_back_from_its_json_as_it_was() -> None:
    assert from_json(to_json(PART)) == PART


def test_a_claim_that_is_not_kept_is_printed_plainly() -> None:
    rows = claims_table(PART.claims).rows

    assert [row[-1] for row in rows] == ["NOT KEPT", "kept", "NOT KEPT", "not measured"]
    assert rows[0][1:3] == ("0.500", "at most 0.350")
    assert "NOT KEPT" in as_text(PART)


def test_a_smoke_run_is_not_judged_by_its_speed() -> None:
    assert broken(PART, smoke=False) == [SLOW, WRONG]
    assert broken(PART, smoke=True) == [WRONG]


def test_markdown_has_title_table_and_note() -> None:
    assert markdown(PART.tables[0]) == (
        "**Milliseconds**\n\n| rows | facecog |\n| --- | ---: |\n| 1,000 | 0.1 |\n\nA note."
    )


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (5.87e-13, "5.9e-13"),
        (0.01234, "0.0123"),
        (0.5, "0.500"),
        (2.2, "2.20"),
        (12345.6, "12,346"),
        (0, "0"),
    ],
)
def test_figures_have_three_digits_that_count(value: float, read: str) -> None:
    assert figure(value) == read


# -- docs/performance.md ------------------------------------------------------------------------


def test_the_page_is_what_its_figures_make() -> None:
    assert page.PAGE.read_text("utf-8") == page.rendered(*page.figures())


def test_the_readme_says_what_the_page_begins_with() -> None:
    _, parts = page.figures()

    assert f"this -->\n{page.lead(parts)}\n<!-- until" in page.README.read_text("utf-8")


def test_no_part_of_the_page_is_torn() -> None:
    _, parts = page.figures()

    assert [fault for part in parts for fault in faults(part)] == []


def test_a_plot_is_drawn_the_same_for_the_same_figures(tmp_path: Path) -> None:
    for name in ("one.svg", "other.svg"):
        page.draw(PART.plots[0], tmp_path / name)

    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert drawn == (tmp_path / "other.svg").read_text("utf-8")
    assert ">facecog</text>" in drawn


def test_a_part_without_rows_or_without_a_claim_that_it_owes_is_said_to_be_torn() -> None:
    empty = Table("Empty", ("a",), ())
    torn = Part("startup", "Start", [PART.tables[0], empty])

    assert faults(torn) == [
        "startup: the table Empty is not whole",
        "startup: no claim with the limit 2.5",
    ]
