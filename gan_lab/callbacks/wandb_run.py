"""The run at Weights & Biases: never a reason for the training to wait or to end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from gan_lab.callbacks.spared import summarise_error, survive_errors
from gan_lab.config import mask_secrets
from gan_lab.errors import UserError
from gan_lab.storage import hash_file, read_regular

MODES = ("online", "offline", "disabled")

log = logging.getLogger(__name__)


class WandbRun(WandbLogger):
    """Lightning's logger, started before the training and offline where its server does not answer.

    A run that is continued goes on at the server as the same run: its id is kept in the run's folder. Offline, each start
    writes a run of its own, since `wandb sync` would replace what it has sent of one with the same id.

    Args:
        save_dir: the run's folder.
        offline: write into the folder alone; `wandb sync` sends it later.
        mode: "online", "offline" or "disabled", in the place of `offline`; None: as that says.
        log_model: keep the best and the last checkpoint as artifacts, with their SHA-256.
        entity: the user or the team whose run it is; None: who the key belongs to.
        group: runs of one name there are shown together.
        tags: to find the run by.
        job_type: what kind of run it is.
        notes: a sentence on it.
        **settings: of `WandbLogger`, and through it of `wandb.init`.

    Raises:
        UserError: there is no such mode.
    """

    def __init__(
        self,
        save_dir: str,
        offline: bool = True,
        mode: str | None = None,
        log_model: bool = False,
        entity: str | None = None,
        group: str | None = None,
        tags: Sequence[str] | None = None,
        job_type: str | None = None,
        notes: str | None = None,
        **settings: Any,
    ) -> None:
        if mode not in (None, *MODES):
            raise UserError(f"logger.wandb.mode={mode}: needs {', '.join(MODES[:-1])} or {MODES[-1]}")
        mode = mode or ("offline" if offline else "online")
        words = {"entity": entity, "group": group, "tags": tags, "job_type": job_type, "notes": notes}
        self.settings = {"save_dir": save_dir, **settings} | {
            name: value for name, value in words.items() if value is not None
        }
        self.uploads_models = log_model
        super().__init__(**(self.settings | {"offline": mode == "offline", "mode": mode}))
        self.folder = Path(save_dir) / "wandb"
        self.online = mode == "online"

    @rank_zero_only
    def start(self) -> None:
        """Start the run; Lightning would at the first figure, and try anew, and wait, at each one after a failure."""
        with arguments_masked():
            if self.online:
                try:
                    super().__init__(**({"id": self.own_id(), "mode": "online"} | self.settings))
                    _ = self.experiment
                    return
                except Exception as error:  # a service fails in its own ways
                    log.error(
                        "Weights & Biases cannot be reached (%s); the run is written into %s, and `wandb sync` on its newest "
                        "folder sends it later",
                        summarise_error(error),
                        self.folder,
                    )
                    super().__init__(**(self.settings | {"mode": "offline"}))
            try:
                _ = self.experiment
            except Exception as error:
                log.error("Weights & Biases cannot be started (%s); the run goes on without", summarise_error(error))
                import wandb  # here: it takes a second to import, and most runs do without

                self._experiment = wandb.init(mode="disabled")  # takes every call and does nothing

    def own_id(self) -> str:
        """Return the run's id at the server, kept in its folder."""
        file = self.folder / "id"
        with suppress(OSError, UnicodeDecodeError):
            if (kept := read_regular(file, 64).decode()).isalnum():  # a kill can leave it empty
                return kept
        self.folder.mkdir(parents=True, exist_ok=True)
        made = uuid4().hex[:12]
        file.write_text(made)
        return made

    @rank_zero_only
    def log_checkpoints(self, folder: Path) -> None:
        """Keep the best and the last checkpoint of a folder as artifacts, each with its SHA-256, where that is asked for."""
        for name in ("last", "best") if self.uploads_models else ():
            file = folder / f"{name}.ckpt"
            if file.exists():
                with survive_errors("the W&B artifact of a checkpoint", Exception):
                    import wandb

                    metadata = {"sha256": hash_file(file), "file": file.name}
                    artifact = wandb.Artifact(f"model-{self.experiment.id}", "model", metadata=metadata)
                    artifact.add_file(str(file), name=file.name)
                    self.experiment.log_artifact(artifact, aliases=[name])

    @rank_zero_only
    def log_histograms(self, tensors: Mapping[str, np.ndarray], step: int) -> None:
        """Log the distributions of values."""
        import wandb

        histograms = {name: np.histogram(values, 64) for name, values in tensors.items()}
        told: dict[str, Any] = {name: wandb.Histogram(np_histogram=each) for name, each in histograms.items()}
        self.log_metrics(told, step)

    @rank_zero_only
    def log_evaluation(
        self, columns: list[str], rows: list[list[str]], figures: Mapping[str, float], page: Path, step: int
    ) -> None:
        """Log an evaluation's table, its figures and its page."""
        import wandb

        told: dict[str, Any] = {f"evaluation/{name}": value for name, value in figures.items()}
        told["evaluation/table"] = wandb.Table(columns=[*columns], data=rows)
        told["evaluation/page"] = wandb.Html(page.read_text("utf-8"), inject=False)
        self.log_metrics(told, step)

    @rank_zero_only
    def finish(self) -> None:
        """Close the run, so that the next job of a sweep starts its own."""
        with survive_errors("the end of the W&B run", Exception):
            self.experiment.finish()


@contextmanager
def arguments_masked() -> Iterator[None]:
    """Hide secrets on the command line, which W&B writes down with the run."""
    given = sys.argv
    sys.argv = mask_secrets(given)
    try:
        yield
    finally:
        sys.argv = given
