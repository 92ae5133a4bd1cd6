"""A disk of a few megabytes that can be filled, and made read-only while it is written to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 48_000_000  # bytes


class Disk:
    """An ext4 of its own in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as out:
            for size in (1_000_000, 4096, 1):
                try:
                    while True:
                        out.write(bytes(size))
                except OSError:
                    continue

    def empty(self) -> None:
        self._filler.unlink()

    def make_read_only(self) -> None:
        """As the kernel does where the disk fails: also for files that are open."""
        _run("mount", "-o", "remount,abort", self.folder)


@contextmanager
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """Skips where this user may not mount one."""
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as out:
        out.truncate(SIZE)
    try:
        _run("mkfs.ext4", "-q", "-F", "-m", "0", image)
        _run("mount", "-o", "loop", image, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a disk: {error}")
    try:
        yield Disk(folder)
    finally:
        _run("umount", folder)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
