"""What the benchmarks give back is told whole: kept as JSON, printed, and judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import kept, page, precision
from benchmarks.bench import PARTS, faults, renewed, told
from benchmarks.kept import Kept
from benchmarks.machine import Machine
from benchmarks.peers import __main__ as peers
from benchmarks.peers import talk
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
NEW = Machine("EPYC, 2 cores", "avx2, avx512_vnni", 24, 30.0, "Linux 6", "3.11", "numpy 2", 0.4)
OLD = replace(NEW, instructions="avx2", bandwidth=11.0, load=1.3)
START = Part("startup", "Start", PART.tables, [Claim("ready", 1.9, 2.5, unit="s")])


def test_a_part_comes_back_from_its_json_as_it_was() -> None:
    assert from_json(to_json(PART)) == PART


def test_a_claim_that_is_not_kept_is_printed_plainly() -> None:
    rows = claims_table(PART.claims).rows

    assert [row[-1] for row in rows] == ["NOT KEPT", "kept", "NOT KEPT", "not measured"]
    assert rows[0][1:3] == ("0.500", "at most 0.350")
    assert "NOT KEPT" in as_text(PART)


def test_what_was_not_measured_says_why() -> None:
    claim = Claim("fast, times as fast", None, 4.0, at_most=False, why="there is no bf16")

    (row,) = claims_table([claim]).rows

    assert row == ("fast, times as fast", "-", "at least 4.00", "not measured: there is no bf16")


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
    assert page.PAGE.read_text("utf-8") == page.rendered(kept.read())


def test_the_readme_says_what_the_page_begins_with() -> None:
    lead = page.lead([one.part for one in kept.read()])

    assert f"this -->\n{lead}\n<!-- until" in page.README.read_text("utf-8")


def test_no_part_of_the_page_is_torn() -> None:
    assert [fault for one in kept.read() for fault in faults(one.part)] == []


def test_the_page_has_every_part() -> None:
    names = [one.part.name for one in kept.read()]

    assert [name for name in names if name != precision.WITHOUT_VNNI] == list(PARTS)


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


# -- parts and machines -------------------------------------------------------------------------


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    both = [Kept(PART, OLD), Kept(START, NEW)]

    kept.write(both, tmp_path / "figures.json")

    assert kept.read(tmp_path / "figures.json") == both


def test_a_new_run_takes_the_place_of_the_one_before() -> None:
    slower = replace(START, claims=[Claim("ready", 2.9, 2.5, unit="s")])
    on_page = {"startup": Kept(START, OLD), "search": Kept(PART, OLD)}

    assert renewed(on_page, Kept(slower, NEW))
    assert on_page == {"startup": Kept(slower, NEW), "search": Kept(PART, OLD)}


def test_a_run_that_could_measure_less_leaves_the_one_before_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    less = replace(START, claims=[Claim("ready", None, 2.5, why="there is one core")])
    on_page = {"startup": Kept(START, NEW)}

    assert not renewed(on_page, Kept(less, OLD))
    assert on_page == {"startup": Kept(START, NEW)}
    assert capsys.readouterr().out == (
        "\nstartup: NOT RENEWED, the page keeps the one before. This run could not\n"
        "measure what that one did:\n- ready\n"
    )


def test_a_run_that_is_not_for_the_page_is_judged_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not told([Kept(START, NEW)], [PART], [], smoke=False)
    assert "NOT KEPT, in this run alone: search, in milliseconds" in capsys.readouterr().err


@pytest.mark.parametrize(
    "before",
    [
        [Claim("ready", None, 2.5)],  # the one before could not measure it either
        [Claim("ready for the first answer", 1.9, 2.5)],  # claimed no more
        [],
    ],
)
def test_a_run_that_measures_no_less_is_kept(before: list[Claim]) -> None:
    less = replace(START, claims=[Claim("ready", None, 2.5)])
    on_page = {"startup": Kept(replace(START, claims=before), NEW)}

    assert renewed(on_page, Kept(less, OLD))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(NEW, load=7.0), True),
        (replace(NEW, bandwidth=26.0), True),
        (replace(NEW, bandwidth=20.0), False),
        (replace(NEW, libraries="numpy 3"), False),
        (replace(NEW, instructions="avx2"), False),
    ],
)
def test_a_machine_is_known_by_all_but_what_is_measured_of_it(other: Machine, same: bool) -> None:
    assert NEW.same(other) is other.same(NEW) is same


def test_with_one_machine_the_page_names_it_nowhere() -> None:
    text = page.rendered([Kept(START, NEW), Kept(PART, replace(NEW, bandwidth=28.0, load=1.0))])

    assert "\n## The machine\n\n- processor: EPYC, 2 cores\n" in text
    assert "read by one core at 28.0 to 30.0 GB/s\n" in text
    assert "- load before: 0.4 to 1.0 processes wanted to run in the last minute\n" in text
    assert "| ready | 1.90 s | at most 2.50 s | kept |\n" in text
    assert "machine A" not in text


def test_with_several_machines_each_part_and_each_claim_names_its_own() -> None:
    text = page.rendered([Kept(START, NEW), Kept(PART, OLD)])

    assert "\n## The machines\n" in text
    assert text.count("- processor: EPYC, 2 cores\n") == 2
    assert "\n**A**\n\n- processor: EPYC, 2 cores\n- of its instructions: avx2, avx5" in text
    assert "\n`python -m benchmarks.startup`, measured on machine A\n" in text
    assert "\n`python -m benchmarks.search`, measured on machine B\n" in text
    assert "| ready | 1.90 s | at most 2.50 s | kept | A |\n" in text
    assert "| recall | 0.990 | at least 1.00 | NOT KEPT | B |\n" in text


# -- what a processor cannot do -----------------------------------------------------------------


def test_a_processor_without_anything_faster_could_measure_less_of_the_precisions() -> None:
    on_page = next(one.part for one in kept.read() if one.part.name == "precision")
    claims = precision.claims({"as shipped": 33.0, "exact": 14.0}, {"exact": 1e-11}, {}, vnni=True)

    without = replace(on_page, claims=claims)

    assert kept.unmeasured(without, on_page) == [
        claim.text for claim in on_page.claims if not claim.text.startswith("SFace exact")
    ]
    assert faults(without) == []


def test_a_processor_without_vnni_has_a_part_of_precision_of_its_own() -> None:
    """Four times as fast is promised with VNNI alone, and bfloat16 is not there to be measured."""
    embedding = {"as shipped": 42.0, "exact": 18.0, "ONNX Runtime int8": 13.0}
    lost = {("exact", "ONNX Runtime int8"): 0.001, ("ONNX Runtime int8",) * 2: 0.0}

    claims = precision.claims(embedding, {"exact": 1e-11}, lost, vnni=False)

    limits = {claim.text.split(",")[0]: claim.limit for claim in claims if "times" in claim.text}
    assert limits == {
        "SFace exact": 2.2,
        "SFace ONNX Runtime int8": None,
        "SFace OpenVINO int8": None,
    }
    assert all(claim.text.endswith(", without VNNI") for claim in claims)
    assert not [claim for claim in claims if "bfloat16" in claim.text]
    old = next(one for one in kept.read() if one.part.name == "precision")
    on_page = {"precision": old}
    part = replace(old.part, name=precision.WITHOUT_VNNI, claims=claims)
    assert renewed(on_page, replace(old, part=part))
    assert on_page["precision"] is old
    assert faults(part) == []


THEIRS = {talk.DEEPFACE: 50.0, talk.AS_IT_COMES: 60.0, talk.DLIB: 300.0}
SEARCHES = {10_000: {talk.FACECOG: 2.0, talk.DEEPFACE: 900.0, talk.DLIB: 50.0}}


def test_a_third_of_deepfaces_time_is_promised_of_fast_alone() -> None:
    ours = {talk.FACECOG: 25.0, talk.FAST: 15.0}
    naming = {10_000: {**ours, talk.DEEPFACE: 1000.0}, 100_000: ours}

    ours_first = peers.claims(THEIRS | ours, SEARCHES, naming, THEIRS | ours)[:6]

    assert [(claim.value, claim.limit) for claim in ours_first] == [
        *((0.5, None), (25 / 60, None), (0.025, 0.05)),
        *((0.3, 0.33), (0.25, None), (0.015, 0.05)),
    ]


def test_where_fast_is_not_faster_its_claims_are_not_measured_but_made() -> None:
    naming = {10_000: {talk.FACECOG: 25.0, talk.DEEPFACE: 1000.0}, 100_000: {talk.FACECOG: 25.0}}

    embedding, beside = ({**THEIRS, talk.FACECOG: ms} for ms in (20.0, 25.0))
    exact, *_, fast, _, name = peers.claims(embedding, SEARCHES, naming, beside)[:6]

    assert exact.value == 0.5
    assert (fast.value, fast.limit, name.limit) == (None, 0.33, 0.05)
    assert fast.verdict.startswith("not measured: ")
