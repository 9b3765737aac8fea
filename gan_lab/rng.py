"""The global random number generators: their state taken, put back, and left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor


def get_rng_state() -> dict[str, Any]:
    """Return the state of every global random number generator, in tensors and plain containers."""
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "python": random.getstate(),
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Restore what `get_rng_state` returned.

    Raises:
        ValueError: it is not such a state.
    """
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())
    name, keys, position, *rest = state["numpy"]
    if name != "MT19937" or keys.shape != (624,) or not 0 <= int(position) <= 624:
        raise ValueError("no state of numpy's generator")  # numpy checks none of it, and would read beyond its keys
    np.random.set_state((name, keys.numpy().astype(np.uint32), int(position), *rest))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


@contextmanager
def preserve_rng() -> Iterator[None]:
    """Restore the global random number generators when the block ends, whatever happens inside."""
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def draw_seeded_noise(n: int, latents: int, seed: int = 0) -> Tensor:
    """Return standard normal noise [n, latents] from a generator of its own; the same on every device."""
    return torch.randn(n, latents, generator=torch.Generator().manual_seed(seed))
