"""Images that are too large for one pass: overlapping tiles, blended."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

#: Tiles start at multiples of it, so that strided convolutions meet the same grid in every tile.
ALIGNMENT = 16
#: Pixels over which two tiles are blended; wide enough for the context that a convolution loses at a tile's edge.
OVERLAP = 64


def by_tiles(network: Callable[[Tensor], Tensor], image: Tensor, tile: int | None, overlap: int = OVERLAP) -> Tensor:
    """Apply a fully convolutional network to an image, in one pass, or in tiles where it is larger than one.

    Neighbouring tiles are blended linearly over their overlap. For a network without norms, or with batch norm, that
    is what one pass gives but for the context that is cut off at a tile's edge, and that counts little there. Instance
    norm takes its statistics over the tile: with it (CycleGAN), each tile is rendered by its own contrast and colour,
    and large tiles are closer to one pass.

    Args:
        network: [1, C, h, w] to the same shape.
        image: [1, C, H, W].
        tile: longest side of a tile; images of up to tile * tile pixels go in one pass. None: always one pass.
        overlap: pixels that neighbouring tiles share at least.

    Returns:
        [1, C, H, W] on the image's device.

    Raises:
        ValueError: `tile` is not larger than twice the overlap.
    """
    height, width = image.shape[-2:]
    if tile is not None and tile <= 2 * overlap:
        raise ValueError(f"tile: {tile} (must be above {2 * overlap}, twice the overlap)")
    if tile is None or height * width <= tile * tile:
        return network(image)
    out = torch.zeros_like(image)
    for top, bottom, rows in parts(height, tile, overlap):
        for left, right, columns in parts(width, tile, overlap):
            weights = (rows[:, None] * columns[None, :]).to(image)
            out[..., top:bottom, left:right] += weights * network(image[..., top:bottom, left:right])
    return out


def parts(length: int, tile: int, overlap: int) -> list[tuple[int, int, Tensor]]:
    """Cut an axis into overlapping parts of about equal length, with weights [end - start] that add up to 1 anywhere.

    Returns:
        (start, end, weights) of each part.
    """
    shared = overlap + ALIGNMENT  # a part that moves down to its multiple takes that from its neighbour
    count = max(1, math.ceil((length - shared) / (tile - shared)))
    size = math.ceil((length + (count - 1) * shared) / count)
    starts = [index * (length - size) // max(1, count - 1) // ALIGNMENT * ALIGNMENT for index in range(count)]
    ends = [min(length, start + size) for start in starts[:-1]] + [length]
    ramps, total = [], torch.zeros(length)
    for start, end in zip(starts, ends, strict=True):
        position = torch.arange(start, end) + 0.5
        ramp = torch.ones(end - start)
        if start > 0:
            ramp = torch.minimum(ramp, (position - start) / overlap)
        if end < length:
            ramp = torch.minimum(ramp, (end - position) / overlap)
        total[start:end] += ramp
        ramps.append(ramp)
    return [(start, end, ramp / total[start:end]) for start, end, ramp in zip(starts, ends, ramps, strict=True)]
