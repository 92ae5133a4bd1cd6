"""The measuring commands: on a fake engine, and on real photographs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from facecog import cli
from facecog.cli import common
from facecog.domain import Detection
from facecog.evaluation import html, templates
from facecog.service import Facecog
from tests.assets import MODELS, PHOTOS, SHARED
from tests.labelled import interrupted_after, write_list, write_photos

LFW = SHARED / "lfw_dev"
Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACECOG_MODELS", str(MODELS))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def run(facecog: Facecog, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A command on the fake engine, where forty people have two photos each in `people`."""
    monkeypatch.setattr(common, "open_facecog", lambda settings: facecog)
    write_photos(Path("people"), *(f"p{i}/p{i}~{k}" for i in range(40) for k in (1, 2)))
    write_photos(Path(), *(f"s{i}" for i in range(40)))
    write_list(Path("gallery.csv"), [(f"people/p{i}/p{i}~1.jpg", f"p{i}") for i in range(40)])
    write_list(Path("probes.csv"), [(f"people/p{i}/p{i}~2.jpg", f"p{i}") for i in range(40)])
    write_list(Path("strangers.csv"), [(f"s{i}.jpg", f"s{i}") for i in range(40)])
    yield call


LISTS = ("gallery.csv", "probes.csv", "strangers.csv")


def call(*arguments: str, **options: Any) -> Result:
    result = CliRunner().invoke(cli.main, arguments, **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def figures(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


# -- evaluate ---------------------------------------------------------------------------------


def test_three_lists_measure_identification(run: Run, facecog: Facecog) -> None:
    said = run("evaluate", *LISTS)

    assert said.exit_code == 0
    assert said.stdout.startswith("Identification\n")
    assert "strangers named (FPIR)" in said.stdout
    assert "Too few strangers to say whether it is kept: 3,000 are needed." in said.stdout
    assert facecog.counts() == (0, 0)  # nobody was registered


def test_one_list_of_pairs_measures_verification(run: Run) -> None:
    rows = [(f"people/p{i}/p{i}~1.jpg", f"people/p{i}/p{i}~2.jpg", 1) for i in range(40)]
    rows += [(f"people/p{i}/p{i}~1.jpg", f"s{i}.jpg", 0) for i in range(40)]
    write_list(Path("pairs.csv"), rows, ("path_a", "path_b", "same"))

    found = figures(run("evaluate", "pairs.csv", "--json", "-"))

    assert found["kind"] == "verification"
    assert found["rates"]["right"]["trials"] == 80
    assert found["operation"]["fmr"] == 1e-4


def test_a_folder_measures_verification_of_each_with_each(run: Run) -> None:
    found = figures(run("evaluate", "people", "--json"))

    assert found["photos"]["trials"] == 80
    assert found["rates"]["missed"]["trials"] == 40
    assert found["rates"]["matched"]["trials"] == 80 * 79 // 2 - 40


def test_known_label_errors_are_corrected(run: Run) -> None:
    write_photos(Path(), "p0~9")
    write_list(Path("strangers.csv"), [("p0~9.jpg", "Zoe"), ("s1.jpg", "s1"), ("s2.jpg", "s2")])
    write_list(Path("wrong.csv"), [("p0~9.jpg", "p0", "one person")], ("path", "identity", "why"))

    spoilt = figures(run("evaluate", *LISTS, "--json"))
    corrected = figures(run("evaluate", *LISTS, "--corrections", "wrong.csv", "--json"))

    assert spoilt["rates"]["strangers_named"]["hits"] == 1
    assert corrected["rates"]["strangers_named"]["hits"] == 0
    assert corrected["rates"]["strangers_named"]["trials"] == 2
    assert corrected["lists"]["strangers_enrolled"] == 1


def test_the_promise_can_be_another_for_once(run: Run, facecog: Facecog) -> None:
    strict, loose = (
        figures(run("evaluate", *LISTS, "--fpir", rate, "--json"))["force"]
        for rate in ("0.001", "0.1")
    )

    assert (strict["fpir"], loose["fpir"]) == (0.001, 0.1)
    assert strict["threshold"] > loose["threshold"]
    assert facecog.promised() == 0.001


def test_the_promise_and_the_calibration_are_those_in_force(run: Run, facecog: Facecog) -> None:
    assert run("calibrate", "people", "--yes").exit_code == 0
    facecog.promise(0.02)

    force = figures(run("evaluate", *LISTS, "--json"))["force"]

    assert force["fpir"] == 0.02
    assert force["calibration"].startswith("people: 80 photos of 40 people, ")


def test_a_column_group_counts_groups(run: Run) -> None:
    rows = [(f"s{i}.jpg", f"s{i}", "north" if i < 10 else "south") for i in range(40)]
    write_list(Path("strangers.csv"), rows, ("path", "identity", "group"))

    groups = figures(run("evaluate", *LISTS, "--json"))["groups"]

    assert {name: one["strangers_named"]["trials"] for name, one in groups.items()} == {
        "north": 10,
        "south": 30,
    }


def test_the_second_run_makes_no_template(run: Run, facecog: Facecog, home: Path) -> None:
    first = run("evaluate", *LISTS)

    facecog.embed = None  # type: ignore[assignment,method-assign]
    second = run("evaluate", *LISTS)

    assert (home / "cache" / "evaluation.db").is_file()
    assert second.stdout == first.stdout


def test_an_interrupted_run_is_gone_on_with(
    run: Run, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    embed = facecog.embed

    def embedded(photo: bytes) -> Detection:
        asked.append(photo)
        return embed(photo)

    with monkeypatch.context() as patched:
        patched.setattr(templates, "tqdm", interrupted_after(60))
        stopped = run("evaluate", *LISTS)
    monkeypatch.setattr(facecog, "embed", embedded)
    going_on = run("evaluate", *LISTS)

    assert (stopped.exit_code, stopped.stdout) == (1, "")
    assert "Aborted!" in stopped.stderr
    assert going_on.exit_code == 0
    assert len(asked) == 60  # of 120


def test_the_cache_can_be_elsewhere_or_nowhere(run: Run, home: Path) -> None:
    assert run("evaluate", *LISTS, "--cache", "here.db").exit_code == 0
    assert run("evaluate", *LISTS, "--no-cache").exit_code == 0

    assert Path("here.db").is_file()
    assert not (home / "cache").exists()


def test_files_are_written_and_the_text_is_printed_too(run: Run) -> None:
    said = run("evaluate", *LISTS, "--json", "figures.json", "--html", "report.html")

    assert said.exit_code == 0
    assert said.stdout.startswith("Identification\n")
    assert said.stderr.endswith("written to figures.json\nwritten to report.html\n")
    assert json.loads(Path("figures.json").read_text("utf-8"))["kind"] == "identification"
    assert Path("report.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("gallery.csv", "probes.csv"), 2, "LISTS are one (verification) or three"),
        (("people", "--fpir", "0.01"), 2, "--fpir is for identification"),
        ((*LISTS, "--fpir", "2"), 1, "An error rate to promise is above 0 and at most 0.5"),
        ((*LISTS, "--fpir", "nan"), 1, "An error rate to promise is above 0 and at most 0.5"),
        ((*LISTS, "--json", "no/such/folder/f.json"), 1, "there is no folder no/such/folder."),
        ((*LISTS, "--html", "no/such/folder/f.html"), 1, "there is no folder no/such/folder."),
        ((*LISTS, "--cache", "people"), 2, "is a directory"),
        ((*LISTS, "--cache", "s1.jpg/faces.db"), 1, "cannot be"),
        ((*LISTS, "--corrections", "gallery.csv", "--cache", "report.txt"), 1, "as a cache"),
        (("none.csv", "probes.csv", "strangers.csv"), 2, "none.csv"),
        (("s1.jpg",), 1, "s1.jpg needs the columns path and identity in its first row."),
        (("gallery.csv", "strangers.csv", "probes.csv"), 1, "Nobody is left to be searched"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    run: Run, arguments: tuple[str, ...], status: int, said: str
) -> None:
    Path("report.txt").write_text("no database " * 100)

    refused = run("evaluate", *arguments)

    assert refused.exit_code == status
    assert refused.stdout == ""
    assert said in refused.stderr.splitlines()[-1]


def test_without_matplotlib_the_report_is_refused_before_anything_is_measured(
    run: Run, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "find_spec", lambda name: None)
    facecog.embed = None  # type: ignore[assignment,method-assign]

    refused = run("evaluate", *LISTS, "--html", "report.html")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: The HTML report needs matplotlib: pip install ")
    assert not Path("report.html").exists()


# -- calibrate --------------------------------------------------------------------------------


def test_a_calibration_is_shown_asked_about_used_and_taken_back(run: Run, facecog: Facecog) -> None:
    before = facecog.in_force()

    refused = run("calibrate", "people", input="n\n")
    assert refused.exit_code == 1
    assert facecog.in_force().calibration == before.calibration

    used = run("calibrate", "people", input="y\n")
    assert used.exit_code == 0
    assert "made from 80 photos of 40 people" in used.stdout
    assert f"threshold of a search           {before.operation.threshold:.3f}" in used.stdout
    assert "Use this calibration from now on?" in used.stdout
    after = facecog.in_force()
    assert after.calibration.data == "people: 80 photos of 40 people"
    assert after.calibration.made
    assert after.operation.threshold != before.operation.threshold

    back = run("calibrate", "--rollback")
    assert back.stdout.startswith(f"now threshold {before.operation.threshold:.3f}")
    assert facecog.in_force().calibration == before.calibration
    again = run("calibrate", "--rollback")
    assert again.stderr == "Error: The calibration in force is the model's own.\n"


def test_a_dry_run_changes_nothing(run: Run, facecog: Facecog) -> None:
    before = facecog.in_force().calibration

    said = run("calibrate", "people", "--dry-run", "--yes")

    assert "What would change" in said.stdout
    assert facecog.in_force().calibration == before


def test_the_gallery_calibrates_itself(run: Run, facecog: Facecog) -> None:
    for number in range(35):
        facecog.enrol(f"Person {number}", b"p%d" % number)
    facecog.enrol("Twin", b"p1~1", allow_duplicate=True)

    said = run("calibrate", "--gallery", "--yes")

    assert said.exit_code == 0, said.stderr
    assert "made from 35 photos of 35 people" in said.stdout
    assert "not learnt from: 1 pair of people who match each other" in said.stdout
    assert facecog.in_force().calibration.data == "the gallery: 35 photos of 35 people"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "one of the three."),
        (("people", "--gallery"), 2, "one of the three."),
        (("--gallery", "--rollback"), 2, "one of the three."),
        (("--gallery",), 1, "A calibration needs photos of at least 30 people, not 0."),
        (("few",), 1, "A calibration needs photos of at least 30 people, not 2."),
        (("nothing",), 1, "has no folder with pictures in it, one for each person."),
    ],
)
def test_what_cannot_be_calibrated_from_is_refused_in_one_line(
    run: Run, facecog: Facecog, arguments: tuple[str, ...], status: int, said: str
) -> None:
    write_photos(Path("few"), "a/a~1", "a/a~2", "b/b")
    Path("nothing").mkdir()

    refused = run("calibrate", *arguments, "--yes")

    assert refused.exit_code == status
    assert said in refused.stderr.splitlines()[-1]
    assert facecog.in_force().calibration.data == ""


@pytest.mark.parametrize("bulk", [("evaluate", "people"), ("calibrate", "--rollback")])
def test_measuring_leaves_the_cores_to_others(
    run: Run, monkeypatch: pytest.MonkeyPatch, bulk: tuple[str, ...]
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("os.nice", asked.append)
    monkeypatch.setattr("facecog.cli.common.YIELDING", 10)

    run(*bulk)

    assert asked == [10]


# -- real photographs -------------------------------------------------------------------------


def test_evaluating_real_photographs(home: Path) -> None:
    folder = str(PHOTOS)
    write_list(Path("gallery.csv"), [(f"{folder}/obama.jpg", "Obama")])
    write_list(
        Path("probes.csv"),
        [(f"{folder}/obama2.jpg", "Obama"), (f"{folder}/obama3.jpg", "Obama")],
    )
    write_list(
        Path("strangers.csv"),
        [(f"{folder}/{name}", name) for name in ("biden.jpg", "astronaut.png", "chelsea.png")],
    )

    found = figures(call("evaluate", *LISTS, "--json"))

    assert found["model"] == "sface"
    assert found["rates"]["missed"]["hits"] == 0
    assert found["rates"]["strangers_named"]["hits"] == 0
    assert found["rates"]["strangers_named"]["trials"] == 2
    assert found["not_acquired"]["strangers"]["hits"] == 1  # the cat


def rows_of(name: str) -> list[list[str]]:
    with (LFW / name).open(newline="") as opened:
        return [[str(LFW / row["path"]), row["identity"]] for row in csv.DictReader(opened)]


@pytest.mark.skipif(not LFW.is_dir(), reason="needs ../shared/faces")
def test_evaluating_some_of_lfw(home: Path) -> None:
    gallery = rows_of("ident_gallery.csv")[:25]
    known = {identity for _, identity in gallery}
    probes = [row for row in rows_of("ident_probes.csv") if row[1] in known][:40]
    for name, rows in zip(
        LISTS, (gallery, probes, rows_of("ident_impostors.csv")[:40]), strict=True
    ):
        write_list(Path(name), rows)

    found = figures(call("evaluate", *LISTS, "--json"))
    again = figures(call("evaluate", *LISTS, "--json"))

    assert found == again
    assert found["rates"]["rank_1"]["rate"] > 0.95
    assert found["rates"]["missed"]["rate"] < 0.15
    assert found["rates"]["strangers_named"]["hits"] == 0
    assert found["at"][0]["missed"]["rate"] < 0.05
