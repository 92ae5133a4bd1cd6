"""What an environment is made of, as CycloneDX: `make sbom`.

    python -m tools.sbom PYTHON FILE

Writes the file, valid by its own schema, and prints what it found. Exits 1 where a direct
dependency is missing or has no licence, or where anything may be used under the GPL only.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
# Not the Lesser one, which lets a program use a library.
GPL = re.compile(r"\bA?GPL|GNU (Affero )?General Public", re.I)


def write(python: Path, file: Path) -> Any:
    """The document about the environment of this Python."""
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cyclonedx_py", "environment", python, "--validate"]
    options = ["--pyproject", PYPROJECT, "--output-reproducible", "--output-file", file]
    subprocess.run([*command, *options], check=True)
    return json.loads(file.read_text("utf-8"))


def licences(document: Any) -> dict[str, list[str]]:
    """Package -> its licences, as it names them itself."""
    return {
        canonicalize_name(part["name"]): [_named(one) for one in part.get("licenses", [])]
        for part in document["components"]
    }


def _named(licence: dict[str, Any]) -> str:
    if "expression" in licence:
        return str(licence["expression"])
    return str(licence["license"].get("id") or licence["license"].get("name"))


def faults(found: dict[str, list[str]]) -> list[str]:
    """What is wrong with what an environment is made of, in words."""
    wrong = [f"{name} is missing" for name in sorted(direct() - found.keys())]
    wrong += [f"{name} says no licence" for name in sorted(direct()) if found.get(name) == []]
    return wrong + [
        f"{name} is under {', '.join(terms)}"
        for name, terms in found.items()
        if terms and all(GPL.search(term) and " OR " not in term for term in terms)
    ]


def direct() -> set[str]:
    """What the app itself asks for on this machine, without its extras."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    asked = [Requirement(text) for text in project["dependencies"]]
    return {
        canonicalize_name(one.name) for one in asked if one.marker is None or one.marker.evaluate()
    }


def main() -> None:
    python, file = map(Path, sys.argv[1:])
    found = licences(write(python, file))
    wrong = faults(found)
    print(*wrong, sep="\n", file=sys.stderr)
    print(
        f"{file}: {len(found)} packages, of which {len(direct())} are asked for by facecog itself"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
