"""A training run as one value: what it computes, where its files lie, where it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig

from gan_lab import checkpoint
from gan_lab.config import check_seed
from gan_lab.data.record import RECORD
from gan_lab.errors import UserError
from gan_lab.run.checks import check_switches, check_trainer
from gan_lab.run.device import prepare_process
from gan_lab.run.launcher import check_launcher
from gan_lab.run.resume import choose_folder, find_checkpoint, holds_run, merge_config
from gan_lab.run.trainer import check_loggers
from gan_lab.storage import remove_incomplete_files
from gan_lab.storage.locks import lock_folder, refuse_links

#: What a training writes in its run's folder.
WRITTEN = ("config.yaml", RECORD, "metrics.csv", "doctor.json", "error.txt", "checkpoints", "samples", "wandb/id")


@dataclass
class Run:
    """A training run.

    Attributes:
        config: its configuration; of a continued run, the one that it was started with and what may change.
        folder: of its files.
        resume: the checkpoint that it goes on from; None at its start.
        rollbacks: how often a run that starts again has failed; a checkpoint has a count of its own.
    """

    config: DictConfig
    folder: Path
    resume: Path | None = None
    rollbacks: int = 0

    @classmethod
    def open(cls, config: DictConfig) -> Run:
        """Return the run that a command's configuration describes: a new one, or the one that `resume` names.

        Raises:
            UserError: it has no name; its checkpoint cannot be read, or asks for another computation than the command line;
                its folder holds another run.
        """
        if not config.name or not config.runs_dir:
            raise UserError(
                f"name={config.name}, runs_dir={config.runs_dir}: a run needs both, its name and the folder of runs"
            )
        folder = Path(HydraConfig.get().runtime.output_dir) if is_multirun() else Path(config.runs_dir) / config.name
        resume = find_checkpoint(config.resume, folder)
        if resume is not None:
            config = merge_config(config, resume)
            return cls(config, choose_folder(config, resume), resume)
        if holds_run(folder):
            raise UserError(
                f"name={config.name}: {folder} holds a run already, and it is not overwritten; continue it with "
                f"resume={folder}, or start another with name=<another name>"
            )
        return cls(config, folder)

    @property
    def start(self) -> int:
        """The iteration that the run goes on from; 0 at its start."""
        return 0 if self.resume is None else int(checkpoint.read_once(self.resume)["clock"]["iteration"])

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the run's folder for this process, and remove what a killed one left half written in it.

        Of several processes the first one writes, and holds the folder.

        Raises:
            UserError: another process holds it, or has begun a run there; something in it is a link.
        """
        if getattr(rank_zero_only, "rank", 0):
            yield
            return
        with lock_folder(self.folder, f"name={self.config.name}: {self.folder}"):
            refuse_links(self.folder, *WRITTEN)
            self._look_again()
            remove_incomplete_files([self.folder, self.folder / "checkpoints", self.folder / "samples"])
            yield

    def _look_again(self) -> None:
        """Find where the run goes on, now that no other process writes: one may have trained since that was looked for."""
        if self.resume is None and holds_run(self.folder):
            raise UserError(
                f"name={self.config.name}: another process has begun a run in {self.folder} meanwhile; "
                f"go on with resume={self.folder}"
            )
        if self.resume is not None and self.config.resume is not None and not Path(self.config.resume).is_file():
            self.resume = checkpoint.find_whole_file("resume", self.folder, say=False)


def is_multirun() -> bool:
    """Return whether this process runs the jobs of a sweep."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def check(run: Run) -> None:
    """Refuse what cannot work before anything is written, and set what must be set before the first tensor.

    Raises:
        UserError: see `check_seed`, `check_trainer`, `check_switches`, `check_launcher`, `check_loggers` and `prepare_process`.
    """
    check_seed(run.config.seed)
    check_trainer(run.config.trainer, is_multirun())
    check_switches(run.config)
    check_launcher(run.config.trainer)
    check_loggers(run.config)
    prepare_process(run.config)
