"""What is looked at before a request's body is read.

Each check sees a request without its body and raises a refusal. `facecog serve` asks them as soon
as the headers of a large request are there, and every server as soon as the app has it.

There it is asked in the one loop that all connections share, without a context of Flask's. So a
check goes by the request it is given and by what is in memory: not to the database, and it never
waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask, Request, current_app, request

from facecog.errors import FacecogError
from facecog.web import proxies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Check = Callable[[Request], None]

KEY = "facecog.early"
REFUSAL = "facecog.refusal"  # in a request's environment: why its body was not read


def install(app: Flask) -> None:
    app.extensions[KEY] = []
    app.before_request(_ask)


def add(app: Flask, check: Check) -> None:
    """Checks are asked in the order in which they are added."""
    app.extensions[KEY].append(check)


def refusal(app: Flask, environ: WSGIEnvironment) -> FacecogError | None:
    """Why this request will be refused, whatever its body is."""
    app.extensions[proxies.KEY].hear(environ)
    try:
        _checked(app, app.request_class(environ))
    except FacecogError as error:
        return error
    return None


def _ask() -> None:
    refused: FacecogError | None = request.environ.get(REFUSAL)
    if refused:
        raise refused
    _checked(current_app, request)


def _checked(app: Flask, asking: Request) -> None:
    for check in app.extensions[KEY]:
        check(asking)
