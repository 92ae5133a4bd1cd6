"""The queue in front of work on pictures."""

from __future__ import annotations

import io
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from facecog.config import Settings
from facecog.cores import cores, quota
from facecog.errors import Busy
from facecog.service import Facecog
from facecog.web.gate import FAIR, PLACES, Gate, gate_of, urgency
from facecog.web.uploads import FORMS
from tests.conftest import app_of
from tests.sending import as_json, form, multipart


class Crowd:
    """Some who wait at a gate of which the only turn is held until `let_go`."""

    def __init__(self, places: int, threads: ThreadPoolExecutor) -> None:
        self.gate, self.threads = Gate(1, places), threads
        self.served: list[str] = []
        self.asked: dict[str, Future[None]] = {}
        self.held = ExitStack()
        self.held.enter_context(self.gate.turn())

    def come(self, name: str, urgent: int = 3) -> None:
        """And wait until there is a place, or none."""
        self.asked[name] = self.threads.submit(self._ask, name, urgent)
        until(lambda: len(self.gate._waiting) + len(self.refused()) == len(self.asked))

    def _ask(self, name: str, urgent: int) -> None:
        with self.gate.turn(urgent):
            self.served.append(name)

    def refused(self) -> list[str]:
        return [
            name
            for name, one in self.asked.items()
            if one.done() and isinstance(one.exception(), Busy)
        ]

    def let_go(self) -> list[str]:
        """Who is served, in order."""
        self.held.close()
        for one in self.asked.values():
            one.exception(timeout=30)
        return self.served


def until(true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.001)


@pytest.fixture
def crowd_before() -> Iterator[Callable[[int], Crowd]]:
    """Makes a crowd for a gate with so many places."""
    with ThreadPoolExecutor(20) as threads, ExitStack() as held:

        def crowd(places: int) -> Crowd:
            made = Crowd(places, threads)
            held.push(made.held)
            return made

        yield crowd


def test_first_come_first_served(crowd_before: Callable[[int], Crowd]) -> None:
    crowd = crowd_before(3)
    for name in ("anna", "ben", "carl"):
        crowd.come(name)

    assert crowd.let_go() == ["anna", "ben", "carl"]


def test_who_finds_no_place_is_refused_at_once_and_the_others_keep_theirs(
    crowd_before: Callable[[int], Crowd],
) -> None:
    crowd = crowd_before(2)
    for name in ("anna", "ben", "carl"):
        crowd.come(name)

    assert crowd.refused() == ["carl"]
    assert crowd.let_go() == ["anna", "ben"]


def test_without_places_nobody_waits(crowd_before: Callable[[int], Crowd]) -> None:
    crowd = crowd_before(0)
    crowd.come("anna", urgent=0)

    assert crowd.refused() == ["anna"]


def test_the_more_urgent_goes_first(crowd_before: Callable[[int], Crowd]) -> None:
    crowd = crowd_before(4)
    for name, urgent in (("bulk", 5), ("anna", 3), ("ben", 3), ("door", 0)):
        crowd.come(name, urgent)

    # The fourth turn would be that of who has waited longest; it is that one's anyhow.
    assert crowd.let_go() == ["door", "anna", "ben", "bulk"]


def test_when_it_is_full_the_last_come_of_the_least_urgent_makes_room(
    crowd_before: Callable[[int], Crowd],
) -> None:
    crowd = crowd_before(4)
    for name, urgent in (("bulk", 5), ("more bulk", 5), ("anna", 3), ("most bulk", 5)):
        crowd.come(name, urgent)
    crowd.come("ben")

    assert crowd.refused() == ["most bulk"]
    assert crowd.let_go() == ["anna", "ben", "bulk", "more bulk"]


def test_one_of_each_urgency_keeps_its_place_whoever_else_comes(
    crowd_before: Callable[[int], Crowd],
) -> None:
    crowd = crowd_before(2)
    crowd.come("bulk", 5)
    for name in ("anna", "ben", "carl"):
        crowd.come(name)

    assert crowd.refused() == ["ben", "carl"]
    assert crowd.let_go() == ["anna", "bulk"]


def test_each_fourth_turn_is_that_of_who_has_waited_longest(
    crowd_before: Callable[[int], Crowd],
) -> None:
    crowd = crowd_before(9)
    crowd.come("bulk", 5)
    for number in range(8):
        crowd.come(str(number))

    assert crowd.let_go().index("bulk") == FAIR - 1


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(0, 5))
def test_whoever_waits_has_a_turn_and_whoever_is_refused_has_none(
    urgencies: list[int], places: int
) -> None:
    with ThreadPoolExecutor(13) as threads:
        crowd = Crowd(places, threads)
        for number, urgent in enumerate(urgencies):
            crowd.asked[str(number)] = threads.submit(crowd._ask, str(number), urgent)
        served = crowd.let_go()

        assert sorted([*served, *crowd.refused()]) == sorted(crowd.asked)
        with crowd.gate.turn():  # free again
            assert crowd.gate._waiting == []


def test_a_turn_that_fails_is_over() -> None:
    gate = Gate(1, places=0)
    with pytest.raises(ValueError, match="damaged"), gate.turn():
        raise ValueError("damaged")

    with gate.turn():
        pass


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("", 3),
        ("u=5", 5),
        ("u=0, i", 0),
        ("i, u=7;x=1", 7),
        ("u=8", 3),
        ("u=-1", 3),
        ("u=05", 3),
        ("u", 3),
        ("i", 3),
        ("x=1", 3),
        ("u=²", 3),
        ("\xff;=,,u", 3),
    ],
)
def test_the_urgency_is_what_rfc_9218_says(said: str, meant: int) -> None:
    assert urgency(said) == meant


# -- in the app -----------------------------------------------------------------------------------


@pytest.fixture
def narrow(facecog: Facecog, settings: Settings) -> FlaskClient:
    """One picture at once, and none waits."""
    return app_of(facecog, replace(settings, threads=1, queue=0)).test_client()


ON_PICTURES = {
    "/api/register": {"name": "Anna", "image": b"anna"},
    "/api/recognise": {"image": b"anna"},
    "/api/verify": {"image_a": b"anna", "image_b": b"anna"},
    "/api/detect": {"image": b"anna"},
}


@pytest.mark.parametrize("path", ON_PICTURES)
def test_a_picture_more_is_refused_with_when_to_come_again(narrow: FlaskClient, path: str) -> None:
    with gate_of(narrow.application).turn():
        refused = narrow.post(path, **multipart(**ON_PICTURES[path]))

    assert (refused.status_code, refused.json["code"]) == (503, "busy")
    assert refused.headers["Retry-After"] == "1"
    assert narrow.post(path, **multipart(**ON_PICTURES[path])).status_code in (200, 201)


@pytest.mark.parametrize(("image", "status"), [(b"anna", 200), (b"", 422)])
def test_the_answer_says_how_long_it_waited_and_was_worked_on(
    client: FlaskClient, image: bytes, status: int
) -> None:
    answer = client.post("/api/recognise", **multipart(image=image))

    assert answer.status_code == status
    told = re.fullmatch(r"wait;dur=(\d+\.\d), work;dur=(\d+\.\d)", answer.headers["Server-Timing"])
    assert told and float(told[1]) < 1000
    assert "Server-Timing" not in client.get("/api/health").headers


@pytest.mark.parametrize("task", ["register", "recognise"])
def test_the_page_without_a_script_says_it_too(narrow: FlaskClient, task: str) -> None:
    with gate_of(narrow.application).turn():
        refused = narrow.post(f"/{task}", **multipart(name="Anna", image=b"anna"))

    assert (refused.status_code, refused.mimetype) == (503, "text/html")
    assert refused.headers["Retry-After"] == "1"
    assert "Try again in a moment" in refused.text
    assert narrow.post(f"/{task}", **multipart(name="Anna", image=b"anna")).status_code < 300


def test_what_is_no_work_on_pictures_does_not_wait(narrow: FlaskClient) -> None:
    sample = narrow.post("/api/register", **multipart(name="Anna", image=b"anna")).json["sample"]
    person = f"/people/{sample['subject_id']}"
    with gate_of(narrow.application).turn():
        asked = ["/", "/people", person, "/api/health", "/api/subjects", sample["url"]]

        assert [narrow.get(path).status_code for path in asked] == [200] * 6


@pytest.mark.parametrize("sent", [form(), as_json(image="%%%"), {"data": b"x"}])
def test_what_cannot_be_read_is_refused_without_waiting(
    facecog: Facecog, settings: Settings, sent: dict[str, bytes]
) -> None:
    client = app_of(facecog, replace(settings, threads=1, queue=1)).test_client()
    with gate_of(client.application).turn():
        assert client.post("/api/recognise", **sent).status_code in (400, 415)


class Unread(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise AssertionError("it is read")


@pytest.mark.parametrize("path", ON_PICTURES)
@pytest.mark.parametrize("kind", [*FORMS, "application/json"])
def test_when_it_is_full_the_body_is_not_even_read(
    narrow: FlaskClient, path: str, kind: str
) -> None:
    with gate_of(narrow.application).turn():
        refused = narrow.post(
            path, data=b"x", content_type=kind, environ_overrides={"wsgi.input": Unread()}
        )

    assert (refused.status_code, refused.json["code"]) == (503, "busy")


def test_when_it_is_full_the_more_urgent_are_read(facecog: Facecog, settings: Settings) -> None:
    app = app_of(facecog, replace(settings, threads=1, queue=2))
    ask = partial(app.test_client().post, "/api/detect", **multipart(image=b"anna"))
    with ThreadPoolExecutor(3) as threads, gate_of(app).turn():
        bulk = [threads.submit(ask, headers={"Priority": "u=5"}) for _ in range(2)]
        until(lambda: len(gate_of(app)._waiting) == 2)

        assert ask(headers={"Priority": "u=5"}).status_code == 503
        urgent = threads.submit(ask)
        until(lambda: any(one.done() for one in bulk))

    assert urgent.result().status_code == 200
    assert sorted(one.result().status_code for one in bulk) == [200, 503]


def test_by_the_header_bulk_yields_to_the_others(facecog: Facecog, settings: Settings) -> None:
    app = app_of(facecog, replace(settings, threads=1, queue=2))
    answers: dict[str, int] = {}

    def ask(name: str, priority: str) -> None:
        headers = {"Priority": priority}
        sent = multipart(image=name.encode())
        answers[name] = app.test_client().post("/api/detect", headers=headers, **sent).status_code

    with ThreadPoolExecutor(3) as threads, gate_of(app).turn():
        for waiting, (name, priority) in enumerate(
            [("bulk", "u=5"), ("more", "u=5"), ("anna", "u=1")], 1
        ):
            threads.submit(ask, name, priority)
            until(lambda n=waiting: len(gate_of(app)._waiting) == min(n, 2))
        until(lambda: "more" in answers)

    assert answers == {"bulk": 200, "more": 503, "anna": 200}
    assert list(answers) == ["more", "anna", "bulk"]


# -- how many -------------------------------------------------------------------------------------


def test_one_more_at_once_than_there_are_cores_and_some_wait_for_each(
    facecog: Facecog, settings: Settings
) -> None:
    gate = gate_of(app_of(facecog, settings))

    assert (gate.at_once, gate.places) == (cores() + 1, PLACES * (cores() + 1))


def test_both_can_be_set(facecog: Facecog, settings: Settings) -> None:
    gate = gate_of(app_of(facecog, replace(settings, threads=3, queue=0)))

    assert (gate.at_once, gate.places) == (3, 0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_only_cores_that_the_process_may_use_count() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def grouped(tmp_path: Path, membership: str, **files: str) -> float:
    """The quota by these groups; `files` is path -> text, with `__` for a slash."""
    told = tmp_path / "membership"
    told.write_text(membership)
    for name, text in files.items():
        file = tmp_path / "root" / name.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return quota(told, tmp_path / "root")


def test_a_containers_quota_counts(tmp_path: Path) -> None:
    assert grouped(tmp_path, "0::/\n", cpu_DOT_max="150000 100000\n") == 1.5


def test_the_smallest_quota_of_the_groups_above_counts(tmp_path: Path) -> None:
    files = {"faces__cpu_DOT_max": "max 100000\n", "faces__one__cpu_DOT_max": "400000 100000\n"}
    files["cpu_DOT_max"] = "200000 100000\n"

    assert grouped(tmp_path, "0::/faces/one\n", **files) == 2


def test_a_quota_of_version_1_counts(tmp_path: Path) -> None:
    files = {"cpu,cpuacct__cpu_DOT_cfs_quota_us": "50000\n"}
    files["cpu,cpuacct__cpu_DOT_cfs_period_us"] = "100000\n"
    groups = "3:memory:/\n2:cpu,cpuacct:/docker/of-the-host\n0::/\n"

    assert grouped(tmp_path, groups, **files) == 0.5


@pytest.mark.parametrize("told", ["max 100000", "", "many more"])
def test_no_quota_is_no_limit(tmp_path: Path, told: str) -> None:
    assert grouped(tmp_path, "0::/\n", cpu_DOT_max=told) == math.inf
    assert quota(tmp_path / "missing", tmp_path) == math.inf


def test_a_part_of_a_core_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facecog.cores.quota", lambda: 0.5)

    assert cores() == 1
