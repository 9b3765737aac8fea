"""Photos in tar files, as WebDataset and others write them: each is read where it lies, at any time, without unpacking."""

from __future__ import annotations

import io
import logging
import os
import posixpath
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.index import SETTLED_NS, Index
from gan_lab.data.tables import Paths
from gan_lab.errors import UserError
from gan_lab.photo_files.images import IMAGE_SUFFIXES, path_order
from gan_lab.storage import decode_json, open_regular

log = logging.getLogger(__name__)

#: What is read of a class beside a photo at most, in bytes.
MOST_OF_A_CLASS = 2**16


@dataclass(frozen=True)
class Contents:
    """The photos of one shard, in the order in which they lie there.

    Attributes:
        names: their paths in it, and the class beside each ("" for none).
        places: [N, 2] where each begins in the file, and its length, in bytes.
    """

    names: list[str]
    classes: list[str]
    places: NDArray[np.int64]


class Members(Paths):
    """The photos in shards under a folder. A path is that of the shard, and in it that of the photo.

    The class of a photo is what stands beside it, in a file of its name that ends in .cls (a word or a number) or .json
    (under "label", "class" or "cls"); without such, the folder that it lies in within the shard.
    """

    def __init__(
        self, root: Path, names: Sequence[str], shards: Sequence[Path], where: NDArray[np.int64], classes: Sequence[str]
    ) -> None:
        """Make the table.

        Args:
            root: the folder.
            names: of the photos, relative to it.
            shards: the tar files.
            where: [N, 3] the shard of each, its beginning there and its length.
            classes: of each; "" for none.
        """
        super().__init__(root, names)
        self.shards = list(shards)
        self.where = where
        self._classes = [sys.intern(name) for name in classes]

    def chosen(self, rows: Sequence[int]) -> Members:
        """Return some of them, in another order."""
        names = self.names()
        return Members(
            self.root,
            [names[row] for row in rows],
            self.shards,
            self.where[list(rows)],
            [self._classes[row] for row in rows],
        )

    def part(self, row: int) -> IO[bytes]:
        """Return what is to be read of a photo."""
        shard, start, length = self.where[row].tolist()
        return io.BufferedReader(Part(self.shards[shard], start, length), min(max(length, 512), 2**16))

    def classes(self) -> list[str | None]:
        """Return the class of each, None for one without."""
        return [name or None for name in self._classes]

    def stamps(self) -> NDArray[np.int64]:
        """Return length of each photo, time of the last writing and of the last change of its shard, [N, 3]."""
        times = np.array([_stamp(shard)[1:] for shard in self.shards], np.int64)
        return np.column_stack((self.where[:, 2], times[self.where[:, 0]]))


class Part(io.RawIOBase):
    """A part of a file as a file: opened when it is first read."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self.path = path
        self.start = start
        self.length = length
        self._at = 0
        self._file = -1

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought in."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.length}[whence])
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as there is something."""
        if self._file < 0:
            self._file = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        found = os.pread(self._file, max(0, min(len(buffer), self.length - self._at)), self.start + self._at)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()


def find_shards(root: Path) -> list[Path]:
    """Return the tar files under a folder, sorted by path; hidden ones are left out."""
    found = (path for path in root.rglob("*.tar") if path.is_file())
    visible = [path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    return sorted(visible, key=lambda path: path_order(str(path)))


def members(root: Path, shards: Sequence[Path], option: str, index: Index) -> Members:
    """Return the photos in shards under a folder.

    Args:
        root: the folder.
        shards: the tar files.
        option: data.`option` named the folder, for messages.
        index: keeps what is in each shard for the next start.

    Raises:
        UserError: a shard is damaged, or there is no photo in any.
    """
    names: list[str] = []
    classes: list[str] = []
    where: list[NDArray[np.int64]] = []
    began = said = time.monotonic()
    for number, shard in enumerate(shards):
        found = contents(shard, option, index)
        within = shard.relative_to(root)
        names += [f"{within}{os.sep}{name}" for name in found.names]
        classes += found.classes
        where.append(np.column_stack((np.full(len(found.names), number), found.places)))
        if time.monotonic() - said > 10:
            said = time.monotonic()
            left = (said - began) / (number + 1) * (len(shards) - number - 1)
            log.info("%d of %d shards listed, about %.0f s to go", number + 1, len(shards), left)
    if not names:
        raise UserError(
            f"data.{option}: no image in the {len(shards)} tar files under {root} (looked for {' '.join(IMAGE_SUFFIXES)})."
        )
    return Members(root, names, shards, np.concatenate(where), classes)


def contents(shard: Path, option: str, index: Index) -> Contents:
    """Return the photos of one shard, from the index where it is unchanged.

    Raises:
        UserError: it is damaged.
    """
    key, stamp = f"members of {os.path.realpath(shard)}", np.array(_stamp(shard), np.int64)
    kept = index.load(key)
    if kept.keys() == {"stamp", "names", "classes", "places"} and np.array_equal(kept["stamp"], stamp):
        known = Contents(_unpacked(kept["names"]), _unpacked(kept["classes"]), kept["places"])
        if len(known.names) == len(known.classes) == len(known.places):
            return known
    found = _listed(shard, option)
    if stamp[1:].max() < time.time_ns() - SETTLED_NS:
        names, classes = _packed(found.names), _packed(found.classes)
        index.save(key, {"stamp": stamp, "names": names, "classes": classes, "places": found.places})
    return found


def _listed(shard: Path, option: str) -> Contents:
    """List a shard from its headings."""
    photos: dict[str, tuple[int, int]] = {}
    beside: dict[str, str] = {}
    length = shard.stat().st_size
    try:
        with open_regular(shard) as opened, tarfile.open(fileobj=opened, mode="r:") as file:
            for member in file:
                name = posixpath.normpath(member.name)
                base = posixpath.basename(name)
                hidden = any(part.startswith(".") and part != ".." for part in name.split("/"))
                if hidden or not member.isreg():
                    continue
                if base.lower().endswith(IMAGE_SUFFIXES):
                    photos.pop(name, None)  # of two files of one name the later one counts, as in unpacking
                    photos[name] = (member.offset_data, member.size)
                elif base.lower().endswith((".cls", ".json")) and member.size <= MOST_OF_A_CLASS:
                    content = file.extractfile(member)
                    assert content is not None
                    beside[_key(name)] = _class_in(content.read(), base, shard, option)
            end = file.offset
        with open_regular(shard) as raw:
            raw.seek(end)
            rest = raw.read(tarfile.BLOCKSIZE)
    except (tarfile.TarError, OSError, UnicodeError) as error:
        raise UserError(f"data.{option}: {shard} is no tar file that can be read ({error}); make it anew.") from error
    cut = sum(start + size > length for start, size in photos.values())
    if any(rest) or cut:
        raise UserError(
            f"data.{option}: {shard} is damaged: after {len(photos) - cut} photos, at byte {min(end, length)} of {length}, it "
            "makes no sense or ends; make it anew."
        )
    classes = [beside.get(_key(name)) or (name.split("/")[0] if "/" in name else "") for name in photos]
    return Contents(list(photos), classes, np.array(list(photos.values()), np.int64).reshape(-1, 2))


def _key(name: str) -> str:
    """Return what the files of one sample have in common: the path up to the first dot of the file's name."""
    folder, base = posixpath.split(name)
    return posixpath.join(folder, base.split(".")[0])


def _class_in(content: bytes, base: str, shard: Path, option: str) -> str:
    """Return the class that stands in a file beside a photo; "" for none."""
    try:
        if base.lower().endswith(".cls"):
            return content.decode().strip()
        fields = decode_json(content)
    except ValueError as error:
        raise UserError(f"data.{option}: {base} in {shard} cannot be read as a class ({error}); mend it.") from error
    named = [fields[name] for name in ("label", "class", "cls") if name in fields] if isinstance(fields, dict) else []
    return str(named[0]) if named and isinstance(named[0], str | int) else ""


def _stamp(shard: Path) -> tuple[int, int, int]:
    status = shard.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _packed(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(os.fsencode("".join(f"{text}\0" for text in texts)), np.uint8)


def _unpacked(array: NDArray[np.uint8]) -> list[str]:
    return os.fsdecode(array.tobytes()).split("\0")[:-1]
