"""Train a model: `python -m gan_lab.train model=cyclegan data=products`."""

from __future__ import annotations

import inspect
import logging
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from gan_lab import checkpoint
from gan_lab.callbacks import Budget, go_back
from gan_lab.callbacks.doctor.findings import read_verdict
from gan_lab.config import (
    Command,
    check_description,
    check_seed,
    config_dir,
    fail,
    instantiate,
    is_group,
    is_override,
    is_sweep,
    parsed,
    refusal_of,
    resolve,
    secrets_masked,
    shown,
    swept_values,
    trusted_packages,
)
from gan_lab.data.base import FACTS, PLACES, ImageDataModule
from gan_lab.errors import UserError
from gan_lab.hardware import total_memory
from gan_lab.jobs.lock import locked, refuse_links, remove_parts
from gan_lab.models import ManualModule, TrainingDivergedError
from gan_lab.plan import alternatives, planned
from gan_lab.storage import write_whole
from gan_lab.terminal import printable
from gan_lab.training import (
    build_trainer,
    check_trainer,
    choose_for_training,
    compile_networks,
    device_of,
    finish_loggers,
    is_ddp,
    precision_of,
    prepare_process,
    recompute_networks,
    settle_computation,
    start_loggers,
    unwritten,
)

log = logging.getLogger("gan_lab.train")
#: What a training writes in its run's folder.
WRITTEN = ("config.yaml", "metrics.csv", "doctor.json", "error.txt", "checkpoints", "samples", "wandb/id")

#: What may change when a run is continued: how long and where it runs, not what it computes.
CHANGEABLE = (
    "trainer",
    "logger",
    "device",
    "threads",
    "compile",
    "gradient_checkpointing",
    "resume",
    "data.root",
    "data.domain_a",
    "data.domain_b",
    "data.num_workers",
    "data.cache_mb",
    "data.cache",
    "data.index",
)

#: What a continued run keeps of its loggers' settings: what it is called there.
LOGGER_WORDS = ("project", "group", "job_type", "notes")

#: Where a run goes on: which a checkpoint does not decide, for it could have any number of processes started.
WHERE = ("strategy", "devices", "num_nodes")
#: What goes wrong where a checkpoint's state is of another structure than the run's.
RESTORING = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)

#: Photos of a domain below which its discriminator is said to learn them by heart; how uneven two domains may be unsaid.
FEW_PHOTOS, UNEVEN = 200, 4


def train(config: DictConfig) -> None:
    """Train what the configuration describes, from its start or from a checkpoint."""
    if not config.name or not config.runs_dir:
        raise UserError(
            f"name={config.name}, runs_dir={config.runs_dir}: a run needs both, its name and the folder of runs"
        )
    multirun = HydraConfig.get().mode == RunMode.MULTIRUN
    accelerator = prepare_process(config)
    if config.plan:
        return plan(config, accelerator)
    run_dir = Path(HydraConfig.get().runtime.output_dir) if multirun else Path(config.runs_dir) / config.name
    resume = find_resume(config, run_dir)
    if resume is not None:
        config = resumed_config(config, resume)
        run_dir = resumed_folder(config, resume)
        prepare_process(config)
    elif holds_run(run_dir):
        raise UserError(
            f"name={config.name}: {run_dir} holds a run already, and it is not overwritten. Continue it with "
            f"resume={run_dir}, or start another with name=<another name>"
        )
    check_seed(config.seed)
    check_trainer(config.trainer, multirun)
    check_switches(config)
    if getattr(rank_zero_only, "rank", 0):  # of several processes the first one writes, and holds the folder
        return fit(config, run_dir, resume)
    with locked(run_dir, f"name={config.name}: {run_dir}"):
        refuse_links(run_dir, *WRITTEN)
        resume, rollbacks = settled(config, run_dir, resume), 0
        checkpoint.remove_torn(run_dir)
        remove_parts([run_dir / "samples"])
        while True:
            try:
                return fit(config, run_dir, resume, rollbacks)
            except torch.OutOfMemoryError as error:
                config.model.micro_batches = smaller_parts(config, error)
            except TrainingDivergedError as error:
                # several processes would have to go back together
                if not config.trainer.doctor or is_ddp(config.trainer):
                    raise
                resume, rollbacks = go_back(run_dir, error, config.trainer.rollbacks), error.rollbacks + 1


def settled(config: DictConfig, run_dir: Path, resume: Path | None) -> Path | None:
    """Return where the run goes on, now that no other process writes: one may have trained since that was looked for.

    Raises:
        UserError: it has begun a run here.
    """
    if resume is None and holds_run(run_dir):
        raise UserError(
            f"name={config.name}: another process has begun a run in {run_dir} meanwhile; go on with resume={run_dir}"
        )
    if resume is None or config.resume is None or Path(config.resume).is_file():
        return resume
    return checkpoint.find_whole("resume", run_dir, say=False)


def plan(config: DictConfig, accelerator: str) -> None:
    """Say what the run would take, and what else to try; nothing of it is kept.

    Raises:
        UserError: it would have several processes.
    """
    if is_ddp(config.trainer):
        raise UserError(
            "plan=true: is for one device; what it says of one holds for each, less the exchange of gradients"
        )
    own = {"plan", "name", "runs_dir", "resume"}
    command = [line for line in sys.argv[1:] if not (is_override(line) and parsed(line).key_or_group in own)]
    datamodule, model = build(config)
    limits = Budget(config.trainer.max_iterations, config.trainer.max_epochs, None)

    def iterations_of(batch: int) -> int | None:
        datamodule.batch_size = batch
        return limits.total_iterations(datamodule.iterations_per_epoch())

    device = device_of(config)
    fast, precision = (
        precision_of(choose_for_training(config, model, device, name)) for name in ("auto", config.trainer.precision)
    )
    settings = alternatives(config.data.batch_size, precision, config.compile, fast, config.gradient_checkpointing)
    planned(command, settings, iterations_of, config.trainer.max_minutes, total_memory(accelerator))


def smaller_parts(config: DictConfig, error: torch.OutOfMemoryError) -> int:
    """Return into how many parts a batch is split where it did not fit as it was: the same update, in less memory.

    Raises:
        UserError: it cannot be split further.
    """
    batch, now = config.data.batch_size, config.model.micro_batches
    parts = next((parts for parts in range(2 * now, batch + 1) if batch % parts == 0), None)
    if parts is None:
        raise UserError(
            f"the GPU's memory does not hold data.batch_size={batch} with model.micro_batches={now} "
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


def fit(config: DictConfig, run_dir: Path, resume: Path | None, rollbacks: int = 0) -> None:
    """Train from the start or from a checkpoint to the end of the budget.

    Args:
        config: the run's configuration.
        run_dir: the run's folder.
        resume: the checkpoint; None for none.
        rollbacks: how often a run that starts again has failed; a checkpoint has a count of its own.

    Raises:
        TrainingDivergedError: it has failed, in a way from which it may go back.
    """
    seed_everything((config.seed + rollbacks) % 2**32, verbose=False)  # a run that starts again draws other weights
    datamodule, model = build(config)
    model.rollbacks = rollbacks
    if config.init_from is not None and resume is None:
        checkpoint.transfer_weights(model, checkpoint.find("init_from", config.init_from))

    settle_computation(config, model, resume is not None)
    resolved = plain(config, model)
    start = 0 if resume is None else checkpoint.recall(resume)["clock"]["iteration"]
    log.info("%s", datamodule.describe())
    attends = getattr(model, "attends", False)
    for caution in cautions(datamodule.counts(), getattr(model, "augment", None) is not None, attends):
        log.warning("%s", caution)
    log.info("run %s: %s, seed %d", run_dir, parameters(model), config.seed)
    trainer = build_trainer(config, run_dir, resolved, start)
    run(trainer, config, run_dir, datamodule, model, resolved, resume, start)


def run(
    trainer: Trainer,
    config: DictConfig,
    run_dir: Path,
    datamodule: ImageDataModule,
    model: ManualModule,
    resolved: dict[str, Any],
    resume: Path | None,
    start: int,
) -> None:
    """Train with what `fit` has made."""
    write_config(run_dir, resolved)
    if config.trainer.layout == "channels_last":
        model.to(memory_format=torch.channels_last)
    if config.gradient_checkpointing:
        recompute_networks(model)
    if config.compile:
        compile_networks(model)

    budget = next(c for c in trainer.callbacks if isinstance(c, Budget))  # type: ignore[attr-defined]
    limit = budget.total_iterations(datamodule.iterations_per_epoch(trainer.world_size))
    if limit is not None and start >= limit:
        print(
            f"{printable(str(run_dir))}: {start} iterations are done already; "
            "raise trainer.max_iterations or trainer.max_epochs to go on"
        )
        return
    start_loggers(trainer, resolved)
    try:
        trainer.fit(model, datamodule=datamodule, ckpt_path=resume, weights_only=True)
    except (TrainingDivergedError, UserError):
        raise
    except SystemExit:  # a second Ctrl-C, of which Lightning makes a 1
        raise SystemExit(128 + budget.stopped_by if budget.stopped_by is not None else 1) from None
    except torch.OutOfMemoryError as error:
        if model.iteration == start and trainer.world_size == 1:
            raise
        raise UserError(
            f"the GPU's memory was full at iteration {model.iteration} ({' '.join(str(error).split())[:160]}); smaller parts "
            "of a batch take less: model.micro_batches=2, in a run of its own"
        ) from error
    except Exception as error:
        alone = trainer.world_size == 1
        misfit = misfit_of(error) if model.iteration == start and alone else None
        if resume is not None and not model.began and alone and isinstance(error, RESTORING):
            misfit = describe_misfit_state(resume, error)
        if misfit is not None:
            raise misfit from error
        if trainer.world_size == 1 or not peer_lost(error):
            raise
        raise UserError(
            f"another process of this run has ended or cannot be reached ({str(error).splitlines()[0][:160]}); what it said "
            f"itself stands above, or in its own log. Go on from the last checkpoint with resume={run_dir}"
        ) from error
    finally:
        finish_loggers(trainer)
    last = run_dir / "checkpoints" / "last.ckpt"
    refusal = unwritten(trainer).get(last)
    if refusal is not None:
        raise UserError(
            f"{last} could not be written ({refusal.strerror}): what was trained since the one before is lost; "
            f"make room, and go on from that with resume={run_dir}"
        )
    if trainer.is_global_zero:
        report(run_dir, model)
    if budget.stopped_by is not None:
        raise SystemExit(128 + budget.stopped_by)


def misfit_of(error: Exception) -> UserError | None:
    """Return what an error of the first iteration says about the options that were set; None where none of the kind was.

    With HYDRA_FULL_ERROR=1, which Hydra's own errors name, the error itself is what a developer wants to see.
    """
    given = fitted()
    if not given or os.environ.get("HYDRA_FULL_ERROR") == "1":
        return None
    what = " ".join(str(error).split())[:300] or type(error).__name__
    return UserError(
        f"the first iteration failed: {what}. What was set may not fit together, or with the data: {' '.join(given)} "
        "(HYDRA_FULL_ERROR=1 shows where it failed)"
    )


def describe_misfit_state(resume: Path, error: Exception) -> UserError | None:
    """Return the message for a checkpoint whose state does not fit the run; None with HYDRA_FULL_ERROR=1."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        return None
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return UserError(
        f"resume={resume}: what it holds does not fit this run ({reason}); name another checkpoint, or take its weights "
        "alone with init_from= (HYDRA_FULL_ERROR=1 shows where it failed)"
    )


def fitted() -> list[str]:
    """Return what the command line says of what must fit together."""
    given = re.compile(r"[+~]*(model|data)\.|trainer\.deterministic=")
    return [line for line in HydraConfig.get().overrides.task if given.match(line)]


def peer_lost(error: Exception) -> bool:
    """Tell whether an error is that of a process which waits for another in vain."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)


def build(config: DictConfig) -> tuple[ImageDataModule, ManualModule]:
    """Make the datamodule, let it look at the photos, and make the model that its facts allow.

    Raises:
        UserError: the data cannot feed the model, or a constructor refuses its arguments.
    """
    trust = trusted_packages(config.get("trust"))
    model_class = resolve(config.model.get("_target_"), trust)
    if not (inspect.isclass(model_class) and issubclass(model_class, ManualModule)):
        raise UserError(f"model._target_={config.model._target_}: is no ManualModule; name a model")
    settings = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(settings, dict)
    own = {str(key): value for key, value in settings.items() if key not in FACTS}
    try:
        datamodule: ImageDataModule = instantiate(
            own, "data", ImageDataModule, trust, batch_kind=model_class.batch_kind
        )
    except UserError as error:
        raise UserError(f"{error}{taken_from(config.data, 'data', str(error))}") from error
    datamodule.prepare()
    with open_dict(config):
        config.data.classes = datamodule.classes
        config.data.class_names = list(datamodule.class_names)
    try:
        model: ManualModule = instantiate(config.model, "model", ManualModule, trust)
    except UserError as error:
        given = f"\n  set: {' '.join(fitted())}" if fitted() else ""
        raise UserError(f"{error}\n  the data: {datamodule.describe()}{given}") from error
    if config.data.batch_size % model.micro_batches:
        raise UserError(
            f"model.micro_batches={model.micro_batches}: does not divide a batch of {config.data.batch_size} (data.batch_size)"
        )
    return datamodule, model


def taken_from(node: DictConfig, where: str, refusal: str) -> str:
    """Return which option, set elsewhere, gave the one of `node` that is refused its value; "" for one of its own."""
    written_in = OmegaConf.to_container(node, resolve=False)
    assert isinstance(written_in, dict)
    for name, written in written_in.items():
        if (
            isinstance(written, str)
            and "${" in written
            and re.match(re.escape(f"{where}.{name!s}") + r"[=:.\[]", refusal)
        ):
            return f" (it is taken from {written})"
    return ""


def cautions(counts: dict[str, int], augmented: bool, attends: bool) -> list[str]:
    """Return what the numbers of photos in two domains mean for their training.

    Args:
        counts: photos to train on, by role.
        augmented: the discriminators' augmentation is on.
        attends: the generators keep the product as it is, as experiment=change_ground has them do.
    """
    if "A" not in counts:
        return []
    small, large = sorted("AB", key=lambda domain: counts[domain])
    said = []
    if counts[small] < FEW_PHOTOS and not augmented:
        said.append(
            f"{small} has {counts[small]} photos to train on: a discriminator soon knows so few by heart, and what it then "
            "asks of the translations is noise. Switch on model/augment=diffaugment, or add photos."
        )
    if counts[large] > UNEVEN * counts[small]:
        advice = "" if attends else "; experiment=change_ground keeps the product as it is"
        said.append(
            f"{large} has {counts[large]} photos and {small} {counts[small]}: an epoch shows each of {large} once and "
            f"each of {small} {counts[large] / counts[small]:.0f} times. What {small} does not show, other goods, sizes or "
            f"backgrounds, is forced to look like what it shows{advice}."
        )
    return said


def find_resume(config: DictConfig, run_dir: Path) -> Path | None:
    """Return the checkpoint to continue, or None to start.

    Raises:
        UserError: `resume` names none.
    """
    if config.resume is None:
        return None
    if config.resume == "auto":
        return checkpoint.find_whole("resume", run_dir) if holds_run(run_dir) else None
    return checkpoint.find_whole("resume", config.resume)


def holds_run(run_dir: Path) -> bool:
    """Tell whether a folder holds a run's checkpoint."""
    return any((run_dir / "checkpoints").glob("*.ckpt"))


def resumed_folder(config: DictConfig, path: Path) -> Path:
    """Return the folder in which the run of the checkpoint `path` goes on: its own, or for a lone file a new one.

    Raises:
        UserError: the command line names another folder, or that folder holds a run.
    """
    multirun = HydraConfig.get().mode == RunMode.MULTIRUN
    named = Path(HydraConfig.get().runtime.output_dir) if multirun else Path(config.runs_dir) / config.name
    if path.parent.name == "checkpoints":
        given = {parsed(line).key_or_group for line in HydraConfig.get().overrides.task} & {"name", "runs_dir"}
        if given and named.resolve() != path.parent.parent.resolve():
            raise UserError(
                f"resume={path}: this run goes on in {path.parent.parent}, not in {named}; leave {' and '.join(given)} out, "
                "or use init_from= to start a new run from its weights"
            )
        return path.parent.parent
    if holds_run(named):
        raise UserError(
            f"resume={path}: the run would go on in {named}, which holds a run already, and that is not overwritten. "
            f"Continue that one with resume={named}, or give a name=<another name>"
        )
    return named


def resumed_config(config: DictConfig, path: Path) -> DictConfig:
    """Return the configuration of the run that `path` belongs to, with the command line's changes to what may change.

    Raises:
        UserError: the command line asks for another computation than the run's.
    """
    content = checkpoint.recall(path)["config"]
    for group in ("model", "data", "trainer"):
        if not isinstance(content.get(group), dict):
            raise UserError(f"resume={path}: its configuration has no {group}, so no run can go on from it")
    trust = trusted_packages(config.trust)
    check_description(content["model"], f"resume={path}: model", ManualModule, trust)
    data = {name: value for name, value in content["data"].items() if name not in FACTS}
    check_description(data, f"resume={path}: data", ImageDataModule, trust, given=("batch_kind",))
    # what was typed may hold interpolations, which were resolved elsewhere
    content["overrides"] = [line for line in content.get("overrides", []) if "${" not in line]
    saved = OmegaConf.create(content)
    assert isinstance(saved, DictConfig)
    for name in ("plan", "gradient_checkpointing"):  # a gan_lab that made the run may not have had them
        saved.setdefault(name, False)
    saved.threads = config.threads  # of this machine
    take_places(saved.data, config.data, path)
    saved.trust = config.trust  # a file does not say whom to trust
    if saved.get("compile") is True and not config.compile:
        log.warning("resume=%s: the run was compiled, and goes on as it is; compile=true compiles it again", path)
    saved.compile = config.compile  # it starts compilers
    if path.parent.name != "checkpoints":  # a file from anywhere does not say where this run lies
        saved.name, saved.runs_dir = config.name, config.runs_dir
    for name in config.trainer:
        saved.trainer.setdefault(name, config.trainer[name])
    take_processes(saved.trainer, config.trainer, path)
    saved.logger = trusted_loggers(saved.get("logger") or {}, config.logger)
    for override in map(parsed, HydraConfig.get().overrides.task):
        key = override.key_or_group
        if key == "trainer":  # where it runs; the budget is the run's own, unless a key of it is given
            continue
        if is_group(override):
            given, own = HydraConfig.get().runtime.choices[key], saved.choices.get(key)
            if given != own and key == "logger":
                saved.logger = config.logger
            elif given != own:
                raise UserError(
                    f"resume={path}: it is a run of {key}={own}, not {key}={given}. Leave {key}= out, or use "
                    "init_from= to start a new run from its weights"
                )
        elif key.startswith(CHANGEABLE) and key.split(".")[0] in saved:
            OmegaConf.update(saved, key, OmegaConf.select(config, key), force_add=True)
        elif key in ("name", "runs_dir"):
            saved[key] = config[key]
        elif OmegaConf.select(saved, key) != OmegaConf.select(config, key):
            raise UserError(
                f"{override.input_line}: a continued run keeps its {key}={OmegaConf.select(saved, key)}. Leave it out, or use "
                f"init_from={path} name=<another name> to start a new run from its weights"
            )
    return saved


def take_places(saved: DictConfig, own: DictConfig, path: Path) -> None:
    """Have a continued run write, and take of the machine, what the command line says; say what is not the run's own."""
    changed = [name for name in PLACES if saved.get(name) not in (None, own.get(name))]
    if changed:
        named = ", ".join(f"data.{name}" for name in changed)
        log.info("resume=%s: %s are those of the command line, not the run's", path, named)
    for name in PLACES:
        if saved.pop(name, None) is not None and name in own:
            saved[name] = own[name]


def take_processes(saved: DictConfig, own: DictConfig, path: Path) -> None:
    """Have a continued run go on where the command line says.

    Raises:
        UserError: the run had other processes, and the command line says nothing of them: fewer would make its batch smaller.
    """
    given = {parsed(line).key_or_group for line in HydraConfig.get().overrides.task}
    before = {name: saved[name] for name in WHERE if saved[name] != own[name]}
    if before and not given & {"trainer", *(f"trainer.{name}" for name in WHERE)}:
        had = " ".join(f"trainer.{name}={str(value)[:40]}" for name, value in before.items())
        raise UserError(
            f"resume={path}: the run had {had}, and a checkpoint does not decide how many processes start. Give that on the "
            "command line (trainer=ddp trainer.devices=<n>), or trainer.devices=1 to go on in one process"
        )
    for name in WHERE:
        saved[name] = own[name]


def trusted_loggers(saved: DictConfig | dict[str, Any], own: DictConfig) -> DictConfig:
    """Return the loggers of the command line's configuration, with what a continued run's may add.

    A checkpoint can come from somebody else: it does not say which service is told, with this user's key, nor where files go.
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


def plain(config: DictConfig, model: ManualModule) -> dict[str, Any]:
    """Return the resolved configuration in plain containers, secrets masked, with what its readers need beside it."""
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    if "choices" not in resolved:
        choices = HydraConfig.get().runtime.choices
        resolved["choices"] = {group: choice for group, choice in choices.items() if not group.startswith("hydra")}
        resolved["overrides"] = list(HydraConfig.get().overrides.task)
    resolved["monitor"] = list(model.monitor)
    return secrets_masked(resolved)


@rank_zero_only
def write_config(run_dir: Path, resolved: dict[str, Any]) -> None:
    """Write the run's `config.yaml`.

    Raises:
        UserError: the folder cannot be made or written.
    """
    text = OmegaConf.to_yaml(resolved).encode()
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        write_whole(run_dir / "config.yaml", lambda file: file.write(text))
    except OSError as error:
        raise UserError(f"runs_dir, name: {run_dir} cannot be written: {error.strerror}") from error


def parameters(model: ManualModule) -> str:
    """Say how large the networks are: "generator 11.4 M, discriminator 2.8 M"."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in model.named_children()}
    return ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in counts.items() if count and "ema" not in name)


def report(run_dir: Path, model: ManualModule) -> None:
    """Say on stdout where the results lie."""
    best = run_dir / "checkpoints" / "best.ckpt"
    folder = printable(str(run_dir))
    print(f"iterations   {model.iteration}")
    print(f"checkpoints  {folder}/checkpoints/last.ckpt{f', {best.name}' if best.exists() else ''}")
    print(f"pictures     {folder}/samples")
    print(f"metrics      {folder}/metrics.csv")
    if (run_dir / "doctor.json").exists():
        print(f"doctor       {read_verdict(run_dir / 'doctor.json')}")
    sys.stdout.flush()


def train_or_record(config: DictConfig) -> None:
    """Train; in a sweep, record a failure in the job's folder and let the other jobs run."""
    if HydraConfig.get().mode != RunMode.MULTIRUN:
        return train(config)
    run_dir = Path(HydraConfig.get().runtime.output_dir)
    if config.resume is None and holds_run(run_dir):
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
    except (UserError, OmegaConfBaseException) as error:
        refusal = error if isinstance(error, UserError) else refusal_of(error)
        log.error("%s", refusal)
        failure.write_text(f"{shown(str(refusal))}\n")
    except Exception as error:
        log.exception("the job failed")
        failure.write_text(shown(f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"))
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return None


def completed(argv: list[str]) -> list[str]:
    """Add what the rest of the command line implies: the choices of the run that `resume=` names, a sweep's name.

    Raises:
        UserError: `resume` names no checkpoint, or a sweep is to change its own name.
    """
    given = {override.key_or_group: override for override in map(parsed, filter(is_override, argv))}
    if is_sweep(argv):
        return [*argv, *sweep_name(given)]
    resume = given["resume"].value() if "resume" in given else None
    if resume in (None, "auto"):
        return argv
    path = checkpoint.find_whole("resume", str(resume), say=False)
    saved = checkpoint.recall(path)["config"].get("choices", {})
    # so that the keys of its model and its data are the valid ones
    logger = saved.get("logger")
    if "logger" not in given and isinstance(logger, str) and re.fullmatch(r"(?!csv$)[\w-]+", logger):
        log.warning("resume=%s: the run was logged with %s too; logger=%s logs it on", path, logger, logger)
    chosen = {key: saved[key] for key in ("model", "data") if key in saved and key not in given}
    for key, choice in chosen.items():
        # a path could lead to a configuration that came with the checkpoint
        if not re.fullmatch(r"[\w-]+", str(choice)):
            raise UserError(f"resume={path}: its {key} is {str(choice)[:80]!r}, which is no name of a configuration")
    return [*argv, *[f"{key}={choice}" for key, choice in chosen.items()]]


def sweep_name(given: dict[str, Override]) -> list[str]:
    """Return an override that names the sweep by all its models and data: Hydra would take the default ones'.

    Raises:
        UserError: the name is swept: the jobs of a sweep lie in one folder.
    """
    for key in ("name", "runs_dir"):
        if key in given and given[key].is_sweep_override():
            raise UserError(f"{given[key].input_line}: job i of a sweep lies at <runs_dir>/<name>/<i>; give one {key}")
    if "name" in given:
        return []
    entries = [entry for entry in OmegaConf.load(config_dir() / "train.yaml").defaults if not isinstance(entry, str)]
    default = {group: choice for entry in entries for group, choice in entry.items()}
    named = ["+".join(swept_values(given[group])) if group in given else default[group] for group in ("model", "data")]
    return [f"name={'-'.join(named)}"]


def check(config: DictConfig, multirun: bool) -> None:
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
        raise UserError("plan=true with -m: every job would probe beside the others; plan one of them")
    if config.plan and config.resume is not None:
        raise UserError(f"plan=true with resume={config.resume}: it probes a new run; leave resume out")
    if multirun and config.resume not in (None, "auto"):
        raise UserError(f"resume={config.resume} with -m: every job would continue the same run; use resume=auto")


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


COMMAND = Command(train_or_record, check=check, prepare=completed)
