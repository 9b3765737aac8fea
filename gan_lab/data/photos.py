"""Tables of photo files: headers, classes, groups, near-duplicates."""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.facts import Facts, groups_of
from gan_lab.data.index import Index
from gan_lab.data.layouts import Folder
from gan_lab.data.source import FileLoader, Source
from gan_lab.data.tables import Rows
from gan_lab.errors import UserError
from gan_lab.storage import open_regular

log = logging.getLogger(__name__)

# The share of photos beside class folders up to which they are strays, say a cover; with more, the folders are no classes.
STRAY_SHARE = 0.1


@dataclass(frozen=True)
class Photos:
    """Photos of one role: rows of a folder's facts, and the class and group of each (None where there is none)."""

    facts: Facts
    rows: NDArray[np.int64]
    classes: list[str | None]
    groups: list[str | None]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def paths(self) -> Rows[Path]:
        """Return the path of each."""
        return Rows(self.facts.paths, self.rows)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return the width and height of each, [N, 2]; (0, 0) for one that cannot be read."""
        return self.facts.sizes[self.rows].astype(np.int64)

    def subset(self, rows: NDArray[np.int64]) -> Photos:
        """Return the rows, in the order given."""
        chosen = rows.tolist()
        return Photos(
            self.facts, self.rows[rows], [self.classes[row] for row in chosen], [self.groups[row] for row in chosen]
        )

    def source(self, channels: int, class_names: Sequence[str], at_least: int | None = None) -> Source:
        """Return the table as images; a class that is not in `class_names` gets label 0; `at_least` as in `read_image`."""
        number = {name: label for label, name in enumerate(class_names)}
        return Source(
            names=self.paths,
            sizes=self.sizes,
            labels=np.array([number.get(name or "", 0) for name in self.classes], dtype=np.int64),
            load=FileLoader(self.paths, channels, at_least),
            how=f"decoded at {at_least} pixels or more",
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

    def read(self) -> dict[str, tuple[str | None, str | None]]:
        """Return class and group by absolute path; None where there is none.

        Raises:
            UserError: the file cannot be read, or lacks a column.
        """
        wanted = self.path_column, self.label_column, self.group_column
        try:
            with TextIOWrapper(open_regular(self.file), newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                columns = list(reader.fieldnames or [])
                rows = [tuple(row.get(name) if name else None for name in wanted) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(
                f"data.labels: {self.file} cannot be read as a csv file ({error}); name another with data.labels, or leave "
                "data.label_column and data.group_column out."
            ) from error
        for option in ("path_column", "label_column", "group_column"):
            name = getattr(self, option)
            if name is not None and name not in columns:
                raise UserError(
                    f"data.{option}: {self.file} has no column {name}; it has {', '.join(columns) or 'none'}. Name one of "
                    "them, or another file with data.labels."
                )
        folder = self.file.parent.resolve()
        return {str(folder / path): (label or None, group or None) for path, label, group in rows if path}


def read_photos(folder: Folder, labels: Labels | None, index: Index) -> Photos:
    """Return the photos of a folder with their sizes; (0, 0) marks one that cannot be read."""
    facts = Facts(folder.paths, index)
    facts.learn_sizes()
    classes = folder.paths.classes()
    groups: list[str | None] = [None] * len(folder.paths)
    if labels is not None:
        table, root = labels.read(), folder.root.resolve()
        rows = [table.get(os.path.join(root, name), (None, None)) for name in folder.paths.names()]
        groups = [group for _, group in rows]
        if labels.label_column is not None:
            classes = [label for label, _ in rows]
            without = [row for row, name in enumerate(classes) if name is None]
            if without:
                raise UserError(
                    f"data.label_column: {labels.file} has no {labels.label_column} for {len(without)} of {len(rows)} photos, "
                    f"as {folder.paths[without[0]]}; its data.path_column, {labels.path_column}, must give each photo's path "
                    f"relative to {labels.file.parent}. Add the rows, name another file with data.labels, or leave "
                    "data.label_column out: classes are then folders."
                )
    return Photos(facts, np.arange(len(folder.paths)), classes, groups)


def check_groups(photos: Sequence[Photos], labels: Labels) -> None:
    """Say how many photos of all tables have no group; raise UserError when none has one."""
    without = [row for row, group in enumerate(group for table in photos for group in table.groups) if group is None]
    (first,) = paths_at(photos, without[:1]) or (None,)
    total = sum(map(len, photos))
    if without and len(without) == total:
        raise UserError(
            f"data.group_column: {labels.file} has a {labels.group_column} for none of the {total} photos, as "
            f"{first}; its data.path_column, {labels.path_column}, must give paths relative to {labels.file.parent}. Mend "
            "them, name another file with data.labels, or leave data.group_column out."
        )
    if without:
        log.warning(
            "%s has no %s for %d of %d photos, as %s: each of them may come on any side of the split.",
            labels.file, labels.group_column, len(without), total, first,
        )  # fmt: skip


def paths_at(tables: Sequence[Photos], rows: Iterable[int]) -> list[Path]:
    """Return the paths of rows that are counted through all tables."""
    ends = np.cumsum([len(table) for table in tables])
    return [
        tables[number].paths[row - int(ends[number])]  # from the end of its table
        for row in rows
        for number in (int(np.searchsorted(ends, row, side="right")),)
    ]


def drop_unreadable(roles: dict[str, Photos]) -> tuple[dict[str, Photos], list[Path]]:
    """Return the tables of one split without the rows that cannot be read, and the paths of those.

    A pair goes as a whole.
    """
    bad = {role: table.sizes[:, 0] == 0 for role, table in roles.items()}
    paths = [roles[role].paths[row] for role, rows in bad.items() for row in np.flatnonzero(rows).tolist()]
    if "gt" in roles:
        bad["lq"] = bad["gt"] = bad["lq"] | bad["gt"]
    return {role: table.subset(np.flatnonzero(~bad[role])) for role, table in roles.items()}, paths


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


def near_duplicates(tables: Sequence[Photos], distance: int, index: Index) -> list[int | None]:
    """Return a group per photo; photos whose difference hashes differ in at most `distance` bits share one.

    A photo that cannot be decoded gets None.
    """
    for table in tables:
        table.facts.learn_hashes(table.rows)
    readable = np.concatenate([table.facts.hashed[table.rows] for table in tables])
    groups = groups_of(np.concatenate([table.facts.hashes[table.rows] for table in tables])[readable], distance, index)
    found: list[int | None] = [None] * len(readable)
    for row, group in zip(np.flatnonzero(readable).tolist(), groups.tolist(), strict=True):
        found[row] = group
    different = int(groups.max(initial=-1)) + 1
    if 2 * different <= len(groups):
        log.warning(
            "the %d photos show only %d different picture%s, the rest are near-duplicates: a model learns little more than "
            "that; add photos that differ (gan_lab.evaluate shows near-duplicates side by side)",
            len(groups), different, "" if different == 1 else "s",
        )  # fmt: skip
    return found
