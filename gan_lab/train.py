"""Train a model: `python -m gan_lab.train model=cyclegan data=products`."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from lightning.pytorch import seed_everything
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_lab import checkpoint
from gan_lab.callbacks import Budget
from gan_lab.config import allowed_object, command, fail, instantiate, is_group, is_override, secrets_masked
from gan_lab.data.base import ImageDataModule
from gan_lab.errors import UserError
from gan_lab.models import ManualModule
from gan_lab.training import build_trainer, check_trainer, finish_loggers, prepare_process

log = logging.getLogger("gan_lab.train")

#: What may change when a run is continued: how long and where it runs, not what it computes.
CHANGEABLE = (
    "trainer",
    "logger",
    "device",
    "compile",
    "resume",
    "name",
    "runs_dir",
    "data.root",
    "data.num_workers",
    "data.cache_mb",
)
#: Facts of the data that the datamodule finds and the model's yaml refers to.
FACTS = ("classes", "class_names")


def train(config: DictConfig) -> None:
    """Train what the configuration describes, from its start or from a checkpoint."""
    multirun = HydraConfig.get().mode == RunMode.MULTIRUN
    prepare_process(config)
    run_dir = Path(HydraConfig.get().runtime.output_dir) if multirun else Path(config.runs_dir) / config.name
    resume = find_resume(config, run_dir)
    if resume is not None:
        config = resumed_config(config, resume)
        run_dir = resume.parent.parent if resume.parent.name == "checkpoints" else run_dir
        prepare_process(config)
    elif (run_dir / "checkpoints" / "last.ckpt").exists():
        raise UserError(
            f"name={config.name}: {run_dir} holds a run already, and it is not overwritten. Continue it with "
            f"resume={run_dir}, or start another with name=<another name>"
        )
    check_trainer(config.trainer, multirun)
    seed_everything(config.seed, verbose=False)
    datamodule, model = build(config)
    if config.init_from is not None and resume is None:
        checkpoint.transfer_weights(model, checkpoint.find("init_from", config.init_from))

    resolved = plain(config, model)
    start = 0 if resume is None else checkpoint.read(resume)["clock"]["iteration"]
    log.info("%s", datamodule.describe())
    log.info("run %s: %s, seed %d", run_dir, parameters(model), config.seed)
    write_config(run_dir, resolved)
    model.to(memory_format=torch.channels_last)
    if config.compile:
        for network in model.compilable():
            network.compile(dynamic=False)  # each network meets a few fixed shapes; dynamic kernels gain nothing

    trainer = build_trainer(config, resolved, run_dir, start)
    budget = next(c for c in trainer.callbacks if isinstance(c, Budget))  # type: ignore[attr-defined]
    limit = budget.total_iterations(datamodule.iterations_per_epoch(trainer.world_size))
    if limit is not None and start >= limit:
        print(
            f"{run_dir}: {start} iterations are done already; raise trainer.max_iterations or trainer.max_epochs to go on"
        )
        return
    trainer.fit(model, datamodule=datamodule, ckpt_path=resume, weights_only=True)
    finish_loggers(trainer)
    if trainer.is_global_zero:
        report(run_dir, model)
    if budget.stopped_by is not None:
        raise SystemExit(128 + budget.stopped_by)


def build(config: DictConfig) -> tuple[ImageDataModule, ManualModule]:
    """Make the datamodule, let it look at the photos, and make the model that its facts allow.

    Raises:
        UserError: the data cannot feed the model, or a constructor refuses its arguments.
    """
    model_class = allowed_object(config.model._target_)
    settings = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(settings, dict)
    datamodule: ImageDataModule = instantiate(
        {str(key): value for key, value in settings.items() if key not in FACTS}, batch_kind=model_class.batch_kind
    )
    datamodule.prepare()
    with open_dict(config):
        config.data.classes = datamodule.classes
        config.data.class_names = list(datamodule.class_names)
    try:
        model: ManualModule = instantiate(config.model)
    except UserError as error:
        raise UserError(f"{error}\n  the data: {datamodule.describe()}") from error
    if config.data.batch_size % model.micro_batches:
        raise UserError(
            f"model.micro_batches={model.micro_batches}: does not divide a batch of {config.data.batch_size} (data.batch_size)"
        )
    return datamodule, model


def find_resume(config: DictConfig, run_dir: Path) -> Path | None:
    """Return the checkpoint to continue, or None to start.

    Raises:
        UserError: `resume` names none.
    """
    if config.resume is None:
        return None
    if config.resume == "auto":
        last = run_dir / "checkpoints" / "last.ckpt"
        return last if last.exists() else None
    return checkpoint.find("resume", config.resume, prefer="last")


def resumed_config(config: DictConfig, path: Path) -> DictConfig:
    """Return the configuration of the run that `path` belongs to, with the command line's changes to what may change.

    Raises:
        UserError: the command line asks for another computation than the run's.
    """
    saved = OmegaConf.create(checkpoint.read(path)["config"])
    assert isinstance(saved, DictConfig)
    for override in OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task)):
        key = override.key_or_group
        if is_group(override) and key in ("model", "data"):
            given = HydraConfig.get().runtime.choices[key]
            if given != saved.choices[key]:
                raise UserError(
                    f"resume={path}: it is a run of {key}={saved.choices[key]}, not {key}={given}. Leave {key}= out, or use "
                    "init_from= to start a new run from its weights"
                )
        elif key.startswith(CHANGEABLE) and key.split(".")[0] in saved:
            OmegaConf.update(saved, key, OmegaConf.select(config, key), force_add=True)
        elif OmegaConf.select(saved, key) != OmegaConf.select(config, key):
            raise UserError(
                f"{override.input_line}: a continued run keeps its {key}={OmegaConf.select(saved, key)}. Leave it out, or use "
                f"init_from={path} name=<another name> to start a new run from its weights"
            )
    return saved


def plain(config: DictConfig, model: ManualModule) -> dict[str, Any]:
    """Return the resolved configuration in plain containers, secrets masked, with what its readers need beside it."""
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    if "choices" not in resolved:
        choices = HydraConfig.get().runtime.choices
        resolved["choices"] = {"model": choices["model"], "data": choices["data"]}
        resolved["overrides"] = list(HydraConfig.get().overrides.task)
    resolved["monitor"] = list(model.monitor)
    return secrets_masked(resolved)


@rank_zero_only
def write_config(run_dir: Path, resolved: dict[str, Any]) -> None:
    """Write the run's `config.yaml`."""
    run_dir.mkdir(parents=True, exist_ok=True)
    checkpoint.write_whole(run_dir / "config.yaml", lambda file: file.write(OmegaConf.to_yaml(resolved).encode()))


def parameters(model: ManualModule) -> str:
    """Say how large the networks are: "generator 11.4 M, discriminator 2.8 M"."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in model.named_children()}
    return ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in counts.items() if count and "ema" not in name)


def report(run_dir: Path, model: ManualModule) -> None:
    """Say on stdout where the results lie."""
    best = run_dir / "checkpoints" / "best.ckpt"
    print(f"iterations   {model.iteration}")
    print(f"checkpoints  {run_dir / 'checkpoints' / 'last.ckpt'}{f', {best.name}' if best.exists() else ''}")
    print(f"pictures     {run_dir / 'samples'}")
    print(f"metrics      {run_dir / 'metrics.csv'}", flush=True)


def train_or_record(config: DictConfig) -> None:
    """Train; in a sweep, record a failure in the job's folder and let the other jobs run."""
    if HydraConfig.get().mode != RunMode.MULTIRUN:
        return train(config)
    run_dir = Path(HydraConfig.get().runtime.output_dir)
    if config.resume is None and (run_dir / "checkpoints" / "last.ckpt").exists():
        fail(
            UserError(
                f"name={config.name}: {run_dir} holds a run already, and it is not overwritten. Continue the sweep with "
                "resume=auto, or start another with name=<another name>"
            )
        )
    failure = run_dir / "error.txt"
    failure.unlink(missing_ok=True)
    try:
        train(config)
    except UserError as error:
        log.error("%s", error)
        failure.write_text(f"{error}\n")
    except Exception as error:
        log.exception("the job failed")
        failure.write_text(f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}")
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return None


def with_saved_choices(argv: list[str]) -> list[str]:
    """Add the model and the data of the run that `resume=` names, so that its keys are the valid ones.

    Raises:
        UserError: `resume` names no checkpoint.
    """
    given = {line.split("=", 1)[0]: line.split("=", 1)[1] for line in filter(is_override, argv) if "=" in line}
    if given.get("resume", "null") in ("null", "auto"):
        return argv
    saved = checkpoint.read(checkpoint.find("resume", given["resume"], prefer="last"))["config"]["choices"]
    return [*argv, *[f"{group}={saved[group]}" for group in ("model", "data") if group not in given]]


def check(config: DictConfig, multirun: bool) -> None:
    """Refuse what can be refused before Hydra makes a sweep's folder.

    Raises:
        UserError: see `check_trainer`; one checkpoint for all jobs of a sweep.
    """
    check_trainer(config.trainer, multirun)
    if multirun and config.resume not in (None, "auto"):
        raise UserError(f"resume={config.resume} with -m: every job would continue the same run; use resume=auto")


main = command("train", check=check, prepare=with_saved_choices)(train_or_record)

if __name__ == "__main__":
    main()
