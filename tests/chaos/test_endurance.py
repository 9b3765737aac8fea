"""A long run holds no more at its end than at its beginning; `endurance.py` says what is watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import endurance


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlp_gan", "vae"])
def test_nothing_grows(model: str, tmp_path: Path) -> None:
    course = endurance.watched(model, 20_000, tmp_path, show=False)
    assert course.late.memory < course.early.memory + 20
    assert course.late.files <= course.early.files
    assert course.late.threads <= course.early.threads
    assert course.grids == endurance.KEPT
    assert sum(course.bytes_an_iteration.values()) < 100
