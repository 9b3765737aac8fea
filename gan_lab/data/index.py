"""What was measured of photos, kept for the next start: arrays in files of the user's cache."""

from __future__ import annotations

import hashlib
import logging
import os
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import PIL
from numpy.typing import NDArray

from gan_lab.storage import open_regular, require_stored, write_atomically

log = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]

# A file system tells times apart from 2 s (FAT) down. A photo younger than that, seen from when it was looked at, may be
# changed once more and bear the same time: what is measured of it is not kept.
SETTLED_NS = 2 * 10**9
_HEX = "[0-9a-f]" * 32
#: What is kept at most, in bytes (a photo takes about a hundred), and for how long after its last use, in seconds.
MOST_BYTES, OLDEST = 2 * 2**30, 90 * 24 * 3600
#: To be raised when what is kept, or what it is computed from, changes its meaning; decoders change it as well.
MADE_BY = f"gan_lab photos 2, Pillow {PIL.__version__}, OpenCV {cv2.__version__}"


class Index:
    """Arrays by the words that they were computed from, in a folder; damaged or foreign files in it are as good as none.

    A file is written beside its place and renamed, so that processes which write the same leave one of theirs, whole. It is a
    zip of plain arrays with their check sums: reading it runs nothing. What has not been used for long goes, and so does what
    was used longest ago where all is too large.

    Args:
        folder: where they lie; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def __bool__(self) -> bool:
        return self.folder is not None

    def load(self, key: str) -> dict[str, NDArray[Any]]:
        """Return the arrays kept for `key`; {} where there are none, or where they cannot be trusted."""
        if self.folder is None:
            return {}
        path = self._path(key)
        try:
            with open_regular(path) as opened:
                check_stored(opened)
                with np.load(opened, allow_pickle=False) as file:
                    arrays = {name: file[name] for name in file.files}
            if bytes(arrays.pop("key")) != self._encode_key(key):
                raise ValueError("it belongs to something else")
        except FileNotFoundError:
            return {}
        except (
            Exception
        ) as error:  # a cut or changed file fails anywhere between its first bytes and its arrays' headings
            log.warning("%s cannot be used and is made again: %s", path, " ".join(str(error).split())[:160])
            return {}
        with suppress(OSError):  # a cache that may only be read
            os.utime(path)
        return arrays

    def save(self, key: str, arrays: Arrays) -> None:
        """Keep arrays for `key`; where the disk refuses them, say so and go on."""
        if self.folder is None:
            return
        path = self._path(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with write_atomically(path) as file:
                np.savez(file, **{"key": np.frombuffer(self._encode_key(key), np.uint8), **arrays})  # type: ignore[arg-type]
            self._tidy(path)
        except OSError as error:
            log.warning("%s cannot be written, so the next start looks at the photos again: %s", path, error)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{hashlib.sha256(self._encode_key(key)).hexdigest()[:32]}.photos"

    @staticmethod
    def _encode_key(key: str) -> bytes:
        return os.fsencode(f"{MADE_BY}\n{key}")

    def _tidy(self, newest: Path) -> None:
        """Remove what is old or too much, and what killed writers left; never the newest."""
        assert self.folder is not None
        now, room, files = time.time(), MOST_BYTES - newest.stat().st_size, []
        for path in (*self.folder.glob(f"{_HEX}.photos"), *self.folder.glob(f".{_HEX}.part")):
            with suppress(OSError):  # another process may tidy as well
                files.append((path.stat().st_mtime, path.stat().st_size, path))
        for used, size, path in sorted(files, reverse=True):
            if path == newest:
                continue
            part = path.suffix == ".part"
            room -= 0 if part else size
            if now - used > (3600 if part else OLDEST) or (room < 0 and not part):
                with suppress(OSError):
                    path.unlink()


def check_stored(file: IO[bytes]) -> None:
    """Refuse an archive whose parts are packed: a few bytes could unpack to any size. Its own are stored as they are.

    Raises:
        ValueError: a part is packed, or they say to be longer than the file.
        zipfile.BadZipFile: it is no archive.
    """
    with zipfile.ZipFile(file) as archive:
        require_stored(archive)
        parts = archive.infolist()
    if sum(part.file_size for part in parts) > file.seek(0, os.SEEK_END):
        raise ValueError("its parts are longer than the file")
    file.seek(0)


#: Keeps nothing.
NOWHERE = Index(None)
