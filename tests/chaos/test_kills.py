"""Runs that are killed anywhere go on as if nothing had been; `kills.py` says how they are killed and compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import kills
from tests.integration.runs import FAMILIES


@pytest.mark.parametrize(
    ("model", "count"), [("vae", 2), *[pytest.param(model, 8, marks=pytest.mark.slow) for model in FAMILIES]]
)
def test_nothing_is_lost(model: str, count: int, tmp_path: Path) -> None:
    fate = kills.compare_with_kills(model, count, seed=3, threads=1, folder=tmp_path)
    assert (fate.kills, fate.in_writes) == (count, count // 2)
    assert fate.damaged == []
    assert fate.different == []
    assert max(fate.lost) <= kills.EVERY
