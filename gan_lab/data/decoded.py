"""Where decoded photos are kept: in memory, or in a file that other processes and the next start find again."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import time
import uuid
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.index import OLDEST
from gan_lab.errors import UserError

_HEX = "[0-9a-f]" * 32


class SharedBytes:
    """Bytes that processes share: those of a file, or anonymous memory, which a container's small /dev/shm does not limit.

    A spawned process cannot inherit memory; it gets zeros of its own, and so fills a cache of its own.
    """

    def __init__(self, size: int, file: int = -1) -> None:
        self.array: NDArray[np.uint8] = np.frombuffer(mmap.mmap(file, max(1, size)), dtype=np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"size": self.array.size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["size"])  # type: ignore[misc]


class MemoryCache:
    """Pixels of photos, one after the other, in the memory of this process and its workers.

    Args:
        starts: [N + 1] where each photo begins, and where the last one ends, in bytes.
    """

    def __init__(self, starts: NDArray[np.int64]) -> None:
        self.starts = starts
        self._bytes = SharedBytes(int(starts[-1]))

    def slot(self, index: int) -> NDArray[np.uint8]:
        """Return the bytes of one photo, to read or to fill."""
        return self._bytes.array[self.starts[index] : self.starts[index + 1]]

    def holds(self, index: int) -> bool:
        """Return whether an earlier process left this photo."""
        return False

    def seal(self, index: int) -> None:
        """Say that this photo's slot is filled."""


class FileCache(MemoryCache):
    """The same in a file, which all processes of a machine share, and which the next start finds filled.

    A photo counts as there when its bytes have the check sum that was written after them, so what a killed process, a lost
    page or a failing disk left is decoded again. All room is taken when the file is made: a disk that fills up later ends
    no process that writes to the mapped file.

    Args:
        folder: where it lies.
        words: whatever the pixels depend on: equal words, equal pixels. None: a file without a name, which goes with its
            last process.
        starts: as in `MemoryCache`.

    Raises:
        UserError: the folder cannot be written to, or the disk has no room.
    """

    def __init__(self, folder: Path, words: str | None, starts: NDArray[np.int64]) -> None:
        self.folder, self.words, self.starts = folder, words, starts
        count, pixels = len(starts) - 1, int(starts[-1])
        sums_at = -(-pixels // 8) * 8
        try:
            with suppress(FileExistsError):  # a file of that name is refused below, with what to do
                folder.mkdir(parents=True)
            file = self._open(sums_at + 4 * count)
        except OSError as error:
            need = f"the {pixels / 2**20:.0f} MB of decoded photos"
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise UserError(
                    f"data.cache={folder}: has no room for {need} ({error.strerror}); make room, name another folder, give "
                    "fewer megabytes in data.cache_mb, or data.cache=null to keep them in memory"
                ) from error
            raise UserError(
                f"data.cache={folder}: cannot hold {need} ({error.strerror or error}); name a folder that can be written to, "
                "or data.cache=null to keep them in memory"
            ) from error
        try:
            self._bytes = SharedBytes(sums_at + 4 * count, file)
        finally:
            os.close(file)
        self._sums: NDArray[np.uint32] = self._bytes.array[sums_at:].view(np.uint32)

    def holds(self, index: int) -> bool:
        """Return whether any process has left this photo, whole."""
        known = int(self._sums[index])
        return known != 0 and known == self._compute_sum(index)

    def seal(self, index: int) -> None:
        """Say that this photo's slot is filled."""
        self._sums[index] = self._compute_sum(index)

    def _compute_sum(self, index: int) -> int:
        return zlib.crc32(self.slot(index).data) or 1  # 0 says that there is none

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "words": self.words, "starts": self.starts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _open(self, size: int) -> int:
        """Return a file of `size` bytes, open: the one there is, else a new one full of zeros."""
        if self.words is None:
            file, path = self._make_file(size)
            path.unlink()
            return file
        path = self.folder / f"{hashlib.sha256(os.fsencode(self.words)).hexdigest()[:32]}.pixels"
        for _ in range(2):
            with suppress(FileNotFoundError):
                file = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                if os.fstat(file).st_size == size:
                    os.utime(path)
                    return file
                os.close(file)
                path.unlink()  # cut, or not ours
            file, part = self._make_file(size)
            try:
                os.link(part, path)  # unlike a renaming it fails where another process was first: that one's is shared
                self._tidy()
                return file
            except FileExistsError:
                os.close(file)
            finally:
                part.unlink()
        raise OSError(f"{path} comes and goes")

    def _make_file(self, size: int) -> tuple[int, Path]:
        path = self.folder / f".{uuid.uuid4().hex}.pixels.part"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, 0, size)
            else:  # macOS
                for start in range(0, size, 2**20):
                    os.write(file, bytes(min(2**20, size - start)))
        except BaseException:
            os.close(file)
            path.unlink()
            raise
        return file, path

    def _tidy(self) -> None:
        """Remove what has not been opened for long, and what killed makers left; who has one mapped keeps it."""
        now = time.time()
        for path, oldest in (
            *((path, OLDEST) for path in self.folder.glob(f"{_HEX}.pixels")),
            *((path, 3600) for path in self.folder.glob(f".{_HEX}.pixels.part")),
        ):
            with suppress(OSError):  # another process may tidy as well
                if now - path.stat().st_mtime > oldest:
                    path.unlink()
