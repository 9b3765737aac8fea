"""Tables of photo files: headers, classes, groups, near-duplicates."""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.layouts import Folder
from gan_lab.data.source import FileLoader, Source
from gan_lab.errors import UserError
from gan_lab.imaging.files import UnreadableImage, read_image, read_size
from gan_lab.imaging.similarity import dhash, near_duplicate_groups

log = logging.getLogger(__name__)
T = TypeVar("T")

# Ample for fields of 12x12, and no photo below twice this size is hashed in another form than its own.
HASHED_PIXELS = 256

# The share of photos beside class folders up to which they are strays, say a cover; with more, the folders are no classes.
STRAY_SHARE = 0.1


@dataclass(frozen=True)
class Photos:
    """Photos of one role, row by row: path, (width, height), class and group (None where there is none)."""

    paths: list[Path]
    sizes: list[tuple[int, int]]
    classes: list[str | None]
    groups: list[str | None]

    def __len__(self) -> int:
        return len(self.paths)

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> Photos:
        """Return the rows, in the order given."""
        return Photos(
            [self.paths[row] for row in rows],
            [self.sizes[row] for row in rows],
            [self.classes[row] for row in rows],
            [self.groups[row] for row in rows],
        )

    def source(self, channels: int, class_names: Sequence[str], at_least: int | None = None) -> Source:
        """Return the table as images; a class that is not in `class_names` gets label 0; `at_least` as in `read_image`."""
        number = {name: label for label, name in enumerate(class_names)}
        return Source(
            names=[str(path) for path in self.paths],
            sizes=np.array(self.sizes, dtype=np.int64).reshape(-1, 2),
            labels=np.array([number.get(name or "", 0) for name in self.classes], dtype=np.int64),
            load=FileLoader(self.paths, channels, at_least),
        )


@dataclass(frozen=True)
class Labels:
    """Columns of a csv file that belong to the photos.

    Args:
        file: the csv file, with a heading; its paths are relative to its own folder.
        path_column: the column with the paths.
        label_column: the column with the classes; None: classes are folders.
        group_column: the column with the groups that a split keeps together.
    """

    file: Path
    path_column: str = "path"
    label_column: str | None = None
    group_column: str | None = None

    def read(self) -> dict[Path, dict[str, str]]:
        """Return the rows by absolute path.

        Raises:
            UserError: the file cannot be read, or lacks a column.
        """
        try:
            with self.file.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                columns = list(reader.fieldnames or [])
                rows = list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"data.labels: {self.file} cannot be read as a csv file ({error}).") from error
        for option in ("path_column", "label_column", "group_column"):
            name = getattr(self, option)
            if name is not None and name not in columns:
                raise UserError(f"data.{option}: {self.file} has no column {name}; it has {', '.join(columns)}.")
        folder = self.file.parent.resolve()
        return {folder / row[self.path_column]: row for row in rows if row[self.path_column]}


def read_photos(folder: Folder, labels: Labels | None) -> Photos:
    """Return the photos of a folder with sizes from their headers; (0, 0) marks one that cannot be read."""
    sizes = side_by_side(_size_or_nothing, folder.paths)
    classes = [folder.class_of(path) for path in folder.paths]
    groups: list[str | None] = [None] * len(folder.paths)
    if labels is not None:
        table = labels.read()
        rows = [table.get(folder.root.resolve() / path.relative_to(folder.root), {}) for path in folder.paths]
        if labels.group_column is not None:
            groups = [row.get(labels.group_column) or None for row in rows]
        if labels.label_column is not None:
            classes = [row.get(labels.label_column) or None for row in rows]
            without = [path for path, name in zip(folder.paths, classes, strict=True) if name is None]
            if without:
                raise UserError(
                    f"data.label_column: {labels.file} has no class for {len(without)} photos, as {without[0]}."
                )
    return Photos(folder.paths, sizes, classes, groups)


def check_groups(photos: Sequence[Photos], labels: Labels) -> None:
    """Say how many photos of all tables have no group; raise UserError when none has one."""
    without = [path for table in photos for path, group in zip(table.paths, table.groups, strict=True) if group is None]
    total = sum(map(len, photos))
    if without and len(without) == total:
        raise UserError(
            f"data.group_column: {labels.file} has a {labels.group_column} for none of the {total} photos, as "
            f"{without[0]}; its paths must be relative to {labels.file.parent}."
        )
    if without:
        log.warning(
            "%s has no %s for %d of %d photos, as %s: each of them may come on any side of the split.",
            labels.file, labels.group_column, len(without), total, without[0],
        )  # fmt: skip


def drop_unreadable(roles: dict[str, Photos]) -> tuple[dict[str, Photos], list[Path]]:
    """Return the tables of one split without the rows that cannot be read, and the paths of those.

    A pair goes as a whole.
    """
    bad = {role: {row for row, size in enumerate(table.sizes) if size == (0, 0)} for role, table in roles.items()}
    paths = [roles[role].paths[row] for role, rows in bad.items() for row in sorted(rows)]
    if "gt" in roles:
        bad["lq"] = bad["gt"] = bad["lq"] | bad["gt"]
    kept = {r: table.subset([row for row in range(len(table)) if row not in bad[r]]) for r, table in roles.items()}
    return kept, paths


def drop_strays(tables: dict[str, Photos]) -> dict[str, Photos]:
    """Return the tables of all splits without the photos that lie beside class folders, if these are few in each."""
    strays = {split: [row for row, name in enumerate(table.classes) if name is None] for split, table in tables.items()}
    many = any(len(strays[split]) > STRAY_SHARE * len(table) for split, table in tables.items())
    classes = {name for table in tables.values() for name in table.classes} - {None}
    if many or not any(strays.values()) or len(classes) < 2:
        return tables
    paths = [tables[split].paths[row] for split, rows in strays.items() for row in rows]
    total = sum(map(len, tables.values()))
    log.warning("%d of %d photos lie beside the class folders and are left out: %s", len(paths), total, listed(paths))
    return {split: table.subset(np.delete(np.arange(len(table)), strays[split])) for split, table in tables.items()}


def listed(paths: Sequence[Path]) -> str:
    """Return the first ten paths, for a message."""
    return ", ".join(map(str, paths[:10])) + (", ..." if len(paths) > 10 else "")


def near_duplicates(paths: Sequence[Path], distance: int) -> list[int | None]:
    """Return a group per photo; photos whose difference hashes differ in at most `distance` bits share one.

    A photo that cannot be decoded gets None.
    """
    log.info("looking for near-duplicates among %d photos", len(paths))
    hashes = side_by_side(_hash_or_none, paths)
    readable = [row for row, value in enumerate(hashes) if value is not None]
    groups = near_duplicate_groups([value for value in hashes if value is not None], distance)
    found: list[int | None] = [None] * len(paths)
    for row, group in zip(readable, groups, strict=True):
        found[row] = int(group)
    different = len(set(groups))
    if 2 * different <= len(readable):
        log.warning(
            "the %d photos show only %d different picture%s, the rest are near-duplicates: a model learns little more than "
            "that; add photos that differ (gan_lab.evaluate shows near-duplicates side by side)",
            len(readable), different, "" if different == 1 else "s",
        )  # fmt: skip
    return found


def side_by_side(function: Callable[[Path], T], paths: Sequence[Path]) -> list[T]:
    """Apply `function` to all paths in threads: Pillow and the disk let others run meanwhile."""
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        # a task for many paths: of a million tasks the bookkeeping alone would take gigabytes
        slices = (paths[start : start + 64] for start in range(0, len(paths), 64))
        return [one for part in pool.map(lambda part: [*map(function, part)], slices) for one in part]


def _size_or_nothing(path: Path) -> tuple[int, int]:
    try:
        return read_size(path)
    except UnreadableImage:
        return (0, 0)


def _hash_or_none(path: Path) -> int | None:
    try:
        return dhash(read_image(path, at_least=HASHED_PIXELS))
    except UnreadableImage:
        return None
