"""From conf/trainer to a Lightning Trainer: budget, precision, devices, strategy."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import SLURMEnvironment
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from gan_lab.callbacks import (
    Budget,
    Checkpoints,
    Doctor,
    FittedThreads,
    MetricsCSV,
    ProgressBar,
    SampleGrid,
    TermsLogger,
    Validation,
    WandbRun,
)
from gan_lab.callbacks.spared import named, spared
from gan_lab.checkpoint import CrashSafeIO
from gan_lab.config import LOGGERS, build, check_description, config_dir, trusted_packages
from gan_lab.errors import UserError
from gan_lab.hardware import Choice, choose, follow_rule, has_dtype, keep_threads, promises_bf16, user_cache
from gan_lab.models import ManualModule
from gan_lab.networks import recompute_activations

log = logging.getLogger(__name__)

#: Lightning's names of precisions, and what is multiplied in each.
DTYPES = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
PRECISIONS = ("auto", *DTYPES)
LAYOUTS = ("auto", "channels_last", "nchw")
LIMITS = ("max_iterations", "max_epochs", "max_minutes")
NEEDED = ("log_every", "sample_every", "validate_every", "validate_images", "doctor_every")
INTERVALS = ("checkpoint_every", "checkpoint_every_minutes", "keep_every", "keep_samples", *NEEDED)
REFUSED_STRATEGIES = {
    "fsdp": "FSDP shards one optimiser's parameters, and a GAN has two optimisers that take turns",
    "deepspeed": "DeepSpeed wraps a single optimiser, and a GAN has two that take turns",
}


def prepare_process(config: DictConfig) -> str:
    """Set what must be set before the first tensor, and return the accelerator: "cpu" or "gpu".

    Raises:
        UserError: `device` is unknown, or cuda without a GPU.
    """
    device = config.device
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"device={device}: needs auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda: this machine shows no CUDA device; use device=cpu, or device=auto")
    quieten()
    accelerator = accelerator_of(config)
    if config.trainer.deterministic:
        keep_threads()
    if accelerator == "cpu":
        # A saturated discriminator's gradients underflow, and denormals make a CPU step several times slower.
        torch.set_flush_denormal(True)
    else:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return accelerator


def compile_networks(model: ManualModule) -> None:
    """Have what is trained compiled at its first call; the next start on this machine finds it in the user's cache."""
    try:
        cache = user_cache("compiled")
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.info("%s; what is compiled is kept where torch keeps it", error)
    else:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
    torch.compiler.reset()  # what earlier jobs of a sweep compiled counts against torch's limit, and then it is silent
    for network in model.compilable():
        network.compile(dynamic=False)  # each network meets a few fixed shapes; dynamic kernels gain nothing


def recompute_networks(model: ManualModule) -> None:
    """Have what is trained keep the inputs of its blocks alone: the same steps in less memory."""
    found = sum(recompute_activations(network) for network in model.compilable())
    if found:
        log.info("gradient_checkpointing: the activations of %d blocks are computed again in the backward pass", found)
    else:
        log.warning(
            "gradient_checkpointing: the networks have no blocks that could be computed again; it changes nothing"
        )


def quieten() -> None:
    """Silence what Lightning tells every run and no user of this one needs."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    for message in (
        ".*have no `validation_step`.*",  # validation is a callback here
        ".*module\\(s\\) in eval mode at the start of training.*",  # the averaged generator always is
        ".*does not have many workers.*",  # data.num_workers=auto has decided
        ".*LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message)


def check_trainer(trainer: DictConfig, multirun: bool) -> None:
    """Refuse what cannot work, before anything is written.

    Raises:
        UserError: an unknown precision, a budget without a limit, or a strategy that manual optimisation cannot use.
    """
    if trainer.precision not in PRECISIONS:
        raise UserError(f"trainer.precision={trainer.precision}: needs one of {', '.join(PRECISIONS)}")
    if trainer.layout not in LAYOUTS:
        raise UserError(f"trainer.layout={trainer.layout}: needs one of {', '.join(LAYOUTS)}")
    known = OmegaConf.load(config_dir() / "trainer" / "default.yaml")
    for name in map(str, trainer.keys() ^ known.keys()):
        raise UserError(f"trainer.{name}: {'there is no such key' if name in trainer else 'this key is needed'}")
    for name in (*LIMITS, *INTERVALS):
        value, whole = trainer[name], name not in ("max_epochs", "max_minutes", "checkpoint_every_minutes")
        if value is None and name not in NEEDED:
            continue
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or value <= 0:
            what = f"a {'whole ' if whole else ''}number above 0"
            raise UserError(f"trainer.{name}={value}: needs {what}{'' if name in NEEDED else ', or null for none'}")
    if not isinstance(trainer.doctor, bool):
        raise UserError(f"trainer.doctor={trainer.doctor}: needs true or false")
    if isinstance(trainer.rollbacks, bool) or not isinstance(trainer.rollbacks, int) or trainer.rollbacks < 0:
        raise UserError(f"trainer.rollbacks={trainer.rollbacks}: needs a whole number, 0 for none")
    if all(trainer[name] is None for name in LIMITS):
        raise UserError("trainer: the run would never end; set trainer.max_iterations, max_epochs or max_minutes")
    strategy = str(trainer.strategy)
    for name, reason in REFUSED_STRATEGIES.items():
        if name in strategy:
            raise UserError(f"trainer.strategy={strategy}: {reason}. Use trainer=ddp")
    if multirun and is_ddp(trainer):
        raise UserError(
            "trainer=ddp, or several devices, with -m: each process of a job would start the whole sweep again. Run the "
            "jobs one after the other, each with its own name= (docs/cluster.md)"
        )


def choose_for_training(config: DictConfig, model: ManualModule, device: torch.device, precision: str) -> Choice:
    """Return the precision and layout of a new run: those in which this machine trains such networks fastest, as measured.

    With `trainer.deterministic`, and where several processes must agree, it is the stated rule.

    Args:
        config: the run's configuration.
        model: whose networks are trained.
        device: that they will be on.
        precision: a name of `PRECISIONS`.
    """
    dtypes = [DTYPES[precision]] if precision != "auto" else [torch.float32, torch.bfloat16]
    if config.trainer.deterministic or is_ddp(config.trainer):
        return follow_rule(device, dtypes)
    batch = max(1, config.data.batch_size // model.micro_batches)
    return choose(model.compilable(), device, batch=batch, training=True, dtypes=dtypes)


def precision_of(choice: Choice) -> str:
    """Return Lightning's name of a choice's precision."""
    return next(name for name, dtype in DTYPES.items() if dtype is choice.dtype)


def settle_computation(config: DictConfig, model: ManualModule, resumed: bool) -> None:
    """Replace `auto` in `trainer.precision` and `trainer.layout` by what the run computes in, and say it.

    A continued run keeps what it was computed in; one that says `auto` was started when that meant bf16 wherever the CPU
    had an instruction for it, and channels_last.

    Args:
        config: the run's configuration; changed in place.
        model: whose networks are trained.
        resumed: the run goes on from a checkpoint.
    """
    trainer, device = config.trainer, device_of(config)
    if trainer.precision == "16-mixed" and device.type == "cpu":
        log.warning("trainer.precision=16-mixed: a CPU has no fp16 training; bf16-mixed is used instead")
        trainer.precision = "bf16-mixed"
    if trainer.precision != "auto" and not has_dtype(device, DTYPES[trainer.precision]):
        log.warning(
            "trainer.precision=%s: this machine has no such arithmetic and emulates it, tens of times slower than 32-true",
            trainer.precision,
        )
    if "auto" not in (trainer.precision, trainer.layout):
        return
    if resumed:
        rule = "bf16-mixed" if promises_bf16(device) else "32-true"
        trainer.precision = rule if trainer.precision == "auto" else trainer.precision
        trainer.layout = "channels_last" if trainer.layout == "auto" else trainer.layout
        log.info("the run goes on in %s, %s, as it was started", trainer.precision, trainer.layout)
        return
    choice = choose_for_training(config, model, device, trainer.precision)
    trainer.precision = precision_of(choice)
    if trainer.layout == "auto":
        trainer.layout = "channels_last" if choice.channels_last else "nchw"
    log.info("%s", choice)


def device_of(config: DictConfig) -> torch.device:
    """Return the device that `device` means: a GPU where there is one, unless the CPU is asked for."""
    return torch.device("cpu" if config.device == "cpu" or not torch.cuda.is_available() else "cuda")


def accelerator_of(config: DictConfig) -> str:
    """Return Lightning's name of that device: "cpu" or "gpu"."""
    return "cpu" if device_of(config).type == "cpu" else "gpu"


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
    try:
        return Trainer(
            accelerator=accelerator_of(config),
            devices=trainer.devices,
            num_nodes=trainer.num_nodes,
            # G and D take turns, so each backward leaves the other's parameters unused
            strategy="ddp_find_unused_parameters_true" if is_ddp(trainer) else trainer.strategy,
            precision=trainer.precision,
            max_epochs=-1,
            callbacks=[*build_callbacks(trainer, run_dir), *([FittedThreads()] if fits_threads(config) else [])],
            logger=build_loggers(config, run_dir, start_iteration),
            plugins=build_plugins(resolved),
            # what the callbacks above do in iterations, Lightning would do in optimiser steps
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            deterministic=trainer.deterministic,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        given = f"trainer.devices={trainer.devices} trainer.strategy={trainer.strategy} device={config.device}"
        raise UserError(f"{given}: {' '.join(str(error).split())}") from error


def build_plugins(resolved: dict[str, Any]) -> list[Any]:
    """Return the checkpoint writer and, under SLURM, an environment that leaves requeueing to `resume=auto`."""
    plugins: list[Any] = [CrashSafeIO(resolved)]
    if SLURMEnvironment.detect():  # Lightning would save its own checkpoints, count in its own steps, and requeue
        plugins.append(SLURMEnvironment(auto_requeue=False))
    return plugins


def build_callbacks(trainer: DictConfig, run_dir: Path) -> list[Callback]:
    """Return the callbacks in the order that they rely on: the budget decides to stop, the others see it, the save ends.

    The doctor comes before what it may keep from being written.
    """
    doctor = Doctor(run_dir / "doctor.json", trainer.doctor_every, rollbacks=trainer.rollbacks)
    return [
        Budget(trainer.max_iterations, trainer.max_epochs, trainer.max_minutes),
        TermsLogger(trainer.log_every),
        Validation(trainer.validate_every, trainer.validate_images),
        *([doctor] if trainer.doctor else []),
        SampleGrid(run_dir / "samples", trainer.sample_every, trainer.keep_samples),
        ProgressBar(),
        Checkpoints(
            run_dir / "checkpoints", trainer.checkpoint_every, trainer.checkpoint_every_minutes, trainer.keep_every
        ),
    ]


def fits_threads(config: DictConfig) -> bool:
    """Tell whether the number of threads may change while a run trains.

    It may not in a deterministic run, where several processes share the cores, and in a compiled run, which would be
    compiled again for each number.
    """
    fixed = config.trainer.deterministic or is_ddp(config.trainer) or config.compile
    return device_of(config).type == "cpu" and not fixed


def is_ddp(trainer: DictConfig) -> bool:
    """Tell whether a run has a process per device: where it is asked for, and where there are several devices."""
    devices = torch.cuda.device_count() if trainer.devices in ("auto", -1, "-1") else trainer.devices
    several = trainer.num_nodes != 1 or devices not in (0, 1, "0", "1")
    return bool(trainer.strategy == "ddp" or (trainer.strategy == "auto" and several))


def build_loggers(config: DictConfig, run_dir: Path, start_iteration: int) -> list[Logger]:
    """Return the csv logger, which every run has, and the ones that `logger=` adds.

    Raises:
        UserError: wandb is asked for and not installed.
    """
    loggers: list[Logger] = [MetricsCSV(run_dir / "metrics.csv", start_iteration)]
    for key, settings in config.logger.items():
        if "Wandb" in str(settings.get("_target_")) and importlib.util.find_spec("wandb") is None:
            raise UserError("logger=wandb: wandb is not installed; pip install wandb, or logger=csv")
        if os.environ.get("WANDB_MODE") == "online":
            log.info("WANDB_MODE=online: wandb will talk to its server")
        # a job of a sweep goes by the sweep's name as well: "widths/0"
        name = run_dir.relative_to(config.runs_dir) if run_dir.is_relative_to(config.runs_dir) else run_dir.name
        given = OmegaConf.to_container(settings, resolve=True)
        assert isinstance(given, dict)
        described = {"save_dir": str(run_dir), "name": str(name)} | given
        call = check_description(
            described, f"logger.{key}", Logger, trusted_packages(config.get("trust")), among=LOGGERS
        )
        loggers.append(build(call))
    return loggers


def start_loggers(trainer: Trainer, resolved: dict[str, Any]) -> None:
    """Tell every logger the run's settings; what is a service connects now, not in the middle of the first iterations."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbRun):
            logger.start()
        with spared(f"settings of {named(logger)}", Exception):
            logger.log_hyperparams(resolved)


def finish_loggers(trainer: Trainer) -> None:
    """Close what a logger keeps open, so that the next job of a sweep starts its own."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbRun):
            logger.finish()


def unwritten(trainer: Trainer) -> dict[Path, OSError]:
    """Return the checkpoints whose newest version could not be written, and why."""
    plugin = trainer.strategy.checkpoint_io
    return plugin.unwritten if isinstance(plugin, CrashSafeIO) else {}
