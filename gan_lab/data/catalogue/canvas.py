"""The sheet that products are painted on: premultiplied linear colour, lit by one light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue.light import SIDE, Lamp
from gan_lab.data.catalogue.palette import Colour
from gan_lab.data.catalogue.surfaces import Array, Mask, Patch, Points, soften


@dataclass(frozen=True)
class Material:
    """How a surface answers light: `shine` scales the mirrored surroundings, `roughness` counts in ROUGHNESS."""

    shine: float = 0.0
    roughness: int = 2
    metal: bool = False
    cloth: bool = False


MATT = Material(0.15, 2)
SATIN = Material(0.6, 1)
GLOSSY = Material(1.0, 0)
CLOTH = Material(cloth=True)
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

    def __init__(self, size: int, light: Lamp, pose: Pose) -> None:
        self.size, self.light, self.pose = size, light, pose
        self.colour: Array = np.zeros((size, size, 3), np.float32)
        self.alpha: Array = np.zeros((size, size), np.float32)
        self.unit = pose.unit * size
        self.rise = self.unit * float(np.cos(pose.pitch))  # pixels of a unit of height
        self.origin = (pose.x * size, pose.y * size)
        self._answers: dict[tuple[Colour | None, Material, float, float | None], tuple[Array, Array | None]] = {}

    def place(self, points: Points) -> NDArray[np.float64]:
        """Return product points (right, up from the base) as pixels [n, 2]."""
        p = np.asarray(points, np.float64) * (self.pose.side, 1)
        sin, cos = np.sin(self.pose.roll), np.cos(self.pose.roll)
        x, y = p[:, 0] * cos - p[:, 1] * sin, p[:, 0] * sin + p[:, 1] * cos
        return np.stack([self.origin[0] + x * self.unit, self.origin[1] - y * self.rise], 1)

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
        y = -(np.arange(height, dtype=np.float32) + np.float32(patch.y - self.origin[1]))[:, None] / np.float32(
            self.rise
        )
        sin, cos = np.float32(np.sin(self.pose.roll)), np.float32(np.cos(self.pose.roll))
        return x * cos + y * sin, y * cos - x * sin

    def paint(
        self,
        patch: Patch,
        colour: Colour | Array,
        material: Material,
        opacity: float | Array = 1.0,
        glow: float = 0.0,
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
        whole, patch = patch, patch.inside(self.size)
        if patch.alpha.size == 0:
            return
        height, width = patch.alpha.shape
        top, left = patch.y - whole.y, patch.x - whole.x
        cut = (slice(top, top + height), slice(left, left + width))
        paint = colour[cut] if isinstance(colour, np.ndarray) else None
        alpha = patch.alpha if isinstance(opacity, float) and opacity == 1.0 else patch.alpha * _part(opacity, cut)
        plain = paint is None and isinstance(shade, float) and alpha is patch.alpha
        asked = (None if isinstance(colour, np.ndarray) else colour, material, glow, float(shade) if plain else None)
        if asked not in self._answers:
            self._answers[asked] = self._answer(*asked)
        base, gloss = self._answers[asked]
        half = np.float32((SIDE - 1) / 2)
        at = (patch.nx * half + half, half - patch.ny * half)
        lit: Array = cv2.remap(base, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if paint is not None:
            lit *= paint
        lit *= _planes(alpha if plain else alpha * _part(shade, cut))
        if gloss is not None:
            shine: Array = cv2.remap(gloss, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            lit += shine * _planes(patch.alpha)
        window = (slice(patch.y, patch.y + height), slice(patch.x, patch.x + width))
        rest = 1 - alpha
        self.colour[window] = lit + self.colour[window] * _planes(rest)
        self.alpha[window] = self.alpha[window] * rest + alpha

    def _answer(
        self, colour: Colour | None, material: Material, glow: float, shade: float | None
    ) -> tuple[Array, Array | None]:
        """Return the maps from normal to light: what the colour multiplies, and the clear highlights over it.

        Both in one map where nothing differs from pixel to pixel: then `shade` is a number and already in it.
        """
        light = self.light
        tint = np.array((1.0, 1.0, 1.0) if colour is None else colour, np.float32)
        base: Array
        if material.metal:
            base = light.metal[material.roughness] * (tint + (1 - tint) * (light.grazing * np.float32(0.4)))
        else:
            base = ((light.cloth if material.cloth else light.diffuse) + np.float32(glow)) * tint
        base *= np.float32(1.0 if shade is None else shade)
        if material.metal or not material.shine:
            return base, None
        coat = light.coat[material.roughness] * np.float32(material.shine)
        return (base, coat) if shade is None else (base + coat, None)

    def darken(self, placed: Mask, blur: float, strength: float, dx: float = 0, dy: float = 0) -> None:
        """Take light from what is already painted around and under a shape, as a body close above would.

        Args:
            placed: left, top, mask of the shape in pixels.
            blur, dx, dy: softness and shift of the shadow in product units.
        """
        step = max(1, int(blur * self.unit / 1.5))
        reach = int(blur * self.unit * 2.5) + 1
        mask: Array = cv2.copyMakeBorder(placed[2], reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
        x, y = placed[0] - reach + round(dx * self.unit), placed[1] - reach - round(dy * self.unit)
        full = (mask.shape[1], mask.shape[0])
        small = cv2.resize(mask, (max(1, full[0] // step), max(1, full[1] // step)), interpolation=cv2.INTER_AREA)
        small = soften(small, blur * self.unit / step).astype(np.float32) * np.float32(-strength / 255) + 1
        shadow = cv2.resize(small, full)
        top, left = max(0, -y), max(0, -x)
        window = self.colour[max(0, y) : max(0, y + full[1]), max(0, x) : max(0, x + full[0])]
        part = shadow[top : top + window.shape[0], left : left + window.shape[1]]
        if part.size:
            window *= _planes(np.ascontiguousarray(part))


def _part(whole: Array | float, cut: tuple[slice, slice]) -> Array | np.float32:
    return whole[cut] if isinstance(whole, np.ndarray) else np.float32(whole)


def _planes(plane: Array) -> Array:
    """Return [h, w] thrice as [h, w, 3]: laid out in full it multiplies several times faster than a broadcast axis."""
    return cv2.merge((plane, plane, plane))
