"""A command: Hydra's flags, a checked command line, and errors of one line."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_lab.config.home import expand_flags, expand_homes
from gan_lab.config.overrides import (
    asks_for_help,
    complete_overrides,
    compose_first_job,
    find_config_dir,
    is_sweep,
    read_trust,
)
from gan_lab.config.secrets import clean_text
from gan_lab.config.sweeps import prepare_sweep
from gan_lab.config.targets import parse_trust
from gan_lab.config.texts import TEXTS, keep_texts
from gan_lab.cores import Times, read_times
from gan_lab.deferred import defer_compiler, defer_torchmetrics
from gan_lab.errors import UserError
from gan_lab.kinds import fits
from gan_lab.terminal import secure_output

#: Bytes of a file's name, at most, on common file systems.
LONGEST = 255


class Command(NamedTuple):
    """The work of a command.

    Attributes:
        work: what it does with its composed configuration.
        check: refuses a configuration, given whether it is one of a sweep's, before Hydra makes the sweep's folder.
        prepare: completes the command line before it is checked.
    """

    work: Callable[[DictConfig], None]
    check: Callable[[DictConfig, bool], None] | None = None
    prepare: Callable[[list[str]], list[str]] | None = None


def command(name: str) -> Callable[[], None]:
    """Return the command of a name: Hydra's flags, checked overrides, one-line errors.

    Its primary configuration is the yaml of that name, its work the `COMMAND` of that module in `gan_lab.commands`.
    """

    def main() -> None:
        secure_output()
        # torch and Lightning take seconds to import, and a call for help does not wait for them
        work = (lambda _: None) if asks_for_help(sys.argv[1:]) else prepare_work(name, since=read_times())
        hydra.main(version_base="1.3", config_path=str(find_config_dir()), config_name=name)(work)()

    return main


def prepare_work(name: str, since: Times | None = None) -> Callable[[DictConfig], None]:
    """Import the work of a command, check the command line, and return the work with one-line errors.

    Args:
        name: of the command.
        since: the CPU time when the command began.
    """
    defer_torchmetrics()
    defer_compiler()
    made: Command = importlib.import_module(f"gan_lab.commands.{name}").COMMAND
    from gan_lab.hardware import keep_freed_memory, settle_threads  # here, because it imports torch

    keep_freed_memory()
    try:
        sys.argv[1:] = keep_texts(sys.argv[1:])
        if made.prepare is not None:
            sys.argv[1:] = made.prepare(sys.argv[1:])
        sys.argv[1:] = complete_overrides(expand_flags(sys.argv[1:]), name)
        if is_sweep(sys.argv[1:]):
            sys.argv[1:] = prepare_sweep(sys.argv[1:], name)
        if made.check is not None:
            made.check(compose_first_job(sys.argv[1:], name), is_sweep(sys.argv[1:]))
    except UserError as error:
        fail(error)
    except OmegaConfBaseException as error:
        fail(convert_refusal(error))

    @functools.wraps(made.work)
    def run_work(config: DictConfig) -> None:
        try:
            if "seed" in config:
                check_seed(config.seed)
            check_texts(config)
            expand_homes(config)
            check_trust(config)
            settle_threads(config.get("threads", "auto"), since)
            made.work(config)
        except UserError as error:
            fail(error)
        except OmegaConfBaseException as error:  # a value that another one refers to is gone
            fail(convert_refusal(error))

    return run_work


def convert_refusal(error: OmegaConfBaseException) -> UserError:
    """Return in one line what OmegaConf finds wrong with a configuration."""
    return UserError(f"configuration: {' '.join(str(error).split())}; set it, or leave out what refers to it")


def check_seed(seed: Any) -> None:
    """Refuse what no random number generator takes.

    Raises:
        UserError: the seed is no whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed}: needs a whole number from 0 to {2**32 - 1}")


def check_texts(config: DictConfig) -> None:
    """Refuse what is no name or path where one is asked for; a command line has its numbers in quotes by now.

    Raises:
        UserError: it is something else, or longer than a name may be.
    """
    for key in TEXTS.keys() & {str(key) for key in config}:
        value: Any = config[key]
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=True)
        if isinstance(value, int | float):  # of 1.10 in a yaml, 1.1 alone is left
            raise UserError(f"{key}={value}: is no text where a yaml states it; put it into quotes there")
        if not fits(value, TEXTS[key]):
            raise UserError(f"{key}={value!r}: needs a name or a path")
        if any(len(os.fsencode(part)) > LONGEST for part in str(value).split("/")):
            raise UserError(
                f"{key}={str(value)[:60]}...: a name in it is too long; give one of at most {LONGEST} bytes"
            )


def check_trust(config: DictConfig) -> None:
    """Refuse trust that the command line does not give itself: no file may ask for it.

    Raises:
        UserError: a yaml sets `trust`, or it names no package of the user's own.
    """
    if config.get("trust") is None:
        return
    if not read_trust(list(HydraConfig.get().overrides.task)):
        raise UserError(f"trust={config.trust}: a file may not ask for trust; give it on the command line")
    parse_trust(OmegaConf.to_container(config, resolve=True)["trust"])  # type: ignore[call-overload, index]


def fail(error: UserError) -> None:
    """Print the message and leave with exit code 2."""
    print(f"error: {clean_text(str(error))}", file=sys.stderr)
    raise SystemExit(2)
