"""Damaged pictures and bodies at a real server; `python -m benchmarks.fuzz` sends 10,000."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz import sending
from benchmarks.fuzz.mutations import WAYS, damaged
from benchmarks.fuzz.parts import parts
from benchmarks.fuzz.requests import OTHERS, Request, picture, request
from benchmarks.fuzz.seeds import generated
from benchmarks.fuzz.sending import Answer

INPUTS = 300
NONE = (b"", b"\0", b"GIF89a", b"\xff\xd8\xff\xe1\xff\xff", b"RIFF", b"II*\0\xff\xff\xff\xff")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return generated(tmp_path_factory.mktemp("seeds"))


def test_damaged_pictures_and_bodies_do_not_bring_a_server_down(tmp_path: Path) -> None:
    tally = fuzz.run(tmp_path / "home", range(INPUTS))

    assert tally.faults == []
    assert tally.inputs == INPUTS
    statuses = {status for _, status in tally.answers}
    assert {200, 400, 422} <= statuses  # some are still pictures
    # What Pillow says of odd files is no log of ours.
    assert "Warning" not in (tmp_path / "home.log").read_text(errors="replace")


def test_each_kind_of_request_can_be_made_of_each_file_and_of_next_to_nothing(
    files: dict[str, bytes],
) -> None:
    for name, data in [*files.items(), *((str(none), none) for none in NONE)]:
        for make in (picture, *OTHERS):
            chance = Random(f"{name} {make.__name__}")
            assert make(data, chance.choice(list(files.values())), chance).sent


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_changes_most_files_and_breaks_on_none(way, files) -> None:  # type: ignore[no-untyped-def]
    chance, others = Random(1), list(files.values())

    made = [way(data, chance.choice(others), chance) != data for data in others]

    assert sum(made) > len(files) / 2
    for none in NONE:
        way(none, none, chance)


def test_an_input_is_the_same_each_time(files: dict[str, bytes]) -> None:
    some = list(files.values())

    assert request(7, some, 1) == request(7, some, 1)
    assert request(7, some, 1) != request(7, some, 2)
    assert damaged(some[0], some[1], Random(3)) == damaged(some[0], some[1], Random(3))


@pytest.mark.parametrize(
    ("name", "least"),
    [
        *(("exif.jpg", 10), ("plain.png", 4), ("plain.webp", 4), ("plain.heic", 15)),
        *(("plain.avif", 10), ("plain.jp2", 4), ("plain.tiff", 9), ("two.mpo", 9)),
    ],
)
def test_the_parts_of_a_format_are_found(name: str, least: int, files: dict[str, bytes]) -> None:
    assert len(parts(files[name])) >= least


def test_what_a_server_must_not_do_is_a_fault() -> None:
    whole, torn = Request("picture", b"", True), Request("false length", b"", False)
    tally = fuzz.Tally()

    tally.count(1, whole, Answer(422, "truncated", "", 0.1))
    tally.count(2, torn, Answer(sending.NO_ANSWER, "", "", 0.1))
    assert tally.faults == []

    tally.count(3, whole, Answer(500, "internal_error", "", 0.1))
    tally.count(4, whole, Answer(sending.NO_ANSWER, "", "", 0.1))
    tally.count(5, torn, Answer(503, "busy", "", 0.1))
    tally.count(6, torn, Answer(sending.NO_ANSWER, "", "ConnectionRefusedError", 0.1))
    assert [fault.partition(" (")[0] for fault in tally.faults] == [
        f"input {n}" for n in (3, 4, 5, 6)
    ]
