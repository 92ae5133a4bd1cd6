"""Lists of labelled photographs: what they mean, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from facecog.errors import InvalidDataset
from facecog.evaluation.labels import (
    is_pairs,
    read_corrections,
    read_pairs,
    read_photos,
)
from tests.labelled import write_list, write_photos

PAIRS = ("path_a", "path_b", "same", "known_label_error")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_photos(tmp_path, "anna/1", "anna/2", "ben/1", "carl/1")
    return tmp_path


def test_a_list_says_who_is_in_each_photo_and_in_which_group(folder: Path) -> None:
    rows = [("anna/1.jpg", "Anna", "north"), ("ben/1.jpg", "Ben", "")]
    file = write_list(folder / "list.csv", rows, ("path", "identity", "group"))

    anna, ben = read_photos(file)

    assert (anna.path, anna.name) == (folder / "anna/1.jpg", "anna/1.jpg")
    assert (anna.identity, anna.group, ben.group) == ("Anna", "north", "")


def test_a_folder_has_a_folder_for_each_person(folder: Path) -> None:
    write_photos(folder, "anna/more/3", "loose")
    (folder / "anna" / "notes.txt").write_text("not a picture")

    found = read_photos(folder)

    assert [(one.name, one.identity) for one in found] == [
        ("anna/1.jpg", "anna"),
        ("anna/2.jpg", "anna"),
        ("anna/more/3.jpg", "anna"),
        ("ben/1.jpg", "ben"),
        ("carl/1.jpg", "carl"),
    ]


def test_spreadsheets_begin_a_file_with_a_mark_and_windows_turns_slashes(folder: Path) -> None:
    file = folder / "list.csv"
    file.write_bytes(b"\xef\xbb\xbfpath,identity\r\nanna\\1.jpg,Anna\r\n")

    assert read_photos(file)[0].path == folder / "anna/1.jpg"


@pytest.mark.parametrize("in_front", ["", "people/"])
def test_a_correction_names_a_photo_as_the_list_or_from_the_folder_above(
    folder: Path, in_front: str
) -> None:
    people = folder / "people"
    write_photos(people, "anna/1", "carl/1")
    corrections = read_corrections(
        write_list(folder / "wrong.csv", [(f"{in_front}carl/1.jpg", "anna", "twice")],
                   ("path", "identity", "why"))
    )  # fmt: skip

    anna, carl = read_photos(people, corrections)

    assert (anna.identity, anna.corrected) == ("anna", False)
    assert (carl.identity, carl.corrected) == ("anna", True)


def test_pairs_with_a_known_label_error_are_left_out_and_counted(folder: Path) -> None:
    rows = [
        ("anna/1.jpg", "anna/2.jpg", 1, 0),
        ("anna/1.jpg", "ben/1.jpg", 0, 1),
        ("anna/1.jpg", "carl/1.jpg", 0, 0),
        ("ben/1.jpg", "anna/2.jpg", "no", ""),
    ]
    file = write_list(folder / "pairs.csv", rows, PAIRS)

    listed = read_pairs(file, {"carl/1.jpg": "anna"})

    assert [(p.a.name, p.b.name, p.same) for p in listed.pairs] == [
        ("anna/1.jpg", "anna/2.jpg", True),
        ("ben/1.jpg", "anna/2.jpg", False),
    ]
    assert listed.label_errors == 2
    assert [one.name for one in listed.photos] == ["anna/1.jpg", "anna/2.jpg", "ben/1.jpg"]


def test_pairs_go_together_by_folder_or_where_that_says_nothing_by_what_links_them(
    folder: Path,
) -> None:
    write_photos(folder, "a", "b", "c", "d")
    by_folder = write_list(folder / "one.csv", [("anna/1.jpg", "anna/2.jpg", 1)], PAIRS[:3])
    flat = write_list(
        folder / "two.csv", [("a.jpg", "b.jpg", 1), ("b.jpg", "c.jpg", 1), ("a.jpg", "d.jpg", 0)],
        PAIRS[:3],
    )  # fmt: skip

    assert {one.identity for one in read_pairs(by_folder).photos} == {"anna"}
    a, b, c, d = (one.identity for one in read_pairs(flat).photos)
    assert a == b == c != d


def test_a_list_of_pairs_is_known_by_its_columns(folder: Path) -> None:
    pairs = write_list(folder / "pairs.csv", [], PAIRS)
    photos = write_list(folder / "list.csv", [])

    assert [is_pairs(one) for one in (pairs, photos, folder)] == [True, False, False]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "needs the columns path and identity in its first row."),
        (b"file,who\na,b\n", "needs the columns path and identity in its first row."),
        (b"path,identity\n", "has no row below its first."),
        (b"path,identity\nanna/1.jpg\n", "line 2: a value is missing."),
        (b"path,identity\nanna/1.jpg, \n", "line 2: the identity is empty."),
        (b"path,identity\nanna/1.jpg,Anna\nnone.jpg,Ben\n", "none.jpg is not there."),
        (b"path,identity\nanna,Anna\n", "anna is not there."),
        (b"path,identity\n\xff.jpg,Anna\n", "cannot be read as CSV in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", "cannot be read as CSV in UTF-8"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_in_one_line(
    folder: Path, content: bytes, said: str
) -> None:
    file = folder / "list.csv"
    file.write_bytes(content)

    with pytest.raises(InvalidDataset) as refused:
        read_photos(file)

    assert str(file) in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("anna/1.jpg", "ben/1.jpg", "maybe"), "line 2: same is 1 or 0, not 'maybe'."),
        (("anna/1.jpg", "none.jpg", "1"), "none.jpg is not there."),
        (("anna/1.jpg", "ben/1.jpg"), "line 2: a value is missing."),
    ],
)
def test_a_pair_that_cannot_be_read_is_refused(
    folder: Path, row: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InvalidDataset, match=said):
        read_pairs(write_list(folder / "pairs.csv", [row], PAIRS[:3]))


def test_a_folder_without_people_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()

    with pytest.raises(InvalidDataset, match="has no folder with pictures in it"):
        read_photos(folder / "empty")
