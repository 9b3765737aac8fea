"""What the benchmarks that train share: runs that are kept, photos to judge by, and how results are written."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader

from gan_lab import load
from gan_lab.config import compose, instantiate
from gan_lab.data.base import FACTS, ImageDataModule
from gan_lab.inference import Pretrained
from gan_lab.models.batches import Batch

#: The features that tables are in, as they name them: of `gan_lab.evaluation.extractors.JUDGE_KEY`.
JUDGE_NAME = "EfficientNet-Lite2, ImageNet, 128 px"


def parser(doc: str, root: str) -> argparse.ArgumentParser:
    """Return a command line with the options that all of them have."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--root", type=Path, required=True, help=root)
    made.add_argument("--minutes", type=float, default=20, help="of wall clock, for each training")
    made.add_argument("--work", type=Path, required=True, help="where the runs are kept")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--json", type=Path)
    made.add_argument("--markdown", type=Path)
    return made


def begin(arguments: argparse.Namespace) -> None:
    """Make the folder `--work`; refuse one whose runs were asked for with other options, they would be taken for these."""
    asked = {
        name: str(value) for name, value in vars(arguments).items() if name not in ("work", "only", "json", "markdown")
    }
    arguments.work.mkdir(parents=True, exist_ok=True)
    file = arguments.work / "asked.json"
    before = json.loads(file.read_text()) if file.exists() else asked
    other = sorted(name for name in before.keys() | asked.keys() if before.get(name) != asked.get(name))
    if other:
        said = ", ".join(f"--{name} {before.get(name)}" for name in other)
        raise SystemExit(f"--work {arguments.work} holds runs of {said}: name another folder")
    file.write_text(json.dumps(asked))


def trained(
    name: str, options: Sequence[str], arguments: argparse.Namespace, minutes: float | None = None
) -> Pretrained:
    """Return the best checkpoint of a run in the folder `--work`, ready to use; train the run first unless it is complete.

    The file `done` in the run's folder keeps the minutes of CPU of the call that completed the training, starts and validation
    included. `minutes` is the budget; None for that of the command line.
    """
    folder, before = arguments.work / name, count_cpu_minutes()
    if not (folder / "done").exists():
        common = [f"name={name}", f"runs_dir={arguments.work}", f"seed={arguments.seed}", "resume=auto"]
        budget = ["trainer.max_epochs=null", f"trainer.max_minutes={arguments.minutes if minutes is None else minutes}"]
        run(
            ["-m", "gan_lab.train", *common, *budget, *options],
            arguments.work / f"{name}.log",
            lambda: given_up(folder),
        )
        (folder / "done").write_text(f"{count_cpu_minutes() - before:.2f}")
    return load(folder, device="cpu")


def count_cpu_minutes() -> float:
    """Return the minutes of CPU that the processes which this one has waited for took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / 60


def given_up(folder: Path) -> bool:
    """Tell whether the doctor has ended a run, after going back in vain: what it had reached by then is compared."""
    file = folder / "doctor.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    return bool(found.get("setbacks") and found.get("findings"))


def run(command: Sequence[str], log: Path, forgiven: Callable[[], bool] = lambda: False) -> None:
    """Run Python on a command line, and keep what it says; an exit code other than 0 ends this, unless forgiven."""
    with open(log, "a") as file:
        code = subprocess.run([sys.executable, *command], stdout=file, stderr=subprocess.STDOUT).returncode
    if code and not forgiven():
        raise SystemExit(f"{' '.join(command)}: exit code {code}, see {log}")


def photo_batches(split: str, options: Sequence[str]) -> list[Tensor]:
    """Return the photos of a split as gan_lab.train reads them with such options, cut as in validation: [N, C, H, W] each."""
    return [batch["image"] for batch in still_batches(split, options, "images")]


def still_batches(split: str, options: Sequence[str], kind: str) -> list[Batch]:
    """Return the batches of a split in the view of a kind: "images", "paired" or "unpaired"."""
    settings = OmegaConf.to_container(compose("train", [*options, "name=photos"]).data, resolve=True)
    assert isinstance(settings, dict)
    wanted = {str(key): value for key, value in settings.items() if key not in FACTS}
    datamodule: ImageDataModule = instantiate(wanted, batch_kind=kind)
    datamodule.prepare(training=False)
    loader = datamodule.still_dataloader(split)
    assert isinstance(loader, DataLoader), f"there are no photos in {split}/"
    return list(loader)


def write(found: Sequence[Any], table: Table, arguments: argparse.Namespace) -> None:
    """Write results, dataclasses, as JSON and their table in Markdown, where the command line asks for them."""
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in found], indent=1))
    if arguments.markdown:
        head = [str(column.header) for column in table.columns]
        cells = zip(*(column.cells for column in table.columns), strict=True)
        rows = [head, ["---", *["---:"] * (len(head) - 1)], *cells]
        arguments.markdown.write_text("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows) + "\n")
