"""Whether everything that was acknowledged is there: sets are compared, nothing is counted only."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.soak.calling import Caller, Tally
from benchmarks.soak.client import Client, Person

JPEG_END = b"\xff\xd9"
# What a cut off request may have done all the same.
DONE = {
    "register": "there",
    "delete": "deleted",
    "erase": "absent",
    "move": "moved",
    "undo": "there",
}


def compare(clients: list[Client], port: int, tally: Tally) -> None:
    """Hold what a server tells against what clients know; what was cut off is settled first."""
    caller = Caller(port, tally)
    known = _subjects(caller)
    seen: set[str] = set()
    for client in clients:
        for person in client.people:
            _settle(person, client, known, caller, tally)
        for name, samples in _expected(client).items():
            seen.add(name)
            _compare(name, samples, known, caller, tally)
        for person in (one for one in client.people if one.subject):
            client.recognise(caller, person)
            tally.checked["recognised" if person.state == "there" else "not found"] += 1
    tally.faults += [f"{name} is there and nobody registered it" for name in known.keys() - seen]
    caller.close()


def _compare(
    name: str, samples: set[str], known: dict[str, str], caller: Caller, tally: Tally
) -> None:
    if name not in known:
        tally.faults.append(f"{name} was acknowledged and is gone")
        return
    found = _samples(caller, known[name])
    if found != samples:
        tally.faults.append(f"{name} has samples {found}, acknowledged are {samples}")
    for sample in found:
        crop = caller.ask("crop", "GET", f"/api/samples/{sample}.jpg")
        if not crop.endswith(JPEG_END):
            tally.faults.append(f"the crop of {name} is not whole")
    tally.checked["people"] += 1
    tally.checked["crops"] += len(found)


def _settle(
    person: Person, client: Client, known: dict[str, str], caller: Caller, tally: Tally
) -> None:
    """Of a request that was cut off either all or nothing has been done; learn which."""
    doing, before = person.doing, person.state
    person.doing, done = "", DONE.get(doing)
    if done is None:
        return
    if (doing, before) == ("erase", "deleted"):  # nobody is seen before it or after it
        if not _can_be_undone(person, caller):
            person.state, person.change = "absent", None
            tally.checked["cut off and done"] += 1
        return
    now = _visible(person, client, known, caller)
    if now == _as_seen(before):
        return
    if now != _as_seen(done):
        tally.faults.append(f"{person.name} was {before}, is to be {done}, and is {now}")
    person.state, person.change = now, None
    if now == "there":
        person.subject = known[person.name]
        (person.sample,) = _samples(caller, person.subject)
    tally.checked["cut off and done"] += 1


def _can_be_undone(person: Person, caller: Caller) -> bool:
    return any(one["id"] == person.change for one in _listed(caller, "/api/changes", "changes"))


def _visible(person: Person, client: Client, known: dict[str, str], caller: Caller) -> str:
    if person.name not in known:
        return "absent"
    return "there" if _samples(caller, known[person.name]) else "moved"


def _as_seen(state: str) -> str:
    return "absent" if state == "deleted" else state


def _expected(client: Client) -> dict[str, set[str]]:
    """Name -> its samples."""
    there = {one.name: {one.sample} for one in client.people if one.state == "there"}
    moved = [one for one in client.people if one.state == "moved"]
    there |= {one.name: set() for one in moved}
    if client.friend.name in there:
        there[client.friend.name] |= {one.sample for one in moved}
    return there


def _subjects(caller: Caller) -> dict[str, str]:
    """Name -> id, of everybody."""
    return {one["name"]: one["id"] for one in _listed(caller, "/api/subjects", "subjects")}


def _samples(caller: Caller, subject: str) -> set[str]:
    path = f"/api/subjects/{subject}/samples"
    return {one["id"] for one in _listed(caller, path, "samples")}


def _listed(caller: Caller, path: str, what: str) -> Iterator[dict[str, str]]:
    cursor = ""
    while True:
        told = caller.ask("check", "GET", f"{path}?limit=1000{cursor}")
        yield from told[what]
        if not told["next_cursor"]:
            return
        cursor = f"&cursor={told['next_cursor']}"
