"""Ordinary augmentation: flip, crop, scale, rotation, in one cut out of the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.errors import UserError
from gan_lab.options import ImageSize, split_sides


@dataclass(frozen=True)
class Cut:
    """One choice of what is cut out of a photo; applied alike to the two photos of a pair.

    Attributes:
        x, y: where the window lies in the room that it has, each in [0, 1]; 0.5 is the middle.
        scale: how much larger than in the photo the goods appear.
        rotation: degrees, counter-clockwise.
        flip: mirror left and right.
    """

    x: float = 0.5
    y: float = 0.5
    scale: float = 1.0
    rotation: float = 0.0
    flip: bool = False

    def apply(self, image: NDArray[np.uint8], image_size: ImageSize) -> NDArray[np.uint8]:
        """Cut an image of a size out of uint8 [H, W, C], neither side of which is shorter than the image's."""
        (height, width), (rows, columns) = image.shape[:2], split_sides(image_size)
        # of the part that is shown: as much as the scale asks for, as far as there is photo, in the image's aspect ratio
        high = min(rows / self.scale, height, width * rows / columns)
        wide = min(columns / self.scale, width, height * columns / rows)
        left, top = self.x * (width - wide), self.y * (height - high)
        if high == rows and wide == columns and self.rotation == 0:
            # The pixels as they are: interpolation would soften what restoration takes for the truth.
            row, column = round(top), round(left)
            cut = image[row : row + rows, column : column + columns]
        else:
            cut = self._warp(image, (left, top, wide, high), rows, columns)
        # NumPy mirrors pixels byte by byte, several times as slowly
        return np.asarray(cv2.flip(cut, 1), np.uint8).reshape(cut.shape) if self.flip else np.ascontiguousarray(cut)

    def _warp(
        self, image: NDArray[np.uint8], part: tuple[float, float, float, float], rows: int, columns: int
    ) -> NDArray[np.uint8]:
        """Return a part (left, top, width, height) of a photo as uint8 [rows, columns, C], turned about its middle."""
        left, top, wide, high = part
        angle, factor = math.radians(self.rotation), high / rows
        cosine, sine = math.cos(angle) * factor, math.sin(angle) * factor
        middle_x, middle_y = (columns - 1) / 2, (rows - 1) / 2
        centre_x, centre_y = left + (wide - 1) / 2, top + (high - 1) / 2
        # From the cut back to the photo, about the middle of both.
        matrix = np.array(
            [
                [cosine, -sine, centre_x - cosine * middle_x + sine * middle_y],
                [sine, cosine, centre_y - sine * middle_x - cosine * middle_y],
            ]
        )
        warped = cv2.warpAffine(
            image,
            matrix,
            (columns, rows),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.asarray(warped, dtype=np.uint8).reshape(rows, columns, image.shape[2])


CENTRE = Cut()


@dataclass(frozen=True)
class Augmentation:
    """What training may change about a photo.

    Args:
        flip: probability of mirroring left and right; 0 for goods with writing on them.
        crop: cut the window anywhere, else in the middle.
        scale: how much larger the goods may appear, a (low, high) pair around 1.
        rotation: up to so many degrees either way.
    """

    flip: float = 0.5
    crop: bool = True
    scale: Sequence[float] = (1.0, 1.0)
    rotation: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.flip <= 1:
            raise UserError(f"data.flip={self.flip}: is not a probability; give a number from 0 to 1")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1]:
            raise UserError(f"data.scale={list(self.scale)}: is not a range; give two numbers such as [0.9,1.1]")
        if not 0 <= self.rotation <= 180:
            raise UserError(f"data.rotation={self.rotation}: is out of range; give 0 to 180 degrees")

    def draw(self, rng: np.random.Generator) -> Cut:
        """Draw one cut. Every option takes its number whether it is on or off, so that one does not move another."""
        flip, x, y, scale, rotation = rng.random(5)
        low, high = self.scale
        return Cut(
            x=float(x) if self.crop else 0.5,
            y=float(y) if self.crop else 0.5,
            scale=float(low * (high / low) ** scale),
            rotation=float(self.rotation * (2 * rotation - 1)),
            flip=bool(flip < self.flip),
        )
