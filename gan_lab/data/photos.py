"""What is known of photos beside their pixels: classes and groups from a csv file; and which photos are left out."""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path

import numpy as np

from gan_lab.data.table import PhotoTable, make_texts
from gan_lab.errors import UserError
from gan_lab.storage import open_regular

log = logging.getLogger(__name__)

# The share of photos beside class folders up to which they are strays, say a cover; with more, the folders are no classes.
STRAY_SHARE = 0.1


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
                f"data.labels={self.file}: cannot be read as a csv file ({error}); name another one, or leave "
                "data.label_column and data.group_column out"
            ) from error
        for option, name in zip(("path_column", "label_column", "group_column"), wanted, strict=True):
            if name is not None and name not in columns:
                raise UserError(
                    f"data.{option}={name}: {self.file} has no such column; it has {', '.join(columns) or 'none'}: name one of "
                    "them, or another file with data.labels"
                )
        folder = self.file.parent.resolve()
        return {str(folder / path): (label or None, group or None) for path, label, group in rows if path}

    def add_to(self, table: PhotoTable) -> PhotoTable:
        """Return the table of files with the groups and, where they are asked for, the classes.

        Raises:
            UserError: the file cannot be read, or has no class for a photo.
        """
        known, root = self.read(), table.files.root.resolve()
        rows = [known.get(os.path.join(root, name), (None, None)) for name in table.files.list_names(table.numbers)]
        table = replace(table, groups=make_texts([group for _, group in rows]))
        if self.label_column is None:
            return table
        table = replace(table, classes=make_texts([label for label, _ in rows]))
        without = [row for row, name in enumerate(table.classes) if name is None]
        if without:
            raise UserError(
                f"data.label_column={self.label_column}: {self.file} has none for {len(without)} of {len(rows)} photos, as "
                f"{table.take(without[:1]).names[0]}; its data.path_column, {self.path_column}, must give each photo's path "
                f"relative to {self.file.parent}: add the rows, name another file with data.labels, or leave "
                "data.label_column out, and classes are folders"
            )
        return table

    def check_groups(self, tables: Sequence[PhotoTable]) -> None:
        """Log how many photos of all tables have no group; raise UserError when none has one."""
        alone = [table.take([group is None for group in table.groups]) for table in tables]
        without, total = sum(map(len, alone)), sum(map(len, tables))
        if not without:
            return
        (first,) = next(table for table in alone if len(table)).take([0]).names
        if without == total:
            raise UserError(
                f"data.group_column={self.group_column}: {self.file} has one for none of the {total} photos, as {first}; its "
                f"data.path_column, {self.path_column}, must give paths relative to {self.file.parent}: correct them, name "
                "another file with data.labels, or leave data.group_column out"
            )
        log.warning(
            "%s has no %s for %d of %d photos, as %s: each of them may come on any side of the split.",
            self.file, self.group_column, without, total, first,
        )  # fmt: skip


def drop_unreadable(roles: dict[str, PhotoTable]) -> tuple[dict[str, PhotoTable], list[str]]:
    """Return the tables of one split without the rows that cannot be read, and the names of those.

    A pair goes as a whole.
    """
    bad = {role: table.sizes[:, 0] == 0 for role, table in roles.items()}
    names = [name for role, table in roles.items() for name in table.take(bad[role]).names]
    if "gt" in roles:
        bad["lq"] = bad["gt"] = bad["lq"] | bad["gt"]
    return {role: table.take(~bad[role]) for role, table in roles.items()}, names


def drop_strays(tables: dict[str, PhotoTable]) -> dict[str, PhotoTable]:
    """Return the tables of all splits without the photos that lie beside class folders, if these are few in each."""
    stray = {split: np.array([name is None for name in table.classes], bool) for split, table in tables.items()}
    many = any(stray[split].sum() > STRAY_SHARE * len(table) for split, table in tables.items())
    classes = {name for table in tables.values() for name in table.classes} - {None}
    if many or not any(rows.any() for rows in stray.values()) or len(classes) < 2:
        return tables
    names = [name for split, table in tables.items() for name in table.take(stray[split]).names]
    total = sum(map(len, tables.values()))
    log.warning(
        "%d of %d photos lie beside the class folders and are left out: %s", len(names), total, list_first_paths(names)
    )
    return {split: table.take(~stray[split]) for split, table in tables.items()}


def list_first_paths(paths: Sequence[str]) -> str:
    """Return the first ten paths, for a message."""
    return ", ".join(paths[:10]) + (", ..." if len(paths) > 10 else "")
