"""Sizes that a network's strides do not divide."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def reflect_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Extend [N, C, H, W] by reflection, below and to the right, until both sides are multiples of `multiple`."""
    height, width = x.shape[-2:]
    return functional.pad(x, (0, -width % multiple, 0, -height % multiple), mode="reflect")
