"""The pages at the door: sign in and out, the first run, and the access code of `--lan`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from apiflask import APIBlueprint
from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from facecog.errors import AccessCodeWrong, FacecogError, TooManyAttempts
from facecog.web import cookies
from facecog.web.access import access
from facecog.web.current import served
from facecog.web.errors import headers_of, note, status_of
from facecog.web.network import is_loopback

door = APIBlueprint("door", __name__, enable_openapi=False)

LONGEST_FORM = 10_000  # bytes
# A path of this server: no other host after two slashes, a backslash or what browsers drop.
LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


# -- an account ---------------------------------------------------------------------------------


@door.get("/sign-in")
def show_sign_in() -> ResponseReturnValue:
    token = cookies.session_token()
    if token and served().accounts.signed_in(token):
        return _to(_target(request.args))
    return _page("sign_in.html", _target(request.args))


@door.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    request.max_content_length = LONGEST_FORM
    asked = request.form

    def signed_in() -> ResponseReturnValue:
        with access().guessing():
            token = served().accounts.sign_in(asked.get("name", ""), asked.get("password", ""))
        return _entered(token, _target(asked))

    return _or_again("sign_in.html", _target(asked), signed_in)


@door.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Here, or `everywhere`."""
    request.max_content_length = LONGEST_FORM
    answer = _to(url_for("door.show_sign_in"))
    if token := cookies.session_token():
        served().accounts.sign_out(token, "everywhere" in request.form)
    cookies.forget_session(answer)
    return answer


# -- the first run ------------------------------------------------------------------------------


@door.get("/welcome")
def show_welcome() -> ResponseReturnValue:
    if not access().by_welcome():
        return _to(url_for("pages.home"))
    return _page("welcome.html", "/")


@door.post("/welcome")
def welcome() -> ResponseReturnValue:
    """Make the owner's account, once."""
    request.max_content_length = LONGEST_FORM
    asked = request.form
    if not access().by_welcome():
        return _to(url_for("pages.home"))

    def welcomed() -> ResponseReturnValue:
        access().check_welcome(asked.get("code", ""))
        name, password = asked.get("name", ""), asked.get("password", "")
        served().accounts.add_first(name, password)
        access().welcome = None
        return _entered(served().accounts.sign_in(name, password), "/")

    return _or_again("welcome.html", "/", welcomed)


# -- the access code ----------------------------------------------------------------------------


@door.get("/access")
def show_code() -> ResponseReturnValue:
    target = _target(request.args)
    if not access().by_code():
        return _to(url_for("door.show_sign_in", next=target))
    if access().code_cookie.is_here():
        # Without a fragment of its own the browser would keep the one with the code.
        return _to(f"{target}#main")
    return _page("access.html", target)


@door.post("/access")
def enter_code() -> ResponseReturnValue:
    request.max_content_length = LONGEST_FORM
    target = _target(request.form)
    if not access().by_code():
        return _to(url_for("door.show_sign_in", next=target))

    def entered() -> ResponseReturnValue:
        access().check_code(request.form.get("code", ""))
        answer = _to(target)
        access().code_cookie.keep(answer)
        return answer

    return _or_again("access.html", target, entered)


def _to(path: str) -> Response:
    return Response(status=303, headers={"Location": path})


def _entered(token: str, target: str) -> Response:
    answer = _to(target)
    cookies.keep_session(answer, token)
    return answer


def _or_again(
    template: str, target: str, enter: Callable[[], ResponseReturnValue]
) -> ResponseReturnValue:
    """Let in; or the page once more, saying what was wrong."""
    try:
        return enter()
    except FacecogError as error:
        note(error)
        # 401 would make browsers ask in a window of their own.
        status = 403 if isinstance(error, AccessCodeWrong) else status_of(error)
        return _page(template, target, error), status, headers_of(error)


def _page(template: str, target: str, problem: FacecogError | None = None) -> Response:
    shown: dict[str, Any] = {
        "target": target,
        "problem": problem.code if problem else "",
        "detail": str(problem) if problem else "",
        "seconds": problem.seconds if isinstance(problem, TooManyAttempts) else 0,
        "name": request.form.get("name", ""),
        "in_the_clear": _in_the_clear(),
    }
    page = render_template(template, **shown)
    return Response(page, headers={"Cache-Control": "no-store"}, mimetype="text/html")


def _in_the_clear() -> bool:
    """Whether somebody on the way could read a password."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return not request.is_secure and not is_loopback(host)


def _target(asked: Any) -> str:
    """Where to go on: a path of this server."""
    path = asked.get("next", "/")
    return path if LOCAL.fullmatch(path) else "/"
