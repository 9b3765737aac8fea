"""What lies in a folder of photos: each file of it is a photo, or is named as what it is."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gan_lab.errors import UserError
from gan_lab.photo_files.formats import HEAD, IMAGE_SUFFIXES, UNREAD_SUFFIXES, has_suffix, is_photo
from gan_lab.storage import open_regular

#: Folders that systems keep beside photos, in lower case; their thumbnails and deleted files are nobody's photos.
SYSTEM_FOLDERS = frozenset(
    (
        *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "~snapshot"),  # of network storage
        *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000"),  # of Windows
        *("__macosx", "network trash folder", "temporary items", "thevolumesettingsfolder"),  # of macOS
        "lost+found",
    )
)
SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))


@dataclass
class Listing:
    """The files under a folder, by their paths relative to it, with the system's separators, and sorted.

    Attributes:
        photos: those that are to be read.
        unread: photos of kinds that cannot be read, by their suffix: raw files of cameras, JPEG XL.
        others: files that are no photos.
        aside: folders and hidden files that are the system's.
        unlisted: folders that may not be listed, or lead out of themselves, with the reason.
        linked: the real folders that links lead to.
    """

    photos: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)


def list_folder(root: Path) -> Listing:
    """List the files of a folder and its subfolders.

    Files go by their suffix, in any case; one without a suffix by how it begins. What cannot be looked at, such as a link to
    nowhere, counts as a photo, for reading it will say what is wrong. Links to folders are followed; a folder that can be
    reached in several ways is listed once, at its real place where that is under `root`; one that holds `root` is not.

    Raises:
        UserError: `root` is not a folder.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; name another")
    found = Listing()
    visited: set[str] = set()
    holders = set(map(str, Path(os.path.realpath(root)).parents))

    def note(error: OSError) -> None:
        found.unlisted.append(f"{error.filename}: {error.strerror}")

    starts = [str(root)]
    while starts:
        for folder, subfolders, names in os.walk(starts.pop(0), onerror=note):
            here = os.path.realpath(folder)
            if here in visited:
                subfolders.clear()
                continue
            if here in holders:
                found.unlisted.append(f"{folder}: a link to {here}, which holds {root}")
                subfolders.clear()
                continue
            visited.add(here)
            if os.path.islink(folder):
                found.linked.append(here)
            below = os.path.relpath(folder, root)
            prefix = "" if below == os.curdir else below + os.sep
            found.aside += [prefix + name + os.sep for name in subfolders if is_system_folder(name)]
            subfolders[:] = sorted(name for name in subfolders if not is_system_folder(name))
            # Links wait until the real folders are done: so a loop ends, and a real path wins over a link to it.
            starts += [link for name in subfolders if os.path.islink(link := os.path.join(folder, name))]
            _sort_files(found, folder, prefix, names)
    for names in (found.photos, found.unread, found.others, found.aside):
        names.sort(key=path_order)
    return found


def is_system_folder(name: str) -> bool:
    """Return whether a folder of this name is hidden or a system's, so that what is in it is nobody's photo."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


def path_order(name: str) -> str:
    """Return a key that sorts names as paths are sorted, part by part: what is in `hat/` comes before what is in `hat-old/`."""
    return os.path.normcase(name).replace(os.sep, "\0")


def count_suffixes(names: Iterable[str]) -> str:
    """Return how many names there are of each suffix, the most first: "12 .txt, 3 .pdf, 1 without suffix"."""
    counts = Counter(os.path.splitext(name)[1].lower() or "without suffix" for name in names)
    return ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common(5)) + (
        ", ..." if len(counts) > 5 else ""
    )


def _sort_files(found: Listing, folder: str, prefix: str, names: Iterable[str]) -> None:
    """Add the files of one folder to what they are."""
    for name in names:
        lower = name.lower()
        if name.startswith(".") or lower in SYSTEM_FILES:
            found.aside.append(prefix + name)
        elif lower.endswith(IMAGE_SUFFIXES):
            found.photos.append(prefix + name)
        elif lower.endswith(UNREAD_SUFFIXES):
            found.unread.append(prefix + name)
        elif not has_suffix(name) and _may_be_photo(os.path.join(folder, name)):
            found.photos.append(prefix + name)
        else:
            found.others.append(prefix + name)


def _may_be_photo(path: str) -> bool:
    """Return whether a file begins as a photo does, or cannot be looked at."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a named pipe or a socket
            return False
        with open_regular(path) as file:
            return is_photo(file.read(HEAD))
    except OSError:
        return True
