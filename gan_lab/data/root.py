"""The folder of photos that an option names."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gan_lab.data.index import NOWHERE, Index
from gan_lab.errors import UserError
from gan_lab.photo_files import IMAGE_SUFFIXES, Listing, list_folder
from gan_lab.photo_files.listing import count_suffixes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Root:
    """A folder of photos, by the option that names it.

    Attributes:
        option: its name, without `data.`.
        path: the folder.
        index: keeps what is found in it for the next start.
        listings: of the folders in it that photos were listed in, so far.
    """

    option: str
    path: Path
    index: Index = NOWHERE
    listings: list[tuple[Path, Listing]] = field(default_factory=list)

    def refuse(self, why: str) -> UserError:
        """Return the refusal of the folder, to be raised."""
        return UserError(f"data.{self.option}={self.path}: {why}")

    def list_folder(self, folder: Path) -> Listing:
        """List a folder, and remember the list for `report`."""
        found = list_folder(folder)
        self.listings.append((folder, found))
        return found

    def report(self, beside: Iterable[str] = ()) -> None:
        """Log what of the folder is not used, once: `beside` the folders of its layout, and in those that were listed.

        Args:
            beside: names in it.
        """
        there = f"data.{self.option}={self.path}"
        for folders in [reason for _, found in self.listings for reason in found.unlisted]:
            log.warning("%s: cannot list %s; what is in it is left out", there, folders)
        self._log(logging.WARNING, "photos of kinds that cannot be read; convert them, or take them out", "unread")
        self._log(logging.INFO, "no photos", "others")
        self._log(logging.INFO, "hidden or the system's, and left out", "aside")
        if names := sorted(beside):
            lost = any((self.path / name).is_dir() or name.lower().endswith(IMAGE_SUFFIXES) for name in names)
            more = ", ..." if len(names) > 10 else ""
            level = logging.WARNING if lost else logging.INFO
            log.log(level, "%s: beside its layout, and left out: %s%s", there, ", ".join(names[:10]), more)

    def _log(self, level: int, what: str, kind: str) -> None:
        paths = [str(folder / name) for folder, found in self.listings for name in getattr(found, kind)]
        if paths:
            counts = len(paths) if kind == "aside" else count_suffixes(paths)
            first = ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
            log.log(level, "data.%s=%s: %s: %s (%s)", self.option, self.path, what, counts, first)
