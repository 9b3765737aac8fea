"""A sweep's folder: no secret in it, and a table at the end."""

from __future__ import annotations

import csv
import io
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_lab.config import fail, mask_secrets
from gan_lab.errors import UserError
from gan_lab.storage import open_regular, plain_data, read_regular
from gan_lab.storage.locks import refuse_links
from gan_lab.terminal import printable

#: Length beyond which a job's file is not this program's, in bytes.
MAX_BYTES = 64 * 2**20
#: What a cell begins with that a spreadsheet takes for a formula.
FORMULA = tuple("=+-@\t\r\n")
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SweepSummary(Callback):
    """Print one row per job of a sweep, best first, write it as `summary.csv`, and fail if a job failed.

    Hydra keeps the command line and the configuration of a sweep in `multirun.yaml`: secrets in it are masked before the first
    job starts.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse a folder from elsewhere that leads out of it, before Hydra writes there."""
        folder = Path(config.hydra.sweep.dir)
        jobs = [path.name for path in folder.glob("*") if path.name.isdigit()]
        try:
            refuse_links(folder, "multirun.yaml", "multirun.new", "summary.csv", *jobs)
        except UserError as error:
            fail(error)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Mask what Hydra has written."""
        file = Path(config.hydra.sweep.dir) / "multirun.yaml"
        if config.hydra.mode != RunMode.MULTIRUN or not file.exists():
            return
        written = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
        masked = mask_secrets(written)
        if masked != written:
            beside = file.with_suffix(".new")
            OmegaConf.save(OmegaConf.create(masked), beside)
            beside.replace(file)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Gather the jobs' folders."""
        folder = Path(config.hydra.sweep.dir)
        jobs = [path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()]
        rows = sorted((describe_job(path) for path in jobs), key=lambda row: row.pop("rank"))
        if not rows:
            print(f"{folder}: no job of the sweep left anything here")
            raise SystemExit(1)
        shared = set.intersection(*[set(row.get("overrides", [])) for row in rows]) if len(rows) > 1 else set()
        for row in rows:  # what the jobs have in common says nothing
            row["overrides"] = " ".join(line for line in row.get("overrides", []) if line not in shared)
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / "summary.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows({name: quote_formula(value) for name, value in row.items()} for row in rows)
        table = Table(title=Text(f"{printable(str(folder))}: {len(rows)} jobs"))
        for name in columns:
            table.add_column(Text(printable(name)))
        for row in rows:
            table.add_row(*[Text(printable(str(row.get(name, "")))) for name in columns])
        Console(width=None if Console().is_terminal else 160).print(table)
        failed = [row["job"] for row in rows if row["status"] != "done"]
        if failed:
            print(f"{len(failed)} of {len(rows)} jobs failed: {', '.join(failed)}; see error.txt in their folders")
            raise SystemExit(1)


def describe_job(folder: Path) -> dict[str, Any]:
    """Return the row of one job; `rank` sorts the best first and the failed last."""
    row: dict[str, Any] = {"job": folder.name, "rank": (1, 0.0, int(folder.name))}
    error = folder / "error.txt"
    row["status"] = read_first_line(error) if error.exists() else "done"
    try:
        if (folder / "config.yaml").exists():
            row["overrides"], monitor = read_settings(folder / "config.yaml")
            row |= summarise_figures(folder / "metrics.csv", *monitor)
            if "best" in row:
                better = row["best"] if monitor[1] == "min" else -row["best"]
                row["rank"] = (0, better, int(folder.name))
    except (UserError, OSError, ValueError, TypeError, csv.Error) as refusal:  # files that somebody else has written
        row["status"] = printable(str(refusal)[:80])
    if row["status"] != "done":
        row["rank"] = (2, 0.0, int(folder.name))
    return row


def read_settings(path: Path) -> tuple[list[str], tuple[str, str]]:
    """Return the overrides and the monitored figure, with its better direction, of a job's `config.yaml`; as data.

    Raises:
        UserError: the file is not as a run writes it.
    """
    try:
        content = read_regular(path, MAX_BYTES)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, SAFE_LOADER)):
            raise ValueError(
                "it refers to a part of itself"
            )  # some lines could grow to any size; a run writes none such
        saved = plain_data(yaml.load(content, SAFE_LOADER), str(path))
        overrides, (figure, direction) = [str(line) for line in saved["overrides"]], saved["monitor"]
    except UserError:
        raise
    except Exception as error:  # what a hostile file makes of the reader can be anything
        raise UserError(
            f"{path}: is no configuration of a run ({' '.join(str(error).split())[:160]}); name a folder of a sweep"
        ) from error
    return overrides, (str(figure), str(direction))


def read_first_line(path: Path) -> str:
    """Return the beginning of a job's `error.txt`."""
    try:
        lines = read_regular(path, MAX_BYTES).decode(errors="replace").splitlines()
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return printable(lines[0][:80]) if lines else "failed"


def quote_formula(value: Any) -> Any:
    """Return a cell of a csv file as text that no spreadsheet takes for a formula; numbers stay as they are."""
    if isinstance(value, str) and value[:1] in FORMULA:
        with suppress(ValueError):
            float(value)
            return value
        return f"'{value}"
    return value


def summarise_figures(path: Path, monitor: str, direction: str) -> dict[str, Any]:
    """Return the last iteration and the best value of the monitored figure from a `metrics.csv`."""
    if not path.exists():
        return {}
    with io.TextIOWrapper(open_regular(path), "utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    values = [value for row in rows if row.get(monitor) and math.isfinite(value := float(row[monitor]))]
    found: dict[str, Any] = {"iterations": rows[-1].get("iteration"), "figure": monitor} if rows else {}
    if values:
        found["best"] = min(values) if direction == "min" else max(values)
    return found
