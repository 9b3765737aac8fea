"""The run's `metrics.csv`: one row per iteration that logged anything, one column per figure."""

from __future__ import annotations

import csv
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only


class MetricsCSV(Logger):
    """Append figures to a csv file that a killed and resumed run continues.

    Rows of iterations after the checkpoint that the run resumes from are dropped: they will come again.

    Args:
        path: the file.
        start_iteration: the iteration that the run starts from.
    """

    def __init__(self, path: str | Path, start_iteration: int = 0) -> None:
        super().__init__()
        self.path = Path(path)
        self._rows: dict[int, dict[str, str]] = {}
        self._columns: list[str] = []
        if start_iteration and self.path.exists():
            with self.path.open(newline="") as file:
                reader = csv.DictReader(file)
                self._columns = [name for name in (reader.fieldnames or []) if name != "iteration"]
                for row in reader:
                    iteration = row.pop("iteration", "") or ""
                    # a kill can leave a torn last line
                    if iteration.isdigit() and int(iteration) <= start_iteration and None not in row.values():
                        self._rows[int(iteration)] = dict(row)
        self._fresh = True
        self._newest = 0  # where the newest row begins

    @property
    def name(self) -> str:
        """The logger's name."""
        return "csv"

    @property
    def version(self) -> str:
        """The logger's version: there is only one."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run's config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Write the figures of an iteration; several calls for one iteration share its row."""
        assert step is not None
        new = [name for name in metrics if name not in self._columns]
        known = step in self._rows
        self._columns += new
        self._rows.setdefault(step, {}).update({name: f"{value:.6g}" for name, value in metrics.items()})
        if new or self._fresh or (known and step != next(reversed(self._rows))):
            self._rewrite()
            return
        self._fresh = True  # until it is written: what fails half-way is made good by the next, which writes all
        with self.path.open("r+" if known else "a", newline="") as file:
            if known:  # the newest row alone is written again: runs are long, and it shares its iteration with several
                file.truncate(self._newest)
            self._newest = file.seek(0, os.SEEK_END)
            self._writer(file).writerow({"iteration": step} | self._rows[step])
        self._fresh = False

    def _rewrite(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".csv.tmp")
        with temporary.open("w", newline="") as file:
            writer = self._writer(file)
            writer.writeheader()
            *earlier, newest = sorted(self._rows)
            writer.writerows({"iteration": step} | self._rows[step] for step in earlier)
            self._newest = file.tell()
            writer.writerow({"iteration": newest} | self._rows[newest])
        temporary.replace(self.path)
        self._fresh = False

    def _writer(self, file: Any) -> csv.DictWriter[str]:
        return csv.DictWriter(file, ["iteration", *self._columns], restval="")
