"""A peer as the benchmark sees it: a process that answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests import assets

from facecog.bootstrap import DEEPFACES
from facecog.engines.fetch import share

ROOT = assets.ROOT
DEEPFACE_HOME = ROOT / ".cache" / "deepface"
# NumPy's, OpenCV's and dlib's libraries for linear algebra, each by one thread.
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
}


class Kind(NamedTuple):
    """A system that is measured.

    Attributes:
        name: as tables call it.
        module: of benchmarks.peers, which runs it.
        environment: its folder below the project's; that of this process where not given.
        option: what the module is told.
        searched: galleries are made for it too.
    """

    name: str
    module: str
    environment: str | None = None
    option: str = ""
    searched: bool = True

    @property
    def python(self) -> Path:
        if self.environment is None:
            return Path(sys.executable)
        return ROOT / self.environment / "bin" / "python"

    @property
    def here(self) -> bool:
        return self.python.exists()


FACECOG = Kind("facecog", "facecog_system", option="exact")
FAST = Kind("facecog, fast", "facecog_system", option="fast")
DEEPFACE = Kind("deepface", "deepface_system", ".venv-deepface", "one thread")
AS_IT_COMES = Kind("deepface, all threads", "deepface_system", ".venv-deepface", searched=False)
DLIB = Kind("face_recognition", "face_recognition_system", ".venv-dlib")
KINDS = (FACECOG, FAST, DEEPFACE, AS_IT_COMES, DLIB)
OURS = (FACECOG, FAST)


class Peer:
    """One order at a time, each answered."""

    def __init__(self, kind: Kind, process: subprocess.Popen[str]) -> None:
        self.kind, self._process = kind, process
        self.version: str = self("version")

    def __call__(self, order: str, *given: object) -> Any:
        """Raises: RuntimeError where the process has ended."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([order, given], default=str) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.kind.name} has ended: see above.")
        return json.loads(line)


@contextmanager
def peer(kind: Kind, scratch: Path) -> Iterator[Peer]:
    """A process of this kind, which may put its galleries in the folder."""
    python, module = str(kind.python), f"benchmarks.peers.{kind.module}"
    with subprocess.Popen(
        [python, "-m", module, str(scratch), kind.option],
        cwd=ROOT,
        env=_environment(kind),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if kind != AS_IT_COMES:
            _hold_to_one_core(process)
        try:
            yield Peer(kind, process)
        finally:
            assert process.stdin
            process.stdin.close()  # which ends it


def ready(kinds: Sequence[Kind]) -> list[Kind]:
    """Those whose environment is there; with a line for each that is not."""
    for kind in kinds:
        if not kind.here:
            print(f"{kind.name}: passed over, {kind.environment} is not there")
    # deepface looks for its weights there; they are the files that facecog has.
    share(DEEPFACES.values(), assets.MODELS, DEEPFACE_HOME / ".deepface" / "weights")
    return [kind for kind in kinds if kind.here]


def _hold_to_one_core(process: subprocess.Popen[str]) -> None:
    """All to the same: on a shared machine one core can be slower than another for minutes."""
    if sys.platform == "linux":
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})


def _environment(kind: Kind) -> dict[str, str]:
    threads = {} if kind == AS_IT_COMES else ONE_THREAD
    return {**os.environ, **threads, "DEEPFACE_HOME": str(DEEPFACE_HOME)}
