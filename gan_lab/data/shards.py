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

from gan_lab.data.index import SETTLED_NS
from gan_lab.data.root import Root
from gan_lab.data.table import FileSource, Numbers, PhotoTable, make_texts
from gan_lab.photo_files.formats import HEAD, IMAGE_SUFFIXES, UNREAD_SUFFIXES, has_suffix, is_photo
from gan_lab.photo_files.listing import Listing, is_system_folder
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
        unread: paths of photos of kinds that cannot be read.
    """

    names: list[str]
    classes: list[str]
    places: NDArray[np.int64]
    unread: list[str]


class TarSource(FileSource):
    """The photos in shards under a folder. A path is that of the shard, and in it that of the photo.

    Args:
        root: the folder.
        names: of the photos, relative to it.
        shards: the tar files.
        places: [N, 3] the shard of each, its beginning there and its length.
    """

    def __init__(self, root: Path, names: Sequence[str], shards: Sequence[Path], places: Numbers) -> None:
        super().__init__(root, names)
        self.shards = list(shards)
        self.places = places

    def open_part(self, number: int) -> IO[bytes]:
        """Return the bytes of a photo."""
        shard, start, length = self.places[number].tolist()
        return io.BufferedReader(TarMember(self.shards[shard], start, length), min(max(length, 512), 2**16))

    def read_stamps(self, numbers: Numbers) -> Numbers:
        """Return length of each photo, time of the last writing and of the last change of its shard, [N, 3]."""
        times = np.array([read_stamp(shard)[1:] for shard in self.shards], np.int64)
        return np.column_stack((self.places[numbers, 2], times[self.places[numbers, 0]]))


class TarMember(io.RawIOBase):
    """A photo in a tar file as a file: opened when it is first read."""

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


def list_shards(root: Root, folder: Path, shards: Sequence[Path]) -> PhotoTable:
    """Return the photos in shards under a folder.

    The class of a photo is what stands beside it, in a file of its name that ends in .cls (a word or a number) or .json
    (under "label", "class" or "cls"); without such, the folder that it lies in within the shard.

    Args:
        root: what the folder is, or lies in.
        folder: with the shards.
        shards: the tar files.

    Raises:
        UserError: a shard is damaged, or there is no photo in any.
    """
    names: list[str] = []
    classes: list[str | None] = []
    places: list[Numbers] = []
    unread: list[str] = []
    began = said = time.monotonic()
    for number, shard in enumerate(shards):
        found = recall_shard(shard, root)
        within = shard.relative_to(folder)
        unread += [f"{within}{os.sep}{name}" for name in found.unread]
        names += [f"{within}{os.sep}{name}" for name in found.names]
        classes += [sys.intern(name) if name else None for name in found.classes]
        places.append(np.column_stack((np.full(len(found.names), number), found.places)))
        if time.monotonic() - said > 10:
            said = time.monotonic()
            left = (said - began) / (number + 1) * (len(shards) - number - 1)
            log.info("%d of %d shards listed, about %.0f s to go", number + 1, len(shards), left)
    if not names:
        raise root.refuse(
            f"no image in the {len(shards)} tar files under {folder} (looked for {' '.join(IMAGE_SUFFIXES)}); add photos, or "
            "name another folder"
        )
    root.listings.append((folder, Listing(unread=unread)))
    files = TarSource(folder, names, shards, np.concatenate(places))
    return PhotoTable.from_source(files, np.arange(len(names)), classes=make_texts(classes))


def recall_shard(shard: Path, root: Root) -> Contents:
    """Return the photos of one shard, from the index where it is unchanged.

    Raises:
        UserError: it is damaged.
    """
    key, stamp = f"members of {os.path.realpath(shard)}", np.array(read_stamp(shard), np.int64)
    kept = root.index.load(key)
    if kept.keys() == {"stamp", "names", "classes", "places", "unread"} and np.array_equal(kept["stamp"], stamp):
        names, classes, unread = (_unpack_texts(kept[column]) for column in ("names", "classes", "unread"))
        known = Contents(names, classes, kept["places"], unread)
        if len(known.names) == len(known.classes) == len(known.places):
            return known
    found = list_shard(shard, root)
    if stamp[1:].max() < time.time_ns() - SETTLED_NS:
        texts = {"names": found.names, "classes": found.classes, "unread": found.unread}
        columns = {name: _pack_texts(column) for name, column in texts.items()}
        root.index.save(key, {"stamp": stamp, "places": found.places, **columns})
    return found


def list_shard(shard: Path, root: Root) -> Contents:
    """Return the photos of one shard, from its headings.

    Raises:
        UserError: it is damaged.
    """
    photos: dict[str, tuple[int, int]] = {}
    unread: dict[str, None] = {}
    beside: dict[str, str] = {}
    length = shard.stat().st_size
    try:
        with open_regular(shard) as opened, tarfile.open(fileobj=opened, mode="r:") as file:
            for member in file:
                name = posixpath.normpath(member.name)
                base = posixpath.basename(name)
                hidden = any(is_system_folder(part) and part != ".." for part in name.split("/"))
                if hidden or not member.isreg():
                    continue
                if base.lower().endswith(UNREAD_SUFFIXES):
                    unread[name] = None
                elif base.lower().endswith(IMAGE_SUFFIXES) or (not has_suffix(base) and _begins_as_photo(file, member)):
                    photos.pop(name, None)  # of two files of one name the later one counts, as in unpacking
                    photos[name] = (member.offset_data, member.size)
                elif base.lower().endswith((".cls", ".json")) and member.size <= MOST_OF_A_CLASS:
                    content = file.extractfile(member)
                    assert content is not None
                    beside[_strip_suffixes(name)] = _parse_class(content.read(), base, shard, root)
            end = file.offset
        with open_regular(shard) as raw:
            raw.seek(end)
            rest = raw.read(tarfile.BLOCKSIZE)
    except (tarfile.TarError, OSError, UnicodeError) as error:
        raise root.refuse(f"{shard} is no tar file that can be read ({error}); make it anew") from error
    cut = sum(start + size > length for start, size in photos.values())
    if any(rest) or cut:
        raise root.refuse(
            f"{shard} is damaged: after {len(photos) - cut} photos, at byte {min(end, length)} of {length}, it makes no sense "
            "or ends; make it anew"
        )
    classes = [beside.get(_strip_suffixes(name)) or (name.split("/")[0] if "/" in name else "") for name in photos]
    places = np.array(list(photos.values()), np.int64).reshape(-1, 2)
    return Contents(list(photos), classes, places, list(unread))


def _begins_as_photo(file: tarfile.TarFile, member: tarfile.TarInfo) -> bool:
    content = file.extractfile(member)
    return content is not None and is_photo(content.read(HEAD))


def _strip_suffixes(name: str) -> str:
    """Return a path up to the first dot of the file's name, which all files of one sample share."""
    folder, base = posixpath.split(name)
    return posixpath.join(folder, base.split(".")[0])


def _parse_class(content: bytes, base: str, shard: Path, root: Root) -> str:
    """Return the class that stands in a file beside a photo; "" for none."""
    try:
        if base.lower().endswith(".cls"):
            return content.decode().strip()
        fields = decode_json(content)
    except ValueError as error:
        raise root.refuse(f"{base} in {shard} cannot be read as a class ({error}); correct it") from error
    found = [fields[name] for name in ("label", "class", "cls") if name in fields] if isinstance(fields, dict) else []
    return str(found[0]) if found and isinstance(found[0], str | int) else ""


def read_stamp(shard: Path) -> tuple[int, int, int]:
    """Return length, time of the last writing and of the last change of a shard."""
    status = shard.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _pack_texts(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(os.fsencode("".join(f"{text}\0" for text in texts)), np.uint8)


def _unpack_texts(array: NDArray[np.uint8]) -> list[str]:
    return os.fsdecode(array.tobytes()).split("\0")[:-1]
