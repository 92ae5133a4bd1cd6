"""Clients at once, for seconds, and a kill; `python -m benchmarks.soak` does it at length."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.soak.__main__ import distinct, run
from benchmarks.soak.calling import Caller, Tally
from benchmarks.soak.client import Client
from benchmarks.soak.truth import compare

from tests.serving import serving

SECONDS, CLIENTS = 6, 8


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_acknowledged_under_load_is_there_after_a_kill(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings = {}
    if database == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres_url")

    tally = run(tmp_path / "home", SECONDS, kills=1, clients=CLIENTS, **settings)

    assert tally.faults == []
    assert tally.cut_off == CLIENTS
    assert tally.checked["people"] >= CLIENTS
    assert {"register", "recognise", "list"} <= tally.seconds.keys()


@pytest.mark.parametrize(("answered", "state"), [(True, "absent"), (False, "deleted")])
def test_an_erasure_that_was_cut_off_is_settled(tmp_path: Path, answered: bool, state: str) -> None:
    photos, tally = distinct(1), Tally()
    with serving(tmp_path / "home") as server:
        client = Client(1, [next(photos) for _ in range(2)], tally, 1)
        client.go_on(server.port, until=0)
        caller, person = Caller(server.port, tally), client.friend
        client.delete(caller, person)
        change = person.change
        if answered:
            client.erase(caller, person)
        caller.close()
        person.state, person.change, person.doing = "deleted", change, "erase"

        compare([client], server.port, tally)

    assert tally.faults == []
    assert (person.state, person.change) == (state, None if answered else change)


def test_what_is_lost_altered_or_too_much_is_found(tmp_path: Path) -> None:
    photos, tally = distinct(1), Tally()
    with serving(tmp_path / "home") as server:
        clients = [Client(n, [next(photos) for _ in range(2)], tally, 1) for n in range(3)]
        for client in clients:
            client.go_on(server.port, until=0)  # registers the first of its people
        lost, changed, unknown = (client.friend for client in clients)

        compare(clients, server.port, tally)
        right = list(tally.faults)
        changed.sample = lost.sample
        lost.name = "somebody else"
        unknown.state = "absent"
        compare(clients, server.port, tally)

    assert right == []
    assert tally.checked["recognised"] == 3 + 2
    said = " ".join(tally.faults)
    assert "somebody else was acknowledged and is gone" in said
    assert "client001 friend has samples" in said
    assert "client002 friend is there and nobody registered it" in said
    assert "client002 friend is absent and found" in said
