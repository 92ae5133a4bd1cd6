"""The pages. Their templates and scripts talk to the API like any other client."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from apiflask import APIBlueprint
from flask import render_template, send_from_directory
from flask.typing import ResponseReturnValue

from facecog.web.current import facecog

pages = APIBlueprint("pages", __name__, enable_openapi=False)

SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


@pages.get("/")
def home() -> ResponseReturnValue:
    people, samples = facecog().counts()
    return render_template("home.html", people=people, samples=samples)


@pages.get("/register")
def register() -> ResponseReturnValue:
    return render_template("register.html")


@pages.get("/recognise")
def recognise() -> ResponseReturnValue:
    return render_template("recognise.html")


@pages.get("/docs")
def docs() -> ResponseReturnValue:
    return render_template("docs.html")


@pages.get(f"/docs/assets/<any({','.join(map(repr, SWAGGER_FILES))}):file>")
def docs_asset(file: str) -> ResponseReturnValue:
    """Swagger UI out of its package, so that nothing is loaded from another origin."""
    return send_from_directory(SWAGGER_UI, file, max_age=86400)
