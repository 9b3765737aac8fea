"""What happens after a run has failed: it goes back to a checkpoint from before, and goes on more slowly."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gan_lab import checkpoint
from gan_lab.callbacks.doctor.findings import Record
from gan_lab.errors import UserError
from gan_lab.models import TrainingDivergedError
from gan_lab.models.base import ROLLBACK_RATE
from gan_lab.storage import write_atomically

log = logging.getLogger(__name__)


def go_back(run_dir: Path, error: TrainingDivergedError, at_most: int) -> Path | None:
    """Make `last.ckpt` the newest sound checkpoint from before a failure, with one rollback more on its count.

    A rollback is nothing but an edit of a checkpoint, so the run resumes from it as from any other, also after a kill.

    Args:
        run_dir: the run's folder.
        error: the failure.
        at_most: rollbacks that a run has.

    Returns:
        The checkpoint; None where there is none from before, and the run starts again.

    Raises:
        UserError: the run has had all its rollbacks.
    """
    if error.rollbacks >= at_most:
        tried = f" (the run went back {error.rollbacks} times, and it came to this again)" if error.rollbacks else ""
        raise UserError(f"name={run_dir.name}: {error}{tried}; see {run_dir / 'doctor.json'}") from error
    count, found = error.rollbacks + 1, newest_sound(run_dir / "checkpoints", error.since)
    start = 0 if found is None else found["clock"]["iteration"]
    last = run_dir / "checkpoints" / "last.ckpt"
    if found is None:
        for name in ("last", "previous", "best"):  # they are of what failed, and the run writes its own
            last.with_name(f"{name}.ckpt").unlink(missing_ok=True)
    else:
        found["clock"]["rollbacks"] = count
        with write_atomically(last) as file:
            torch.save(found, file)
    where = f"iteration {start:,}" if start else "its start"
    rate = ROLLBACK_RATE**count
    log.warning(
        "%s\n  The run goes back to %s, with learning rates x %g (%d of %d)", error, where, rate, count, at_most
    )
    record = Record.read(run_dir / "doctor.json", start)
    setback = {"what": error.what, "since": error.since, "says": str(error), "back_to": start, "learning_rates": rate}
    record.setbacks.append(setback)
    record.write(start)
    return None if found is None else last


def newest_sound(folder: Path, before: int) -> dict[str, Any] | None:
    """Return the newest checkpoint of a folder from before an iteration whose every number is finite."""
    found = checkpoint.find_newest_whole(
        folder, sound=lambda content: content["clock"]["iteration"] < before and finite(content)
    )
    return None if found is None else found[1]


def finite(container: Any) -> bool:
    """Return whether every tensor in nested containers is finite."""
    if isinstance(container, torch.Tensor):
        return not container.is_floating_point() or bool(torch.isfinite(container).all())
    if isinstance(container, Mapping):
        return all(map(finite, container.values()))
    return all(map(finite, container)) if isinstance(container, (list, tuple)) else True
