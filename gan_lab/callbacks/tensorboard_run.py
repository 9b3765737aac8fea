"""The run as TensorBoard shows it: figures, pictures and distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only


class TensorBoardRun(TensorBoardLogger):
    """Lightning's logger, in the run's folder, with pictures.

    Args:
        save_dir: the run's folder; the events lie in `tensorboard` there, of a continued run beside those before.
        name: of the run; the folder has it already.
        **settings: of the summary writer.
    """

    def __init__(self, save_dir: str, name: str | None = None, **settings: Any) -> None:
        super().__init__(save_dir=save_dir, name="", version="tensorboard", default_hp_metric=False, **settings)

    @rank_zero_only
    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        """Log uint8 images [H, W, C] of an iteration."""
        for number, image in enumerate(images):
            self.experiment.add_image(key if len(images) == 1 else f"{key}/{number}", image, step, dataformats="HWC")

    @rank_zero_only
    def log_histograms(self, tensors: Mapping[str, np.ndarray], step: int) -> None:
        """Log the distributions of values."""
        for name, values in tensors.items():
            self.experiment.add_histogram(name, values, step)

    @rank_zero_only
    def finish(self) -> None:
        """Write what is left, and close the file."""
        self.experiment.close()
