"""The memory of the machine, and where the user's cache lies."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import torch

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

#: glibc's M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD, in bytes, and M_ARENA_MAX, so that what one thread gives back
#: serves all; see mallopt(3).
_MALLOC = {-3: 128 << 20, -1: 512 << 20, -2: 64 << 20, -8: 1}


def keep_freed_memory() -> bool:
    """Let glibc keep what tensors give back, for the next step's; tell whether it does.

    Otherwise it returns every large block to the system, which zeroes it page by page when the next tensor asks for it:
    a tenth of a step on a CPU. Blocks above 128 MB, such as large photos, are returned all the same, so that the peak stays
    where it was. The environment's own `MALLOC_*` settings are left alone.
    """
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and all(mallopt(option, size) for option, size in _MALLOC.items())


def user_cache(name: str) -> Path:
    """Return the folder of gan_lab's `name` in the user's cache; it need not exist.

    Raises:
        OSError: the user has none.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gan_lab" / name
    except RuntimeError as error:
        raise OSError(str(error)) from error


def peak_memory() -> float:
    """Return the most memory that this process has held, in MB: the GPU's where it uses one, else its own resident memory."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**20
    if resource is None:  # Windows
        return float("nan")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def total_memory(accelerator: str) -> float:
    """Return the memory of the first GPU, or of the machine, in MB."""
    if accelerator == "gpu":
        return torch.cuda.get_device_properties(0).total_memory / 2**20
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20 if hasattr(os, "sysconf") else float("inf")
