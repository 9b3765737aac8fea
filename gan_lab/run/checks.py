"""What is refused of a run's configuration before anything is read or written."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from gan_lab.config import find_config_dir
from gan_lab.errors import UserError
from gan_lab.run.device import DTYPES, is_ddp
from gan_lab.run.trainer import PROFILERS

PRECISIONS = ("auto", *DTYPES)
LAYOUTS = ("auto", "channels_last", "nchw")
LIMITS = ("max_iterations", "max_epochs", "max_minutes")
NEEDED = ("log_every", "sample_every", "validate_every", "validate_images", "doctor_every")
INTERVALS = ("checkpoint_every", "checkpoint_every_minutes", "keep_every", "keep_samples", *NEEDED)
REFUSED_STRATEGIES = {
    "fsdp": "FSDP shards one optimiser's parameters, and a GAN has two optimisers that take turns",
    "deepspeed": "DeepSpeed wraps a single optimiser, and a GAN has two that take turns",
}


def check_config(config: DictConfig, multirun: bool) -> None:
    """Refuse what can be refused before Hydra makes a sweep's folder.

    Raises:
        UserError: see `check_trainer`; a run without a model or its like; one checkpoint for all jobs of a sweep; a plan of
            several runs, or of one that goes on.
    """
    for group in ("model", "data", "trainer"):
        if group not in config:
            raise UserError(f"~{group}: a run has one; name it with {group}=, or leave {group} out")
    check_trainer(config.trainer, multirun)
    check_switches(config)
    if multirun and config.plan:
        raise UserError("plan=true, -m: every job would probe beside the others; plan one of them")
    if config.plan and config.resume is not None:
        raise UserError(f"plan=true, resume={config.resume}: it probes a new run; leave resume out")
    if multirun and config.resume not in (None, "auto"):
        raise UserError(f"resume={config.resume}, -m: every job would continue the same run; use resume=auto")


def check_trainer(trainer: DictConfig, multirun: bool) -> None:
    """Refuse what cannot work, before anything is written.

    Raises:
        UserError: an unknown precision, a budget without a limit, or a strategy that manual optimisation cannot use.
    """
    if trainer.precision not in PRECISIONS:
        raise UserError(f"trainer.precision={trainer.precision}: needs one of {', '.join(PRECISIONS)}")
    if trainer.layout not in LAYOUTS:
        raise UserError(f"trainer.layout={trainer.layout}: needs one of {', '.join(LAYOUTS)}")
    known = OmegaConf.load(find_config_dir() / "trainer" / "default.yaml")
    for name in map(str, trainer.keys() ^ known.keys()):
        raise UserError(
            f"trainer.{name}: {'there is no such key; leave it out' if name in trainer else 'is missing; set it'}"
        )
    for name in (*LIMITS, *INTERVALS):
        value, whole = trainer[name], name not in ("max_epochs", "max_minutes", "checkpoint_every_minutes")
        if value is None and name not in NEEDED:
            continue
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or value <= 0:
            what = f"a {'whole ' if whole else ''}number above 0"
            raise UserError(f"trainer.{name}={value}: needs {what}{'' if name in NEEDED else ', or null for none'}")
    if trainer.profiler not in (None, *PROFILERS):
        raise UserError(f"trainer.profiler={trainer.profiler}: needs null, simple, advanced or pytorch")
    if not isinstance(trainer.doctor, bool):
        raise UserError(f"trainer.doctor={trainer.doctor}: needs true or false")
    if isinstance(trainer.rollbacks, bool) or not isinstance(trainer.rollbacks, int) or trainer.rollbacks < 0:
        raise UserError(f"trainer.rollbacks={trainer.rollbacks}: needs a whole number, 0 for none")
    if all(trainer[name] is None for name in LIMITS):
        raise UserError("trainer: the run would never end; set trainer.max_iterations, max_epochs or max_minutes")
    strategy = str(trainer.strategy)
    for name, reason in REFUSED_STRATEGIES.items():
        if name in strategy:
            raise UserError(f"trainer.strategy={strategy}: {reason}; use trainer=ddp")
    if multirun and is_ddp(trainer):
        raise UserError(
            "trainer=ddp, or several devices, with -m: each process of a job would start the whole sweep again; run the "
            "jobs one after the other, each with its own name= (docs/cluster.md)"
        )


def check_switches(config: DictConfig) -> None:
    """Refuse switches that are neither on nor off, or do not go together.

    Raises:
        UserError: naming them.
    """
    for name in ("compile", "gradient_checkpointing", "plan"):
        if not isinstance(config[name], bool):
            raise UserError(f"{name}={config[name]}: needs true or false")
    if config.compile and config.gradient_checkpointing:
        raise UserError(
            "compile=true, gradient_checkpointing=true: what is compiled chooses by itself what it keeps; take one of them"
        )
