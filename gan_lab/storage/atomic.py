"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

#: Names of incomplete files; `.config.yaml.k3jx91ab` and its like are those of gan_lab before 0.3.
_INCOMPLETE = re.compile(r"\.(.*\.)?[0-9a-f]{32}\.part|\.(config\.yaml|doctor\.json|[\w.-]+\.ckpt)\.[a-z0-9_]{8}")


@contextmanager
def write_atomically(path: Path, keep_as: str | None = None) -> Iterator[IO[bytes]]:
    """Yield a file that replaces `path` when the block ends and its bytes are on disk. Creates the folder.

    Until then `path` is absent or as it was. After an error nothing else remains; after a kill a hidden `*.part` may,
    which `remove_incomplete_files` deletes.

    Args:
        path: the file to write.
        keep_as: the name, in the same folder, under which the file that is replaced stays; None deletes it.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")  # the name of `path` may be as long as names can be
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if keep_as is not None:
            _keep(path, keep_as)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def remove_incomplete_files(folders: Iterable[Path]) -> None:
    """Delete the incomplete files that a killed process left in folders. Call it while holding the folders' lock."""
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if _INCOMPLETE.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry)


def _keep(path: Path, name: str) -> None:
    """Keep a file under another name in its folder: as a hard link where the file system has them, else by renaming."""
    if not path.exists():
        return
    link = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        os.link(path, link)
        os.replace(link, path.with_name(name))
    except OSError:
        os.replace(path, path.with_name(name))
