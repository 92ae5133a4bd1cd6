"""What Prometheus reads: counts and times, of no name and no id; docs/operations.md lists them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from facecog.domain import Decision, Identification
from facecog.errors import TooManyAttempts, TooManyRequests
from facecog.stages import STAGES, timed
from facecog.web import asked
from facecog.web.state import State

KEY = "facecog.metrics"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAYS = ("password", "key", "code", "welcome")  # to be let in
LIMITS = {TooManyRequests.code: "requests", TooManyAttempts.code: "attempts"}
FACES = (0, 1, 2, 3, 5, 10, 20, 50)

metrics = APIBlueprint("metrics", __name__, enable_openapi=False)


class Metrics:
    """All that is counted of one app, in a registry of its own."""

    def __init__(self, app: Flask) -> None:
        self.registry = here = CollectorRegistry()
        self.requests = Counter(
            "facecog_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=here,
        )
        self.seconds = Histogram(
            "facecog_request_seconds",
            "From the headers of a request to its answer.",
            ("route", "method"),
            buckets=SECONDS,
            registry=here,
        )
        self.stages = Histogram(
            "facecog_stage_seconds",
            "Parts of that: wait (for a turn), decode, engine, search, store.",
            ("stage",),
            buckets=SECONDS,
            registry=here,
        )
        self.refusals = Counter(
            "facecog_refusals", "Refusals and errors.", ("route", "code"), registry=here
        )
        self.decisions = Counter(
            "facecog_decisions", "Faces that were searched.", ("decision",), registry=here
        )
        self.faces = Histogram(
            "facecog_faces", "Faces in a photo that was searched.", buckets=FACES, registry=here
        )
        self.turned_away = Counter(
            "facecog_sign_in_failures",
            "Wrong passwords, keys and codes that were looked at.",
            ("how",),
            registry=here,
        )
        self.limited = Counter(
            "facecog_rate_limited", "Requests that came too soon.", ("limit",), registry=here
        )
        # Those that are known are there from the start, as 0, and are not looked up each time.
        self._of_stage = {one: self.stages.labels(one) for one in ("wait", *STAGES)}
        self._of_decision = {one: self.decisions.labels(one.value) for one in Decision}
        self._of_way = {one: self.turned_away.labels(one) for one in WAYS}
        self._of_limit = {code: self.limited.labels(limit) for code, limit in LIMITS.items()}
        here.register(State(app))
        ProcessCollector(registry=here)

    def count_decisions(self, found: Identification) -> None:
        """What one search found."""
        self.faces.observe(len(found.faces))
        for face in found.faces:
            self._of_decision[face.decision].inc()

    def count_turned_away(self, how: str) -> None:
        """Somebody who was not let in."""
        self._of_way[how].inc()

    def count(self, response: Response) -> Response:
        """One request and what it took."""
        route, method = asked.route(), asked.method()
        self.requests.labels(route, method, response.status_code).inc()
        self.seconds.labels(route, method).observe(time.perf_counter() - g.began)
        for stage, seconds in stages_taken():
            self._of_stage[stage].observe(seconds)
        if "refused" in g:
            self.refusals.labels(route, g.refused).inc()
            if limited := self._of_limit.get(g.refused):
                limited.inc()
        return response


def install(app: Flask) -> None:
    app.extensions[KEY] = kept = Metrics(app)
    app.before_request(_begin)
    app.after_request(kept.count)


def _begin() -> None:
    g.taken = timed()


def stages_taken() -> Iterator[tuple[str, float]]:
    """The stages of the current request, in seconds."""
    if "waited" in g:
        yield "wait", g.waited
    yield from g.taken.items()


def count_turned_away(how: str) -> None:
    """To be called where a password, a key or a code was wrong."""
    current_app.extensions[KEY].count_turned_away(how)


def count_decisions(found: Identification) -> None:
    """To be called with what a search found, before it is answered."""
    current_app.extensions[KEY].count_decisions(found)


@metrics.get("/metrics")
def show() -> Response:
    """All of it, as Prometheus asks for it."""
    encode, kind = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(current_app.extensions[KEY].registry), content_type=kind)
