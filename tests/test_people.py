"""What the pages about people say of photos and changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from markupsafe import Markup, escape

from facecog.domain import Change, Kind, Named, Sample
from facecog.web.people import change_words, origin_of, quality_of, still_here

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)
SAMPLE = Sample("1", "2", NOW, "camera", {"brightness": 100.0, "yaw": 3.0})
ANNA, BEN = Named("a", "Anna"), Named("b", "Ben")
MERGED = Change("c", Kind.MERGED, NOW, NOW + timedelta(hours=24), None, ANNA, BEN, 3, True)


@pytest.mark.parametrize(
    ("measures", "kind", "words", "sentences"),
    [
        ({"brightness": 100.0, "yaw": 3.0}, "good", "Good", 0),
        ({"brightness": 40.0, "yaw": 35.0}, "fair", "Dark, turned away", 2),
        ({"brightness": 20.0, "yaw": 3.0}, "poor", "Dark", 1),
        ({}, "unknown", "Not measured", 0),
    ],
)
def test_quality_is_said_in_words(
    measures: dict[str, float], kind: str, words: str, sentences: int
) -> None:
    said = quality_of(replace(SAMPLE, quality=measures))

    assert (said.kind, said.words, len(said.advice)) == (kind, words, sentences)


def test_an_origin_without_words_is_said_as_it_is() -> None:
    assert origin_of(SAMPLE) == "Camera"
    assert origin_of(replace(SAMPLE, origin="a scanner")) == "a scanner"


def test_a_change_is_a_sentence_in_which_names_are_text() -> None:
    def show(who: Named) -> Markup:
        return Markup("<b>{}</b>").format(who.name)

    assert change_words(MERGED, show) == "<b>Anna</b> was merged with <b>Ben</b>, with 3 photos"
    hostile = replace(MERGED, subject=Named("a", "<i>"))
    assert escape(change_words(hostile, show)).startswith("<b>&lt;i&gt;</b> was")


def test_who_was_deleted_or_merged_is_not_here_until_that_is_undone() -> None:
    assert still_here((MERGED,)) == {"b"}
    assert still_here((replace(MERGED, undone_at=NOW),)) == {"a", "b"}
