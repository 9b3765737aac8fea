"""Drawn pictures of things, which ImageNet's features can tell apart."""

from __future__ import annotations

import torch
from torch import Tensor


def shapes(n: int, size: int, seed: int = 0) -> Tensor:
    """Return striped boxes of random colours and places on a light ground, [n, 3, size, size] in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((n, 3, size, size), 0.8)
    for image in images:
        top, left = (int(size * share) for share in torch.rand(2, generator=generator) * 0.4)
        height, width = (int(size * (0.3 + 0.25 * share)) for share in torch.rand(2, generator=generator))
        colour = torch.rand(3, 1, 1, generator=generator) - 0.5
        image[:, top : top + height, left : left + width] = colour
        image[:, top : top + height : 4, left : left + width] = colour / 2 - 0.25
    return images
