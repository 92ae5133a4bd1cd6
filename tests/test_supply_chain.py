"""What is installed: each file by its hash, all of it known by name and licence."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools import sbom

ROOT = Path(__file__).parent.parent
LISTS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^([\w.-]+)==(\S+)(?: ; (.+?))? \\$", re.M)


def pins(text: str) -> set[tuple[str, str]]:
    return {(name, version) for name, version, _ in PINNED.findall(text)}


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_each_requirement_has_its_version_and_hashes_and_names_no_index(file: Path) -> None:
    text = file.read_text("utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())

    assert blocks
    for block in blocks:
        assert PINNED.match(block + "\n"), block
        assert re.fullmatch(r"[^\n]+( \\\n    --hash=sha256:[0-9a-f]{64})+", block), block
    assert "://" not in text


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_all_environments_have_the_same_versions(file: Path) -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    known = {tuple(line.partition(" ;")[0].split("==")) for line in lines}

    beside = {"build": {"setuptools"}, "dlib": PEER}.get(file.stem, set())
    others = {pin for pin in pins(file.read_text("utf-8")) if pin[0] not in beside}

    assert others <= known


PEER = {"setuptools", "dlib-bin", "face-recognition", "face-recognition-models"}


@pytest.mark.parametrize("name", ["app", "container", "dev", "deepface"])
def test_what_facecog_asks_for_is_locked(name: str) -> None:
    locked = {
        canonicalize_name(name) for name, _ in pins((LISTS[0].parent / f"{name}.txt").read_text())
    }

    assert sbom.direct() <= locked


def test_what_builds_facecog_is_locked() -> None:
    asked = re.search(r'requires = \["(.+?)"\]', (ROOT / "pyproject.toml").read_text("utf-8"))
    ((name, version),) = pins((ROOT / "requirements" / "build.txt").read_text("utf-8"))

    assert asked is not None
    assert asked[1] in (ROOT / "requirements" / "build.in").read_text("utf-8")
    assert Requirement(asked[1]).name == name
    assert Requirement(asked[1]).specifier.contains(version)


def test_the_bill_of_materials_has_every_direct_dependency_with_its_licence(tmp_path: Path) -> None:
    document = sbom.write(Path(sys.executable), tmp_path / "build" / "sbom.json")

    found = sbom.licences(document)
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "facecog"
    assert sbom.direct() <= found.keys()
    assert [name for name in sbom.direct() if not found[name]] == []


def test_what_may_not_be_in_the_app_is_said() -> None:
    good = {name: ["MIT"] for name in sbom.direct()}

    assert sbom.faults(good) == []
    assert sbom.faults({**good, "flask": []}) == ["flask says no licence"]
    assert sbom.faults({**good, "x265": ["GPL-2.0-only"]}) == ["x265 is under GPL-2.0-only"]
    assert sbom.faults({**good, "either": ["MIT OR GPL-2.0-only"], "heif": ["LGPL-3.0-only"]}) == []
    del good["numpy"]
    assert sbom.faults(good) == ["numpy is missing"]
