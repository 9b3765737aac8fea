"""The sheet that products are painted on: premultiplied linear colour, lit by one light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue.light import SIDE, Light
from gan_lab.data.catalogue.surfaces import Array, Patch, Points

Colour = tuple[float, float, float]


def linear(red: float, green: float, blue: float) -> Colour:
    """Return a display colour in [0, 255] as linear light in [0, 1]."""
    return ((red / 255) ** 2.2, (green / 255) ** 2.2, (blue / 255) ** 2.2)


@dataclass(frozen=True)
class Material:
    """How a surface answers light: `shine` scales the mirrored surroundings, `roughness` counts in ROUGHNESS."""

    shine: float = 0.0
    roughness: int = 2
    metal: bool = False
    sheen: float = 0.0


MATT = Material(0.15, 2)
SATIN = Material(0.6, 1)
GLOSSY = Material(1.0, 0)
CLOTH = Material(0.0, 2, sheen=0.25)
LEATHER = Material(0.55, 2)
POLISHED = Material(1.0, 0, metal=True)
BRUSHED = Material(1.0, 1, metal=True)


@dataclass(frozen=True)
class Pose:
    """Where and how a product stands: base point and unit as shares of the picture, angles in radians."""

    x: float
    y: float
    unit: float
    yaw: float
    pitch: float
    roll: float
    side: int


class Canvas:
    """A transparent square on which surfaces are laid one over the other, from the back to the front."""

    def __init__(self, size: int, light: Light, pose: Pose) -> None:
        self.size, self.light, self.pose = size, light, pose
        self.colour = np.zeros((size, size, 3), np.float32)
        self.alpha = np.zeros((size, size), np.float32)
        self.unit = pose.unit * size
        self.origin = (pose.x * size, pose.y * size)

    def place(self, points: Points) -> NDArray[np.float64]:
        """Return product points (right, up from the base) as pixels [n, 2]."""
        p = np.asarray(points, np.float64) * (self.pose.side, 1)
        sin, cos = np.sin(self.pose.roll), np.cos(self.pose.roll)
        x, y = p[:, 0] * cos - p[:, 1] * sin, p[:, 0] * sin + p[:, 1] * cos
        return np.stack([self.origin[0] + x * self.unit, self.origin[1] - y * self.unit], 1)

    def project(self, points: Sequence[tuple[float, float, float]] | NDArray[np.floating]) -> NDArray[np.float64]:
        """Return product points (right, up, towards the viewer, before the pose turns them) as pixels [n, 2]."""
        x, y, z = np.asarray(points, np.float64).T
        yaw, pitch = self.pose.yaw, self.pose.pitch
        x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
        up, depth = y * np.cos(pitch) - z * np.sin(pitch), z * np.cos(pitch) + y * np.sin(pitch)
        near = self.unit / (1 - 0.14 * depth)
        return np.stack([self.origin[0] + x * near, self.origin[1] - up * near], 1)

    def facing(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """Return a direction of the product as the viewer sees it: right, up, towards the viewer."""
        yaw, pitch = self.pose.yaw, self.pose.pitch
        x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
        return float(x), float(y * np.cos(pitch) - z * np.sin(pitch)), float(z * np.cos(pitch) + y * np.sin(pitch))

    def grid(self, patch: Patch) -> tuple[Array, Array]:
        """Return the product coordinates [h, w] (right on the picture, up) of a patch's pixels; never mirrored."""
        height, width = patch.alpha.shape
        x = (np.arange(width, dtype=np.float32) + np.float32(patch.x - self.origin[0]))[None, :] / np.float32(self.unit)
        y = -(np.arange(height, dtype=np.float32) + np.float32(patch.y - self.origin[1]))[:, None] / np.float32(self.unit)
        sin, cos = np.float32(np.sin(self.pose.roll)), np.float32(np.cos(self.pose.roll))
        return x * cos + y * sin, y * cos - x * sin

    def paint(
        self, patch: Patch, colour: Colour | Array, material: Material, opacity: float | Array = 1.0, glow: float = 0.0,
        shade: Array | float = 1.0,
    ) -> None:
        """Lay a surface on the canvas.

        Args:
            patch: where it is and which way it faces.
            colour: linear, one or [h, w, 3] over the patch's rectangle.
            material: how it answers light.
            opacity: how much of what lies behind is hidden; highlights stay.
            glow: light that the surface sends out by itself, times its colour.
            shade: [h, w] share of the light that reaches it (occlusion), or one number.
        """
        if isinstance(colour, np.ndarray) or isinstance(shade, np.ndarray) or isinstance(opacity, np.ndarray):
            whole = patch
            patch = patch.inside(self.size)
            cut = (slice(patch.y - whole.y, patch.y - whole.y + patch.alpha.shape[0]),
                   slice(patch.x - whole.x, patch.x - whole.x + patch.alpha.shape[1]))
            colour, shade, opacity = (p[cut] if isinstance(p, np.ndarray) else p for p in (colour, shade, opacity))
        else:
            patch = patch.inside(self.size)
        if patch.alpha.size == 0:
            return
        half = (SIDE - 1) / 2
        at = (patch.nx * np.float32(half) + np.float32(half), np.float32(half) - patch.ny * np.float32(half))
        base, gloss = self._answer(colour if isinstance(colour, tuple) else None, material, glow)
        alpha = (patch.alpha * opacity)[..., None].astype(np.float32)
        lit = cv2.remap(base, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if isinstance(colour, np.ndarray):
            lit *= colour
        if isinstance(shade, np.ndarray):
            lit *= shade[..., None]
        elif shade != 1.0:
            lit *= np.float32(shade)
        lit *= alpha
        if gloss is not None:
            shine = cv2.remap(gloss, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            lit += shine * patch.alpha[..., None]
        height, width = patch.alpha.shape
        window = (slice(patch.y, patch.y + height), slice(patch.x, patch.x + width))
        self.colour[window] *= 1 - alpha
        self.colour[window] += lit
        self.alpha[window] *= 1 - alpha[..., 0]
        self.alpha[window] += alpha[..., 0]

    def _answer(self, colour: Colour | None, material: Material, glow: float) -> tuple[Array, Array | None]:
        """Return the maps from normal to light: what the colour multiplies, and the clear highlights over it."""
        light = self.light
        mirror = light.mirror[material.roughness]
        tint = np.float32(1.0) if colour is None else np.array(colour, np.float32)
        if material.metal:
            edge = light.grazing * 0.4
            return (mirror * 0.85 + light.diffuse * 0.18) * (tint + (1 - tint) * edge), None
        base = (light.diffuse + material.sheen * light.grazing * light.diffuse + np.float32(glow)) * tint
        if not material.shine:
            return base.astype(np.float32), None
        coat = mirror * (0.045 + 0.6 * light.grazing) * np.float32(material.shine)
        return base.astype(np.float32), coat.astype(np.float32)

    def darken(self, placed: tuple[int, int, NDArray[np.uint8]], blur: float, strength: float, dx: float = 0, dy: float = 0) -> None:
        """Take light from what is already painted around and under a shape, as a body close above would.

        Args:
            placed: left, top, mask of the shape in pixels.
            blur, dx, dy: softness and shift of the shadow in product units.
        """
        step = max(1, int(blur * self.unit / 3))
        x, y, mask = placed
        reach = int(blur * self.unit * 2.5) + 1
        mask = cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
        x, y = x - reach + round(dx * self.unit), y - reach - round(dy * self.unit)
        full = (mask.shape[1], mask.shape[0])
        small = cv2.resize(mask, (max(1, full[0] // step), max(1, full[1] // step)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(0.6, blur * self.unit / step))
        shadow = cv2.resize(small, full).astype(np.float32) * np.float32(-strength / 255) + 1
        top, left = max(0, -y), max(0, -x)
        window = self.colour[max(0, y) : max(0, y + full[1]), max(0, x) : max(0, x + full[0])]
        window *= shadow[top : top + window.shape[0], left : left + window.shape[1], None]
