"""Between sRGB and linear light, where a camera's and a lamp's arithmetic is right; for 8 bits by table.

Source: IEC 61966-2-1, the sRGB transfer function.
"""

from __future__ import annotations

import numpy as np

_STEPS = 1 << 14  # fine enough that the darkest 8-bit level still spans five entries


def decode(encoded: np.ndarray) -> np.ndarray:
    """Return the linear light of sRGB values, both in [0, 1]; of any shape, in the precision given."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode(light: np.ndarray) -> np.ndarray:
    """Return the sRGB values, in [0, 1], of linear light, which is clipped to that; of any shape, in the precision given."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_LIGHT_OF_LEVEL = decode(np.arange(256) / 255).astype(np.float32)
_LEVEL_OF_LIGHT = np.rint(encode(np.arange(_STEPS) / (_STEPS - 1)) * 255).astype(np.uint8)


def to_light(image: np.ndarray) -> np.ndarray:
    """Return the linear light of an image: uint8 [H, W, C] -> float32 [H, W, C] in [0, 1]."""
    return _LIGHT_OF_LEVEL[image]


def from_light(light: np.ndarray) -> np.ndarray:
    """Return the 8-bit sRGB image of linear light, clipped to [0, 1]: float [H, W, C] -> uint8 [H, W, C]."""
    steps = np.clip(light, 0, 1) * (_STEPS - 1) + 0.5
    return _LEVEL_OF_LIGHT[steps.astype(np.uint16)]


def to_levels(values: np.ndarray) -> np.ndarray:
    """Return values rounded and clipped to uint8: any float array on the scale [0, 255]."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
