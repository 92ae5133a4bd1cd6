"""Who may do what: every route and every command against every kind of access, as a table.

`python -m tests.matrix` writes it into docs/access.md. test_matrix.py asks each for real.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apiflask import APIFlask

from facecog.acting import NOBODY, Actor, Role
from facecog.cli import main as cli
from facecog.cli.rules import RULES as OF_COMMANDS
from facecog.cli.rules import commands
from facecog.config import Settings
from facecog.index.memory import MemoryIndex
from facecog.permissions import Permission, may
from facecog.service import Facecog
from facecog.store import Store
from facecog.web.app import create_app
from facecog.web.rules import RULES
from tests import assets, fakes

PAGE = assets.ROOT / "docs" / "access.md"
BEGIN, END = "<!-- python -m tests.matrix writes this -->\n", "<!-- until here -->\n"
SOME_ID = "00000000-0000-4000-8000-000000000000"
ANOTHER = "key of another collection"

ACCESS: dict[str, Actor] = {
    "nobody": NOBODY,
    **{role.value: Actor("key", role) for role in Role},
    ANOTHER: Actor("key", Role.OWNER, collection=SOME_ID),
}


@dataclass(frozen=True)
class Route:
    method: str
    rule: str
    endpoint: str

    @property
    def path(self) -> str:
        """One that can be asked for."""
        return re.sub(r"<\w+>", "app.js", re.sub(r"<uuid:\w+>|<path:\w+>", self._value, self.rule))

    @property
    def said(self) -> str:
        """As docs/api.md names it."""
        path = re.sub(r"^/static/\w+/", "/static/{hash}/", self.rule)
        named = re.sub(r"<(?:.*?:)?(\w+)>", r"{\1}", path)
        return f"{self.method} {named}"

    @staticmethod
    def _value(found: re.Match[str]) -> str:
        return SOME_ID if found[0].startswith("<uuid") else "app.js"


def routes(app: APIFlask) -> Iterator[Route]:
    """Each method of each address; OPTIONS says only which there are, of several rules at once."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield Route(method, rule.rule, rule.endpoint)


def route_allowed(endpoint: str, who: Actor) -> bool:
    """Whether the rules allow it, of the default collection. Raises: KeyError: there is no rule."""
    needed = RULES[endpoint]
    if who.collection:
        return needed is Permission.OPEN
    return may(who, needed)


def command_allowed(path: str, who: Actor) -> bool:
    """The same of a command. Raises: KeyError."""
    needed = OF_COMMANDS[path]
    if who is NOBODY or who.collection:
        return needed is Permission.OPEN
    return may(who, needed)


def table(title: str, lines: dict[str, list[bool]]) -> str:
    rows = [[title, *ACCESS], ["---"] + [":-:"] * len(ACCESS)]
    rows += [[f"`{said}`", *("yes" if one else "-" for one in row)] for said, row in lines.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def matrix(app: APIFlask) -> str:
    """Both tables, in Markdown."""
    asked = {
        route.said: [route_allowed(route.endpoint, who) for who in ACCESS.values()]
        for route in routes(app)
        if route.method != "HEAD"
    }
    typed = {
        f"facecog {path}": [command_allowed(path, who) for who in ACCESS.values()]
        for path, _ in sorted(commands(cli))
    }
    return f"{table('route', asked)}\n{table('command', typed)}"


def written(page: str, app: APIFlask) -> str:
    """The page with the tables as they are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{matrix(app)}\n{END}{after}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.on_sqlite(Path(folder))
        index = MemoryIndex.of(store, fakes.MODEL)
        facecog = Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)
        app = create_app(facecog, Settings(home=Path(folder)))
        PAGE.write_text(written(PAGE.read_text("utf-8"), app), "utf-8")
        store.close()


if __name__ == "__main__":
    main()
