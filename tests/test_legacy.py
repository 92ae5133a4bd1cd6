"""Taking over an original facecog's folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from facecog import cli
from facecog.domain import Agreed, ConsentPolicy
from facecog.legacy import NotLegacy, Outcome, import_faces, legacy_faces
from facecog.service import Facecog
from tests.assets import MODELS, photo
from tests.pictures import opened, saved


def make(folder: Path, rows: list[tuple[object, object]], crops: dict[str, bytes]) -> Path:
    """A folder as the original facecog leaves it."""
    (folder / "dataset").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "faces.db")) as old:
        old.execute("CREATE TABLE faces (id TEXT, name TEXT)")
        old.executemany("INSERT INTO faces VALUES (?, ?)", rows)
        old.commit()
    for name, data in crops.items():
        (folder / "dataset" / f"{name}.jpg").write_bytes(data)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *folder.rglob("*"))
    }


def run(facecog: Facecog, folder: Path) -> list[Outcome]:
    return list(import_faces(facecog, folder, legacy_faces(folder)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(
        tmp_path / "old",
        [("1", "Anna"), ("2", "Ben"), ("3", "anna")],
        {"1": b"anna", "2": b"ben", "3": b"anna~2"},
    )


def test_each_crop_is_registered_under_its_name(facecog: Facecog, folder: Path) -> None:
    outcomes = run(facecog, folder)

    assert [outcome.added for outcome in outcomes] == [True, True, True]
    assert facecog.subject_named("Anna").samples == 2
    found = facecog.identify(b"ben~2").best
    assert found is not None
    assert found.name == "Ben"
    (sample,) = facecog.samples(facecog.subject_named("Ben").id).items
    assert sample.origin == "legacy"


def test_a_second_run_adds_nothing(facecog: Facecog, folder: Path) -> None:
    run(facecog, folder)
    before = facecog.counts()

    outcomes = run(facecog, folder)

    assert not any(outcome.added or outcome.refusal for outcome in outcomes)
    assert facecog.counts() == before


def test_nothing_in_the_old_folder_is_changed(facecog: Facecog, folder: Path) -> None:
    before = state(folder)

    run(facecog, folder)

    assert state(folder) == before


def test_rows_that_were_not_yet_written_through_are_read_too(
    facecog: Facecog, folder: Path
) -> None:
    with closing(sqlite3.connect(folder / "faces.db")) as old:
        old.execute("PRAGMA journal_mode=WAL")
        old.execute("INSERT INTO faces VALUES ('4', 'Carl')")
        old.commit()
        before = state(folder)

        assert [face.name for face in legacy_faces(folder)][-1] == "Carl"
        assert state(folder) == before


@pytest.mark.parametrize(
    ("face_id", "name", "reason"),
    [
        ("gone", "Carl", "There is no dataset/gone.jpg"),
        ("empty", "Carl", "no face"),
        ("two", "Carl", "2 faces"),
        ("4", "", "name is empty"),
        ("4", None, "name is empty"),
        ("4", "Carl\nCarl", "control characters"),
        ("", "Carl", "not a file name"),
        (None, "Carl", "not a file name"),
        ("../secret", "Carl", "not a file name"),
        ("/etc/secret", "Carl", "not a file name"),
        ("x/../4", "Carl", "not a file name"),
        ("4\0", "Carl", "There is no"),
        ("folder", "Carl", "There is no dataset/folder.jpg"),
        ("x" * 300, "Carl", "There is no"),
    ],
)
def test_a_face_that_cannot_be_taken_is_listed_with_the_reason(
    facecog: Facecog, tmp_path: Path, face_id: object, name: object, reason: str
) -> None:
    crops = {"1": b"anna", "4": b"carl", "empty": b"", "two": b"carl+ben"}
    folder = make(tmp_path / "old", [(face_id, name), ("1", "Anna")], crops)
    (folder / "secret.jpg").write_bytes(b"carl")
    (folder / "dataset" / "folder.jpg").mkdir()

    refused, taken = run(facecog, folder)

    assert reason in refused.refusal
    assert not refused.added
    assert taken.added
    assert facecog.counts() == (1, 1)


def test_one_person_under_two_names_is_listed_with_the_reason(
    facecog: Facecog, tmp_path: Path
) -> None:
    rows: list[tuple[object, object]] = [("1", "Anna"), ("2", "Annie"), ("3", "Anna"), ("4", "Ben")]
    crops = {"1": b"anna", "2": b"anna~2", "3": b"carl", "4": b"ben"}
    folder = make(tmp_path / "old", rows, crops)

    for added in (True, False):
        first, other_name, other_face, ben = run(facecog, folder)
        assert (first.added, ben.added) == (added, added)
        assert other_name.refusal == "This face is registered already, as Anna."
        assert other_face.refusal == "Anna is registered with another face."
    assert facecog.counts() == (2, 2)


def test_what_everybody_agreed_to_is_kept_of_each(facecog: Facecog, folder: Path) -> None:
    facecog.consents.set_policy(ConsentPolicy(True, "visitors 2", "the front door"))
    faces = legacy_faces(folder)

    without = import_faces(facecog, folder, faces)
    assert all("having agreed to “visitors 2”" in outcome.refusal for outcome in without)
    assert facecog.counts() == (0, 0)

    agreed = Agreed("visitors 2", "on paper")
    assert all(outcome.added for outcome in import_faces(facecog, folder, faces, agreed))
    (consent,) = facecog.consents.of(facecog.subject_named("Anna").id)
    assert (consent.text_version, consent.how) == ("visitors 2", "on paper")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotLegacy, match=r"no faces\.db"):
        legacy_faces(tmp_path)
    (tmp_path / "faces.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(NotLegacy, match="not an old facecog's"):
        legacy_faces(tmp_path)


def test_a_home_of_this_facecog_is_not_taken_for_an_old_one(
    facecog: Facecog, tmp_path: Path
) -> None:
    with pytest.raises(NotLegacy):
        legacy_faces(tmp_path / "home")


def test_a_folder_beside_the_old_database_is_no_part_of_it(folder: Path) -> None:
    (folder / "faces.db.backup").mkdir()

    assert len(legacy_faces(folder)) == 3


# -- the command, on real photographs ---------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "new"))
    monkeypatch.setenv("FACECOG_MODELS", str(MODELS))
    yield CliRunner()


def crop_of(name: str) -> bytes:
    """A face as the original cropped it, tightly."""
    return saved(opened(name).crop((320, 130, 680, 560)), "JPEG")


def test_the_command_lists_what_it_cannot_take_and_changes_nothing_old(
    command: CliRunner, tmp_path: Path
) -> None:
    rows: list[tuple[object, object]] = [
        ("1", "Obama"),
        ("2", "Cat"),
        ("3", "Nobody"),
        ("../faces", "Path"),
        ("1", " "),
    ]
    crops = {"1": crop_of("obama.jpg"), "2": photo("chelsea.png")}
    folder = make(tmp_path / "old", rows, crops)
    before = state(folder)

    first = command.invoke(cli.main, ["import-legacy", str(folder)])
    second = command.invoke(cli.main, ["import-legacy", str(folder)])

    assert (first.exit_code, second.exit_code) == (0, 0)
    lines = first.stdout.splitlines()
    assert lines[-1] == "1 added, 0 already here, 4 not taken"
    assert [line.partition(": ")[2] for line in lines[:-1]] == [
        "2 (Cat): There is no face in this photo.",
        "3 (Nobody): There is no dataset/3.jpg.",
        "../faces (Path): Its id is not a file name.",
        "1 ( ): The name is empty: say who this is.",
    ]
    assert second.stdout.splitlines()[-1] == "0 added, 1 already here, 4 not taken"
    assert state(folder) == before


def test_the_command_says_that_everybody_agreed(command: CliRunner, tmp_path: Path) -> None:
    folder = make(tmp_path / "old", [("1", "Obama")], {"1": crop_of("obama.jpg")})
    command.invoke(cli.main, ["consent", "require", "visitors 2", "the front door"])

    without = command.invoke(cli.main, ["import-legacy", str(folder)])
    said = ["--consent", "visitors 2", "--consent-how", "on paper"]
    taken = command.invoke(cli.main, ["import-legacy", str(folder), *said])

    assert without.stdout.splitlines()[-1] == "0 added, 0 already here, 1 not taken"
    assert taken.stdout.splitlines()[-1] == "1 added, 0 already here, 0 not taken"
    shown = command.invoke(cli.main, ["consent", "show", "Obama"])
    assert shown.stdout.endswith("visitors 2, on paper\n")


def test_the_command_leaves_the_cores_to_others(
    command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("os.nice", asked.append)
    monkeypatch.setattr("facecog.cli.common.YIELDING", 10)

    command.invoke(cli.main, ["import-legacy", str(make(tmp_path / "old", [], {}))])

    assert asked == [10]


def test_the_command_refuses_the_old_folder_as_its_own_home(
    command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / "old", [("1", "Obama")], {"1": photo("obama.jpg")})
    before = state(folder)
    monkeypatch.setenv("FACECOG_HOME", str(folder))

    said = command.invoke(cli.main, ["import-legacy", str(folder)])

    assert said.exit_code == 1
    assert said.stderr.startswith("Error: This folder belongs to the original facecog.")
    assert len(said.stderr.splitlines()) == 1
    assert state(folder) == before
