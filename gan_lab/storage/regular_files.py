"""Files opened for reading that are files: a named pipe or a device in their place would block, or never end."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from io import BufferedReader
from pathlib import Path


def open_regular(path: str | Path) -> BufferedReader:
    """Open a regular file for reading, in binary.

    Raises:
        OSError: there is none, it cannot be read, or it is a named pipe, a device, a socket or a folder.
    """
    _require_regular(os.stat(path).st_mode, path)  # before it is opened: opening can act on a device
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)  # it may have been exchanged meanwhile
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | Path, max_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: see `open_regular`, or the file is longer than `max_bytes`.
    """
    with open_regular(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"longer than {max_bytes} bytes", str(path))
    return content


def require_stored(archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose parts are compressed: a few bytes could unpack to any size.

    Raises:
        ValueError: a part is compressed.
    """
    if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
        raise ValueError("it is compressed")


def _require_regular(mode: int, path: str | Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
