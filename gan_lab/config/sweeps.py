"""Sweeps of commands that write into `output=`: each job needs a folder of its own, and none needs Hydra's."""

from __future__ import annotations

import atexit
import itertools
import shutil
import tempfile
from typing import Any

from omegaconf.errors import OmegaConfBaseException

from gan_lab.config.overrides import compose, get_search_path, is_override, list_swept_values, parse_override
from gan_lab.errors import UserError

#: Commands whose second job would write over, or among, what the first one has written; a run of a sweep has its own
#: folder, and `generate` looks at what is there itself.
CHECKED = ("enhance", "compare", "translate", "evaluate", "pack")
#: Jobs that are looked at.
MOST = 256


def prepare_sweep(argv: list[str], name: str) -> list[str]:
    """Return a sweep's command line, with a folder for what Hydra writes that goes when the process ends.

    Raises:
        UserError: two jobs would write into one folder.
    """
    if name in CHECKED:
        check_outputs(argv, name)
    if name == "train" or any(argument.lstrip("+").startswith("hydra.sweep.dir=") for argument in argv):
        return argv
    folder = tempfile.mkdtemp(prefix="gan_lab-sweep-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    last = max((place for place, argument in enumerate(argv) if is_override(argument)), default=-1)
    # beside another override: Hydra takes them in one row
    return [*argv[: last + 1], f'hydra.sweep.dir="{folder}"', *argv[last + 1 :]]


def check_outputs(argv: list[str], name: str) -> None:
    """Refuse a sweep of which two jobs would write into one folder.

    Raises:
        UserError: naming it, and how each gets its own.
    """
    overrides = [parse_override(argument) for argument in argv if is_override(argument)]
    if not any(override.is_sweep_override() for override in overrides):
        return
    choices = [[_set(override.input_line, value) for value in list_swept_values(override)] for override in overrides]
    seen: set[Any] = set()
    for lines in itertools.islice(itertools.product(*choices), MOST):
        place = _find_place(name, [*get_search_path(argv), *lines])
        if place is None:
            continue
        if place in seen:
            where = f"output={place[0]}" if place[0] else "output=null, which means beside the checkpoint"
            raise UserError(
                f"{where}: several jobs of this sweep would write there, one over the other; give each a folder of its own, "
                "'output=results/${hydra:job.num}', or call the command once for each value"
            )
        seen.add(place)


def _set(line: Any, value: str) -> str:
    key, given, _ = str(line).partition("=")
    return f"{key}={value}" if given else key


def _find_place(name: str, lines: list[str]) -> tuple[str | None, ...] | None:
    """Return the options that decide where a job writes; None where only Hydra knows, as of `${hydra:job.num}`."""
    config = compose(name, lines)
    try:
        output = config.output
    except OmegaConfBaseException:
        return None
    if output is None and name == "evaluate":  # beside the checkpoint
        return None, str(config.checkpoint), str(config.task)
    return (str(output),)
