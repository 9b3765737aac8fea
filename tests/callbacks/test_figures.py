"""The terms' average, grids of samples, and which held-out photos they show."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gan_lab.callbacks import SampleGrid, TermsLogger
from gan_lab.callbacks.figures import load_held_out
from gan_lab.data.views import UnpairedView, collate


@pytest.mark.parametrize(("keep", "left"), [(None, [2, 4, 6, 8]), (2, [6, 8])])
def test_the_newest_grids_stay(keep: int | None, left: list[int], tmp_path: Path) -> None:
    (tmp_path / "mine.png").touch()
    trainer: Any = SimpleNamespace(
        should_stop=False,
        is_global_zero=True,
        loggers=[],
        datamodule=SimpleNamespace(val_dataloader=list),
    )
    callback = SampleGrid(tmp_path, every_n_iterations=2, keep=keep)
    model: Any = SimpleNamespace(task="generation", sample_grid=lambda fixed: (torch.zeros(1, 3, 8, 8), 1))
    for model.iteration in range(1, 9):
        callback.on_train_batch_end(trainer, model, None, {}, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f"{n:06d}.png" for n in left), "mine.png"]


def test_terms_are_averaged_over_the_iterations_that_had_them() -> None:
    logged: list[tuple[int, dict[str, float]]] = []
    logger = SimpleNamespace(log_metrics=lambda figures, step: logged.append((step, figures)))
    trainer: Any = SimpleNamespace(
        optimizers=[], world_size=1, should_stop=False, is_global_zero=True, loggers=[logger]
    )
    callback = TermsLogger(every_n_iterations=2)
    model: Any = SimpleNamespace(assert_finite=lambda: None)
    callback.on_train_start(trainer, model)
    for iteration, terms in ((1, {"loss_d": 1.0}), (2, {"loss_d": 3.0, "loss_g": 5.0}), (3, {"loss_d": 7.0})):
        model.iteration, model.terms = iteration, {name: torch.tensor(value) for name, value in terms.items()}
        callback.on_train_batch_end(trainer, model, None, {"image": torch.zeros(4, 1)}, 0)
    assert [step for step, _ in logged] == [2]
    assert logged[0][1]["train/loss_d"] == 2.0
    assert logged[0][1]["train/loss_g"] == 5.0
    assert logged[0][1]["train/images_per_s"] > 0


@pytest.mark.parametrize(("images", "chosen"), [(4, [0, 2, 5, 7]), (10, list(range(10))), (99, list(range(10)))])
def test_held_out_samples_are_spread_evenly(images: int, chosen: list[int]) -> None:
    loader = DataLoader(range(10), batch_size=3)  # type: ignore[arg-type]
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(val_dataloader=lambda: loader))
    assert torch.cat(list(load_held_out(trainer, images))).tolist() == chosen  # type: ignore[arg-type]


class Numbered:
    """Photos that are their own numbers."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> Any:
        return np.full((8, 8, 3), index, np.uint8)


@pytest.mark.parametrize("small", [4, 10, 7])
def test_held_out_samples_show_all_of_a_smaller_domain_alike(small: int) -> None:
    images_A: Any = Numbered(80)
    images_B: Any = Numbered(small)
    loader = DataLoader(UnpairedView(images_A, images_B, 8, 0, None), batch_size=8, collate_fn=collate)
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(val_dataloader=lambda: loader))
    shown = torch.cat([batch["B"][:, 0, 0, 0] for batch in load_held_out(trainer, 20)])
    counts = shown.unique(return_counts=True)[1]
    assert len(counts) == small
    assert counts.max() - counts.min() <= 1


def test_no_held_out_samples() -> None:
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(val_dataloader=list))
    assert load_held_out(trainer, 4) == []
