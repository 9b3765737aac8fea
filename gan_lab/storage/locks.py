"""One process at a time on a folder of results or of a run, and what a killed one left in it."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gan_lab.errors import UserError
from gan_lab.storage.regular_files import read_regular

log = logging.getLogger(__name__)

NAME = ".lock"
#: Seconds of trying: a holder that ends takes the file away, which another process may have opened just before.
_PATIENCE, _PAUSE = 0.2, 0.02
#: What a file system answers that has no locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def lock_folder(folder: Path, named: str | None = None) -> Iterator[None]:
    """Make a folder and keep it for this process; the lock dies with the process, whatever kills it.

    A folder that it made goes again if nothing was written into it.

    Args:
        folder: the folder.
        named: how the command line named it, for messages; None: by output=.

    Raises:
        UserError: another process has it, or it cannot be written to.
    """
    named = named or f"output={folder}"
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquire_lock(folder / NAME)
    except Timeout as error:
        holder = ""
        with suppress(OSError, ValueError):
            holder = f" (process {int(read_regular(folder / NAME, 64))})"
        raise UserError(
            f"{named}: another process is at work there{holder}; wait for it to end, or name another folder"
        ) from error
    except OSError as error:
        raise UserError(
            f"{named}: cannot be written to ({error.strerror or error}); allow it, or name another folder"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / NAME).unlink()  # still locked: who waits for it will see that its file is gone
        lock.release()
        with suppress(OSError):  # of a job that wrote nothing, nothing is left
            for path in made:
                path.rmdir()


def refuse_links(folder: Path, *names: str, instead: str = "have all runs elsewhere with runs_dir=<folder>") -> None:
    """Refuse a folder in which a file or a folder that is written to is a link, lies behind one, or holds one.

    In a folder from elsewhere it could lead to any file or folder of yours, which would be written to and tidied up. A named
    pipe or a device there is refused as well: reading it would never end.

    Args:
        folder: the folder; it may be a link itself, since it was named.
        names: of what is written, relative to it.
        instead: what else the user may do, for the message.

    Raises:
        UserError: naming the link and where it leads.
    """
    for name in names:
        refuse_linked_folders(folder, [folder / name], instead)
        for path in [*(folder / name).iterdir()] if (folder / name).is_dir() else []:
            _refuse_link(path, instead)


def refuse_linked_folders(folder: Path, inner: Iterable[Path], instead: str = "name another folder") -> None:
    """Refuse folders inside `folder` that are links or lie behind one; a file that is a link is replaced itself.

    Raises:
        UserError: naming the link and where it leads.
    """
    for path in inner:
        for part in reversed([path, *path.parents]):
            if part != folder and part.is_relative_to(folder):
                _refuse_link(part, instead)


def _refuse_link(path: Path, instead: str) -> None:
    if path.is_symlink():
        raise UserError(
            f"{path}: is a link to {os.readlink(path)}, and gan_lab writes through no link inside a folder; put the file or "
            f"folder itself there, or {instead}"
        )
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{path}: is neither a file nor a folder (a named pipe or a device); remove it, or {instead}")


def _acquire_lock(path: Path) -> FileLock:
    """Lock a file for this process, not through a link, and write the process's number into it.

    A child of a fork does not inherit the lock: filelock closes its descriptor there.

    Returns:
        The lock, to be released; not held where the file system has no locks, which a warning says.

    Raises:
        Timeout: another process holds it.
        OSError: the file cannot be made or written to, or is a link.
    """
    lock = FileLock(
        path, timeout=_PATIENCE, poll_interval=_PAUSE, fallback_to_soft=False, on_acquired=_write_process_number
    )
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("%s: this file system has no locks (%s): start no second job there", path.parent, error.strerror)
    return lock


def _write_process_number(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, b"%d\n" % os.getpid())
