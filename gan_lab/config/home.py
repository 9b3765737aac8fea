"""`~` in options that are paths: no shell expands it within quotes, and Hydra takes it within quotes alone."""

from __future__ import annotations

import os

from omegaconf import DictConfig, OmegaConf

from gan_lab.errors import UserError

#: Options at the top level that are paths; those of a group are expanded where they are used.
PATHS = (
    *("runs_dir", "resume", "init_from", "checkpoint", "input", "output", "image", "mask", "extractor_weights"),
    *("reference", "like", "unlike", "restorer", "light", "x2", "x4"),
)
_FLAGS = ("--config-dir", "-cd", "--config-path", "-cp")

# in conf/train.yaml, for Hydra makes a sweep's folder before anything of ours is called
OmegaConf.register_new_resolver("in_home", os.path.expanduser, replace=True)


def expand_homes(config: DictConfig) -> None:
    """Replace `~` or `~user` at the beginning by the home folder, in all options at the top level that are paths.

    Raises:
        UserError: there is no such home folder.
    """
    for option in PATHS:
        value = config.get(option)
        if not isinstance(value, str) or not value.startswith("~"):
            continue
        config[option] = os.path.expanduser(value)
        if config[option].startswith("~"):
            raise UserError(
                f"{option}={value}: there is no home folder of this name; write the path out, or ./{value} for what lies here"
            )


def expand_flags(argv: list[str]) -> list[str]:
    """Return a command line with `~` expanded in the folders that Hydra's own flags name."""
    expanded = []
    for before, argument in zip(("", *argv), argv, strict=False):
        flag, is_one, value = argument.partition("=")
        if flag in _FLAGS and is_one:
            argument = f"{flag}={os.path.expanduser(value)}"
        expanded.append(os.path.expanduser(argument) if before in _FLAGS else argument)
    return expanded
