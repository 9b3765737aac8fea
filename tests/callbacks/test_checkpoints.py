"""Which checkpoints are written, and when."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gan_lab.callbacks import Checkpoints


@pytest.mark.parametrize(("direction", "saved"), [("max", [1, 3]), ("min", [1, 2, 5])])
def test_best_follows_the_monitored_figure(direction: str, saved: list[int], tmp_path: Path) -> None:
    written: list[int] = []
    trainer: Any = SimpleNamespace(should_stop=False, world_size=1)
    callback = Checkpoints(tmp_path, every_n_iterations=None, every_n_minutes=None)
    callback._save = lambda trainer, name: written.append(model.iteration)  # type: ignore[method-assign]
    model: Any = SimpleNamespace(monitor=("val/x", direction))
    for iteration, value in enumerate([5.0, 4.0, 6.0, float("nan"), 3.0, None], start=1):
        model.iteration, model.fresh_figures = iteration, {} if value is None else {"val/x": value}
        callback.on_train_batch_end(trainer, model, None, None, 0)
    assert written == saved
