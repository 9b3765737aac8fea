"""The photos of a table at their reading size, in a cache that all workers share."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.decoded import FileCache, MemoryCache, SharedBytes
from gan_lab.data.resizing import pad_to_size, resize
from gan_lab.data.table import Numbers, PhotoTable
from gan_lab.errors import UserError
from gan_lab.photo_files.images import UnreadableImage

log = logging.getLogger(__name__)

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

    def add_table(self, rows: int) -> SharedBytes:
        """Return the states of a new table, all EMPTY; the rows that its owner marks UNREADABLE count from then on."""
        self._tables.append(SharedBytes(rows))
        return self._tables[-1]

    def check(self, which: str) -> None:
        """Raise UserError, naming `which`, when too many photos are unreadable."""
        if (count := self.count) > self.allowed * self.photos:
            raise UserError(
                f"data.max_unreadable={self.allowed:g}: {count} of {self.photos} images cannot be read, a larger share; repair "
                f"or remove them, or allow more: {which}"
            )


class PhotoStore:
    """Photos of a table at their reading size, each decoded once: a cache that all forked workers fill and share.

    Two workers may decode the same photo at the same time; both then write the same bytes.

    Args:
        table: the photos.
        sizes: [N, 2] width and height at which each is handed out.
        channels: 1 or 3.
        unreadable: the count that photos which cannot be decoded go to.
        fit: "crop" or "pad", see `find_reading_sizes`.
        at_least: the least shorter side at which a photo may be decoded, as in `read_image`.
        cache_bytes: the cache takes the first photos that fit into this; the others are decoded each time.
        folder: the cache is a file in there, see `FileCache`; None: memory.
    """

    def __init__(
        self,
        table: PhotoTable,
        sizes: Numbers,
        channels: int,
        unreadable: Unreadable,
        *,
        fit: str = "crop",
        at_least: int | None = None,
        cache_bytes: int = 0,
        folder: Path | None = None,
    ) -> None:
        self.table = table
        self.sizes = sizes
        self.channels = channels
        self.fit = fit
        self.at_least = at_least
        self.unreadable = unreadable
        ends = np.cumsum(sizes.prod(axis=1) * channels)
        self.cached = 0 if table.source.cheap else int(np.searchsorted(ends, cache_bytes, side="right"))
        starts = np.concatenate(([0], ends[: self.cached]))
        self.cached_bytes = int(starts[-1])
        self._cache: MemoryCache | FileCache
        if folder is None or not self.cached:
            self._cache = MemoryCache(starts)
        else:  # the key is what the cached pixels depend on; None where they may change under the same words
            files = table.source.make_fingerprint(table.numbers[: self.cached], at_least)
            digest = hashlib.sha256(sizes[: self.cached].tobytes()).hexdigest()
            key = None if files is None else f"{files}\n{channels} channels, {fit}, sizes {digest}"
            self._cache = FileCache(folder, key, starts)
        self._states = unreadable.add_table(len(table))

    def __len__(self) -> int:
        return len(self.table)

    def read(self, row: int) -> NDArray[np.uint8]:
        """Return the photo of a row as uint8 [H, W, C] at its reading size; not to be written to.

        Raises:
            UnreadableImage: it cannot be decoded.
            UserError: nor can more photos than are allowed.
        """
        if self._states.array[row] == UNREADABLE:
            raise UnreadableImage(Path(self.table.take([row]).names[0]), "it could not be decoded before")
        width, height = (int(side) for side in self.sizes[row])
        if row >= self.cached:
            return self._decode(row, width, height)
        slot = self._cache.slot(row).reshape(height, width, self.channels)
        if self._states.array[row] == EMPTY:
            if not self._cache.holds(row):
                slot[:] = self._decode(row, width, height)
                self._cache.seal(row)
            self._states.array[row] = FILLED  # after the bytes: a reader that sees it may trust them
        return slot

    def _decode(self, row: int, width: int, height: int) -> NDArray[np.uint8]:
        try:
            image = self.table.read(row, self.channels, self.at_least)
        except UnreadableImage as error:
            self._states.array[row] = UNREADABLE
            log.warning("%s: skipped; the next readable photo takes its place from now on", error)
            self.unreadable.check(str(error))
            raise
        return pad_to_size(image, (height, width)) if self.fit == "pad" else resize(image, width, height)
