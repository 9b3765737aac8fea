"""The run's `metrics.csv`: one row per iteration that logged anything, one column per figure."""

from __future__ import annotations

import csv
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only


class MetricsCSV(Logger):
    """Append figures to a csv file that a killed and resumed run continues.

    Rows of iterations after the checkpoint that the run resumes from are dropped: they will come again. In memory stays
    the newest row alone, and what could not be written yet: runs are long.

    Args:
        path: the file.
        start_iteration: the iteration that the run starts from.
    """

    def __init__(self, path: str | Path, start_iteration: int = 0) -> None:
        super().__init__()
        self.path = Path(path)
        self._columns = self._header() if start_iteration else []
        self._good_until = start_iteration  # rows of the file that count; none of a file that another run left
        self._stale = True  # header or earlier rows are not yet as they should be
        self._pending: dict[int, dict[str, str]] = {}  # the newest row, and those before it that failed to be written
        self._place, self._end = 0, 0  # of the first of them in the file, and where they end once they are written

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
        self._columns += new
        self._stale = self._stale or bool(new)
        if step not in self._pending and self._end:  # a row that is on disk stays as it is
            self._good_until, self._place = next(reversed(self._pending)), self._end
            self._pending = {}
        self._pending.setdefault(step, {}).update({name: f"{value:.6g}" for name, value in metrics.items()})
        self._end = 0
        if self._stale or not self.path.exists():
            self._rewrite()
        else:
            with self.path.open("r+", newline="", encoding="utf-8") as file:
                file.truncate(self._place)
                file.seek(self._place)
                place, end = self._write(file)
            self._place, self._end = place, end
        newest = next(reversed(self._pending))
        self._pending = {newest: self._pending[newest]}
        self._good_until = newest - 1

    def _write(self, file: Any) -> tuple[int, int]:
        """Write what is pending, and return where its newest row begins and ends."""
        writer = self._writer(file)
        place = file.tell()
        for step, row in self._pending.items():
            place = file.tell()
            writer.writerow({"iteration": step} | row)
        return place, file.tell()

    def _writer(self, file: Any) -> csv.DictWriter[str]:
        return csv.DictWriter(file, ["iteration", *self._columns], restval="")

    def _rewrite(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".csv.tmp")
        temporary.unlink(missing_ok=True)  # not written through, where it is a link
        with temporary.open("x", newline="", encoding="utf-8") as file:
            writer = self._writer(file)
            writer.writeheader()
            writer.writerows(self._earlier())
            place, end = self._write(file)
        temporary.replace(self.path)
        self._place, self._end, self._stale = place, end, False

    def _header(self) -> list[str]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return [name for name in next(csv.reader(file), []) if name != "iteration"]

    def _earlier(self) -> Iterator[dict[str, str]]:
        """Go over the rows in the file that count."""
        if not self._good_until or not self.path.exists():
            return
        with self.path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                iteration = row.get("iteration") or ""
                # a kill can leave a torn last line
                if iteration.isdigit() and int(iteration) <= self._good_until and None not in row.values():
                    yield row
