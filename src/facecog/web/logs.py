"""The log: a line a request, each line with the request's id, and nothing of anybody's in it.

The message of an error that nobody foresaw may quote what was sent, and that of a database what was
to be stored. So of an error its kind and the lines of code are written, and not its message.
"""

from __future__ import annotations

import logging
import time
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from flask import Flask, Response, g, has_request_context
from pythonjsonlogger.json import JsonFormatter

from facecog.acting import actor
from facecog.web import asked

if TYPE_CHECKING:
    from logging import LogRecord

access = logging.getLogger("facecog.access")

FORMATS = ("text", "json")
Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def set_up(form: str) -> None:
    """Write the log of this process to stderr, as text or as JSON."""
    _collect_no_more_than_is_written()
    handler = logging.StreamHandler()
    handler.addFilter(_tell_request)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    for other in [one for one in root.handlers if type(one) is logging.StreamHandler]:
        root.removeHandler(other)  # of the commands, which write the bare message
    root.addHandler(handler)
    logging.getLogger("facecog").setLevel(logging.INFO)
    # Their words name the path, which may be anything that a client sent.
    logging.getLogger("waitress").addFilter(_leave_out_path)


def _collect_no_more_than_is_written() -> None:
    """Threads, processes and callers, which take as long as the line itself.

    Source: "Optimization" in the documentation of logging.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class TextLines(logging.Formatter):
    """The message, and the request's id where it is one of a request."""

    def format(self, record: LogRecord) -> str:
        record.exc_text = None  # what another handler made of it
        line = super().format(record)
        request_id = getattr(record, "request_id", None)
        return line if request_id is None or request_id in line else f"{line} {request_id}"

    def formatException(self, ei: Raised) -> str:  # noqa: N802  logging's own name
        return frames(ei)


class JsonLines(JsonFormatter):
    """One object a line: time, level, logger, message, and what is known of the request."""

    def __init__(self) -> None:
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
        self.converter = time.gmtime
        self.default_time_format, self.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"

    def formatException(self, ei: Raised) -> Any:  # noqa: N802
        return frames(ei)


def frames(raised: Raised) -> str:
    """The kinds of an error and of its causes, and the lines of code, without any message."""
    error: traceback.TracebackException | None
    error = traceback.TracebackException(*raised) if raised[0] else None
    told: list[str] = []
    while error:
        kind = getattr(error, "exc_type_str", None) or error.exc_type.__qualname__
        told.insert(0, "".join([*error.stack.format(), kind]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(told)


def install(app: Flask) -> None:
    """Give each request an id, which its answer and its lines in the log carry."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.logger.addFilter(_leave_out_path)


def _begin() -> None:
    # Always one of our own: a client's could be another request's, or be made to look like one.
    g.request_id = uuid4().hex
    g.began = time.perf_counter()


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    ms = round((time.perf_counter() - g.began) * 1000)
    method, path = asked.method(), quote(asked.place())
    said = {"method": method, "route": asked.route(), "path": path, "status": response.status_code}
    said |= {"ms": ms, "actor": actor().kind}
    if "refused" in g:
        said["code"] = g.refused
    access.info(
        "%s %s %d %d ms %s", method, path, response.status_code, ms, g.request_id, extra=said
    )
    return response


def _tell_request(record: LogRecord) -> bool:
    if has_request_context() and "request_id" in g:
        record.request_id = g.request_id
    return True


def _leave_out_path(record: LogRecord) -> bool:
    for words in ("Exception while serving", "Client disconnected while serving", "Exception on"):
        if record.getMessage().startswith(words):
            record.msg, record.args = f"{words} a request", ()
    return True
