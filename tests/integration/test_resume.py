"""A run that is killed continues bit for bit."""

from __future__ import annotations

import csv
import signal
from pathlib import Path

import pytest

from tests.integration.runs import MODELS, differences, load, python, tiny, train

#: Runs the train command and dies by SIGKILL right after the checkpoint of iteration 3, in the middle of the run.
KILLED = """
import os, signal
from gan_lab import train
from gan_lab.callbacks import Checkpoints

save = Checkpoints._save
def save_and_die(self, trainer, name):
    save(self, trainer, name)
    if name == "last" and trainer.lightning_module.iteration == 3:
        os.kill(os.getpid(), signal.SIGKILL)
Checkpoints._save = save_and_die
train.main()
"""


#: Pools; an averaged generator and what is computed anew. The others by `make test-slow`.
QUICK = ("cyclegan", "drifting")


def models() -> list[object]:
    return [pytest.param(m, marks=[] if m in QUICK else pytest.mark.slow) for m in MODELS]


@pytest.mark.parametrize("model", models())
def test_a_killed_run_continues_bit_for_bit(model: str, tmp_path: Path) -> None:
    options = [
        *tiny(model),
        "trainer.max_iterations=6",
        "trainer.checkpoint_every=3",
        "trainer.checkpoint_every_minutes=null",
        "trainer.precision=32-true",  # what is measured to be fastest may differ between two starts on a busy machine
        "trainer.layout=channels_last",
    ]
    train(*options, "name=straight", cwd=tmp_path)
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    killed = python(str(script), *options, "name=killed", cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert load(tmp_path / "runs/killed/checkpoints/last.ckpt")["clock"]["iteration"] == 3

    train("resume=runs/killed", cwd=tmp_path)

    straight = load(tmp_path / "runs/straight/checkpoints/last.ckpt")
    resumed = load(tmp_path / "runs/killed/checkpoints/last.ckpt")
    assert straight["clock"]["iteration"] == resumed["clock"]["iteration"] == 6
    for part in ("state_dict", "optimizer_states", "ranks", "clock"):
        assert differences(straight[part], resumed[part], part) == []
    assert figures(tmp_path / "runs/straight") == figures(tmp_path / "runs/killed")
    if model == "dcgan":  # what the run began with, by its configuration
        assert resumed["config"]["model"]["validation_extractor"] == "efficientnet_lite1"
    pictures = [sorted((tmp_path / "runs" / name / "samples").glob("*.png"))[-1] for name in ("straight", "killed")]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def figures(run: Path) -> list[dict[str, str]]:
    """Return the rows of a run's metrics.csv, less speed and memory."""
    with (run / "metrics.csv").open(newline="") as file:
        return [
            {k: v for k, v in row.items() if k not in ("train/images_per_s", "train/memory_mb")}
            for row in csv.DictReader(file)
        ]
