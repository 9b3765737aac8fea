"""`data=fashion_mnist`: Fashion-MNIST from its four IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.base import ImageDataModule
from gan_lab.data.roles import Scan, fill_missing_splits
from gan_lab.data.table import PhotoTable, Source
from gan_lab.errors import UserError
from gan_lab.options import ImageSize, check_path, check_share, format_value
from gan_lab.storage import open_regular, read_regular

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
#: Length of an IDX file at most, in bytes: the photos of the training set take 47 MB.
MAX_BYTES = 256 * 2**20
HOME = "https://github.com/zalandoresearch/fashion-mnist"


@dataclass(frozen=True, eq=False)
class ArraySource(Source):
    """Pictures in an array, uint8 [N, H, W], one channel repeated to as many as are asked for."""

    title: str
    images: NDArray[np.uint8]
    cheap = True

    def name(self, number: int) -> str:
        """Return the name of a picture in messages."""
        return f"{self.title} {number}"

    def read(self, number: int, channels: int, at_least: int | None = None) -> NDArray[np.uint8]:
        """Return a picture; see `Source.read`."""
        return np.repeat(self.images[number][:, :, None], channels, axis=2)


class FashionMNIST(ImageDataModule):
    """70 000 grey pictures of clothing, 28x28, white on black, in ten classes.

    Args:
        root: the folder with the four IDX files, as they come (.gz) or unpacked.
        channels: 1; or 3, which repeats the grey.
        validation_share: share of the 60 000 training pictures that is held out for validation; with none,
            the test pictures serve as both.
        options: see `ImageDataModule`.

    Source: Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        image_size: ImageSize = 28,
        channels: int = 1,
        validation_share: float = 1 / 12,
        **options: Any,
    ) -> None:
        super().__init__(image_size=image_size, channels=channels, **options)
        self.root = check_path("data.root", root)
        self.validation_share = check_share("data.validation_share", validation_share)

    def _scan(self) -> Scan:
        if self.root is None or not self.root.is_dir():
            raise UserError(
                f"data.root={format_value(self.root)}: is not a folder; name the one with the four files of {HOME}"
            )
        table = read_table(self.root, "train")
        order = np.random.default_rng(self.split_seed).permutation(len(table))
        held_out = round(len(table) * self.validation_share)
        splits = {"train": {"image": table.take(np.sort(order[held_out:]))}}
        if held_out:
            splits["val"] = {"image": table.take(np.sort(order[:held_out]))}
        splits["test"] = {"image": read_table(self.root, "t10k")}
        return Scan(
            fill_missing_splits(splits), list(CLASSES), f"{self.root} (Fashion-MNIST)", f"data.root={self.root}"
        )


def read_table(root: Path, name: str) -> PhotoTable:
    """Return the pictures of the two files of a name, "train" or "t10k".

    Raises:
        UserError: a file is missing or damaged, or the two do not belong together.
    """
    images = read_idx(root / f"{name}-images-idx3-ubyte", dimensions=3)
    labels = read_idx(root / f"{name}-labels-idx1-ubyte", dimensions=1)
    if len(images) != len(labels) or labels.max(initial=0) >= len(CLASSES):
        raise UserError(
            f"data.root={root}: the images and the labels of {name} do not belong together; get them from {HOME}"
        )
    sizes = np.full((len(images), 2), (images.shape[2], images.shape[1]), dtype=np.int64)
    return PhotoTable.from_source(
        ArraySource(name, images), np.arange(len(images)), sizes=sizes, labels=labels.astype(np.int64)
    )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the bytes of an IDX file, `path` itself or with .gz, as uint8 of so many dimensions.

    Raises:
        UserError: there is no such file, or it is damaged or of another kind.
    """
    refusal = f"data.root={path.parent}:"
    packed = path.with_name(path.name + ".gz")
    try:
        if path.is_file():
            data = read_regular(path, MAX_BYTES)
        else:
            with gzip.open(open_regular(packed)) as file:
                data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UserError(f"{refusal} there is neither {path.name} nor {packed.name}; get it from {HOME}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{refusal} {packed} cannot be unpacked ({error}); get it again from {HOME}") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{refusal} {packed} unpacks to more than {MAX_BYTES} bytes; get it again from {HOME}")
    heading = 4 + 4 * dimensions
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions, then each size as a big-endian 32-bit number.
    if len(data) < heading or data[:4] != bytes((0, 0, 8, dimensions)):
        raise UserError(f"{refusal} {path} is not an IDX file of {dimensions} dimensions of bytes; get it from {HOME}")
    shape = struct.unpack(f">{dimensions}I", data[4:heading])
    if len(data) - heading != math.prod(shape):
        raise UserError(
            f"{refusal} {path} has {len(data) - heading} bytes, its heading says {math.prod(shape)}; get it again from {HOME}"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=heading).reshape(shape)
