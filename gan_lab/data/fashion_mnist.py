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
from gan_lab.data.options import place, share
from gan_lab.data.roles import Scan, without_gaps
from gan_lab.data.source import Source
from gan_lab.errors import UserError
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


@dataclass(frozen=True)
class InMemory:
    """Hand out the rows of uint8 [N, H, W] as [H, W, channels]."""

    images: NDArray[np.uint8]
    channels: int

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Return one picture."""
        return np.repeat(self.images[index][:, :, None], self.channels, axis=2)


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
        image_size: int = 28,
        channels: int = 1,
        validation_share: float = 1 / 12,
        **options: Any,
    ) -> None:
        super().__init__(image_size=image_size, channels=channels, **options)
        self.root = place("root", root)
        self.validation_share = share("validation_share", validation_share)

    def _scan(self) -> Scan:
        if self.root is None or not self.root.is_dir():
            raise UserError(f"data.root: {self.root} is not a folder; name the one with the four files of {HOME}.")
        images, labels = self._read("train")
        order = np.random.default_rng(self.split_seed).permutation(len(images))
        held_out = round(len(images) * self.validation_share)
        splits = {"train": {"image": self._table("train", images, labels, np.sort(order[held_out:]))}}
        if held_out:
            splits["val"] = {"image": self._table("train", images, labels, np.sort(order[:held_out]))}
        splits["test"] = {"image": self._table("t10k", *self._read("t10k"))}
        return Scan(without_gaps(splits), list(CLASSES), f"{self.root} (Fashion-MNIST)")

    def _table(
        self, name: str, images: NDArray[np.uint8], labels: NDArray[np.uint8], rows: NDArray[np.int64] | None = None
    ) -> Source:
        everything = Source(
            names=[f"{name} {row}" for row in range(len(images))],
            sizes=np.full((len(images), 2), (images.shape[2], images.shape[1]), dtype=np.int64),
            labels=labels.astype(np.int64),
            load=InMemory(images, self.channels),
            cheap=True,
        )
        return everything if rows is None else everything.subset(rows)

    def _read(self, name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        assert self.root is not None
        images = read_idx(self.root / f"{name}-images-idx3-ubyte", dimensions=3)
        labels = read_idx(self.root / f"{name}-labels-idx1-ubyte", dimensions=1)
        if len(images) != len(labels) or labels.max(initial=0) >= len(CLASSES):
            raise UserError(f"data.root: the images and the labels of {name} in {self.root} do not belong together.")
        return images, labels


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the bytes of an IDX file, `path` itself or with .gz, as uint8 of so many dimensions.

    Raises:
        UserError: there is no such file, or it is damaged or of another kind.
    """
    packed = path.with_name(path.name + ".gz")
    try:
        if path.is_file():
            data = read_regular(path, MAX_BYTES)
        else:
            with gzip.open(open_regular(packed)) as file:
                data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UserError(
            f"data.root: neither {path.name} nor {packed.name} is in {path.parent}; get it from {HOME}."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"data.root: {packed} cannot be unpacked ({error}); get it again from {HOME}.") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"data.root: {packed} unpacks to more than {MAX_BYTES} bytes; get it again from {HOME}.")
    heading = 4 + 4 * dimensions
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions, then each size as a big-endian 32-bit number.
    if len(data) < heading or data[:4] != bytes((0, 0, 8, dimensions)):
        raise UserError(f"data.root: {path} is not an IDX file of {dimensions} dimensions of bytes.")
    shape = struct.unpack(f">{dimensions}I", data[4:heading])
    if len(data) - heading != math.prod(shape):
        raise UserError(
            f"data.root: {path} has {len(data) - heading} bytes of data, its heading says {math.prod(shape)}."
        )
    return np.frombuffer(data, dtype=np.uint8, offset=heading).reshape(shape)
