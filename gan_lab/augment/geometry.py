"""Geometric transformations of a batch: a 3x3 matrix an image, and the one resampling that executes it.

A matrix maps a pixel of the output to the point of the input that it shows, in pixels from the image's centre, x to the
right and y down. It is thus the inverse of what happens to the picture, and of several transformations the one that
happens first stands leftmost in the product.

Source: Karras et al. 2020, arXiv:2006.06676, appendix B, and the authors' code (stylegan2-ada, augment.py).
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

INTEGER_RANGE = 0.125  # of the image's side; these are the paper's, its table of parameters
SCALE_STD = 0.2  # of the base-2 logarithm
ANISOTROPY_STD = 0.2  # likewise
FRACTION_STD = 0.125  # of the image's side
TAPS = 12


def sometimes(p: Tensor | float, values: Tensor, neutral: float) -> Tensor:
    """Return `values` [N, ...], each row with probability `p` and `neutral` in its place otherwise."""
    chosen = torch.rand(len(values), device=values.device) < p
    return torch.where(chosen.view(-1, *[1] * (values.dim() - 1)), values, neutral)


def draw_blitting(n: int, p: Tensor, height: int, width: int) -> Tensor:
    """Draw flips in x, turns and translations by whole pixels, each with probability `p`.

    Turns are by quarters.
    Differs from paper: of images that are no squares, by halves: a quarter turn would move a part of the picture out of its
    frame, and its mirror image in.

    Args:
        n: number of images.
        p: scalar in [0, 1], float32, on the device where the matrices are wanted.
        height: of the images, in pixels.
        width: likewise.

    Returns:
        [N, 3, 3] float32; applied to images they move pixels and change none.
    """
    flip = sometimes(p, torch.randint(2, (n,), device=p.device), 0)
    turns = sometimes(p, torch.randint(4, (n,), device=p.device), 0)
    if height != width:
        turns = turns // 2 * 2
    shift = sometimes(p, (2 * torch.rand(n, 2, device=p.device) - 1) * INTEGER_RANGE, 0)
    x, y = (shift[:, 0] * width).round(), (shift[:, 1] * height).round()
    return scaling(1.0 - 2 * flip, torch.ones_like(x)) @ quarter_turns(turns) @ translation(x, y)


def draw_geometric(n: int, p: Tensor, height: int, width: int) -> Tensor:
    """Draw isotropic scalings, rotations, anisotropic scalings and fractional translations, each with probability `p`.

    A rotation comes before and after the anisotropic scaling, so that its direction is free. Each of the two has the
    probability 1 - sqrt(1 - p), for one or the other to occur with `p`: a uniform rotation must leave enough images
    upright, or G may learn them turned.

    Args and returns are those of `draw_blitting`.
    """
    size = sometimes(p, torch.exp2(torch.randn(n, device=p.device) * SCALE_STD), 1)
    before, after = draw_angles(n, p), draw_angles(n, p)
    stretch = sometimes(p, torch.exp2(torch.randn(n, device=p.device) * ANISOTROPY_STD), 1)
    shift = sometimes(p, torch.randn(n, 2, device=p.device) * FRACTION_STD, 0)
    linear = scaling(size, size) @ rotation(before) @ scaling(stretch, 1 / stretch) @ rotation(after)
    return linear @ translation(shift[:, 0] * width, shift[:, 1] * height)


def draw_angles(n: int, p: Tensor) -> Tensor:
    """Draw angles in radians [N], uniform on the full circle with probability 1 - sqrt(1 - p), else 0."""
    return sometimes(1 - (1 - p).sqrt(), (2 * torch.rand(n, device=p.device) - 1) * math.pi, 0)


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Return matrices [N, 3, 3] that move the picture by `x` pixels to the right and `y` down, [N] each."""
    matrix = identities(len(x), 3, x.device)
    matrix[:, 0, 2], matrix[:, 1, 2] = -x, -y
    return matrix


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Return matrices [N, 3, 3] that enlarge the picture by the factors `x` and `y`, [N] each; negative ones mirror."""
    matrix = identities(len(x), 3, x.device)
    matrix[:, 0, 0], matrix[:, 1, 1] = 1 / x, 1 / y
    return matrix


def rotation(angle: Tensor) -> Tensor:
    """Return matrices [N, 3, 3] that turn the picture clockwise by `angle` radians, [N]."""
    return make_rotation_matrix(angle.cos(), angle.sin())


def quarter_turns(count: Tensor) -> Tensor:
    """Return matrices [N, 3, 3] that turn the picture clockwise by `count` right angles, [N] integer; without rounding."""
    quarter = torch.tensor([0.0, 1.0, 0.0, -1.0], device=count.device)  # the sine of 0 to 3 right angles
    return make_rotation_matrix(quarter[(count + 1) % 4], quarter[count % 4])


def make_rotation_matrix(cosine: Tensor, sine: Tensor) -> Tensor:
    """Return matrices [N, 3, 3] that turn the picture clockwise by the angle of this cosine and sine, [N] each."""
    matrix = identities(len(cosine), 3, cosine.device)
    matrix[:, 0, 0], matrix[:, 0, 1] = cosine, sine
    matrix[:, 1, 0], matrix[:, 1, 1] = -sine, cosine
    return matrix


def identities(n: int, size: int, device: torch.device) -> Tensor:
    """Return `n` identity matrices [N, size, size], float32."""
    return torch.eye(size, device=device).repeat(n, 1, 1)


def warp(images: Tensor, matrix: Tensor) -> Tensor:
    """Return the images that the matrices make of `images`, reflected beyond their border, as often as it takes.

    The images are interpolated to twice their size, and bilinearly from there. Where a matrix maps pixel centres to
    pixel centres it copies pixels.

    Differs from paper: there the result is also computed at twice the size and filtered down, so that shrinking does not
    alias; here it is sampled at its own size, which takes half the time and aliases where a picture shrinks, by 2^0.2
    mostly. Both interpolate by the same filter: the paper's sym6 upward and downward make the 12 taps used here.
    Differs from paper: a border pixel is mirrored with its neighbours, and a point however far away has its reflection;
    there a border pixel is the mirror's axis, and beyond one reflection all is 0.

    Args:
        images: [N, C, H, W] float32 or float64.
        matrix: [N, 3, 3], of this module's kind.

    Returns:
        [N, C, H, W] in the images' dtype; differentiable in the images, twice where torch can (2.15 can).
    """
    height, width = images.shape[-2:]
    doubled = halves(height, images) @ (images @ halves(width, images).T)  # [N, C, 2H+1, 2W+1]
    # the outermost samples lie on the border, where -1 and 1 are: pixel edges of the images, corners of the doubled
    grid = sources(images, matrix)
    return F.grid_sample(doubled, grid, mode="bilinear", padding_mode="reflection", align_corners=True)


def move(images: Tensor, matrix: Tensor) -> Tensor:
    """Return the images with their pixels moved, each the nearest to its source: for `draw_blitting` alone.

    What `warp` makes of such matrices, but for its rounding, in a fifth of the time. Args and returns are those of `warp`.
    """
    grid = sources(images, matrix)
    return F.grid_sample(images, grid, mode="nearest", padding_mode="reflection", align_corners=False)


def sources(images: Tensor, matrix: Tensor) -> Tensor:
    """Return where each pixel comes from, [N, H, W, 2] as (x, y), with -1 and 1 at the images' borders."""
    height, width = images.shape[-2:]
    x, y = centres(width, images), centres(height, images)[:, None]
    a, b, tx, c, d, ty = (entry[:, None, None] for entry in matrix[:, :2].to(images.dtype).flatten(1).unbind(1))
    # entry by entry: as a matrix product a GPU may round coordinates to 11 bits (TF32), an eighth of a pixel at 256
    return torch.stack([(a * x + b * y + tx) * (2 / width), (c * x + d * y + ty) * (2 / height)], dim=-1)


def centres(size: int, like: Tensor) -> Tensor:
    """Return the places of `size` pixels' centres, from the centre of all, [size]."""
    return torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2


def halves(size: int, like: Tensor) -> Tensor:
    """Return the matrix [2 * size + 1, size] that interpolates a row of pixels at every half, from border to border."""
    return _halves(size, like.dtype, like.device)


@functools.lru_cache(maxsize=16)
def _halves(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    nodes = range(1 - TAPS // 2, TAPS // 2 + 1)
    # Lagrange's polynomial through the nodes, at 1/2: the half-band filter that is sym6 convolved with its mirror image
    taps = [math.prod((0.5 - j) / (i - j) for j in nodes if j != i) for i in nodes]
    with torch.inference_mode(False):  # what is made in inference mode could not be trained through later
        matrix = torch.zeros(2 * size + 1, size, dtype=torch.float64)
        matrix[1::2] = torch.eye(size)
        for row in range(size + 1):  # half a pixel before pixel `row`
            for node, tap in zip(nodes, taps, strict=True):
                place = (row - 1 + node) % (2 * size)
                matrix[2 * row, min(place, 2 * size - 1 - place)] += tap
        return matrix.to(dtype).to(device)
