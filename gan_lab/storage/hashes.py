"""The SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gan_lab.storage.regular_files import open_regular


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a regular file, in hexadecimal digits.

    Raises:
        OSError: the file cannot be read, or is a named pipe or a device.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
