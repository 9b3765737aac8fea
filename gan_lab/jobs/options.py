"""Options that every command with photos in and photos out has, checked before anything is read."""

from __future__ import annotations

from typing import Any

from gan_lab.errors import UserError
from gan_lab.jobs.runner import check_jobs


def check_photo_options(config: Any, **flags: Any) -> None:
    """Refuse values of the options that are common to such commands that no photo could be read or written with.

    Args:
        config: has them.
        flags: further options that are true or false, dots in their names written as two underscores.

    Raises:
        UserError: naming the option.
    """
    check_jobs(config.jobs)
    for name, low, high in (("quality", 1, 100), ("max_pixels", 1, 2**32), ("max_result_pixels", 1, 2**36)):
        value = config[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UserError(f"{name}={value}: needs a whole number from {low} to {high}")
    if config.provenance not in ("on", "off"):
        raise UserError(f"provenance={config.provenance}: needs on or off")
    for name, value in {"drop_gps": config.drop_gps, "report": getattr(config, "report", False), **flags}.items():
        if not isinstance(value, bool):
            raise UserError(f"{name.replace('__', '.')}={value}: needs true or false")
