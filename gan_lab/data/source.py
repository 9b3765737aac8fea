"""Where photos come from, and a cache of them that all workers share."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_lab.data.decoded import InFile, InMemory, SharedBytes
from gan_lab.data.index import MADE_BY, SETTLED_NS
from gan_lab.data.tables import Paths, Rows
from gan_lab.errors import UserError
from gan_lab.photo_files.images import UnreadableImage, read_image

log = logging.getLogger(__name__)

# The photo is kept a little larger than the crop, so that a random crop has room to move.
READING_MARGIN = 1.125
# A JPEG may be decoded at a half, a quarter or an eighth of its size where that leaves so many times the pixels kept:
# what the antialiased reduction makes of them is the same to the eye, and a phone's photo is read several times faster.
DECODED_MARGIN = 3.0


@dataclass(frozen=True)
class FileLoader:
    """Read one of `paths` as uint8 [H, W, channels]. A class, not a closure, so that spawned workers can receive it."""

    paths: Paths | Rows[Path]
    channels: int
    at_least: int | None = None

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Return the photo of one row."""
        part = self.paths.part(index)
        return read_image(self.paths[index], channels=self.channels, at_least=self.at_least, part=part)


@dataclass(frozen=True)
class Chosen:
    """Load the `indices`-th images of another loader."""

    load: Callable[[int], NDArray[np.uint8]]
    indices: NDArray[np.int64]

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Return one of the chosen images."""
        return self.load(int(self.indices[index]))


@dataclass(frozen=True)
class Source:
    """A table of images, one row each; columns rather than objects, so that a million rows stay small.

    Attributes:
        names: what a message calls an image: its path, as a rule; made when it is asked for.
        sizes: [N, 2] int, width and height after orientation.
        labels: [N] int64, 0 where there are no classes.
        load: index -> uint8 [H, W, C]; raises UnreadableImage.
        cheap: loading costs next to nothing (arrays in memory), so neither a cache nor workers would help.
        how: how `load` decodes what it reads, in any words.
    """

    names: Sequence[str | Path]
    sizes: NDArray[np.int64]
    labels: NDArray[np.int64]
    load: Callable[[int], NDArray[np.uint8]]
    cheap: bool = False
    how: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def fingerprint(self, rows: int) -> str | None:
        """Return words that change with the pixels of the first `rows` images: their files, and how these are decoded.

        None: there are no files, or one was changed a moment ago and may be changed again under the same time.
        """
        if not isinstance(self.names, Rows) or not isinstance(self.names.items, Paths):
            return None
        files = self.names.items.chosen(self.names.rows[:rows].tolist())
        stamps = files.stamps()
        if (stamps[:, 0] < 0).any() or stamps[:, 1:].max(initial=0) >= time.time_ns() - SETTLED_NS:
            return None
        content = hashlib.sha256(files.packed)
        content.update(stamps.tobytes())
        return f"{MADE_BY}\n{self.how}\n{os.path.realpath(files.root)}\n{content.hexdigest()}"

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> Source:
        """Return the table of the rows `indices`, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            names=Rows(self.names, chosen),
            sizes=self.sizes[chosen],
            labels=self.labels[chosen],
            load=Chosen(self.load, chosen),
        )


def spread_rows(table: Source, count: int) -> Source:
    """Return `count` rows of a table, evenly spread over it: folders are read class by class. All rows where it has no more."""
    if len(table) <= count:
        return table
    return table.subset(np.arange(count) * len(table) // count)


def reading_sizes(
    sizes: NDArray[np.int64], image_size: int, fit: str, shorter_side: int | None = None
) -> NDArray[np.int64]:
    """Return the [N, 2] width and height at which photos of `sizes` are kept.

    `fit="crop"`: the shorter side is reduced to `shorter_side`, 1.125 image_size unless given, and enlarged only when it
    is below image_size.
    `fit="pad"`: the longer side becomes image_size, and the rest of a square is white.
    """
    if fit == "pad":
        return np.full_like(sizes, image_size)
    shorter = sizes.min(axis=1)
    target = np.clip(shorter, image_size, shorter_side or round(image_size * READING_MARGIN))
    kept = np.rint(sizes * (target / shorter)[:, None]).astype(np.int64)
    return np.maximum(kept, image_size)


def resize(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Resize uint8 or uint16 [H, W, C] to [height, width, C] with an antialiased Lanczos filter."""
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint16:  # Pillow has no such colours
        planes = [_lanczos(image[:, :, c].astype(np.float32), width, height) for c in range(image.shape[2])]
        return np.rint(np.stack(planes, axis=2)).clip(0, 65535).astype(np.uint16)
    if image.shape[2] == 1:
        return _lanczos(image[:, :, 0], width, height)[:, :, None]
    return _lanczos(image, width, height)


def _lanczos(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Resize what Pillow knows as a picture."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0))


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the width and height of a photo whose longer side is brought to `side`."""
    factor = side / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def framed(image: NDArray[Any], side: int) -> tuple[NDArray[Any], slice, slice]:
    """Return a white square [side, side, C] with uint8 or uint16 [H, W, C] in its middle, and the rows and columns of that."""
    height, width = image.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    rows, columns = slice(top, top + height), slice(left, left + width)
    square = np.full((side, side, image.shape[2]), np.iinfo(image.dtype).max, dtype=image.dtype)
    square[rows, columns] = image
    return square, rows, columns


def pad(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Fit uint8 [H, W, C] into the middle of a white square of `side` pixels, whole and undistorted."""
    height, width = image.shape[:2]
    return framed(resize(image, *fitted(width, height, side)), side)[0]


EMPTY, FILLED, UNREADABLE = 0, 1, 2


class Unreadable:
    """The photos of a datamodule that cannot be read: one count over all its tables, in all forked workers.

    Args:
        allowed: the share of the photos that may be unreadable.
        photos: how many photos there are.
        known: how many of them were found to be unreadable before the tables were made, and are in none.
    """

    def __init__(self, allowed: float, photos: int, known: int = 0) -> None:
        self.allowed = allowed
        self.photos = photos
        self.known = known
        self._tables: list[SharedBytes] = []

    @property
    def count(self) -> int:
        """Return how many photos have turned out to be unreadable so far."""
        return self.known + sum(int((states.array == UNREADABLE).sum()) for states in self._tables)

    def states(self, rows: int) -> SharedBytes:
        """Return the states of a new table, all EMPTY; the rows that its owner marks UNREADABLE count from then on."""
        self._tables.append(SharedBytes(rows))
        return self._tables[-1]

    def check(self, error: UnreadableImage) -> None:
        """Raise UserError when too many photos are unreadable; `error` is the last one's."""
        if (count := self.count) > self.allowed * self.photos:
            raise UserError(
                f"data.max_unreadable: {count} of {self.photos} images cannot be read, more than the share of "
                f"{self.allowed:g} that is allowed; mend or remove them ({error}), or allow more."
            ) from error


class Images:
    """Images of a source at their reading size, each decoded once: a cache that all forked workers fill and share.

    Two workers may decode the same image at the same time; both then write the same bytes.

    Args:
        kept: [N, 2] width and height at which each image is handed out.
        unreadable: the count that images which cannot be decoded go to.
        fit: "crop" or "pad", see `reading_sizes`.
        cache_bytes: the cache takes the first images that fit into this; the others are decoded each time.
        folder: the cache is a file in there, see `InFile`; None: memory.
    """

    def __init__(
        self,
        source: Source,
        kept: NDArray[np.int64],
        channels: int,
        unreadable: Unreadable,
        *,
        fit: str = "crop",
        cache_bytes: int = 0,
        folder: Path | None = None,
    ) -> None:
        self.source = source
        self.kept = kept
        self.channels = channels
        self.fit = fit
        self.unreadable = unreadable
        ends = np.cumsum(kept.prod(axis=1) * channels)
        self.cached = 0 if source.cheap else int(np.searchsorted(ends, cache_bytes, side="right"))
        starts = np.concatenate(([0], ends[: self.cached]))
        self.cached_bytes = int(starts[-1])
        self._decoded = InMemory(starts) if folder is None or not self.cached else InFile(folder, self._words(), starts)
        self._states = unreadable.states(len(source))

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return image `index` as uint8 [H, W, C] at its reading size; not to be written to.

        Raises:
            UnreadableImage: it cannot be decoded.
            UserError: nor can more photos than are allowed.
        """
        if self._states.array[index] == UNREADABLE:
            raise UnreadableImage(Path(self.source.names[index]), "it could not be decoded before")
        width, height = (int(side) for side in self.kept[index])
        if index >= self.cached:
            return self._decode(index, width, height)
        slot = self._decoded.slot(index).reshape(height, width, self.channels)
        if self._states.array[index] == EMPTY:
            if not self._decoded.holds(index):
                slot[:] = self._decode(index, width, height)
                self._decoded.seal(index)
            self._states.array[index] = FILLED  # after the bytes: a reader that sees it may trust them
        return slot

    def _words(self) -> str | None:
        """Return what the cached pixels depend on."""
        files = self.source.fingerprint(self.cached)
        sizes = hashlib.sha256(self.kept[: self.cached].tobytes()).hexdigest()
        return None if files is None else f"{files}\n{self.channels} channels, {self.fit}, sizes {sizes}"

    def _decode(self, index: int, width: int, height: int) -> NDArray[np.uint8]:
        try:
            image = self.source.load(index)
        except UnreadableImage as error:
            self._give_up(index, error)
            raise
        return pad(image, width) if self.fit == "pad" else resize(image, width, height)

    def _give_up(self, index: int, error: UnreadableImage) -> None:
        self._states.array[index] = UNREADABLE
        log.warning("%s: skipped; the next readable photo takes its place from now on", error)
        self.unreadable.check(error)
