"""What a start loads: nothing that it has no use for."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from facecog.store import Store
from tests.serving import environment

UNUSED = ("alembic", "deepface", "matplotlib", "onnx", "openvino", "psycopg", "pip")

OPEN = f"""
import sys
from facecog.bootstrap import open_facecog
import facecog.cli
open_facecog().close()
print(sorted(set(sys.modules) & set({UNUSED})))
"""


@pytest.mark.parametrize(("fresh", "loaded"), [(True, "['alembic']\n"), (False, "[]\n")])
def test_a_start_imports_nothing_but_what_it_uses(tmp_path: Path, fresh: bool, loaded: str) -> None:
    home = tmp_path / "home"
    if not fresh:
        with closing(Store.on_sqlite(home)):
            pass

    opened = subprocess.run(
        [sys.executable, "-c", OPEN],
        env=environment(home),
        check=True,
        capture_output=True,
        text=True,
    )

    assert opened.stdout == loaded
