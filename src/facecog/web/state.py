"""What is so at the moment, looked up when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version

from flask import Flask
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from facecog.errors import Unavailable
from facecog.readiness import PARTS
from facecog.service import Facecog
from facecog.web.current import KEY
from facecog.web.gate import gate_of


class State(Collector):
    """Gauges of the queue, of each part, and of what is stored; counters that others keep."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        facecog: Facecog = self._app.extensions[KEY]
        yield InfoMetricFamily("facecog", "What runs.", value=_told(facecog))
        yield from self._queue()
        yield _parts(facecog)
        yield CounterMetricFamily(
            "facecog_audit_failures",
            "Times that lines of the audit could not be written; they are tried again.",
            facecog.audit.failures,
        )
        yield CounterMetricFamily(
            "facecog_people_erased",
            "People who were erased for good.",
            facecog.erasure.tally.people,
        )
        with suppress(Unavailable):  # facecog_ready says so, and an old number would mislead
            yield from _stored(facecog)

    def _queue(self) -> Iterator[Metric]:
        gate = gate_of(self._app)
        for name, text, value in (
            ("pictures_at_work", "Pictures that are worked on.", gate.at_work),
            ("pictures_at_work_max", "As many as may be.", gate.at_once),
            ("pictures_waiting", "Pictures that wait for their turn.", gate.waiting),
            ("pictures_waiting_max", "As many as may; more are refused as busy.", gate.places),
        ):
            yield GaugeMetricFamily(f"facecog_{name}", text, value)


def _told(facecog: Facecog) -> dict[str, str]:
    inference = facecog.inference
    return {
        "version": version("facecog"),
        "model": facecog.model,
        "precision": inference.precision,
        "runtime": inference.runtime,
        "database": facecog.database,
    }


def _parts(facecog: Facecog) -> Metric:
    ready = GaugeMetricFamily(
        "facecog_ready", "1 where a part works, as /api/ready says.", labels=("part",)
    )
    broken = facecog.readiness.broken()
    for part in PARTS:
        ready.add_metric((part,), part not in broken)
    return ready


def _stored(facecog: Facecog) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "facecog_audit_lines", "Lines of the audit, by all processes.", facecog.audit.written()
    )
    totals = facecog.totals()
    for name, text, value in (
        ("collections", "Collections.", totals.collections),
        ("subjects", "People who are registered, in all collections.", totals.subjects),
        ("samples", "Their samples.", totals.samples),
        ("templates", "Their templates of the model in use, which are searched.", totals.templates),
    ):
        yield GaugeMetricFamily(f"facecog_{name}", text, value)
