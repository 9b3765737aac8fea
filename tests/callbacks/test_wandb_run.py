"""The run at Weights & Biases, without a server. (With one: tests/integration/test_wandb.py.)"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import WandbLogger

from gan_lab.callbacks import WandbRun
from gan_lab.errors import UserError


def test_a_run_goes_on_without_a_logger_that_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = WandbRun(save_dir=str(tmp_path))

    def fail(logger: WandbLogger) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(WandbLogger, "experiment", property(fail))
        logger.start()
    assert "Weights & Biases cannot be started (no room); the run goes on without" in caplog.text
    logger.log_metrics({"train/loss": 1.0}, step=1)
    logger.log_hyperparams({"model": {"width": 4}})
    logger.finish()
    assert not list(tmp_path.rglob("*-run-*"))


#: In a process of its own: W&B leaves threads behind, one of which looks up names on the network.
LOG = """
import sys
from pathlib import Path
import numpy as np
from gan_lab.callbacks import WandbRun
folder = Path(sys.argv[1])
logger = WandbRun(save_dir=str(folder), log_model=len(sys.argv) > 2)
logger.start()
logger.log_checkpoints(folder / "checkpoints")
logger.log_histograms({"weights/x": np.arange(9.0)}, 1)
logger.log_evaluation(["model", "PSNR"], [["mine", "30"]], {"mine/psnr": 30.0}, folder / "report.html", 7)
logger.finish()
"""


WORDS: dict[str, Any] = {"entity": "me", "group": "all", "tags": ["a", "b"], "job_type": "train", "notes": "a run"}


def read_offline_run(folder: Path) -> bytes:
    """Return the bytes that the only offline run of a folder keeps for the server."""
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    return file.read_bytes()


def test_words_reach_wandb_and_what_is_not_given_does_not(tmp_path: Path) -> None:
    given = WandbRun(save_dir=str(tmp_path), **WORDS)._wandb_init
    assert {name: given[name] for name in WORDS} == WORDS
    assert not WORDS.keys() & WandbRun(save_dir=str(tmp_path))._wandb_init.keys()


@pytest.mark.parametrize(
    ("given", "mode", "online"),
    [
        ({}, "offline", False),
        ({"offline": False}, "online", True),
        ({"mode": "online"}, "online", True),  # whatever the yaml says
        ({"offline": False, "mode": "offline"}, "offline", False),
        ({"mode": "disabled"}, "disabled", False),
    ],
)
def test_a_mode_takes_the_place_of_offline(given: dict[str, Any], mode: str, online: bool, tmp_path: Path) -> None:
    logger = WandbRun(save_dir=str(tmp_path), **given)
    assert (logger._wandb_init["mode"], logger.online) == (mode, online)
    with pytest.raises(UserError, match=r"logger\.wandb\.mode=offlin: needs online, offline or disabled"):
        WandbRun(save_dir=str(tmp_path), mode="offlin")


@pytest.mark.parametrize("asked", [True, False])
def test_checkpoints_are_artifacts_where_that_is_asked_for_beside_distributions_and_evaluations(
    asked: bool, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("<p>the page")
    (tmp_path / "checkpoints").mkdir()
    for name in ("last", "best", "previous"):
        (tmp_path / f"checkpoints/{name}.ckpt").write_text(name)
    command = [sys.executable, "-c", LOG, str(tmp_path), *(["log_model"] if asked else [])]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    kept = read_offline_run(tmp_path)
    for name, there in (("last", asked), ("best", asked), ("previous", False)):
        assert (hashlib.sha256(name.encode()).hexdigest().encode() in kept) == there
    for part in (b"weights/x", b"evaluation/mine/psnr", b"evaluation/table", b"evaluation/page"):
        assert part in kept
    (page,) = tmp_path.glob("wandb/offline-run-*/files/media/html/evaluation/*.html")
    assert page.read_text() == "<p>the page"
