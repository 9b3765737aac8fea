"""What a start learns about photo files: sizes and difference hashes, taken from the index where the files are unchanged."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.index import SETTLED_NS, Index
from gan_lab.data.tables import Paths, Rows
from gan_lab.imaging.similarity import HASH_BITS, dhash, near_duplicate_groups
from gan_lab.photo_files.images import UnreadableImage, read_image, read_size

log = logging.getLogger(__name__)
T = TypeVar("T")

# Ample for fields of 12x12, and no photo below twice this size is hashed in another form than its own.
HASHED_PIXELS = 256
# What a killed first start had learnt is kept but for the last so many.
AT_ONCE = 2**17


class Facts:
    """Sizes and hashes of the photos under a folder, row by row; what is not known yet is learnt when it is asked for.

    A photo counts as unchanged while its length and its times of change are; photos that cannot be read are tried again at
    every start, as the fault may be the disk's, or the decoder's.

    Attributes:
        paths: the photos.
        sizes: [N, 2] int32, width and height after orientation; (0, 0): not known, or unreadable.
        hashes: [N, HASH_BITS / 8] uint8.
        hashed: [N] bool; False: the hash is not known, or the photo cannot be decoded.
    """

    def __init__(self, paths: Paths, index: Index) -> None:
        self.paths = paths
        self.index = index
        self.sizes: NDArray[np.int32] = np.zeros((len(paths), 2), np.int32)
        self.hashes: NDArray[np.uint8] = np.zeros((len(paths), HASH_BITS // 8), np.uint8)
        self.hashed: NDArray[np.bool_] = np.zeros(len(paths), np.bool_)
        if index:
            self._key = f"facts of {os.path.realpath(paths.root)}"
            self._recall()

    def learn_sizes(self) -> None:
        """Read the sizes that are not known from the headers."""
        self._learn(np.flatnonzero(self.sizes[:, 0] == 0), self._read_sizes)

    def learn_hashes(self, rows: NDArray[np.int64]) -> None:
        """Decode those of `rows` whose hash is not known."""
        rows = rows[~self.hashed[rows]]
        if len(rows):
            log.info("looking for near-duplicates among %d photos", len(rows))
        self._learn(rows, self._read_hashes)

    def _learn(self, rows: NDArray[np.int64], read: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> None:
        for start in range(0, len(rows), AT_ONCE):
            if start:
                log.info("%d of %d photos looked at", start, len(rows))
            some = rows[start : start + AT_ONCE]
            learnt = read(some)
            if self.index and (learnt & self._settled[some]).any():
                self._keep()

    def _read_sizes(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        self.sizes[rows] = side_by_side(_size_or_nothing, Rows(self.paths, rows))
        return self.sizes[rows, 0] > 0

    def _read_hashes(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = side_by_side(_hash_or_nothing, Rows(self.paths, rows))
        self.hashed[rows] = [len(value) > 0 for value in found]
        fine = rows[self.hashed[rows]]
        self.hashes[fine] = np.frombuffer(b"".join(found), np.uint8).reshape(-1, HASH_BITS // 8)
        return self.hashed[rows]

    def _recall(self) -> None:
        """Take what the index knows of photos that are still what they were."""
        now = time.time_ns()
        names = self.paths.names()
        self._stamps = self.paths.stamps()
        self._settled = (self._stamps[:, 1:].max(axis=1, initial=0) < now - SETTLED_NS) & (self._stamps[:, 0] > 0)
        kept = self.index.load(self._key)
        packed = bytes(kept.pop("names", b""))
        if not self._alike(kept, packed.count(b"\0")):
            return
        if packed == self.paths.packed:
            rows = there = np.arange(len(names))
        else:
            row_of = {name: row for row, name in enumerate(os.fsdecode(packed).split("\0")[:-1])}
            found = np.array([row_of.get(name, -1) for name in names], np.int64)
            rows = np.flatnonzero(found >= 0)
            there = found[rows]
        same = (kept["stamps"][there] == self._stamps[rows]).all(axis=1)
        rows, there = rows[same], there[same]
        self.sizes[rows], self.hashes[rows], self.hashed[rows] = (
            kept["sizes"][there],
            kept["hashes"][there],
            kept["hashed"][there],
        )

    def _keep(self) -> None:
        rows = np.flatnonzero(self._settled)
        packed = self.paths.packed
        if len(rows) < len(self.paths):
            packed = self.paths.chosen(rows.tolist()).packed
        columns = {name: column[rows] for name, column in self._columns().items()}
        self.index.save(self._key, columns | {"names": np.frombuffer(packed, np.uint8)})

    def _columns(self) -> dict[str, NDArray[Any]]:
        return {"stamps": self._stamps, "sizes": self.sizes, "hashes": self.hashes, "hashed": self.hashed}

    def _alike(self, kept: dict[str, NDArray[Any]], rows: int) -> bool:
        """Tell whether kept arrays are what `_keep` writes."""
        own = {name: (column.dtype, (rows, *column.shape[1:])) for name, column in self._columns().items()}
        return own == {name: (column.dtype, column.shape) for name, column in kept.items()}


def groups_of(hashes: NDArray[np.uint8], distance: int, index: Index) -> NDArray[np.int64]:
    """Return `near_duplicate_groups` of hashes [N, HASH_BITS / 8]; of many they take as long as all else, so they are kept."""
    key = f"groups within {distance} of {hashlib.sha256(hashes.tobytes()).hexdigest()}"
    kept = index.load(key).get("groups")
    if kept is not None and kept.dtype == np.int64 and kept.shape == (len(hashes),):
        return kept
    groups: NDArray[np.int64] = np.array(near_duplicate_groups(hashes, distance), np.int64)
    index.save(key, {"groups": groups})
    return groups


def side_by_side(function: Callable[[Path, IO[bytes] | None], T], paths: Rows[Path]) -> list[T]:
    """Apply `function` to all paths and parts in threads: Pillow and the disk let others run meanwhile."""

    def some(rows: range) -> list[T]:
        return [function(paths[row], paths.part(row)) for row in rows]

    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        # a task for many paths: of a million tasks the bookkeeping alone would take gigabytes
        slices = (range(start, min(start + 64, len(paths))) for start in range(0, len(paths), 64))
        return [one for part in pool.map(some, slices) for one in part]


def _size_or_nothing(path: Path, part: IO[bytes] | None) -> tuple[int, int]:
    try:
        return read_size(path, part=part)
    except UnreadableImage:
        return (0, 0)


def _hash_or_nothing(path: Path, part: IO[bytes] | None) -> bytes:
    try:
        return dhash(read_image(path, at_least=HASHED_PIXELS, part=part)).to_bytes(HASH_BITS // 8)
    except UnreadableImage:
        return b""
