"""How many cores this process may use: by its affinity, and by the quota of its container."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

MEMBERSHIP = Path("/proc/self/cgroup")
ROOT = Path("/sys/fs/cgroup")


def cores() -> int:
    """At least one; a quota of one and a half counts as two."""
    return max(1, math.ceil(min(_by_affinity(), quota())))


def _by_affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(membership: Path = MEMBERSHIP, root: Path = ROOT) -> float:
    """In cores, the smallest that this process or a group above it has; infinite without one.

    Args:
        membership: the groups of the process, as in /proc/self/cgroup.
        root: where the groups are mounted.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max", and
    Documentation/scheduler/sched-bwc.rst for version 1, which gives the two figures a file each.
    """
    return min(_limits(membership, root), default=math.inf)


def _limits(membership: Path, root: Path) -> Iterator[float]:
    for folder in _groups(membership, root):
        # A group without a limit says "max", or -1; the root has no such file.
        with suppress(OSError, ValueError):
            limit, period = (folder / "cpu.max").read_text("ascii").split()
            yield int(limit) / int(period)
        with suppress(OSError, ValueError):
            limit, period = (
                (folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period")
            )
            if int(limit) > 0:
                yield int(limit) / int(period)


def _groups(membership: Path, root: Path) -> Iterator[Path]:
    """Folders of the group that the process is in and of those above, by either version."""
    with suppress(OSError):
        for line in membership.read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            mounted = root / controllers if controllers else root
            own = PurePosixPath(path.lstrip("/"))
            # In a container of version 1 the path is the host's, and what is mounted is the group.
            yield from (mounted / above for above in (own, *own.parents))
