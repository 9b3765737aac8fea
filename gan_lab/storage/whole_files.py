"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(path: Path, write: Callable[[Any], Any], former: str | None = None) -> None:
    """Give `write` a file that takes the place of `path` once it is complete and on disk.

    Args:
        path: the file.
        write: fills it.
        former: name beside it that what was there before gets; None: it goes.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        if former is not None:
            keep(path, former)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def keep(path: Path, name: str) -> None:
    """Give a file another name beside it, in the place of what had that: a second one, where the file system has links."""
    if not path.exists():
        return
    link = path.with_name(f".{name}.{os.getpid()}")
    try:
        link.unlink(missing_ok=True)  # of a process that was killed and had the same number
        os.link(path, link)
        os.replace(link, path.with_name(name))
    except OSError:
        os.replace(path, path.with_name(name))
