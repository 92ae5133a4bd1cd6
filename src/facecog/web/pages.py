"""The pages. Their templates and scripts talk to the API like any other client."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue

from facecog.web import errors, reference
from facecog.web.current import facecog

pages = APIBlueprint("pages", __name__, enable_openapi=False)

RECENT = 12  # a row of faces on a wide screen


@pages.get("/")
def home() -> ResponseReturnValue:
    people, samples = facecog().counts()
    recent = facecog().subjects(RECENT, sort="newest").items
    return render_template("home.html", people=people, samples=samples, recent=recent)


@pages.get("/register")
def register() -> ResponseReturnValue:
    people, _ = facecog().counts()
    return render_template("register.html", people=people)


@pages.get("/recognise")
def recognise() -> ResponseReturnValue:
    return render_template("recognise.html")


@pages.get("/docs")
def docs() -> ResponseReturnValue:
    """The API's own description, to read."""
    spec = current_app.spec  # type: ignore[attr-defined]
    return render_template(
        "docs.html",
        groups=reference.groups(spec, request.host_url.rstrip("/")),
        shapes=reference.shapes(spec),
        refusals=errors.refusals(),
    )
