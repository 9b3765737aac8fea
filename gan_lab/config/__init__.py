"""From the command line to constructors: where the configuration lies, what it may name, and what a typo is answered.

Only this package, `checkpoint.py`, `training.py` and the commands know Hydra.
"""

from gan_lab.config.entry_point import Command, check_seed, command, fail, refusal_of
from gan_lab.config.overrides import (
    complete_overrides,
    compose,
    config_dir,
    is_group,
    is_override,
    is_sweep,
    iterate_keys,
    parsed,
    swept_values,
)
from gan_lab.config.secrets import MaskedFormatter, secrets_masked, shown, text_masked
from gan_lab.config.targets import LOGGERS, build, check_description, instantiate, resolve, trusted_packages

__all__ = [
    "LOGGERS",
    "Command",
    "MaskedFormatter",
    "build",
    "check_description",
    "check_seed",
    "command",
    "complete_overrides",
    "compose",
    "config_dir",
    "fail",
    "instantiate",
    "is_group",
    "is_override",
    "is_sweep",
    "iterate_keys",
    "parsed",
    "refusal_of",
    "resolve",
    "secrets_masked",
    "shown",
    "swept_values",
    "text_masked",
    "trusted_packages",
]
