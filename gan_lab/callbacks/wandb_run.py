"""The run at Weights & Biases: never a reason for the training to wait or to end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from gan_lab.callbacks.spared import summarise_error, survive_errors
from gan_lab.config import mask_secrets
from gan_lab.storage import read_regular

log = logging.getLogger(__name__)


class WandbRun(WandbLogger):
    """Lightning's logger, started before the training and offline where its server does not answer.

    A run that is continued goes on at the server as the same run: its id is kept in the run's folder. Offline, each start
    writes a run of its own, since `wandb sync` would replace what it has sent of one with the same id.

    Args:
        save_dir: the run's folder.
        offline: write into the folder alone; `wandb sync` sends it later.
        **settings: of `WandbLogger`, and through it of `wandb.init`.
    """

    def __init__(self, save_dir: str, offline: bool = True, **settings: Any) -> None:
        super().__init__(save_dir=save_dir, offline=offline, **settings)
        self.folder = Path(save_dir) / "wandb"
        self.online = not offline
        self.settings = {"save_dir": save_dir, **settings}

    @rank_zero_only
    def start(self) -> None:
        """Start the run; Lightning would at the first figure, and try anew, and wait, at each one after a failure."""
        with arguments_masked():
            if self.online:
                try:
                    super().__init__(**({"id": self.own_id()} | self.settings))
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
