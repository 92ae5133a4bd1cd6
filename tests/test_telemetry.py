"""Nothing is sent anywhere, and nothing is kept for sending."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import assets

USE = """
from pathlib import Path
from facecog import Settings, open_facecog
open_facecog(Settings(home=Path("home"), models=Path(__import__("sys").argv[1])))
"""


def test_the_model_runtime_keeps_nothing_of_its_own_in_the_users_folder(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run(
        [sys.executable, "-c", USE, str(assets.MODELS.resolve())],
        check=True,
        cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path / "user"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )

    assert sorted(file.name for file in tmp_path.iterdir()) == ["home"]
