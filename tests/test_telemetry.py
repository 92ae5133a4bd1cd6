"""Nothing is sent anywhere, and nothing is kept for sending."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facecog.engines.onnx import PRECISIONS
from tests import assets

USE = """
import sys
from pathlib import Path
from facecog import Settings, open_facecog

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "subprocess.Popen"):
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(watch)
models, precision = sys.argv[1:]
open_facecog(Settings(home=Path("home"), models=Path(models), precision=precision))
"""


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_model_runtimes_send_nothing_and_keep_nothing_in_the_users_folder(
    tmp_path: Path, precision: str
) -> None:
    """With "fast" that is OpenVINO, where the processor has what it is for."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run(
        [sys.executable, "-c", USE, str(assets.MODELS.resolve()), precision],
        check=True,
        cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path / "user"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )

    assert sorted(file.name for file in tmp_path.iterdir()) == ["home"]
