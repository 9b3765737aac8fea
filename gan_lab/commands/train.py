"""Train a model: `python -m gan_lab.train model=cyclegan data=products`."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_lab import checkpoint
from gan_lab.config import (
    Command,
    clean_text,
    compose,
    convert_refusal,
    fail,
    find_config_dir,
    get_search_path,
    is_override,
    is_sweep,
    list_swept_values,
    parse_override,
)
from gan_lab.errors import UserError
from gan_lab.run.checks import check_config
from gan_lab.run.fitting import fit
from gan_lab.run.plan import plan
from gan_lab.run.resume import holds_run
from gan_lab.run.run import Run, check, is_multirun

log = logging.getLogger("gan_lab.train")


def train(config: DictConfig) -> None:
    """Train what the configuration describes, from its start or from a checkpoint; or plan it."""
    with record_failure(config):
        if config.plan:
            plan(config)
            return
        run = Run.open(config)
        check(run)
        with run.held():
            fit(run)


@contextmanager
def record_failure(config: DictConfig) -> Iterator[None]:
    """In a sweep, write a failure into the job's folder and let the other jobs run; else let it pass."""
    if not is_multirun():
        yield
        return
    folder = Path(HydraConfig.get().runtime.output_dir)
    if config.resume is None and holds_run(folder):
        fail(
            UserError(
                f"name={config.name}: {folder} holds a run already, and it is not overwritten; continue the sweep with "
                "resume=auto, or start another with name=<another name>"
            )
        )
    failure = folder / "error.txt"
    failure.unlink(missing_ok=True)
    try:
        yield
    except (UserError, OmegaConfBaseException) as error:
        refusal = error if isinstance(error, UserError) else convert_refusal(error)
        log.error("%s", refusal)
        failure.write_text(f"{clean_text(str(refusal))}\n", "utf-8")
    except Exception as error:
        log.exception("the job failed")
        failure.write_text(clean_text(f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"), "utf-8")
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def complete_arguments(argv: list[str]) -> list[str]:
    """Add what the rest of the command line implies: the choices of the run that `resume=` names, a sweep's name.

    Raises:
        UserError: `resume` names no checkpoint, or a sweep is to change its own name.
    """
    given = {override.key_or_group: override for override in map(parse_override, filter(is_override, argv))}
    if is_sweep(argv):
        return [*argv, *name_sweep(argv, given)]
    resume = given["resume"].value() if "resume" in given else None
    if resume in (None, "auto"):
        return argv
    path = checkpoint.find_whole_file("resume", str(resume), say=False)
    saved = checkpoint.read_once(path)["config"]
    choices = saved.get("choices", {})
    # so that the keys of its model and its data are the valid ones
    several = saved.get("logger")  # Hydra notes no list among the choices
    names = [choices["logger"]] if "logger" in choices else list(several) if isinstance(several, dict) else []
    names = [name for name in map(str, names) if re.fullmatch(r"(?!csv$)[\w-]+", name)]
    if "logger" not in given and names:
        logger = names[0] if len(names) == 1 else f"[{','.join(names)}]"
        log.warning("resume=%s: the run was logged with %s too; logger=%s logs it on", path, logger, logger)
    missing = {key: choices[key] for key in ("model", "data") if key in choices and key not in given}
    for key, choice in missing.items():
        # a path could lead to a configuration that came with the checkpoint
        if not re.fullmatch(r"[\w-]+", str(choice)):
            raise UserError(
                f"resume={path}: its {key} is {str(choice)[:80]!r}, which is no name of a configuration; give {key}= too"
            )
    return [*argv, *[f"{key}={choice}" for key, choice in missing.items()]]


def name_sweep(argv: list[str], given: dict[str, Override]) -> list[str]:
    """Return an override that names the sweep by all its models and data: Hydra would take the default ones'.

    Where neither the command line nor an experiment that all jobs share has a name for it.

    Raises:
        UserError: the name is swept: the jobs of a sweep lie in one folder.
    """
    for key in ("name", "runs_dir"):
        if key in given and given[key].is_sweep_override():
            raise UserError(f"{given[key].input_line}: job i of a sweep lies at <runs_dir>/<name>/<i>; give one {key}")
    if "name" in given:
        return []
    own = OmegaConf.load(find_config_dir() / "train.yaml")
    if "experiment" in given and not given["experiment"].is_sweep_override():
        composed = compose("train", [*get_search_path(argv), str(given["experiment"].input_line)])
        if OmegaConf.to_container(composed)["name"] != OmegaConf.to_container(own)["name"]:  # type: ignore[call-overload, index]
            return []
    entries = [entry for entry in own.defaults if not isinstance(entry, str)]
    default = {group: choice for entry in entries for group, choice in entry.items()}
    names = [
        "+".join(list_swept_values(given[group])) if group in given else default[group] for group in ("model", "data")
    ]
    return [f"name={'-'.join(names)}"]


COMMAND = Command(train, check=check_config, prepare=complete_arguments)
