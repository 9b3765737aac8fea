"""The metrics file: one row an iteration, and what a kill or a full disk leaves of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from gan_lab.callbacks import MetricsCSV


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
