"""The run at Weights & Biases, without a server. (With one: tests/integration/test_wandb.py.)"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from lightning.pytorch.loggers import WandbLogger

from gan_lab.callbacks import WandbRun


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
