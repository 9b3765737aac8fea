"""Keys that a yaml of the user's own states, and nothing reads: misspelt ones, as a rule."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from gan_lab.errors import UserError


def check_keys(configuration: DictConfig, config_name: str, folder: Path, chosen: Sequence[str]) -> None:
    """Refuse what a yaml of the user's own states at the top level, or in the recipe, and nothing reads.

    A key that an interpolation refers to is read. What lies deeper is checked against the signatures, where it is used.

    Args:
        configuration: composed of yamls alone.
        config_name: the command's primary configuration.
        folder: of the package's yamls.
        chosen: the options of groups on the command line, for the message.

    Raises:
        UserError: naming the first such key.
    """
    groups = (path.name for path in folder.iterdir() if path.is_dir())
    known = {"": {"recipe", *groups, *map(str, OmegaConf.load(folder / f"{config_name}.yaml"))}}
    known["recipe"] = set(map(str, OmegaConf.load(folder / "model" / "dcgan.yaml").recipe))
    written = OmegaConf.to_yaml(configuration)
    for parent, names in known.items():
        node = configuration.get(parent) if parent else configuration
        for key in map(str, node if isinstance(node, DictConfig) else ()):
            if key in names or re.search(rf"\$\{{[^}}]*\b{re.escape(key)}\b", written):
                continue
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(names))}"
            stated = f"{parent}.{key}" if parent else key
            raise UserError(
                f"{' '.join(chosen)}: states {stated}, and {parent or 'the top level'} has no such key; {hint}"
            )
