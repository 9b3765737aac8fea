"""Where and in what a run computes: device, precision, memory layout, threads, compilation."""

from __future__ import annotations

import logging
import os
import warnings

import torch
from omegaconf import DictConfig

from gan_lab.errors import UserError
from gan_lab.hardware import Choice, choose, follow_rule, has_dtype, keep_threads, promises_bf16, user_cache
from gan_lab.models import ManualModule
from gan_lab.networks import recompute_activations

log = logging.getLogger(__name__)

#: Lightning's names of precisions, and what is multiplied in each.
DTYPES = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


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
    silence_lightning()
    accelerator = find_accelerator(config)
    if config.trainer.deterministic:
        keep_threads()
    if accelerator == "cpu":
        # A saturated discriminator's gradients underflow, and denormals make a CPU step several times slower.
        torch.set_flush_denormal(True)
    else:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return accelerator


def silence_lightning() -> None:
    """Silence what Lightning tells every run and no user of this one needs."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    for message in (
        ".*have no `validation_step`.*",  # validation is a callback here
        ".*module\\(s\\) in eval mode at the start of training.*",  # the averaged generator always is
        ".*does not have many workers.*",  # data.num_workers=auto has decided
        ".*LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message)


def find_device(config: DictConfig) -> torch.device:
    """Return the device that `device` means: a GPU where there is one, unless the CPU is asked for."""
    return torch.device("cpu" if config.device == "cpu" or not torch.cuda.is_available() else "cuda")


def find_accelerator(config: DictConfig) -> str:
    """Return Lightning's name of that device: "cpu" or "gpu"."""
    return "cpu" if find_device(config).type == "cpu" else "gpu"


def is_ddp(trainer: DictConfig) -> bool:
    """Return whether a run has a process per device: where it is asked for, and where there are several devices."""
    devices = torch.cuda.device_count() if trainer.devices in ("auto", -1, "-1") else trainer.devices
    several = trainer.num_nodes != 1 or devices not in (0, 1, "0", "1")
    return bool(trainer.strategy == "ddp" or (trainer.strategy == "auto" and several))


def may_fit_threads(config: DictConfig) -> bool:
    """Return whether the number of threads may change while a run trains.

    It may not in a deterministic run, where several processes share the cores, and in a compiled run, which would be
    compiled again for each number.
    """
    fixed = config.trainer.deterministic or is_ddp(config.trainer) or config.compile
    return find_device(config).type == "cpu" and not fixed


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
    return choose(model.list_trainable_networks(), device, batch=batch, training=True, dtypes=dtypes)


def name_precision(choice: Choice) -> str:
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
    trainer, device = config.trainer, find_device(config)
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
    trainer.precision = name_precision(choice)
    if trainer.layout == "auto":
        trainer.layout = "channels_last" if choice.channels_last else "nchw"
    log.info("%s", choice)


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
    for network in model.list_trainable_networks():
        network.compile(dynamic=False)  # each network meets a few fixed shapes; dynamic kernels gain nothing


def recompute_networks(model: ManualModule) -> None:
    """Have what is trained keep the inputs of its blocks alone: the same steps in less memory."""
    found = sum(recompute_activations(network) for network in model.list_trainable_networks())
    if found:
        log.info("gradient_checkpointing: the activations of %d blocks are computed again in the backward pass", found)
    else:
        log.warning(
            "gradient_checkpointing: the networks have no blocks that could be computed again; it changes nothing"
        )
