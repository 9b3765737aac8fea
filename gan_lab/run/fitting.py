"""A run trained to the end of its budget; smaller parts of a batch, or a sound checkpoint, where that fails."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from omegaconf import OmegaConf

from gan_lab import checkpoint
from gan_lab.callbacks import Budget
from gan_lab.callbacks.spared import summarise_error
from gan_lab.data.base import ImageDataModule
from gan_lab.data.record import find_record
from gan_lab.data.workers import DEAD, explain_worker_failure
from gan_lab.errors import UserError
from gan_lab.models import CodePrior, ManualModule, TrainingDivergedError
from gan_lab.models.class_rows import takes_classes
from gan_lab.run.codes import fill_autoencoder
from gan_lab.run.community_weights import is_community_source, take_community_weights
from gan_lab.run.device import compile_networks, is_ddp, recompute_networks, settle_computation
from gan_lab.run.packed_weights import find_packed_weights, take_packed_weights
from gan_lab.run.parts import build_parts, list_cautions, list_given_settings, list_known
from gan_lab.run.record import describe_networks, print_report, resolve_config, write_config, write_photos
from gan_lab.run.rollback import go_back
from gan_lab.run.run import Run
from gan_lab.run.trainer import build_trainer, finish_loggers, get_unwritten, start_loggers
from gan_lab.terminal import printable

log = logging.getLogger("gan_lab.train")

#: What goes wrong where a checkpoint's state is of another structure than the run's.
RESTORING = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Parts:
    """What a run is trained with: photos, model, Lightning's trainer, and the configuration in plain containers."""

    datamodule: ImageDataModule
    model: ManualModule
    trainer: Trainer
    resolved: dict[str, Any]


def fit(run: Run) -> None:
    """Train to the end of the budget; begin again with smaller parts of a batch, or from a sound checkpoint, if need be.

    Raises:
        UserError: the run cannot be trained, or has failed as often as it may.
        SystemExit: it was asked to stop.
    """
    while True:
        seed_everything((run.config.seed + run.rollbacks) % 2**32, verbose=False)  # a new start has other weights
        record = None if run.resume is None else find_record(run.resume)
        datamodule, model = build_parts(run.config, run.resume, record)
        try:
            return fit_parts(run, prepare_parts(run, datamodule, model))
        except torch.OutOfMemoryError as error:
            run.config.model.micro_batches = halve_parts(run, error)
        except TrainingDivergedError as error:
            # several processes would have to go back together
            if not run.config.trainer.doctor or is_ddp(run.config.trainer):
                raise
            run.resume = go_back(run.folder, error, run.config.trainer.rollbacks)
            run.rollbacks = error.rollbacks + 1


def prepare_parts(run: Run, datamodule: ImageDataModule, model: ManualModule) -> Parts:
    """Decide what is computed in, say what is trained on what, and make the trainer."""
    model.rollbacks = run.rollbacks
    packed = None if run.config.init_from is None else find_packed_weights(run.config.init_from)
    if run.resume is None and is_community_source(run.config.init_from):
        take_community_weights(model, run.config.init_from)
    elif packed is not None and run.resume is None:
        take_packed_weights(model, packed)
    elif run.config.init_from is not None and run.resume is None:
        source = checkpoint.find_checkpoint_file("init_from", run.config.init_from)
        names = datamodule.class_names if takes_classes(OmegaConf.to_container(run.config.model, resolve=True)) else []
        checkpoint.transfer_weights(model, source, names)
        for caution in list_known(datamodule, source):
            log.warning("init_from=%s: %s", source, caution)
    if isinstance(model, CodePrior) and run.resume is None:
        fill_autoencoder(run.config, model)
    if run.resume is not None and datamodule.record is None and len(datamodule.make_record()):
        log.warning(
            "resume=%s: the run has no record of its photos; the split (data.split_by=%s) alone says which it was trained on, "
            "and they are recorded from now on", run.resume, datamodule.split_by,
        )  # fmt: skip
    settle_computation(run.config, model, run.resume is not None)
    resolved = resolve_config(run.config, model)

    log.info("%s", datamodule.describe())
    for caution in list_cautions(datamodule.counts(), model):
        log.warning("%s", caution)
    log.info("run %s: %s, seed %d", run.folder, describe_networks(model), run.config.seed)
    return Parts(datamodule, model, build_trainer(run.config, run.folder, resolved, run.start), resolved)


def fit_parts(run: Run, parts: Parts) -> None:
    """Write the run's configuration, train, and say at the end where everything lies.

    Raises:
        TrainingDivergedError: it has failed, in a way from which it may go back.
        torch.OutOfMemoryError: a batch does not fit.
    """
    write_config(run.folder, parts.resolved)
    if run.config.trainer.layout == "channels_last":
        parts.model.to(memory_format=torch.channels_last)
    if run.config.gradient_checkpointing:
        recompute_networks(parts.model)
    if run.config.compile:
        compile_networks(parts.model)

    start, trainer = run.start, parts.trainer
    budget = next(c for c in trainer.callbacks if isinstance(c, Budget))  # type: ignore[attr-defined]
    limit = budget.total_iterations(parts.datamodule.iterations_per_epoch(trainer.world_size))
    if limit is not None and start >= limit:
        print(
            f"{printable(str(run.folder))}: {start} iterations are done already; "
            "raise trainer.max_iterations or trainer.max_epochs to go on"
        )
        return
    write_photos(run.folder, parts.datamodule)
    start_loggers(trainer, parts.resolved)
    try:
        run_trainer(run, parts, budget)
    except (TrainingDivergedError, UserError):
        raise
    except SystemExit:  # a second Ctrl-C, of which Lightning makes a 1
        raise SystemExit(128 + budget.stopped_by if budget.stopped_by is not None else 1) from None
    except Exception as error:
        refusal = explain_failure(error, run, parts, start)
        if refusal is None:
            raise
        raise refusal from error
    finally:
        finish_loggers(trainer, run.folder)
    last = run.folder / "checkpoints" / "last.ckpt"
    unwritten = get_unwritten(trainer).get(last)
    if unwritten is not None:
        raise UserError(
            f"{last}: could not be written ({unwritten.strerror}), and what was trained since the one before is lost; "
            f"make room, and go on from that with resume={run.folder}"
        )
    if trainer.is_global_zero:
        print_report(run.folder, parts.model)
    if budget.stopped_by is not None:
        raise SystemExit(128 + budget.stopped_by)


def run_trainer(run: Run, parts: Parts, budget: Budget) -> None:
    """Let Lightning train; where closing fails after an error, close what is still open, and raise the first one."""
    trainer = parts.trainer
    try:
        trainer.fit(parts.model, datamodule=parts.datamodule, ckpt_path=run.resume, weights_only=True)
    except Exception as error:
        first = budget.failure
        if first is None or first is error:
            raise
        log.warning("what the training had open could not all be closed (%s)", summarise_error(error))
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        closings: list[Callable[[], Any]] = [
            *(partial(callback.on_exception, trainer, parts.model, first) for callback in callbacks),
            *(partial(logger.finalize, "failed") for logger in trainer.loggers),
            trainer.strategy.teardown,
            trainer.fit_loop.teardown,  # ends the workers
            trainer._signal_connector.teardown,
        ]
        for close in closings:
            with suppress(Exception):  # said already
                close()
        raise first from first.__cause__


def halve_parts(run: Run, error: torch.OutOfMemoryError) -> int:
    """Return into how many parts a batch is split where it did not fit as it was: the same update, in less memory.

    Raises:
        UserError: it cannot be split further.
    """
    batch, now = run.config.data.batch_size, run.config.model.micro_batches
    parts = next((parts for parts in range(2 * now, batch + 1) if batch % parts == 0), None)
    if parts is None:
        raise UserError(
            f"data.batch_size={batch}, model.micro_batches={now}: more than the GPU's memory holds "
            f"({' '.join(str(error).split())[:160]}); make data.image_size or the networks smaller"
        ) from error
    log.warning(
        "the GPU's memory does not hold a batch of %d in parts of %d; started again in parts of %d (model.micro_batches=%d): "
        "the same updates, but for layers that look at several images at once, such as batch norm",
        batch,
        batch // now,
        batch // parts,
        parts,
    )
    return parts


def explain_failure(error: Exception, run: Run, parts: Parts, start: int) -> UserError | None:
    """Return an error of Lightning's loop as a message to the user; None for a defect, or where `fit` can act.

    Where HYDRA_FULL_ERROR=1 is set, a developer wants to see the error itself.
    """
    alone = parts.trainer.world_size == 1
    at_start = alone and parts.model.iteration == start
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if DEAD.search(str(error)):  # the death of a worker is raised wherever the training happens to be
        return explain_worker_failure(error, parts.datamodule.num_workers)
    if isinstance(error, torch.OutOfMemoryError):
        if at_start:
            return None
        return UserError(
            f"data.batch_size={run.config.data.batch_size}: the GPU's memory was full at iteration {parts.model.iteration} "
            f"({reason[:160]}); take smaller parts of a batch, model.micro_batches=2, in a run of its own"
        )
    if not alone and (isinstance(error, torch.distributed.DistError) or "gloo" in str(error)):
        return UserError(
            f"name={run.config.name}: another process of this run has ended or cannot be reached "
            f"({str(error).splitlines()[0][:160]}), and what it said stands above or in its own log; go on from the last "
            f"checkpoint with resume={run.folder}"
        )
    if not alone or os.environ.get("HYDRA_FULL_ERROR") == "1":
        return None
    if run.resume is not None and not parts.model.began and isinstance(error, RESTORING):
        return UserError(
            f"resume={run.resume}: what it holds does not fit this run ({reason}); name another checkpoint, or take its "
            "weights alone with init_from= (HYDRA_FULL_ERROR=1 shows where it failed)"
        )
    given = list_given_settings()
    if not at_start or not given:
        return None
    return UserError(
        f"{', '.join(given)}: the first iteration failed ({reason}); change what does not fit together, or with the data "
        "(HYDRA_FULL_ERROR=1 shows where it failed)"
    )
