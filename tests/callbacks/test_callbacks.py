"""The budget's arithmetic, the metrics file, the terms' average."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gan_lab.callbacks import Budget, Checkpoints, MetricsCSV, SampleGrid, TermsLogger
from gan_lab.callbacks.figures import load_held_out
from gan_lab.callbacks.progress import clock
from gan_lab.data.views import UnpairedView, collate


@pytest.mark.parametrize(
    ("limits", "total"),
    [((10, None), 10), ((None, 3.0), 21), ((10, 3.0), 10), ((100, 3.0), 21), ((None, 0.01), 1), ((None, None), None)],
)
def test_total_iterations_is_whichever_limit_comes_first(limits: Any, total: int | None) -> None:
    assert Budget(*limits).total_iterations(per_epoch=7) == total


def test_progress_is_the_largest_share_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gan_lab.callbacks.budget.time.monotonic", lambda: now)
    budget = Budget(max_iterations=10, max_minutes=1.0)
    budget.load_state_dict({"elapsed": 15.0})
    datamodule = SimpleNamespace(iterations_per_epoch=lambda world: 7)
    budget.on_train_start(SimpleNamespace(datamodule=datamodule, world_size=1), SimpleNamespace())  # type: ignore[arg-type]
    now = 115.0
    assert budget.progress(2) == pytest.approx(0.5)  # 30 of 60 seconds
    assert budget.progress(8) == pytest.approx(0.8)
    assert budget.progress(12) == 1.0
    assert budget.state_dict() == {"elapsed": pytest.approx(30.0)}


@pytest.mark.parametrize("ignored", [True, False])
def test_a_hangup_asks_a_run_to_stop_unless_it_was_started_by_nohup(ignored: bool) -> None:
    def usual(number: int, frame: Any) -> None:
        raise AssertionError("the signal had its usual effect")

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else usual)
    budget = Budget(max_iterations=10)
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(iterations_per_epoch=lambda world: 7), world_size=1)
    try:
        budget.on_train_start(trainer, SimpleNamespace())  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGHUP)
        assert budget.stopped_by == (None if ignored else signal.SIGHUP)
        budget.teardown(trainer, SimpleNamespace(), "fit")  # type: ignore[arg-type]
        assert signal.getsignal(signal.SIGHUP) == (signal.SIG_IGN if ignored else usual)
    finally:
        budget.teardown(trainer, SimpleNamespace(), "fit")  # type: ignore[arg-type]
        signal.signal(signal.SIGHUP, before)


def test_metrics_csv_grows_columns_and_shares_rows(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path / "metrics.csv")
    logger.log_metrics({"train/loss": 1.0}, 1)
    logger.log_metrics({"train/loss": 0.5}, 2)
    logger.log_metrics({"val/psnr": 30.0}, 2)
    assert (tmp_path / "metrics.csv").read_text().splitlines() == ["iteration,train/loss,val/psnr", "1,1,", "2,0.5,30"]


def test_metrics_csv_adds_to_the_newest_row_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.csv"
    logger = MetricsCSV(path)
    logger.log_metrics({"a": 1, "b": 1}, 1)
    monkeypatch.setattr(logger, "_rewrite", lambda: pytest.fail("the whole file was written again"))
    logger.log_metrics({"b": 12345}, 1)
    logger.log_metrics({"a": 2}, 2)
    logger.log_metrics({"b": 3}, 2)
    logger.log_metrics({"a": 4}, 3)
    assert path.read_text().splitlines() == ["iteration,a,b", "1,1,12345", "2,2,3", "3,4,"]


def test_metrics_csv_makes_good_what_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.csv"
    logger = MetricsCSV(path)
    logger.log_metrics({"a": 1}, 1)
    writer = csv.DictWriter.writerow

    def torn(self: Any, row: Any) -> None:
        writer(self, row)
        raise OSError("No space left on device")

    with monkeypatch.context() as full:
        full.setattr(csv.DictWriter, "writerow", torn)
        for step in (2, 3):
            with pytest.raises(OSError, match="No space"):
                logger.log_metrics({"a": step}, step)
    logger.log_metrics({"b": 3}, 3)
    logger.log_metrics({"a": 4, "b": 4}, 4)
    assert path.read_text().splitlines() == ["iteration,a,b", "1,1,", "2,2,", "3,3,3", "4,4,4"]


def test_metrics_csv_holds_one_row_in_memory(tmp_path: Path) -> None:
    logger = MetricsCSV(tmp_path / "metrics.csv")
    for step in range(1, 101):
        logger.log_metrics({"a": step} | ({"late": 1} if step > 50 else {}), step)
    assert len(logger._pending) == 1
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert rows[:2] + rows[50:52] + rows[100:] == ["iteration,a,late", "1,1,", "50,50,", "51,51,1", "100,100,1"]


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


def test_metrics_csv_continues_from_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(
        "iteration,train/loss\n1,1\n2,0.5\n3,0.25\n4,0.1"
    )  # the kill came after the checkpoint of iteration 2
    logger = MetricsCSV(path, start_iteration=2)
    logger.log_metrics({"train/loss": 0.3}, 3)
    assert path.read_text().splitlines() == ["iteration,train/loss", "1,1", "2,0.5", "3,0.3"]


def test_metrics_csv_survives_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("iteration,a,b\n1,1,1\n2,")
    MetricsCSV(path, start_iteration=2).log_metrics({"a": 3}, 3)
    assert path.read_text().splitlines() == ["iteration,a,b", "1,1,1", "3,3,"]


def test_a_new_run_does_not_keep_an_old_file(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("iteration,a\n1,1\n")
    MetricsCSV(tmp_path / "metrics.csv").log_metrics({"b": 2}, 1)
    assert (tmp_path / "metrics.csv").read_text().splitlines() == ["iteration,b", "1,2"]


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


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (65.9, "1:05"), (3725, "1:02:05")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
