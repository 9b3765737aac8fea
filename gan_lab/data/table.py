"""The one table that photos travel in: columns, a way to read each row, and one way to pick rows."""

from __future__ import annotations

import hashlib
import os
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.index import MADE_BY, SETTLED_NS
from gan_lab.photo_files.images import read_image

Numbers = NDArray[np.int64]
Texts = NDArray[np.object_]  # of str, or None


class Source(ABC):
    """Where photos are read from, by their number.

    Attributes:
        cheap: reading costs next to nothing (arrays in memory), so neither a cache nor workers would help.
    """

    cheap = False

    @abstractmethod
    def name(self, number: int) -> str:
        """Return the name of a photo in messages: its path, as a rule."""

    @abstractmethod
    def read(self, number: int, channels: int, at_least: int | None = None) -> NDArray[np.uint8]:
        """Return a photo as uint8 [H, W, channels].

        Args:
            number: of the photo.
            channels: 1 or 3.
            at_least: as in `read_image`.

        Raises:
            UnreadableImage: it cannot be decoded.
        """

    def make_fingerprint(self, numbers: Numbers, at_least: int | None) -> str | None:
        """Return words that change with the pixels of photos as they are read; None where nothing says that they changed."""
        return None


class FileSource(Source):
    """The photos in files under a folder.

    A path object takes a kilobyte, a name in one string of bytes takes its length. Forked workers share the bytes; of a list
    of objects each of them would come to hold a copy, as it counts references.

    Args:
        root: the folder.
        names: the paths in it; they hold no zero byte, as no path does.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self._packed = os.fsencode("".join(f"{name}\0" for name in names))
        self._ends = np.flatnonzero(np.frombuffer(self._packed, np.uint8) == 0)

    def __len__(self) -> int:
        return len(self._ends)

    def path(self, number: int) -> Path:
        """Return the path of a photo."""
        return self.root / os.fsdecode(self._get_name(number)[:-1])

    def name(self, number: int) -> str:
        """Return the path of a photo as text."""
        return str(self.path(number))

    def read(self, number: int, channels: int, at_least: int | None = None) -> NDArray[np.uint8]:
        """Return a photo as uint8 [H, W, channels]; see `Source.read`."""
        return read_image(self.path(number), channels=channels, at_least=at_least, part=self.open_part(number))

    def open_part(self, number: int) -> IO[bytes] | None:
        """Return the bytes of a photo that is a part of a larger file; None for a file of its own."""
        return None

    def pack_names(self, numbers: Numbers) -> bytes:
        """Return the paths of photos relative to the folder, each with a zero byte after it."""
        if np.array_equal(numbers, np.arange(len(self))):
            return self._packed
        return b"".join(map(self._get_name, numbers.tolist()))

    def list_names(self, numbers: Numbers) -> list[str]:
        """Return the paths of photos relative to the folder."""
        return os.fsdecode(self.pack_names(numbers)).split("\0")[:-1]

    def read_stamps(self, numbers: Numbers) -> Numbers:
        """Return length, time of the last writing and of the last change of each file, [N, 3]; -1: there is none."""
        stamps = array("q")  # grows by machine words, where a list would hold an object for each number
        for name in self.list_names(numbers):
            try:
                status = os.stat(f"{self.root}{os.sep}{name}")
            except OSError:
                stamps.extend((-1, -1, -1))
            else:
                stamps.extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        return np.frombuffer(stamps, np.int64).reshape(-1, 3)

    def make_fingerprint(self, numbers: Numbers, at_least: int | None) -> str | None:
        """Return words that change with the pixels of photos: their files, and how these are decoded.

        None: a file was changed a moment ago and may be changed again under the same time.
        """
        stamps = self.read_stamps(numbers)
        if (stamps[:, 0] < 0).any() or stamps[:, 1:].max(initial=0) >= time.time_ns() - SETTLED_NS:
            return None
        content = hashlib.sha256(self.pack_names(numbers))
        content.update(stamps.tobytes())
        root = os.path.realpath(self.root)
        return f"{MADE_BY}\ndecoded at {at_least} pixels or more\n{root}\n{content.hexdigest()}"

    def _get_name(self, number: int) -> bytes:
        start = self._ends[number - 1] + 1 if number else 0
        return self._packed[start : self._ends[number] + 1]


@dataclass(frozen=True)
class PhotoTable:
    """Photos, one a row: columns rather than objects, so that a million rows stay small.

    Attributes:
        source: where they are read from.
        numbers: [N] of each photo in the source.
        sizes: [N, 2] width and height after orientation; (0, 0): not measured, or unreadable.
        labels: [N] int64, 0 where there are no classes.
        classes: [N] the class by name; None for a photo without.
        groups: [N] the group that a split keeps together; None for a photo without.
        digests: [N] uint64, a hash of each photo's file; 0: not known.
    """

    source: Source
    numbers: Numbers
    sizes: Numbers
    labels: Numbers
    classes: Texts
    groups: Texts
    digests: NDArray[np.uint64]

    @classmethod
    def from_source(cls, source: Source, numbers: Numbers, **columns: NDArray[Any]) -> PhotoTable:
        """Return a table of photos of a source; a column that is not given is empty, and takes no memory."""
        count, nothing = len(numbers), np.array(None, object)
        zeros = {"sizes": np.broadcast_to(np.int64(0), (count, 2)), "labels": np.broadcast_to(np.int64(0), count)}
        zeros["digests"] = np.broadcast_to(np.uint64(0), count)
        blank = {name: np.broadcast_to(nothing, count) for name in ("classes", "groups")}
        return cls(source, numbers, **(zeros | blank | columns))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def files(self) -> FileSource:
        """Return the source of photos that are files."""
        assert isinstance(self.source, FileSource)
        return self.source

    @property
    def names(self) -> list[str]:
        """Return the name of each photo in messages; made when it is asked for."""
        return [self.source.name(number) for number in self.numbers.tolist()]

    def read(self, row: int, channels: int, at_least: int | None = None) -> NDArray[np.uint8]:
        """Return the photo of a row; see `Source.read`."""
        return self.source.read(int(self.numbers[row]), channels, at_least)

    def take(self, rows: NDArray[Any] | Sequence[int]) -> PhotoTable:
        """Return the table of some rows, by their positions or by a mask of booleans, in the order given."""
        rows = np.asarray(rows, None if len(rows) else np.int64)
        columns = ("numbers", "sizes", "labels", "classes", "groups", "digests")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def label(self, class_names: Sequence[str]) -> PhotoTable:
        """Return the table as views need it, with the classes as labels; a class that is not in `class_names` gets 0."""
        number = {name: label for label, name in enumerate(class_names)}
        labels = np.array([number.get(name, 0) for name in self.classes], np.int64)
        kept = {"sizes": self.sizes, "digests": self.digests}
        return PhotoTable.from_source(self.source, self.numbers, labels=labels, **kept)


def make_texts(values: Sequence[str | None]) -> Texts:
    """Return a column of texts."""
    return np.array(values, object)


def spread_rows(length: int, count: int) -> Numbers:
    """Return `count` of so many rows, evenly spread over them: folders are read class by class. All where there are no more."""
    return np.arange(min(length, count), dtype=np.int64) * length // min(length, count)
