"""Long columns in little memory: the paths of a million files, and rows of other columns."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Column(Sequence[T]):
    """A sequence whose items are made when they are asked for."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self.item(row) for row in range(len(self))[index]]
        return self.item(range(len(self))[index])

    @abstractmethod
    def item(self, row: int) -> T:
        """Return the item of a row from 0 up."""


class Rows(Column[T]):
    """Some rows of another sequence, in an order of their own."""

    def __init__(self, items: Sequence[T], rows: NDArray[np.int64]) -> None:
        self.items: Sequence[T] = items.items if isinstance(items, Rows) else items
        self.rows: NDArray[np.int64] = items.rows[rows] if isinstance(items, Rows) else rows

    def __len__(self) -> int:
        return len(self.rows)

    def item(self, row: int) -> T:
        """Return the item of a row from 0 up."""
        return self.items[int(self.rows[row])]

    def part(self, row: int) -> IO[bytes] | None:
        """See `Paths.part`."""
        assert isinstance(self.items, Paths)
        return self.items.part(int(self.rows[row]))


class Paths(Column[Path]):
    """The paths of files under a folder: a path object takes a kilobyte, a name in one string of bytes takes its length.

    Forked workers share the bytes. Of a list of objects each of them would come to hold a copy, as it counts references.

    Args:
        root: the folder.
        names: the paths in it; they hold no zero byte, as no path does.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self.packed = os.fsencode("".join(f"{name}\0" for name in names))
        self._ends = np.flatnonzero(np.frombuffer(self.packed, np.uint8) == 0)

    def __len__(self) -> int:
        return len(self._ends)

    def item(self, row: int) -> Path:
        """Return the path of a row from 0 up."""
        start = self._ends[row - 1] + 1 if row else 0
        return self.root / os.fsdecode(self.packed[start : self._ends[row]])

    def names(self) -> list[str]:
        """Return all paths relative to the folder."""
        return os.fsdecode(self.packed).split("\0")[:-1]

    def chosen(self, rows: Sequence[int]) -> Paths:
        """Return some of them, in another order."""
        return Paths(self.root, Rows(self.names(), np.asarray(rows, np.int64)))

    def part(self, row: int) -> IO[bytes] | None:
        """Return what is to be read of a photo that is a part of a larger file; None for a file of its own."""
        return None

    def classes(self) -> list[str | None]:
        """Return the folder right under `root` that each lies in, if any: the class, where there are classes."""
        parts = (name.partition(os.sep) for name in self.names())
        return [sys.intern(first) if within else None for first, within, _ in parts]

    def stamps(self) -> NDArray[np.int64]:
        """Return length, time of the last writing and of the last change of each file, [N, 3]; -1: there is none."""
        stamps = array("q")  # grows by machine words, where a list would hold an object for each number
        for name in self.names():
            try:
                status = os.stat(f"{self.root}{os.sep}{name}")
            except OSError:
                stamps.extend((-1, -1, -1))
            else:
                stamps.extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        return np.frombuffer(stamps, np.int64).reshape(-1, 3)
