"""The command line with the DeepFace engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(
    home: Path, models: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line, in a process of its own, without this one's DEEPFACE_HOME."""
    command = [Path(sys.executable).with_name("facecog"), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEEPFACE_")}
    settings = {
        "FACECOG_ENGINE": "deepface",
        "FACECOG_HOME": str(home),
        "FACECOG_MODELS": str(models),
    }
    return subprocess.run(
        command,
        env={**kept, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
