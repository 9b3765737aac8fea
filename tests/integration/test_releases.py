"""Checkpoints of every release draw what they drew, and their runs go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan_lab
from tests.fixtures.made import FOLDER, RUNS, drawn
from tests.integration.runs import load, train

#: Runs that were validated by the distance of sets.
COMPARED = ("cgan", "cyclegan", "vae")
CHECKPOINTS = sorted(FOLDER.glob("*/*.ckpt"))


def test_there_are_some_of_every_kind() -> None:
    assert {path.stem for path in CHECKPOINTS} == RUNS.keys()


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_older_checkpoint_draws_what_it_drew(path: Path) -> None:
    before = np.load(path.with_suffix(".npy")).astype(int)
    now = drawn(gan_lab.load(path, device="cpu")).astype(int)
    assert now.shape == before.shape
    assert np.abs(now - before).max() <= 2  # another processor rounds otherwise


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem == "cgan" else pytest.mark.slow) for path in CHECKPOINTS],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_an_older_run_goes_on(path: Path, tmp_path: Path) -> None:
    train(f"resume={path}", "name=on", "trainer.max_iterations=22", cwd=tmp_path)
    last = load(tmp_path / "runs/on/checkpoints/last.ckpt")
    assert last["clock"]["iteration"] == 22
    if path.stem in COMPARED:  # its best figure was taken in these features, and no other can be compared with it
        assert last["config"]["model"]["validation_extractor"] == "random_vgg"
        assert last["config"]["monitor"] == ["val/loss" if path.stem == "vae" else "val/kid_random_vgg", "min"]
        columns = (tmp_path / "runs/on/metrics.csv").read_text().splitlines()[0]
        assert "val/kid_random_vgg" in columns
        assert "efficientnet" not in columns
