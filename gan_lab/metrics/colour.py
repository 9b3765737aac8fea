"""The CIEDE2000 colour difference, for tensors of any shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TURN = 2 * math.pi


def difference_2000(lab_1: Tensor, lab_2: Tensor) -> Tensor:
    """Return the CIEDE2000 difference of CIELAB colours, with all parametric factors 1.

    Args:
        lab_1: L*, a*, b* in the last dimension, [..., 3]; use float64 where small differences count.
        lab_2: likewise.

    Returns:
        [...], not negative.

    Source: Sharma, Wu and Dalal 2005, doi:10.1002/col.20070, eqs. 2 to 22.
    """
    lightness_1, a_1, b_1 = lab_1.unbind(-1)
    lightness_2, a_2, b_2 = lab_2.unbind(-1)

    # eqs. 2 to 7: a* stretched for near-neutral colours, then chroma and hue
    stretch = 1 + 0.5 * (1 - _chroma_weight((torch.hypot(a_1, b_1) + torch.hypot(a_2, b_2)) / 2))
    chroma_1, chroma_2 = torch.hypot(stretch * a_1, b_1), torch.hypot(stretch * a_2, b_2)
    hue_1, hue_2 = (torch.atan2(b, stretch * a) % _TURN for a, b in ((a_1, b_1), (a_2, b_2)))

    # eqs. 8 to 11: the differences; the hue's is the shorter way round, and none where a colour has no chroma
    coloured = chroma_1 * chroma_2 > 0
    turn = hue_2 - hue_1
    apart = turn.abs() > math.pi
    turn = torch.where(coloured, turn - _TURN * torch.sign(turn) * apart, 0)
    delta_chroma = chroma_2 - chroma_1
    delta_hue = 2 * torch.sqrt(chroma_1 * chroma_2) * torch.sin(turn / 2)

    # eqs. 12 to 14: the means; two hues on either side of zero meet across it. Without chroma the mean hue has no
    # effect, because every term with it has delta_hue as a factor
    lightness, chroma = (lightness_1 + lightness_2) / 2, (chroma_1 + chroma_2) / 2
    total = hue_1 + hue_2
    across = torch.where(total < _TURN, total + _TURN, total - _TURN)
    hue = torch.where(apart, across, total) / 2

    # eqs. 15 to 21: the weights
    tilt = (
        1
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )
    rotation = math.radians(30) * torch.exp(-(((torch.rad2deg(hue) - 275) / 25) ** 2))
    middle = (lightness - 50) ** 2
    weight_lightness = 1 + 0.015 * middle / torch.sqrt(20 + middle)
    weight_chroma = 1 + 0.045 * chroma
    weight_hue = 1 + 0.015 * chroma * tilt
    twist = -torch.sin(2 * rotation) * 2 * _chroma_weight(chroma)

    # eq. 22
    in_lightness = (lightness_2 - lightness_1) / weight_lightness
    in_chroma = delta_chroma / weight_chroma
    in_hue = delta_hue / weight_hue
    squared = in_lightness**2 + in_chroma**2 + in_hue**2 + twist * in_chroma * in_hue
    return torch.sqrt(squared.clamp(min=0))  # rounding can leave -1e-17 for equal colours


def _chroma_weight(chroma: Tensor) -> Tensor:
    squared = chroma * chroma
    seventh = squared * squared * squared * chroma  # `**` takes ten times as long
    return torch.sqrt(seventh / (seventh + 25.0**7))
