"""The words of the pages: one catalogue a language, in what the browser prefers.

`<language>.json` beside this file holds section -> name -> text. A text may hold {values}. One that
counts is an object of plural forms ("one", "other"), chosen by the value `n`. Templates say
`t("home.title")`, scripts the same after they have read what `catalogue` put into the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, has_request_context, request

Text = str | Mapping[str, str]
Catalogue = Mapping[str, Mapping[str, Text]]

LANGUAGES = ("en", "de")  # the first where the browser prefers none of them
GROUPS = {"en": ",", "de": "."}  # between thousands
VALUE = re.compile(r"\{(\w+)\}")


def _read(language: str) -> Catalogue:
    file = Path(__file__).with_name(f"{language}.json")
    catalogue: Catalogue = json.loads(file.read_text(encoding="utf-8"))
    return catalogue


CATALOGUES = {language: _read(language) for language in LANGUAGES}


def install(app: Flask) -> None:
    """Give the templates `t`, `t_error`, `language` and `texts_of`."""

    @app.context_processor
    def words() -> dict[str, Any]:
        return {"t": t, "t_error": t_error, "language": language(), "texts_of": texts_of}

    @app.after_request
    def vary(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.vary.add("Accept-Language")
        return response


def language() -> str:
    """The one of LANGUAGES that the browser prefers."""
    if not has_request_context():
        return LANGUAGES[0]
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def t(key: str, **values: object) -> str:
    """A text of the catalogue, by "section.name". Raises: KeyError."""
    section, _, name = key.partition(".")
    found = CATALOGUES[language()][section][name]
    if not isinstance(found, str):
        # The rule of English and German; a language with more forms needs a library's rules here.
        found = found["one" if values["n"] == 1 else "other"]
    return VALUE.sub(lambda match: _said(values[match[1]]), found)


def _said(value: object) -> str:
    """Numbers in groups of three, as `texts.js` writes them."""
    if not isinstance(value, int):
        return str(value)
    return f"{value:,}".replace(",", GROUPS[language()])


def t_error(code: str, detail: str) -> str:
    """What a page says of a refusal: the catalogue's words, else the API's own."""
    return t(f"errors.{code}") if code in CATALOGUES[language()]["errors"] else detail


def texts_of(*sections: str) -> Catalogue:
    """The sections that a page's scripts need."""
    return {section: CATALOGUES[language()][section] for section in sections}
