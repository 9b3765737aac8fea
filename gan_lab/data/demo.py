"""The demo catalogue as tables of images: single, unpaired, and paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue import KINDS, SMALLEST, draw, kind_of, product_of
from gan_lab.data.source import Source, reading_sizes
from gan_lab.data.splits import TEST, TRAIN, VALIDATION, split_by_group
from gan_lab.errors import UserError

DEMO_WARNING = """\
data.root is not set, so this run uses the DEMO CATALOGUE: pictures of goods that gan_lab draws itself.
    What a model learns from it says nothing about your photos. To use them: data.root=/path/to/photos"""

SPLIT_OF = {TRAIN: "train", VALIDATION: "val", TEST: "test"}


@dataclass(frozen=True)
class Drawing:
    """Draw the picture of a number as uint8 [size, size, channels]."""

    domain: Literal["studio", "snapshot"]
    numbers: NDArray[np.int64]
    size: int
    channels: int

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Return the picture of one row."""
        picture = draw(int(self.numbers[index]), self.domain, self.size)
        return picture if self.channels == 3 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None]  # type: ignore[return-value]


def demo_splits(
    images: int, *, image_size: int, channels: int, fit: str, pairs: bool, validation: float, test: float, seed: int
) -> dict[str, dict[str, Source]]:
    """Return the demo catalogue by split and role, with all pictures of one product in one split.

    "image" are the studio pictures. "A" are snapshots and "B" studio pictures, of different products of the same kinds:
    what unpaired means. With `pairs`, "lq" is the snapshot and "gt" the studio picture of the same product in one pose.

    Raises:
        UserError: the pictures would be too small to draw.
    """
    size = int(reading_sizes(np.array([[1024, 1024]]), image_size, fit)[0, 0])
    if size < SMALLEST:
        raise UserError(f"data.image_size: {image_size} is too small for the demo catalogue; give at least {SMALLEST}.")
    numbers = np.arange(images)
    products = np.array([product_of(int(number)) for number in numbers])
    # Kinds alternate from product to product, so whole rounds of them go to A and to B in turn.
    is_B = (products // len(KINDS)) % 2
    parts = split_by_group(products, is_B, validation=validation, test=test, seed=seed)

    def table(domain: Literal["studio", "snapshot"], chosen: NDArray[np.bool_]) -> Source:
        rows = numbers[chosen]
        return Source(
            names=[f"demo catalogue, {domain} picture {number}" for number in rows],
            sizes=np.full((len(rows), 2), size, dtype=np.int64),
            labels=np.array([kind_of(int(number)) for number in rows], dtype=np.int64),
            load=Drawing(domain, rows, size, channels),
        )

    splits = {}
    for part, split in SPLIT_OF.items():
        here = parts == part
        roles = {
            "image": table("studio", here),
            "A": table("snapshot", here & (is_B == 0)),
            "B": table("studio", here & (is_B == 1)),
        }
        if pairs:
            roles |= {"lq": table("snapshot", here), "gt": roles["image"]}
        if here.any():
            splits[split] = roles
    return splits
