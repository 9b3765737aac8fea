"""Where a run goes on, and what of its configuration the command line may change."""

from __future__ import annotations

import inspect
import logging
import os
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gan_lab import checkpoint
from gan_lab.config import check_description, is_group, parse_override, parse_trust
from gan_lab.data.base import FACTS, PLACES, ImageDataModule
from gan_lab.errors import UserError
from gan_lab.models import ManualModule
from gan_lab.models.validation import RANDOM, ComparesSets

log = logging.getLogger("gan_lab.train")

#: What may change when a run is continued: how long and where it runs, not what it computes.
CHANGEABLE = (
    "trainer",
    "logger",
    "callbacks",
    "device",
    "threads",
    "compile",
    "gradient_checkpointing",
    "resume",
    "data.root",
    "data.domain_a",
    "data.domain_b",
    "data.num_workers",
    "data.worker_timeout",
    "data.cache_mb",
    "data.cache",
    "data.index",
)

#: What a continued run keeps of its loggers' settings: what it is called there.
LOGGER_WORDS = ("project", "group", "job_type", "notes")

#: Where a run goes on: which a checkpoint does not decide, for it could have any number of processes started.
WHERE = ("strategy", "devices", "num_nodes")


def find_checkpoint(resume: str | None, folder: Path) -> Path | None:
    """Return the checkpoint to continue, or None to start.

    Args:
        resume: the option: null, auto, a run's folder or a checkpoint.
        folder: of the run, where `auto` looks.

    Raises:
        UserError: `resume` names none.
    """
    if resume is None or (resume == "auto" and not holds_run(folder)):
        return None
    return checkpoint.find_whole_file("resume", folder if resume == "auto" else resume)


def holds_run(run_dir: Path) -> bool:
    """Return whether a folder holds a run's checkpoint."""
    return any((run_dir / "checkpoints").glob("*.ckpt"))


def choose_folder(config: DictConfig, path: Path) -> Path:
    """Return the folder in which the run of the checkpoint `path` goes on: its own, or for a lone file a new one.

    Raises:
        UserError: the command line names another folder, or that folder holds a run.
    """
    multirun = HydraConfig.get().mode == RunMode.MULTIRUN
    named = Path(HydraConfig.get().runtime.output_dir) if multirun else Path(config.runs_dir) / config.name
    if path.parent.name == "checkpoints":
        given = {parse_override(line).key_or_group for line in HydraConfig.get().overrides.task} & {"name", "runs_dir"}
        if given and os.path.realpath(named) != os.path.realpath(path.parent.parent):
            raise UserError(
                f"resume={path}: this run goes on in {path.parent.parent}, not in {named}; leave {' and '.join(given)} out, "
                "or use init_from= to start a new run from its weights"
            )
        return path.parent.parent
    if holds_run(named):
        raise UserError(
            f"resume={path}: the run would go on in {named}, which holds a run already, and that is not overwritten; "
            f"continue that one with resume={named}, or give a name=<another name>"
        )
    return named


def merge_config(config: DictConfig, path: Path) -> DictConfig:
    """Return the configuration of the run that `path` belongs to, with the command line's changes to what may change.

    Raises:
        UserError: the command line asks for another computation than the run's.
    """
    content = checkpoint.read_once(path)["config"]
    for group in ("model", "data", "trainer"):
        if not isinstance(content.get(group), dict):
            raise UserError(
                f"resume={path}: its configuration has no {group}, so no run can go on from it; name another"
            )
    trust = parse_trust(config.trust)
    described = check_description(content["model"], f"resume={path}: model", ManualModule, trust)
    data = {name: value for name, value in content["data"].items() if name not in FACTS}
    check_description(data, f"resume={path}: data", ImageDataModule, trust, given=("batch_kind",))
    # what was typed may hold interpolations, which were resolved elsewhere
    content["overrides"] = [line for line in content.get("overrides", []) if "${" not in line]
    saved = OmegaConf.create(content)
    assert isinstance(saved, DictConfig)
    for name in ("plan", "gradient_checkpointing"):  # a gan_lab that made the run may not have had them
        saved.setdefault(name, False)
    if inspect.isclass(described.target) and issubclass(described.target, ComparesSets):
        saved.model.setdefault("validation_extractor", RANDOM)  # what all were validated in before there was a choice
    saved.threads = config.threads  # of this machine
    restore_places(saved.data, config.data, path)
    saved.trust = config.trust  # a file does not say whom to trust
    if saved.get("compile") is True and not config.compile:
        log.warning("resume=%s: the run was compiled, and goes on as it is; compile=true compiles it again", path)
    saved.compile = config.compile  # it starts compilers
    if path.parent.name != "checkpoints":  # a file from anywhere does not say where this run lies
        saved.name, saved.runs_dir = config.name, config.runs_dir
    for name in config.trainer:
        saved.trainer.setdefault(name, config.trainer[name])
    restore_processes(saved.trainer, config.trainer, path)
    missing = sorted(set(saved.get("callbacks") or {}) - set(config.get("callbacks") or {}))
    if missing:
        named = ", ".join(f"callbacks.{name}" for name in missing)
        log.warning("resume=%s: the run had %s; a file does not bring them back, +callbacks does", path, named)
    saved.callbacks = config.get("callbacks")
    saved.logger = merge_loggers(saved.get("logger") or {}, config.logger)
    apply_overrides(saved, config, path)
    return saved


def apply_overrides(saved: DictConfig, config: DictConfig, path: Path) -> None:
    """Have what the command line says count in a continued run's configuration, where it may change that.

    Raises:
        UserError: it asks for another computation than the run's.
    """
    for override in map(parse_override, HydraConfig.get().overrides.task):
        key = override.key_or_group
        if key == "trainer":  # where it runs; the budget is the run's own, unless a key of it is given
            continue
        if is_group(override):
            given, own = HydraConfig.get().runtime.choices.get(key), saved.choices.get(key)  # Hydra notes no list
            if given != own and key in ("logger", "callbacks"):
                saved[key] = config[key]
            elif given != own:
                raise UserError(
                    f"resume={path}: it is a run of {key}={own}, not {key}={given}; leave {key}= out, or use "
                    "init_from= to start a new run from its weights"
                )
        elif key.startswith(CHANGEABLE) and key.split(".")[0] in saved:
            OmegaConf.update(saved, key, OmegaConf.select(config, key), force_add=True)
        elif key in ("name", "runs_dir"):
            saved[key] = config[key]
        elif OmegaConf.select(saved, key) != OmegaConf.select(config, key):
            raise UserError(
                f"{override.input_line}: a continued run keeps its {key}={OmegaConf.select(saved, key)}; leave it out, or use "
                f"init_from={path} name=<another name> to start a new run from its weights"
            )


def restore_places(saved: DictConfig, own: DictConfig, path: Path) -> None:
    """Have a continued run write, and take of the machine, what the command line says; say what is not the run's own."""
    changed = [name for name in PLACES if saved.get(name) not in (None, own.get(name))]
    if changed:
        named = ", ".join(f"data.{name}" for name in changed)
        log.info("resume=%s: %s are those of the command line, not the run's", path, named)
    for name in PLACES:
        if saved.pop(name, None) is not None and name in own:
            saved[name] = own[name]


def restore_processes(saved: DictConfig, own: DictConfig, path: Path) -> None:
    """Have a continued run go on where the command line says.

    Raises:
        UserError: the run had other processes, and the command line says nothing of them: fewer would make its batch smaller.
    """
    given = {parse_override(line).key_or_group for line in HydraConfig.get().overrides.task}
    before = {name: saved[name] for name in WHERE if saved[name] != own[name]}
    if before and not given & {"trainer", *(f"trainer.{name}" for name in WHERE)}:
        had = " ".join(f"trainer.{name}={str(value)[:40]}" for name, value in before.items())
        raise UserError(
            f"resume={path}: the run had {had}, and a checkpoint does not decide how many processes start; give that on the "
            "command line (trainer=ddp trainer.devices=<n>), or trainer.devices=1 to go on in one process"
        )
    for name in WHERE:
        saved[name] = own[name]


def merge_loggers(saved: DictConfig | dict[str, Any], own: DictConfig) -> DictConfig:
    """Return the loggers of the command line's configuration, with what a continued run's may add.

    A checkpoint can come from somebody else: it decides neither which service is contacted nor where files go.
    """
    loggers = OmegaConf.to_container(own)
    assert isinstance(loggers, dict)
    for name in map(str, loggers.keys() & saved.keys()):
        given = saved[name] if OmegaConf.is_dict(saved[name]) else {}
        if given.get("offline") is False and loggers[name].get("offline"):
            log.warning(
                "logger.%s: the run was online and goes on offline; logger.%s.offline=false takes it online", name, name
            )
        loggers[name] |= {
            key: given[key] for key in LOGGER_WORDS if key in given and not OmegaConf.is_config(given[key])
        }
    return OmegaConf.create(loggers)
