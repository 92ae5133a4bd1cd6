"""Killed with SIGKILL while it registers; `benchmarks/kill.py` does it at length."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import kill


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_server_has_kept_every_registration_that_it_answered(
    tmp_path: Path, seed: int
) -> None:
    tally = kill.run(tmp_path / "home", kills=1, registrations=24, seed=seed)

    assert tally.faults == []
    assert tally.answered
