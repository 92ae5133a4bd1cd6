"""`facecog serve` as a real process on a free port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.assets import MODELS
from tests.sending import multipart

HOST = "127.0.0.1"
FACECOG = Path(sys.executable).with_name("facecog")
READY = re.compile(r"ready on http://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)")
START = 60  # seconds, on a busy machine


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def ask(self, path: str, **fields: str | bytes) -> Answer:
        """GET, or POST of these fields. Raises: OSError, http.client.HTTPException."""
        request = Request(f"{self.url}{path}")
        if fields:
            sent = multipart(**fields)
            request.data = sent["data"]
            request.add_header("Content-Type", sent["content_type"])
        try:
            with urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers.get_content_type(), answer.read())
        except HTTPError as answer:
            with answer:
                return Answer(answer.code, answer.headers.get_content_type(), answer.read())


@contextmanager
def serving(
    home: Path, *arguments: str, log_file: Path | None = None, **settings: object
) -> Iterator[Server]:
    """A server on this home, killed in the end; `settings` are those of FACECOG_*."""
    log = log_file or home.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [FACECOG, "serve", "--port", "0", *arguments],
            env=environment(home, **settings),
            stdout=out,
            stderr=out,
        )
    try:
        yield Server(process, _port(process, log), log)
    finally:
        process.kill()
        process.wait()


def environment(home: Path, **settings: object) -> dict[str, str]:
    given = {f"FACECOG_{name.upper()}": str(value) for name, value in settings.items()}
    return {**os.environ, "FACECOG_HOME": str(home), "FACECOG_MODELS": str(MODELS), **given}


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    give_up = time.monotonic() + START
    while time.monotonic() < give_up and process.poll() is None:
        if ready := READY.search(log.read_text()):
            return int(ready[1])
        time.sleep(0.05)
    raise RuntimeError(f"facecog serve did not start: {log.read_text()}")
