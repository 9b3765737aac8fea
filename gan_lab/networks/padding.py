"""Sizes that a network's strides do not divide."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional


def pad_to_multiple(x: Tensor, multiple: int, mode: Literal["reflect", "replicate"] = "reflect") -> Tensor:
    """Extend [N, C, H, W], below and to the right, until both sides are multiples of `multiple`.

    Args:
        x: of any size.
        multiple: in pixels.
        mode: continue by reflection, or by the last row and column.
    """
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return functional.pad(x, (0, right, 0, below), mode=mode) if below or right else x
