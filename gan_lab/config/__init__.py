"""From the command line to constructors: where the configuration lies, what it may name, and what a typo is answered.

Only this package, `checkpoint.py`, `training.py` and the commands know Hydra.
"""

from gan_lab.config.entry_point import Command, check_seed, command, convert_refusal, fail
from gan_lab.config.overrides import (
    complete_overrides,
    compose,
    find_config_dir,
    get_search_path,
    is_group,
    is_override,
    is_sweep,
    iterate_keys,
    list_swept_values,
    parse_override,
)
from gan_lab.config.secrets import MaskedFormatter, clean_text, mask_secrets, mask_text
from gan_lab.config.targets import (
    CALLBACKS,
    LOGGERS,
    build,
    check_description,
    instantiate,
    iterate_calls,
    parse_trust,
    resolve,
)

__all__ = [
    "CALLBACKS",
    "LOGGERS",
    "Command",
    "MaskedFormatter",
    "build",
    "check_description",
    "check_seed",
    "clean_text",
    "command",
    "complete_overrides",
    "compose",
    "convert_refusal",
    "fail",
    "find_config_dir",
    "get_search_path",
    "instantiate",
    "is_group",
    "is_override",
    "is_sweep",
    "iterate_calls",
    "iterate_keys",
    "list_swept_values",
    "mask_secrets",
    "mask_text",
    "parse_override",
    "parse_trust",
    "resolve",
]
