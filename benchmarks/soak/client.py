"""One client: people of its own, what it has done to each, and what the server must say of them.

Nobody else changes its people, so between two of its requests it knows exactly who is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from benchmarks.soak.calling import Caller, Gone, Tally

ALLOWED = {"allow_duplicate": "true", "allow_mismatch": "true"}  # few faces under many names
FRIEND = "friend"  # whom samples are moved to


@dataclass
class Person:
    """A photo, the name it goes by, and what was last acknowledged.

    Attributes:
        state: "absent"; "there"; "deleted", and can be undone; or "moved", to the friend.
        change: by which a deletion or a move can be undone; of one cut off by a kill not known.
        doing: what was asked for and not answered.
    """

    name: str
    photo: bytes
    state: str = "absent"
    subject: str = ""
    sample: str = ""
    change: str | None = None
    doing: str = ""


Act = Callable[["Client", Caller, Person], None]


class Client:
    def __init__(self, number: int, photos: list[bytes], tally: Tally, seed: int) -> None:
        self.prefix = f"client{number:03}"
        names = [FRIEND, *(f"person{n:03}" for n in range(1, len(photos)))]
        self.people = [
            Person(f"{self.prefix} {name}", photo)
            for name, photo in zip(names, photos, strict=True)
        ]
        self._tally, self._chance = tally, Random(f"{seed}:{number}")

    @property
    def friend(self) -> Person:
        return self.people[0]

    def go_on(self, port: int, until: float) -> None:
        """One request after the other, until the time is over or the server is killed."""
        caller = Caller(port, self._tally)
        try:
            if self.friend.state == "absent":
                self._do("register", caller, self.friend)
            while time.monotonic() < until:
                self._step(caller)
        except Gone:
            self._tally.cut_off += 1
        except (RuntimeError, KeyError) as error:
            self._tally.faults.append(f"{self.prefix}: {error}")
        finally:
            caller.close()

    def _step(self, caller: Caller) -> None:
        (verb,) = self._chance.choices(tuple(VERBS), [weight for weight, *_ in VERBS.values()])
        _, states, _ = VERBS[verb]
        those = [person for person in self.people[1:] if person.state in states]
        if those:
            self._do(verb, caller, self._chance.choice(those))

    def _do(self, verb: str, caller: Caller, person: Person) -> None:
        person.doing = verb
        VERBS[verb][2](self, caller, person)
        person.doing = ""

    # -- each verb --------------------------------------------------------------------------------

    def register(self, caller: Caller, person: Person) -> None:
        told = caller.ask(
            *("register", "POST", "/api/register", (201,)),
            **{"name": person.name, "image": person.photo, **ALLOWED},
        )
        person.subject, person.sample = told["subject"]["id"], told["sample"]["id"]
        person.state = "there"

    def recognise(self, caller: Caller, person: Person) -> None:
        """By the very photo, so that of many alike its own person is the best, with all it can be.

        Of one with several samples the score is of their mean, which may be less: it is not asked.
        """
        told = caller.ask("recognise", "POST", "/api/recognise", image=person.photo)
        found = [one["subject_id"] for one in told["faces"][0]["candidates"]]
        if person is self.friend and any(one.state == "moved" for one in self.people):
            return
        if person.state == "there" and found[:1] != [person.subject]:
            self._tally.faults.append(f"{person.name} is registered and not the best: {told}")
        if person.state != "there" and person.subject in found:
            self._tally.faults.append(f"{person.name} is {person.state} and found: {told}")

    def list(self, caller: Caller, _: Person) -> None:
        found = self.listed(caller)
        if found != (expected := self.expected()):
            self._tally.faults.append(f"{self.prefix}: listed {found}, expected {expected}")

    def delete(self, caller: Caller, person: Person) -> None:
        told = caller.ask("delete", "DELETE", f"/api/subjects/{person.subject}")
        person.state, person.change = "deleted", told["change"]["id"]

    def erase(self, caller: Caller, person: Person) -> None:
        """Beyond undoing: of one deleted already what is kept for that."""
        if person.state == "there":
            path = f"/api/subjects/{person.subject}?forever=true"
        else:
            path = f"/api/changes/{person.change}"
        caller.ask("erase", "DELETE", path, (204,))
        person.state, person.change = "absent", None

    def move(self, caller: Caller, person: Person) -> None:
        told = caller.ask(
            *("move", "PATCH", f"/api/samples/{person.sample}"), subject_id=self.friend.subject
        )
        person.state, person.change = "moved", told["change"]["id"]

    def undo(self, caller: Caller, person: Person) -> None:
        if person.change:
            caller.ask("undo", "POST", f"/api/changes/{person.change}/undo")
        else:  # moved as the server was killed
            path = f"/api/samples/{person.sample}"
            caller.ask("move", "PATCH", path, subject_id=person.subject)
        person.state, person.change = "there", None

    # -- what must be -----------------------------------------------------------------------------

    def expected(self) -> dict[str, int]:
        """Name -> how many samples."""
        there = {"there": 1, "moved": 0}
        those = {one.name: there[one.state] for one in self.people if one.state in there}
        moved = sum(one.state == "moved" for one in self.people)
        return those | {self.friend.name: those.get(self.friend.name, 0) + moved}

    def listed(self, caller: Caller) -> dict[str, int]:
        told = caller.ask("list", "GET", f"/api/subjects?limit=1000&q={self.prefix}")
        return {subject["name"]: subject["samples"] for subject in told["subjects"]}


# Verb -> how often, of whom, and how.
VERBS: dict[str, tuple[int, tuple[str, ...], Act]] = {
    "recognise": (40, ("there", "moved", "absent", "deleted"), Client.recognise),
    "register": (20, ("absent",), Client.register),
    "list": (12, ("there", "moved", "absent", "deleted"), Client.list),
    "delete": (10, ("there",), Client.delete),
    "erase": (6, ("there", "deleted"), Client.erase),
    "move": (6, ("there",), Client.move),
    "undo": (8, ("deleted", "moved"), Client.undo),
}
