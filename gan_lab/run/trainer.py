"""From a run's configuration to a Lightning Trainer with its callbacks, loggers and checkpoint writer."""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from gan_lab.callbacks import (
    Budget,
    Checkpoints,
    FittedThreads,
    MetricsCSV,
    TensorBoardRun,
    WandbRun,
)
from gan_lab.callbacks.spared import get_logger_name, survive_errors
from gan_lab.checkpoint import CrashSafeIO
from gan_lab.config import CALLBACKS, LOGGERS, build, check_description, parse_trust
from gan_lab.errors import UserError
from gan_lab.run.device import find_accelerator, is_ddp, may_fit_threads
from gan_lab.run.launcher import choose_environment

log = logging.getLogger(__name__)

#: Callbacks that show what a run has come to, by their name in `callbacks`.
SHOWING = ("samples", "progress")
PROFILERS: dict[str, type[Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


def build_trainer(config: DictConfig, run_dir: Path, resolved: dict[str, Any], start_iteration: int) -> Trainer:
    """Make the Trainer that a run's configuration describes.

    Args:
        config: the run's configuration.
        run_dir: the run's folder.
        resolved: the configuration in plain containers, secrets masked; goes into checkpoints.
        start_iteration: the iteration that the run starts from; 0 unless it resumes.

    Raises:
        UserError: Lightning refuses the devices or the strategy, or wandb is asked for and not installed.
    """
    trainer = config.trainer
    environment = choose_environment(trainer)
    try:
        return Trainer(
            accelerator=find_accelerator(config),
            devices=trainer.devices,
            num_nodes=trainer.num_nodes,
            # G and D take turns, so each backward leaves the other's parameters unused
            strategy="ddp_find_unused_parameters_true" if is_ddp(trainer) else trainer.strategy,
            precision=trainer.precision,
            max_epochs=-1,
            default_root_dir=run_dir,
            callbacks=build_callbacks(config, run_dir),
            profiler=build_profiler(trainer.profiler, run_dir),
            logger=build_loggers(config, run_dir, start_iteration),
            plugins=[CrashSafeIO(resolved), *([environment] if environment is not None else [])],
            # what the callbacks above do in iterations, Lightning would do in optimiser steps
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            # None, not False: torch imports its compiler to switch off what is off
            deterministic=trainer.deterministic or (False if torch.are_deterministic_algorithms_enabled() else None),
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        given = f"trainer.devices={trainer.devices} trainer.strategy={trainer.strategy} device={config.device}"
        raise UserError(f"{given}: {' '.join(str(error).split())}; change one of them") from error


def build_callbacks(config: DictConfig, run_dir: Path) -> list[Callback]:
    """Return the callbacks in the order that they rely on: the budget decides to stop, the others see it, the save ends.

    Of those that `callbacks=` adds, what shows the run's end comes after what may bring it. The doctor comes before what it
    may keep from being written.

    Raises:
        UserError: see `check_description`.
    """
    trainer, trust = config.trainer, parse_trust(config.get("trust"))
    nodes = OmegaConf.to_container(config.get("callbacks") or OmegaConf.create(), resolve=True)
    if not isinstance(nodes, dict):
        raise UserError("callbacks: needs callbacks by name; add one with +callbacks.<name>._target_=<class>")
    if not trainer.doctor:
        nodes.pop("doctor", None)
    added = [
        build(check_description(nodes[name], f"callbacks.{name}", Callback, trust, among=CALLBACKS))
        for name in sorted(nodes, key=lambda name: name in SHOWING)
        if nodes[name] is not None
    ]
    return [
        Budget(trainer.max_iterations, trainer.max_epochs, trainer.max_minutes),
        *added,
        *([FittedThreads()] if may_fit_threads(config) else []),
        Checkpoints(
            run_dir / "checkpoints", trainer.checkpoint_every, trainer.checkpoint_every_minutes, trainer.keep_every
        ),
    ]


def build_profiler(name: str | None, run_dir: Path) -> Profiler | None:
    """Return the profiler that `trainer.profiler` names; it writes `fit-profile.txt` into the run's folder."""
    return None if name is None else PROFILERS[name](dirpath=run_dir, filename="profile")


def build_loggers(config: DictConfig, run_dir: Path, start_iteration: int) -> list[Logger]:
    """Return the csv logger, which every run has, and the ones that `logger=` adds.

    Raises:
        UserError: see `build_added_loggers`.
    """
    return [
        MetricsCSV(run_dir / "metrics.csv", start_iteration),
        *build_added_loggers(config, run_dir, config.runs_dir),
    ]


def build_added_loggers(config: DictConfig, run_dir: Path, runs_dir: str | Path) -> list[Logger]:
    """Return the loggers that `logger=` adds, for a run's folder in the folder of runs.

    Raises:
        UserError: see `check_loggers` and `check_description`.
    """
    check_loggers(config)
    loggers: list[Logger] = []
    for key, settings in (config.get("logger") or {}).items():
        if os.environ.get("WANDB_MODE") == "online":
            log.info("WANDB_MODE=online: wandb will talk to its server")
        # a job of a sweep goes by the sweep's name as well: "widths/0"; the jobs are one group
        name = run_dir.relative_to(runs_dir) if run_dir.is_relative_to(runs_dir) else Path(run_dir.name)
        given = OmegaConf.to_container(settings, resolve=True)
        assert isinstance(given, dict)
        described = {"save_dir": str(run_dir), "name": str(name)} | given
        if str(settings.get("_target_")) == "gan_lab.callbacks.WandbRun" and len(name.parts) > 1:
            described.setdefault("group", str(name.parent))
        call = check_description(described, f"logger.{key}", Logger, parse_trust(config.get("trust")), among=LOGGERS)
        loggers.append(build(call))
    return loggers


def check_loggers(config: DictConfig) -> None:
    """Refuse loggers whose packages are not installed.

    Raises:
        UserError: naming what installs them.
    """
    for settings in (config.get("logger") or {}).values():
        target = str(settings.get("_target_"))
        if "Wandb" in target and importlib.util.find_spec("wandb") is None:
            raise UserError("logger=wandb: wandb is not installed; pip install wandb, or logger=csv")
        if "TensorBoard" in target and not any(map(importlib.util.find_spec, ("tensorboard", "tensorboardX"))):
            raise UserError(
                'logger=tensorboard: TensorBoard is not installed; pip install "gan_lab[tensorboard]", or logger=csv'
            )


def start_loggers(trainer: Trainer, resolved: dict[str, Any]) -> None:
    """Tell every logger the run's settings; what is a service connects now, not in the middle of the first iterations."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbRun):
            logger.start()
        with survive_errors(f"settings of {get_logger_name(logger)}", Exception):
            logger.log_hyperparams(resolved)


def finish_loggers(trainer: Trainer, run_dir: Path) -> None:
    """Hand over the checkpoints, and close what a logger keeps open, so that the next job of a sweep starts its own."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbRun):
            logger.log_checkpoints(run_dir / "checkpoints")
        if isinstance(logger, WandbRun | TensorBoardRun):
            with survive_errors(f"the end of {get_logger_name(logger)}", Exception):
                logger.finish()


def get_unwritten(trainer: Trainer) -> dict[Path, OSError]:
    """Return the checkpoints whose newest version could not be written, and why."""
    plugin = trainer.strategy.checkpoint_io
    return plugin.unwritten if isinstance(plugin, CrashSafeIO) else {}
