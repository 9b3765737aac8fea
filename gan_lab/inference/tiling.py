"""Images that are too large for one pass: overlapping tiles, blended, in memory that does not grow with the image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

#: Tiles start at multiples of it, so that strided convolutions meet the same grid in every tile.
ALIGNMENT = 16
#: Longest side of a tile of a translation, in pixels: about 1.5 GB of memory for a generator of width 64.
TILE = 1024
#: Pixels over which two tiles are blended; wide enough for the context that a convolution loses at a tile's edge.
OVERLAP = 64


def by_tiles(network: Callable[[Tensor], Tensor], image: Tensor, tile: int | None, overlap: int = OVERLAP) -> Tensor:
    """Apply a fully convolutional network to an image, in one pass, or in tiles where it is larger than one.

    Neighbouring tiles are blended linearly over their overlap. For a network without norms, or with batch norm, that
    is what one pass gives but for the context that is cut off at a tile's edge, and that counts little there. For instance
    norm see `gan_lab.inference.translation`.

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
    check_tiles(tile, overlap)
    if tile is None or height * width <= tile * tile:
        return network(image)

    def compute(rows: slice, columns: slice) -> Tensor:
        return network(image[..., rows, columns])[0]

    return torch.cat(list(compute_bands(compute, height, width, tile, overlap)), dim=1)[None].to(image)


def compute_bands(
    compute: Callable[[slice, slice], Tensor],
    height: int,
    width: int,
    tile: int | None,
    overlap: int = OVERLAP,
    context: int = 0,
    scale: int = 1,
    bounded: bool = False,
) -> Iterator[Tensor]:
    """Compute a picture tile by tile and yield it from top to bottom in bands, each as soon as no tile will change it.

    Only about one row of tiles is in memory at a time.

    Args:
        compute: the rows and columns of a tile in the input to its output, [C, scale * h, scale * w].
        height, width: of the input, in pixels.
        tile: longest side of a tile; inputs of up to tile * tile pixels are one tile. None: always one.
        overlap: pixels of the input that neighbouring tiles share at least.
        context: pixels at a tile's inner edges whose output is left out, for lack of surroundings; the rest of the overlap
            is blended.
        scale: how much larger the output is.
        bounded: no part has a side of more than `tile` + 15; else a long and narrow input may be one tile.

    Yields:
        float32 [C, h, scale * W]; their heights add up to scale * H.

    Raises:
        ValueError: `tile` is not larger than twice the overlap.
    """
    check_tiles(tile, overlap)
    fits = tile is None or (max(height, width) <= tile if bounded else height * width <= tile * tile)
    if tile is None or fits:
        yield compute(slice(0, height), slice(0, width)).float()
        return
    down, across = parts(height, tile, overlap, context), parts(width, tile, overlap, context)
    carried: Tensor | None = None  # the blended beginning of what the next row of tiles adds to
    for index, (top, bottom, rows) in enumerate(down):
        band: Tensor | None = None
        for left, right, columns in across:
            out = compute(slice(top, bottom), slice(left, right)).float()
            if band is None:
                band = out.new_zeros(out.shape[0], scale * (bottom - top), scale * width)
            weights = rows.repeat_interleave(scale)[:, None] * columns.repeat_interleave(scale)[None, :]
            band[:, :, scale * left : scale * right] += weights.to(out) * out
        assert band is not None
        if carried is not None:
            band[:, : carried.shape[1]] += carried
        ready = band.shape[1] if index == len(down) - 1 else scale * (down[index + 1][0] - top)
        yield band[:, :ready]
        carried = band[:, ready:].clone()


def check_tiles(tile: int | None, overlap: int = OVERLAP) -> None:
    """Raise ValueError where tiles would be all overlap."""
    if tile is not None and tile <= 2 * overlap:
        raise ValueError(f"tile: {tile} (must be above {2 * overlap}, twice the overlap)")


def parts(length: int, tile: int, overlap: int, context: int = 0) -> list[tuple[int, int, Tensor]]:
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
            ramp = torch.minimum(ramp, ((position - start - context) / (overlap - 2 * context)).clamp(0, 1))
        if end < length:
            ramp = torch.minimum(ramp, ((end - position - context) / (overlap - 2 * context)).clamp(0, 1))
        total[start:end] += ramp
        ramps.append(ramp)
    return [(start, end, ramp / total[start:end]) for start, end, ramp in zip(starts, ends, ramps, strict=True)]
