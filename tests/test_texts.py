"""The catalogue of the pages' words: complete in each language, and neither short nor idle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from flask.testing import FlaskClient

from facecog import web
from facecog.errors import Obstacle
from facecog.quality import CHECKS
from facecog.web import texts
from facecog.web.rules import RULES
from facecog.web.texts import CATALOGUES, LANGUAGES, VALUE

WEB = Path(web.__file__).parent
# t('home.title'), or a key kept in a table: any quoted "section.name" of a known section.
KEY = re.compile(r"""["'`]([a-z_]+\.[a-z_0-9]+)["'`]""")
# A key of which the end is known only at run time: t(`quality.${code}`), t(f"errors.{code}"),
# t("errors." ~ code).
FAMILY = re.compile(r"""["'`]([a-z_]+)\.([a-z_]*)(?:\$?\{|["'] ?~)""")


def keys(language: str) -> dict[str, texts.Text]:
    return {
        f"{section}.{name}": text
        for section, named in CATALOGUES[language].items()
        for name, text in named.items()
    }


def shape(text: texts.Text) -> tuple[list[str], list[str]]:
    """The plural forms and the values of a text."""
    forms = {"": text} if isinstance(text, str) else dict(text)
    values = {value for form in forms.values() for value in VALUE.findall(form)}
    return sorted(forms), sorted(values)


def sources() -> str:
    files = [*WEB.glob("templates/*.html"), *WEB.glob("static/*.js"), *WEB.glob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"url_for\('[\w.]+'", "", text)  # the name of a view looks like a key


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_language_is_complete(language: str) -> None:
    original, translated = keys(LANGUAGES[0]), keys(language)

    assert list(translated) == list(original)
    for key, text in original.items():
        assert shape(translated[key]) == shape(text), key


def test_each_text_that_is_asked_for_is_there() -> None:
    known = keys(LANGUAGES[0])
    sections = {key.split(".")[0] for key in known}
    asked = {key for key in KEY.findall(sources()) if key.split(".")[0] in sections}
    # A file's name looks like a key, and so does the start of a family: "api.group_" ~ name.
    asked = {key for key in asked if not key.endswith((".js", ".html", ".css", ".jpg", "_"))}

    assert asked - set(known) - set(RULES) == set()  # the name of a view looks like a key


def test_each_text_is_asked_for() -> None:
    source = sources()
    asked = set(KEY.findall(source))
    families = tuple(f"{section}.{start}" for section, start in FAMILY.findall(source))

    idle = {key for key in keys(LANGUAGES[0]) if key not in asked}
    assert {key for key in idle if not key.startswith((*families, "errors."))} == set()


def test_each_reason_against_a_face_is_there_and_says_what_the_api_says() -> None:
    reasons = {check.reason.code: check.reason.message for check in CHECKS}

    assert CATALOGUES["en"]["quality"] == reasons


def test_each_obstacle_to_an_undo_is_there() -> None:
    said = {key.removeprefix("errors.undo_") for key in keys("en") if "errors.undo_" in key}

    assert said == set(get_args(Obstacle))


@pytest.mark.parametrize(
    ("prefers", "language"),
    [("de", "de"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("en-GB", "en"), ("fr", "en"), ("", "en")],
)
def test_a_page_comes_in_the_language_that_the_browser_prefers(
    client: FlaskClient, prefers: str, language: str
) -> None:
    page = client.get("/", headers={"Accept-Language": prefers})

    assert f'<html lang="{language}">' in page.text
    assert "Accept-Language" in page.headers["Vary"]


def test_a_text_that_counts_is_chosen_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = {"one": "{n} photo of {name}", "other": "{n} photos of {name}"}
    monkeypatch.setitem(CATALOGUES, "en", {"test": {"photos": photos}})

    assert texts.t("test.photos", n=1, name="Anna") == "1 photo of Anna"
    assert texts.t("test.photos", n=3, name="{n}") == "3 photos of {n}"


def test_a_refusal_without_words_of_its_own_keeps_those_of_the_api() -> None:
    assert texts.t_error("no_face", "x") == CATALOGUES["en"]["errors"]["no_face"]
    assert texts.t_error("of_a_later_version", "The API's words.") == "The API's words."
