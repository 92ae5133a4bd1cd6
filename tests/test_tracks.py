"""Names that stick to faces: static/tracks.js, fed with answers made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import OpenPage

Face = dict[str, Any]

# Each answer in; what is shown after it out: id, name or decision (None: not sure yet), fresh.
RUN = """async (answers) => {
  const module = new URL('tracks.js', document.querySelector('script[type=module]').src);
  const { Tracks } = await import(module);
  const tracks = new Tracks();
  const said = (face) => face && (face.name ?? face.decision);
  return answers.map((faces) => tracks.update(faces)
    .map(({ id, face, fresh, box }) => ({ id, said: said(face), fresh, x: box.x })));
}"""


def face(said: str, x: float = 100, size: float = 100) -> Face:
    """Anna, Ben or unknown, at this place."""
    known = said not in ("unknown", "uncertain")
    return {
        "box": {"x": x, "y": 100, "width": size, "height": size},
        "decision": "match" if known else said,
        "reason": "poor_quality" if said == "uncertain" else None,
        "name": said if known else None,
        "subject_id": said if known else None,
        "candidates": [],
    }


@pytest.fixture
def run(open_page: OpenPage) -> Any:
    page = open_page("/recognise")
    return lambda answers: page.evaluate(RUN, answers)


def said(shown: list[list[dict[str, Any]]]) -> list[Any]:
    """Of the only face, answer by answer."""
    return [tracks[0]["said"] if tracks else "gone" for tracks in shown]


def test_a_name_needs_three_frames_of_the_last_four(run: Any) -> None:
    frames = ["Anna", "unknown", "Anna", "Anna", "Anna"]

    assert said(run([[face(one)] for one in frames])) == [None, None, None, "Anna", "Anna"]


def test_unknown_too_is_said_only_when_sure(run: Any) -> None:
    assert said(run([[face("unknown")]] * 3)) == [None, None, "unknown"]


def test_a_wrong_name_in_one_frame_is_never_shown(run: Any) -> None:
    frames = ["Anna"] * 4 + ["Ben"] + ["Anna"] * 4
    assert "Ben" not in said(run([[face(one)] for one in frames]))

    frames = ["Ben"] + ["unknown"] * 4 + ["Ben"] + ["unknown"] * 4
    assert "Ben" not in said(run([[face(one)] for one in frames]))


def test_a_stranger_gets_no_name_from_a_short_likeness(run: Any) -> None:
    """Called unknown once, most of a second must agree: six frames in a row do not."""
    frames = ["unknown"] * 4 + ["Ben"] * 6 + ["unknown"] * 4

    assert said(run([[face(one)] for one in frames]))[2:] == ["unknown"] * 12


def test_who_was_unknown_and_looks_up_gets_the_name(run: Any) -> None:
    frames = ["unknown"] * 10 + ["Anna"] * 7

    assert said(run([[face(one)] for one in frames]))[-2:] == ["unknown", "Anna"]


def test_a_name_survives_brief_doubt_and_not_a_long_one(run: Any) -> None:
    frames = ["Anna"] * 10 + ["unknown"] * 6 + ["Anna"] * 3
    assert set(said(run([[face(one)] for one in frames]))[2:]) == {"Anna"}

    frames = ["Anna"] * 10 + ["unknown"] * 7
    assert said(run([[face(one)] for one in frames]))[-1] == "unknown"


def test_another_steady_name_replaces_the_first(run: Any) -> None:
    frames = ["Anna"] * 10 + ["Ben"] * 3

    assert said(run([[face(one)] for one in frames]))[-3:] == ["Anna", "Anna", "Ben"]


def test_doubts_that_take_turns_are_not_one_that_is_steady(run: Any) -> None:
    frames = ["unknown", "uncertain"] * 6

    assert set(said(run([[face(one)] for one in frames]))) == {None}


def test_a_face_survives_two_missed_frames_and_keeps_its_id(run: Any) -> None:
    anna = [face("Anna")]
    shown = run([anna] * 3 + [[], []] + [anna])

    assert [tracks[0]["id"] for tracks in shown] == [1] * 6
    assert [tracks[0]["fresh"] for tracks in shown] == [True] * 3 + [False] * 2 + [True]
    assert said(shown)[2:] == ["Anna"] * 4


def test_who_leaves_is_gone_and_comes_back_as_somebody_new(run: Any) -> None:
    anna = [face("Anna")]
    shown = run([anna] * 3 + [[]] * 3 + [anna])

    assert said(shown)[-2:] == ["gone", None]
    assert shown[-1][0]["id"] == 2


def test_a_stranger_in_the_place_of_somebody_who_left_is_not_called_by_the_name(run: Any) -> None:
    shown = run([[face("Anna")]] * 10 + [[]] * 3 + [[face("unknown")]] * 3)

    assert said(shown)[-3:] == [None, None, "unknown"]


def test_a_face_that_walks_keeps_its_name(run: Any) -> None:
    shown = run([[face("Anna", x=100 + 40 * step)] for step in range(12)])

    assert {tracks[0]["id"] for tracks in shown} == {1}
    assert said(shown)[2:] == ["Anna"] * 10


def test_a_face_of_quite_another_size_is_another_face(run: Any) -> None:
    shown = run([[face("Anna")]] * 3 + [[face("unknown", size=260)]])

    assert [track["id"] for track in shown[-1]] == [1, 2]


@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_two_people_who_cross_keep_their_names(hidden: int, run: Any) -> None:
    """One before the other for so many frames, in which only the nearer is found."""
    answers = []
    for step in range(21):
        anna, ben = face("Anna", x=100 + 20 * step), face("Ben", x=500 - 20 * step)
        behind = 10 <= step < 10 + hidden
        answers.append([anna] if behind else [anna, ben])

    shown = run(answers)

    for step, tracks in enumerate(shown[3:], start=3):
        places = {track["said"]: track["x"] for track in tracks if track["fresh"]}
        assert places.get("Anna") == 100 + 20 * step
        assert places.get("Ben") in (None, 500 - 20 * step)
    assert {track["id"]: track["said"] for track in shown[-1]} == {1: "Anna", 2: "Ben"}


def test_two_people_who_changed_places_get_the_right_names_again(run: Any) -> None:
    """A cut in the film: too far for either to have walked."""
    before = [face("Anna", x=0), face("Ben", x=400)]
    after = [face("Ben", x=0), face("Anna", x=400)]

    shown = run([before] * 10 + [after] * 3)

    assert [(track["said"], track["x"]) for track in shown[-1]] == [("Ben", 0), ("Anna", 400)]
    assert {track["said"] for tracks in shown[2:] for track in tracks} == {"Anna", "Ben"}
