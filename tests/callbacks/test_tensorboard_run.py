"""The run in TensorBoard: figures, pictures, distributions. (Skipped where it is not installed.)"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_lab.callbacks import TensorBoardRun
from gan_lab.callbacks.figures import LogsImages
from gan_lab.callbacks.histograms import LogsHistograms


def test_figures_pictures_and_distributions_lie_in_the_runs_folder(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logger = TensorBoardRun(save_dir=str(tmp_path), name="run")
    assert isinstance(logger, LogsImages)
    assert isinstance(logger, LogsHistograms)
    logger.log_metrics({"train/loss": 0.5}, step=3)
    logger.log_image("samples", [np.zeros((8, 8, 3), np.uint8)], step=3)
    logger.log_histograms({"weights/x": np.arange(9.0)}, 3)
    logger.finish()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(3, 0.5)]
    (picture,) = events.Images("samples")
    assert (picture.step, picture.width, picture.height) == (3, 8, 8)
    assert [event.step for event in events.Histograms("weights/x")] == [3]
