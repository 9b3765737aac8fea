"""Colour transformations of a batch: a 4x4 matrix an image, which acts on (red, green, blue, 1).

Of several transformations the one that happens first stands rightmost in the product.

Source: Karras et al. 2020, arXiv:2006.06676, appendix B, and the authors' code (stylegan2-ada, augment.py).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gan_lab.augment.geometry import identities, sometimes

BRIGHTNESS_STD = 0.2  # these are the paper's, its table of parameters
CONTRAST_STD = 0.5  # of the base-2 logarithm
SATURATION_STD = 1.0  # likewise


def draw_colour(n: int, p: Tensor) -> Tensor:
    """Draw changes of brightness, contrast, luma (flipped), hue and saturation, each with probability `p`.

    Args:
        n: number of images.
        p: scalar in [0, 1], float32, on the device where the matrices are wanted.

    Returns:
        [N, 4, 4] float32.
    """
    light = sometimes(p, torch.randn(n, device=p.device) * BRIGHTNESS_STD, 0)
    gain = sometimes(p, torch.exp2(torch.randn(n, device=p.device) * CONTRAST_STD), 1)
    flip = sometimes(p, torch.randint(2, (n,), device=p.device), 0)
    angle = sometimes(p, (2 * torch.rand(n, device=p.device) - 1) * math.pi, 0)
    strength = sometimes(p, torch.exp2(torch.randn(n, device=p.device) * SATURATION_STD), 1)
    return saturation(strength) @ hue(angle) @ luma_flip(flip) @ contrast(gain) @ brightness(light)


def brightness(light: Tensor) -> Tensor:
    """Return matrices [N, 4, 4] that add `light`, [N], in units of [-1, 1]."""
    matrix = identities(len(light), 4, light.device)
    matrix[:, :3, 3] = light[:, None]
    return matrix


def contrast(gain: Tensor) -> Tensor:
    """Return matrices [N, 4, 4] that multiply the distance from mid grey by `gain`, [N]."""
    matrix = identities(len(gain), 4, gain.device)
    matrix[:, :3, :3] *= gain[:, None, None]
    return matrix


def luma_flip(flip: Tensor) -> Tensor:
    """Return matrices [N, 4, 4] that turn light into dark where `flip` [N] is 1, not where it is 0; colour stays."""
    matrix = identities(len(flip), 4, flip.device)
    matrix[:, :3, :3] -= 2 / 3 * flip[:, None, None]  # I - 2 v v^T for the luma axis v = (1, 1, 1) / sqrt(3)
    return matrix


def hue(angle: Tensor) -> Tensor:
    """Return matrices [N, 4, 4] that turn colours about the luma axis by `angle` radians, [N]; luma stays."""
    cosine, sine = angle.cos(), angle.sin() / math.sqrt(3)
    same = (1 - cosine) / 3  # Rodrigues' formula about v: cos I + sin [v]x + (1 - cos) v v^T
    matrix = identities(len(angle), 4, angle.device)
    for row in range(3):
        matrix[:, row, row] = cosine + same
        matrix[:, row, (row + 2) % 3] = same + sine
        matrix[:, row, (row + 1) % 3] = same - sine
    return matrix


def saturation(strength: Tensor) -> Tensor:
    """Return matrices [N, 4, 4] that multiply the distance from the luma axis by `strength`, [N]; luma stays."""
    matrix = identities(len(strength), 4, strength.device)
    matrix[:, :3, :3] *= strength[:, None, None]
    matrix[:, :3, :3] += ((1 - strength) / 3)[:, None, None]
    return matrix


def recolour(images: Tensor, matrix: Tensor) -> Tensor:
    """Return the images with every pixel multiplied by its image's matrix; values may leave [-1, 1].

    Args:
        images: [N, C, H, W] float32 or float64; C = 1 takes the matrix's effect on grey, in which hue and saturation
            have no part.
        matrix: [N, 4, 4].

    Raises:
        ValueError: the images have neither 1 nor 3 channels.
    """
    channels = images.shape[1]
    if channels not in (1, 3):
        raise ValueError(f"images of {channels} channels have no colour to change: needs 1 or 3")
    linear, offset = matrix[:, :3, :3].to(images.dtype), matrix[:, :3, 3:].to(images.dtype)
    if channels == 1:
        linear, offset = linear.sum(2, keepdim=True).mean(1, keepdim=True), offset.mean(1, keepdim=True)
    return torch.baddbmm(offset, linear, images.flatten(2)).view(images.shape)
