"""What a start measures of photo files: sizes, hashes and digests, taken from the index where the files are unchanged."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.index import SETTLED_NS, Index
from gan_lab.data.table import FileSource, Numbers
from gan_lab.imaging.similarity import HASH_BITS, dhash, near_duplicate_groups
from gan_lab.photo_files.images import UnreadableImage, read_image, read_size
from gan_lab.storage import open_regular

log = logging.getLogger(__name__)
T = TypeVar("T")

# Ample for fields of 12x12, and no photo below twice this size is hashed in another form than its own.
HASHED_PIXELS = 256
# A file up to three times as long is digested whole, of a longer one its beginning, its middle and its end; in bytes.
DIGESTED = 2**16
# Of what a first start has measured when it is killed, all but the last so many is kept.
AT_ONCE = 2**17


class Measures:
    """Sizes and hashes of the photos of a folder, by their number in its files; what is not known is read when asked for.

    A photo counts as unchanged while its length and its times of change are; photos that cannot be read are tried again at
    every start, as the fault may be the disk's, or the decoder's.

    Args:
        files: the photos.
        order: their numbers, in the order in which the index has them.
        index: keeps the measures for the next start.

    Attributes:
        sizes: [N, 2] int32, width and height after orientation; (0, 0): not known, or unreadable.
        hashes: [N, HASH_BITS / 8] uint8.
        hashed: [N] bool; False: the hash is not known, or the photo cannot be decoded.
        digests: [N] uint64, of the files; 0: not known, or unreadable.
    """

    def __init__(self, files: FileSource, order: Numbers, index: Index) -> None:
        self.files = files
        self.order = order
        self.index = index
        self.sizes: NDArray[np.int32] = np.zeros((len(files), 2), np.int32)
        self.hashes: NDArray[np.uint8] = np.zeros((len(files), HASH_BITS // 8), np.uint8)
        self.hashed: NDArray[np.bool_] = np.zeros(len(files), np.bool_)
        self.digests: NDArray[np.uint64] = np.zeros(len(files), np.uint64)
        if index:
            self._key = f"facts of {os.path.realpath(files.root)}"
            self._recall()

    def read_sizes(self) -> Numbers:
        """Return the sizes [N, 2] of all photos in order; those that are not known are read from the headers."""
        self._read(self.order[self.sizes[self.order, 0] == 0], self._read_sizes)
        return self.sizes[self.order].astype(np.int64)

    def read_hashes(self, numbers: Numbers) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return the hashes [N, HASH_BITS / 8] of photos, and which can be decoded; those not known are decoded for it."""
        unknown = numbers[~self.hashed[numbers]]
        if len(unknown):
            log.info("looking for near-duplicates among %d photos", len(unknown))
        self._read(unknown, self._read_hashes)
        return self.hashes[numbers], self.hashed[numbers]

    def read_digests(self) -> NDArray[np.uint64]:
        """Return a digest [N] of each photo's file in order, whatever its name and place; those not known are read for it."""
        self._read(self.order[self.digests[self.order] == 0], self._read_digests)
        return self.digests[self.order]

    def _read(self, numbers: Numbers, read: Callable[[Numbers], NDArray[np.bool_]]) -> None:
        for start in range(0, len(numbers), AT_ONCE):
            if start:
                log.info("%d of %d photos looked at", start, len(numbers))
            some = numbers[start : start + AT_ONCE]
            readable = read(some)
            if self.index and (readable & self._settled[some]).any():
                self._save()

    def _read_sizes(self, numbers: Numbers) -> NDArray[np.bool_]:
        self.sizes[numbers] = map_in_threads(try_size, self.files, numbers)
        return self.sizes[numbers, 0] > 0

    def _read_hashes(self, numbers: Numbers) -> NDArray[np.bool_]:
        found = map_in_threads(try_hash, self.files, numbers)
        self.hashed[numbers] = [len(value) > 0 for value in found]
        fine = numbers[self.hashed[numbers]]
        self.hashes[fine] = np.frombuffer(b"".join(found), np.uint8).reshape(-1, HASH_BITS // 8)
        return self.hashed[numbers]

    def _read_digests(self, numbers: Numbers) -> NDArray[np.bool_]:
        self.digests[numbers] = map_in_threads(try_digest, self.files, numbers)
        return self.digests[numbers] > 0

    def _recall(self) -> None:
        """Take what the index knows of photos that are still what they were."""
        now = time.time_ns()
        self._stamps = np.zeros((len(self.files), 3), np.int64)
        self._stamps[self.order] = self.files.read_stamps(self.order)
        self._settled = (self._stamps[:, 1:].max(axis=1, initial=0) < now - SETTLED_NS) & (self._stamps[:, 0] > 0)
        kept = self.index.load(self._key)
        packed = bytes(kept.pop("names", b""))
        rows = packed.count(b"\0")
        kept.setdefault("digests", np.zeros(rows, np.uint64))  # which an older index has none of
        if not self._matches(kept, rows):
            return
        if packed == self.files.pack_names(self.order):
            numbers, there = self.order, np.arange(len(self.order))
        else:
            row_of = {name: row for row, name in enumerate(os.fsdecode(packed).split("\0")[:-1])}
            found = np.array([row_of.get(name, -1) for name in self.files.list_names(self.order)], np.int64)
            numbers, there = self.order[found >= 0], found[found >= 0]
        same = (kept["stamps"][there] == self._stamps[numbers]).all(axis=1)
        for name, column in self._columns().items():
            column[numbers[same]] = kept[name][there[same]]

    def _save(self) -> None:
        settled = self.order[self._settled[self.order]]
        columns = {name: column[settled] for name, column in self._columns().items()}
        self.index.save(self._key, columns | {"names": np.frombuffer(self.files.pack_names(settled), np.uint8)})

    def _columns(self) -> dict[str, NDArray[Any]]:
        measured: dict[str, NDArray[Any]] = {
            "sizes": self.sizes,
            "hashes": self.hashes,
            "hashed": self.hashed,
            "digests": self.digests,
        }
        return {"stamps": self._stamps, **measured}

    def _matches(self, kept: dict[str, NDArray[Any]], rows: int) -> bool:
        """Return whether kept arrays have the form in which `_save` writes them."""
        own = {name: (column.dtype, (rows, *column.shape[1:])) for name, column in self._columns().items()}
        return own == {name: (column.dtype, column.shape) for name, column in kept.items()}


def group_near_duplicates(photos: Sequence[tuple[Measures, Numbers]], distance: int, index: Index) -> list[int | None]:
    """Return a group per photo; photos whose difference hashes differ in at most `distance` bits share one.

    Args:
        photos: of one folder after the other, the measures and the photos' numbers.
        distance: in bits.
        index: keeps the groups for the next start.

    Returns:
        One number a photo; None for one that cannot be decoded.
    """
    hashes, decodable = map(np.concatenate, zip(*(one.read_hashes(numbers) for one, numbers in photos), strict=True))
    groups = find_groups(hashes[decodable], distance, index)
    found: list[int | None] = [None] * len(decodable)
    for row, group in zip(np.flatnonzero(decodable).tolist(), groups.tolist(), strict=True):
        found[row] = group
    different = int(groups.max(initial=-1)) + 1
    if 2 * different <= len(groups):
        log.warning(
            "the %d photos show only %d different picture%s, the rest are near-duplicates: a model learns little more than "
            "that; add photos that differ (gan_lab.evaluate shows near-duplicates side by side)",
            len(groups), different, "" if different == 1 else "s",
        )  # fmt: skip
    return found


def find_groups(hashes: NDArray[np.uint8], distance: int, index: Index) -> Numbers:
    """Return `near_duplicate_groups` of hashes [N, HASH_BITS / 8]; of many they take as long as all else, so they are kept."""
    key = f"groups within {distance} of {hashlib.sha256(hashes.tobytes()).hexdigest()}"
    kept = index.load(key).get("groups")
    if kept is not None and kept.dtype == np.int64 and kept.shape == (len(hashes),):
        return kept
    groups: Numbers = np.array(near_duplicate_groups(hashes, distance), np.int64)
    index.save(key, {"groups": groups})
    return groups


def map_in_threads(function: Callable[[Path, IO[bytes] | None], T], files: FileSource, numbers: Numbers) -> list[T]:
    """Apply `function` to the paths and parts of photos in threads: Pillow and the disk let others run meanwhile."""

    def work(some: Numbers) -> list[T]:
        return [function(files.path(number), files.open_part(number)) for number in some.tolist()]

    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        # a task for many paths: of a million tasks the bookkeeping alone would take gigabytes
        slices = (numbers[start : start + 64] for start in range(0, len(numbers), 64))
        return [one for part in pool.map(work, slices) for one in part]


def try_size(path: Path, part: IO[bytes] | None) -> tuple[int, int]:
    """Return width and height of a photo; (0, 0) where it cannot be read."""
    try:
        return read_size(path, part=part)
    except UnreadableImage:
        return (0, 0)


def try_hash(path: Path, part: IO[bytes] | None) -> bytes:
    """Return the difference hash of a photo as bytes; none where it cannot be decoded."""
    try:
        return dhash(read_image(path, at_least=HASHED_PIXELS, part=part)).to_bytes(HASH_BITS // 8)
    except UnreadableImage:
        return b""


def try_digest(path: Path, part: IO[bytes] | None) -> int:
    """Return 64 bits that tell a photo's bytes from others, and its length; 0 where it cannot be read."""
    try:
        with part or open_regular(path) as file:
            length = file.seek(0, os.SEEK_END)
            starts = [0] if length <= 3 * DIGESTED else [0, (length - DIGESTED) // 2, length - DIGESTED]
            digest = hashlib.blake2b(str(length).encode(), digest_size=8)
            for start in starts:
                file.seek(start)
                digest.update(file.read(DIGESTED * (3 if len(starts) == 1 else 1)))
    except OSError:
        return 0
    return int.from_bytes(digest.digest()) or 1
