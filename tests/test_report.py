"""The report: the same figures as text, JSON and one HTML file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from facecog.domain import Operation
from facecog.errors import ExtraMissing
from facecog.evaluation import html
from facecog.evaluation.contents import of_identification, of_verification
from facecog.evaluation.identification import identify_all, sorted_out
from facecog.evaluation.intervals import Rate
from facecog.evaluation.report import About, Report, as_text, percent
from facecog.evaluation.verification import of_photos, verify_all
from tests.fakes import CALIBRATION, MODEL
from tests.labelled import people_by_chance, shown

EVIL = "<script>alert('Bobby')</script>\"&"
ABOUT = About(MODEL, "1.2.3", "2026-01-02", {"gallery": f"{EVIL}.csv"})


def identification(name: str = "p", fpir: float = 0.01) -> Report:
    everybody = people_by_chance(400, 2, seed=5)
    known, strangers = shown(everybody[:80], name, "north"), shown(everybody[80:], f"{name}s")
    gallery, probes = known[::2], known[1::2]
    lists = sorted_out(*([one for one, _ in part] for part in (gallery, probes, strangers)))
    figures = identify_all(lists, gallery, probes, strangers, lambda _: True, CALIBRATION, fpir)
    return of_identification(figures, ABOUT)


def verification(at: Operation | None = None) -> Report:
    at = at or Operation(0.4, 0.001, MODEL, calibration="chance")
    pairs = of_photos(shown(people_by_chance(60, 2, seed=6)))
    return of_verification(verify_all(pairs, at, Rate(0, 120), Rate(0, 0)), ABOUT)


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_text_says_what_was_measured_and_how_sure_that_is() -> None:
    said = as_text(identification())

    for line in (
        r"model +fake, facecog 1\.2\.3",
        r"made +2026-01-02",
        r"promise +1\.00 % \(FPIR\)",
        r"threshold +0\.\d{3}",
        r"registered +80 people, 80 photos",
        r"strangers named \(FPIR\) +1\.00 % +\d\.\d\d % +\d+ of 640 +\d\.\d\d to \d\.\d\d %",
        r"missed names \(FNIR\) +\d+\.\d\d % +\d+ of 80 +\d+\.\d\d to \d+\.\d\d %",
        r"0\.1 % +too few strangers to say: 640 of 3,000",
        r"Groups: missed names \(FNIR\)",
        r"north +\d+\.\d\d %",
    ):
        assert re.search(line, said), line


def test_too_few_to_say_is_said() -> None:
    said = as_text(identification(fpir=0.001))

    assert "Too few strangers to say whether it is kept: 3,000 are needed." in said
    assert identification(fpir=0.001).headlines[0].good is None


def test_a_threshold_without_error_rates_says_so() -> None:
    said = as_text(verification(Operation(0.4, None, MODEL)))

    assert re.search(r"promise +none", said)
    assert "No error rate of this threshold is known, so none is promised" in said


def test_verification_has_the_rates_of_acceptance_too() -> None:
    said = as_text(verification())

    assert re.search(r"\n  1 % +0\.\d{3} +\d+\.\d\d % +\d\.\d\d % +\d+ of 60 ", said)
    assert "0.01 %" in said
    assert "too few pairs of two people to say: 7,080 of 30,000" in said


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_json_has_every_figure_with_its_interval() -> None:
    figures = strict(json.dumps(identification().figures))

    assert (figures["kind"], figures["model"], figures["made"]) == (
        "identification",
        MODEL,
        "2026-01-02",
    )
    missed = figures["rates"]["missed"]
    assert set(missed) == {"hits", "trials", "rate", "low", "high"}
    assert missed["low"] <= missed["rate"] <= missed["high"]
    assert figures["lists"]["strangers"] == 640
    assert figures["force"]["fpir"] == 0.01
    assert figures["at"][2]["missed"] is None
    assert figures["strangers_nearest"][0]["photo"].startswith("ps")


def test_json_has_no_number_that_json_lacks() -> None:
    nothing = identify_all(sorted_out([], [], []), [], [], [], lambda _: True, CALIBRATION, 0.01)

    assert (
        strict(json.dumps(of_identification(nothing, ABOUT).figures))["rates"]["missed"]["rate"]
        is None
    )


@pytest.mark.parametrize("report", [identification(), verification()], ids=lambda one: one.title)
def test_the_page_fetches_nothing(report: Report) -> None:
    text = html.as_html(report)
    page = Page(text)

    assert "://" not in text
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    loading = [
        (name, value)
        for name, value in page.attributes
        if name in ("src", "href", "xlink:href", "data", "action", "srcset", "poster")
    ]
    assert all(value.startswith("#") for _, value in loading)
    assert "@import" not in text
    assert all(one.startswith("#") for one in re.findall(r"url\(['\"]?([^)'\"]*)", text))


def test_the_page_shows_all_tables_and_both_plots() -> None:
    report = identification()
    page = Page(html.as_html(report))

    assert page.tags.count("svg") == 2
    for table in (*report.tables, *report.listings):
        assert table.title in page.words
        for row in table.rows:
            assert all(cell in page.words for cell in row)
    assert "strangers named (FPIR)" in page.words  # an axis: text stays text
    assert page.tags.count("h1") == 1


def test_names_are_escaped() -> None:
    text = html.as_html(identification(EVIL))

    assert "<script" not in text
    assert EVIL in Page(text).words


def test_the_same_figures_give_the_same_page() -> None:
    assert html.as_html(verification()) == html.as_html(verification())


def test_a_report_of_nothing_has_no_plots() -> None:
    nothing = verify_all(of_photos([]), Operation(0.4, 0.001, MODEL), Rate(0, 0), Rate(0, 0))

    assert "<svg" not in html.as_html(of_verification(nothing, ABOUT))


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "find_spec", lambda name: None)

    with pytest.raises(ExtraMissing, match=r"pip install 'facecog\[evaluation\]'"):
        html.must_be_possible()


def test_only_the_plots_need_matplotlib() -> None:
    package = Path(html.__file__).parent
    naming = [file.name for file in package.glob("*.py") if "import matplotlib" in file.read_text()]

    assert naming == ["plots.py"]
    assert util.find_spec("matplotlib")


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.0, "0.00 %"),
        (1.0, "100.00 %"),
        (0.0123, "1.23 %"),
        (0.0001, "0.01 %"),
        (0.0000123, "0.0012 %"),
        (1e-6, "0.00010 %"),
        (float("nan"), "-"),
    ],
)
def test_small_rates_keep_two_digits(rate: float, said: str) -> None:
    assert percent(rate) == said


def test_a_promise_that_is_broken_is_red_and_a_kept_one_green() -> None:
    report = identification()
    for good, shown_as in ((True, "card kept"), (False, "card broken")):
        first = replace(report.headlines[0], good=good)
        text = html.as_html(replace(report, headlines=(first, *report.headlines[1:])))
        assert f'class="{shown_as}"' in text
