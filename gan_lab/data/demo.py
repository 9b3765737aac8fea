"""The demo catalogue as tables of images: single, unpaired, and paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue import KINDS, SMALLEST, draw, kind_of, product_of
from gan_lab.data.resizing import find_reading_sizes
from gan_lab.data.splits import TEST, TRAIN, VALIDATION, split_by_group
from gan_lab.data.table import PhotoTable, Source
from gan_lab.errors import UserError
from gan_lab.options import ImageSize, format_value

DEMO_WARNING = """\
data.root is not set, so this run uses the DEMO CATALOGUE: pictures of goods that gan_lab draws itself.
    What a model learns from it says nothing about your photos. To use them: data.root=/path/to/photos"""

SPLIT_OF = {TRAIN: "train", VALIDATION: "val", TEST: "test"}


@dataclass(frozen=True, eq=False)
class DrawingSource(Source):
    """Pictures of goods, drawn when they are asked for, as uint8 [size, size, channels]."""

    domain: Literal["studio", "snapshot"]
    size: int

    def name(self, number: int) -> str:
        """Return the name of a picture in messages."""
        return f"demo catalogue, {self.domain} picture {number}"

    def read(self, number: int, channels: int, at_least: int | None = None) -> NDArray[np.uint8]:
        """Return a picture; see `Source.read`."""
        picture = draw(number, self.domain, self.size)
        return picture if channels == 3 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None]  # type: ignore[return-value]


def make_demo_splits(
    images: int, *, image_size: ImageSize, fit: str, pairs: bool, validation: float, test: float, seed: int
) -> dict[str, dict[str, PhotoTable]]:
    """Return the demo catalogue by split and role, with all pictures of one product in one split.

    "image" are the studio pictures. "A" are snapshots and "B" studio pictures, of different products of the same kinds:
    what unpaired means. With `pairs`, "lq" is the snapshot and "gt" the studio picture of the same product in one pose.

    Raises:
        UserError: the pictures would be too small to draw.
    """
    # pictures are squares: they cover an image of another shape, or fit into it
    size = int(find_reading_sizes(np.array([[1024, 1024]]), image_size, fit).min())
    if size < SMALLEST:
        raise UserError(
            f"data.image_size={format_value(image_size)}: is too small for the demo catalogue; give at least {SMALLEST}"
        )
    numbers = np.arange(images)
    products = np.array([product_of(int(number)) for number in numbers])
    # Kinds alternate from product to product, so whole rounds of them go to A and to B in turn.
    is_B = (products // len(KINDS)) % 2
    parts = split_by_group(products, is_B, validation=validation, test=test, seed=seed)

    sizes = np.full((images, 2), size, dtype=np.int64)
    kinds = np.array([kind_of(int(number)) for number in numbers], dtype=np.int64)
    studio, snapshot = (
        PhotoTable.from_source(DrawingSource(domain, size), numbers, sizes=sizes, labels=kinds)
        for domain in ("studio", "snapshot")
    )
    splits = {}
    for part, split in SPLIT_OF.items():
        here = parts == part
        roles = {
            "image": studio.take(here),
            "A": snapshot.take(here & (is_B == 0)),
            "B": studio.take(here & (is_B == 1)),
        }
        if pairs:
            roles |= {"lq": snapshot.take(here), "gt": roles["image"]}
        if here.any():
            splits[split] = roles
    return splits
