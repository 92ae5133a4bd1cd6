"""Requests of a client on a connection of its own, and what is told of all of them."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.sending import multipart
from tests.serving import HOST

from benchmarks.load import quantile

PATIENCE = 60  # seconds


class Gone(Exception):
    """The server was killed before it answered."""


@dataclass
class Tally:
    """What all clients saw; lists and counters of CPython take additions of several threads.

    Attributes:
        seconds: of each answer that was no refusal, by verb.
        busy: how often a client was told to come again.
        faults: what must not be, in words.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: int = 0
    cut_off: int = 0
    held: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        total = sum(map(len, self.seconds.values()))
        rows = [
            f"{verb:10}{len(times):8,}"
            + "".join(f"{quantile(times, at) * 1000:10.1f}" for at in (50, 99))
            for verb, times in sorted(self.seconds.items())
        ]
        checked = ", ".join(f"{count:,} {what}" for what, count in self.checked.items())
        return "\n".join(
            (
                f"{'':10}{'answers':>8}{'p50 ms':>10}{'p99 ms':>10}",
                *rows,
                f"{total:,} answers, {len(self.faults)} errors; {self.busy:,} told to come again, "
                f"{self.cut_off:,} cut off by a kill",
                f"memory: {self.held[0]:.0f} MB at the start, {max(self.held):.0f} at most, "
                f"{self.held[-1]:.0f} at the end",
                f"found as acknowledged: {checked}",
            )
        )


class Caller:
    """One connection; asks again when told to."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=PATIENCE)
        self._tally = tally

    def ask(
        self, verb: str, method: str, path: str, wanted: tuple[int, ...] = (200,), **fields: Any
    ) -> Any:
        """The body of an answer, of JSON what it says.

        Args:
            fields: text, and bytes as files.

        Raises:
            Gone; RuntimeError: a status that is not wanted.
        """
        sent = multipart(**fields) if fields else {"data": b"", "content_type": ""}
        while True:
            began = time.perf_counter()
            status, body, come_again = self._ask(method, path, sent)
            if not come_again:
                break
            self._tally.busy += 1
            time.sleep(come_again)
        self._tally.seconds[verb].append(time.perf_counter() - began)
        if status not in wanted:
            raise RuntimeError(f"{method} {path}: {status} {body[:300]!r}")
        return json.loads(body) if body.startswith(b"{") else body

    def _ask(self, method: str, path: str, sent: dict[str, Any]) -> tuple[int, bytes, int]:
        headers = {"Content-Type": sent["content_type"]} if sent["data"] else {}
        try:
            self._connection.request(method, path, sent["data"] or None, headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise Gone(str(error)) from error
        come_again = int(answer.headers.get("Retry-After", 0)) if answer.status == 503 else 0
        return answer.status, body, come_again

    def close(self) -> None:
        self._connection.close()
