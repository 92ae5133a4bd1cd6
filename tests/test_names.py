"""What a name may be, and when two are the same."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facecog.errors import InvalidName
from facecog.names import MAX_LENGTH, clean_name, name_key

names = st.text(max_size=30)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Anna", "Anna"),
        ("\t  Anna  Maria\u00a0\u2003Berg\r\n", "Anna Maria Berg"),
        ("Ame\u0301lie", "Am\u00e9lie"),
        ("<b>Anna</b> & 'Ben'", "<b>Anna</b> & 'Ben'"),
        ("\u674e\u5c0f\u9f99", "\u674e\u5c0f\u9f99"),
        (
            "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
            "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        ),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH),
        (" " + "x " * 100, ("x " * 100).strip()),
    ],
)
def test_a_name_is_kept_composed_with_single_spaces(given_name: str, kept: str) -> None:
    assert clean_name(given_name) == kept


# Fillers of Hangul, a variation selector, an accent on nothing, Braille without dots.
BLANK = ("\u3164", "\u115f\u1160", "\uffa0", "\ufe0f", "\u0301", "\u2800 \u2800")


@pytest.mark.parametrize("name", ["", " ", "\t\r\n", "\u3000", "\u200d", "\u200c \u200d", *BLANK])
def test_a_name_that_shows_nothing_is_empty(name: str) -> None:
    with pytest.raises(InvalidName, match="empty"):
        clean_name(name)


def test_a_name_over_the_limit_is_refused() -> None:
    with pytest.raises(InvalidName, match="more than 200 characters"):
        clean_name("x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize(
    "character",
    [
        *("\0", "\n", "\t", "\x1b", "\x7f", "\x85"),
        *("\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\u2028", "\u2029"),
        *("\ud800", "\ue000", "\uffff"),
    ],
    ids=ascii,
)
def test_a_control_character_within_a_name_is_refused(character: str) -> None:
    with pytest.raises(InvalidName, match="control"):
        clean_name(f"An{character}na")


@given(names)
def test_cleaning_a_name_again_changes_nothing(name: str) -> None:
    with suppress(InvalidName):
        assert clean_name(clean_name(name)) == clean_name(name)


@given(names)
def test_a_name_that_is_kept_is_fit_to_print(name: str) -> None:
    with suppress(InvalidName):
        kept = clean_name(name)
        assert kept == kept.strip() != ""
        assert len(kept) <= MAX_LENGTH
        assert all(c in "\u200c\u200d" or unicodedata.category(c)[0] != "C" for c in kept)
        kept.encode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "ANNA"),
        ("Anna Berg", " anna   berg "),
        ("Am\u00e9lie", "AME\u0301LIE"),
        ("Stra\u00dfe", "STRASSE"),
        ("Anna", "\uff21\uff4e\uff4e\uff41"),  # full width
        ("Anna", "\U0001d400nna"),  # a mathematical capital
        (
            "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
            "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3",
        ),
    ],
)
def test_two_spellings_of_a_name_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize("other", ["Ana", "Anna B", "\u00c4nna", "\u0410nna", "An na"])
def test_another_name_is_another(other: str) -> None:
    assert name_key("Anna") != name_key(other)


@given(names)
def test_the_key_of_a_key_is_itself(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@given(names)
def test_cleaning_a_name_does_not_change_who_it_is(name: str) -> None:
    with suppress(InvalidName):
        assert name_key(clean_name(name)) == name_key(name)


@given(names)
def test_capitals_do_not_change_who_it_is(name: str) -> None:
    assume(name.upper().casefold() == name.casefold())

    assert name_key(name.upper()) == name_key(name)
