"""What a model sees of the photos: images, pairs, or two unpaired domains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from gan_lab.data.geometry import CENTRE, Augmentation, Cut
from gan_lab.data.resizing import MOST_SQUARES, find_reading_sizes, pad_to_size, resize
from gan_lab.data.store import PhotoStore
from gan_lab.data.stream import DEGRADATION, GEOMETRY, GEOMETRY_B, BalancedShuffle, Shuffle, make_generator
from gan_lab.errors import UserError
from gan_lab.imaging.cutout import cut_out
from gan_lab.imaging.ground import LIMIT
from gan_lab.imaging.profile import Degraded
from gan_lab.options import ImageSize
from gan_lab.photo_files.images import UnreadableImage

#: Photos of a domain whose masks a worker remembers: looking for the product takes longer than a training step's reading.
REMEMBERED = 5000

Pixels = NDArray[np.uint8]
Degradation = Callable[[Pixels, np.random.Generator], Pixels | Degraded]
Sample = dict[str, Any]
T = TypeVar("T")


class View(Dataset[Sample]):
    """The samples of one split.

    In training (with an `augmentation`) the key of a sample is a position of the infinite stream; in evaluation it is
    the index of the photo, and the sample is the same in every run of the same `seed`.

    Args:
        photos: that a sample goes by: those of A where there are two domains, gt of pairs.
        image_size: of what is cut out: the side of a square, or (height, width).
        seed: of everything that is drawn here.
        augmentation: None in evaluation.
        length: samples in an epoch; None: one a photo.
    """

    def __init__(
        self,
        photos: PhotoStore,
        image_size: ImageSize,
        seed: int,
        augmentation: Augmentation | None,
        length: int | None = None,
    ) -> None:
        self.photos = photos
        self.length = length or len(photos)
        self.image_size = image_size
        self.seed = seed
        self.augmentation = augmentation
        self.order = self._make_order(len(photos))

    def __len__(self) -> int:
        return self.length

    @abstractmethod
    def __getitem__(self, key: int) -> Sample:
        """Return the sample of one position (training) or index (evaluation), images as uint8 [H, W, C]."""

    def _make_order(self, n: int, domain: int = 0) -> Shuffle | BalancedShuffle | Spread:
        if self.augmentation is None:
            return Spread(n, self.length)
        # Each domain has its own order, or A and B of equal length would meet in the same pairs for ever.
        return Shuffle(n, self.seed + domain * 0x9E3779B9)

    def _choose_cut(self, key: int, use: int = GEOMETRY) -> Cut:
        if self.augmentation is None:
            return CENTRE
        return self.augmentation.draw(make_generator(self.seed, key, use))


class Spread:
    """Map the positions of `length` samples to `n` photos in order, each shown as often as another, one after the other.

    So samples that lie evenly over the positions show photos that lie evenly over a smaller domain, too. In turns (position
    % n) every tenth sample would show the same one of ten photos.
    """

    def __init__(self, n: int, length: int) -> None:
        self.n = n
        self.length = length

    def __getitem__(self, position: int) -> int:
        return position * self.n // self.length


class ImageView(View):
    """`{"image", "label"}`: single photos."""

    def __getitem__(self, key: int) -> Sample:
        index, image = read_next(self.photos.read, self.order[key], len(self.photos))
        return {
            "image": self._choose_cut(key).apply(image, self.image_size),
            "label": int(self.photos.table.labels[index]),
        }


class BalancedImageView(ImageView):
    """Single photos in training, of each class in turn."""

    def _make_order(self, n: int, domain: int = 0) -> BalancedShuffle:
        return BalancedShuffle(self.photos.table.labels, self.seed)


class PairView(View):
    """`{"lq", "gt"}`, and `"mask"` or `"seen"` where the profile has them: a photo and what an enhancer gets to see of it.

    Args:
        gt: the good photos.
        image_size, seed, augmentation: as in `View`.
        lq: their bad counterparts, row by row, at the same reading sizes; None: `degrade` makes them on the fly.
        degrade: called with the cut-out photo and the generator of the position; each entry of a list takes its turn.
    """

    def __init__(
        self,
        gt: PhotoStore,
        image_size: ImageSize,
        seed: int,
        augmentation: Augmentation | None,
        lq: PhotoStore | None,
        degrade: Sequence[Degradation],
    ) -> None:
        super().__init__(gt, image_size, seed, augmentation)
        self.lq = lq
        self.degrade = degrade

    def __getitem__(self, key: int) -> Sample:
        _, (gt, lq) = read_next(self._read, self.order[key], len(self.photos))
        cut = self._choose_cut(key)
        good = cut.apply(gt, self.image_size)
        if lq is not None:
            return {"lq": cut.apply(lq, self.image_size), "gt": good}
        degrade = self.degrade[key % len(self.degrade)]
        # The copy keeps a degradation that works in place from spoiling the truth.
        made = degrade(good.copy(), make_generator(self.seed, key, DEGRADATION))
        if not isinstance(made, Degraded):
            return {"lq": made, "gt": good}
        return {name: pixels for name, pixels in made._asdict().items() if pixels is not None}

    def _read(self, index: int) -> tuple[Pixels, Pixels | None]:
        return self.photos.read(index), None if self.lq is None else self.lq.read(index)


class UnpairedView(View):
    """`{"A", "B"}`, and `"mask_A"` and `"mask_B"` if asked for: photos of two domains, drawn independently.

    The smaller domain is repeated; in evaluation `"row_A"` and `"row_B"` number the photos, so that a pass over a domain can
    leave repeats out. A mask is 255 where the product is on the photo, looked for before the image is cut out; 0 throughout,
    where no product is certain.
    """

    def __init__(
        self,
        images_A: PhotoStore,
        images_B: PhotoStore,
        image_size: ImageSize,
        seed: int,
        augmentation: Augmentation | None,
        masks: bool = False,
    ) -> None:
        super().__init__(images_A, image_size, seed, augmentation, max(len(images_A), len(images_B)))
        self.images_B = images_B
        self.order_A, self.order_B = self.order, self._make_order(len(images_B), domain=1)
        self.masks = masks
        self.remembered: dict[tuple[str, int], Pixels] = {}

    def __getitem__(self, key: int) -> Sample:
        sample: Sample = {}
        domains = (("A", self.photos, self.order_A, GEOMETRY), ("B", self.images_B, self.order_B, GEOMETRY_B))
        for side, images, order, use in domains:
            index, image = read_next(images.read, order[key], len(images))
            cut = self._choose_cut(key, use)
            sample[side] = cut.apply(image, self.image_size)
            if self.augmentation is None:
                sample[f"row_{side}"] = index
            if self.masks:
                sample[f"mask_{side}"] = cut.apply(self._find_mask(side, index, image), self.image_size)
        return sample

    def _find_mask(self, side: str, index: int, image: Pixels) -> Pixels:
        """Return where the product is on a photo [H, W, C]: uint8 [H, W, 1], 0 throughout if that is not certain."""
        packed = self.remembered.get((side, index))
        if packed is None:
            found = cut_out(np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image)
            packed = np.packbits(found.mask & (found.confidence >= LIMIT), axis=1)
            if len(self.remembered) < 2 * REMEMBERED:
                self.remembered[side, index] = packed
        return np.unpackbits(packed, axis=1, count=image.shape[1])[:, :, None] * np.uint8(255)


def cut_for_validation(
    image: Pixels, image_size: ImageSize, fit: str = "crop", shorter_side: int | None = None
) -> Pixels:
    """Return a photo uint8 [H, W, C] as the validation split would show it: uint8 [H, W, C] of `image_size`.

    Args:
        image: of any size.
        image_size, fit, shorter_side: as in `ImageDataModule`.
    """
    if fit == "pad":
        return pad_to_size(image, image_size)
    long, short = max(image.shape[:2]), min(image.shape[:2])
    if long > MOST_SQUARES * short:  # a strip, of which the middle alone is seen
        start, length = (long - MOST_SQUARES * short) // 2, MOST_SQUARES * short
        image = image[start : start + length] if image.shape[0] == long else image[:, start : start + length]
    ((width, height),) = find_reading_sizes(np.array([image.shape[1::-1]]), image_size, fit, shorter_side)
    return CENTRE.apply(resize(image, int(width), int(height)), image_size)


def read_next(read: Callable[[int], T], index: int, n: int) -> tuple[int, T]:
    """Return the first of the rows index, index + 1, ... (mod n) that can be read, and what was read.

    A photo that breaks in the middle of training is replaced in the same way in every worker and in every run.
    """
    for candidate in range(index, index + n):
        try:
            return candidate % n, read(candidate % n)
        except UnreadableImage:
            continue
    raise UserError(f"data.root: none of the {n} images can be read; repair or replace them")


def list_degradations(option: str, value: Any) -> list[Degradation]:
    """Return one degradation, a list of them or None as a list. Raises UserError, naming data.`option`, for others."""
    if value is None:
        return []
    steps = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for step in steps:
        if not callable(step):
            group = "data/degradation" if option == "degradation" else f"+data/degradation@data.{option}"
            keys = f"a mapping without _target_ ({', '.join(map(str, step))})" if isinstance(step, dict) else step
            raise UserError(f"data.{option}={keys}: is not a degradation; choose one with a slash: {group}=blur")
    return steps


def make_grey_copy(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Return the luma of uint8 RGB [H, W, 3], repeated to three channels: the pair for colourising."""
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)


def collate(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Stack samples: uint8 [H, W, C] images to float32 [N, C, H, W] in [-1, 1], masks to [0, 1], numbers to int64 [N]."""
    batch: dict[str, Tensor] = {}
    for key, first in samples[0].items():
        values = [sample[key] for sample in samples]
        if isinstance(first, int):
            batch[key] = torch.tensor(values, dtype=torch.int64)
            continue
        pixels = torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2)
        floats = pixels.to(torch.float32, memory_format=torch.contiguous_format)
        batch[key] = floats.div_(255.0) if key.startswith("mask") else floats.div_(127.5).sub_(1.0)
    return batch
