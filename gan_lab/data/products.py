"""`data=products`: a folder of photos in any of the usual layouts, or the built-in demo catalogue."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_lab.data.base import ImageDataModule
from gan_lab.data.catalogue import KINDS
from gan_lab.data.demo import DEMO_WARNING, SPLIT_OF, demo_splits
from gan_lab.data.index import Index
from gan_lab.data.layouts import ALL, Layout, find_layout, two_folders
from gan_lab.data.options import place, share, whole
from gan_lab.data.photos import (
    Labels,
    Photos,
    check_groups,
    drop_strays,
    drop_unreadable,
    listed,
    near_duplicates,
    paths_at,
    read_photos,
)
from gan_lab.data.roles import Scan, without_gaps
from gan_lab.data.source import DECODED_MARGIN
from gan_lab.data.splits import TEST, TRAIN, VALIDATION, join_groups, split_by_group
from gan_lab.errors import UserError
from gan_lab.hardware import user_cache
from gan_lab.imaging.similarity import NEAR

log = logging.getLogger(__name__)

Tables = dict[str, Photos]


class Products(ImageDataModule):
    """Photos of goods from a folder; without one, the demo catalogue.

    Layouts: a flat folder; class folders; train/ val/ test/ with photos or class folders; trainA/ trainB/ testA/
    testB/; lq/ gt/ (also inside train/ val/ test/); two folders by option. The data's own splits are kept. What is not
    split is split here, with near-duplicates and the photos of a group on one side. Up to a tenth of a split may lie
    beside its class folders, and is left out; with more, there are no classes. In the place of photos there may be tar
    files of photos, which are read without unpacking.

    Args:
        root: the folder; None: the demo catalogue.
        domain_a, domain_b: two folders as the domains A and B, instead of `root`.
        labels: a csv file with paths relative to its folder; None: labels.csv in `root`, where a column is asked for.
        path_column, label_column, group_column: see `Labels`.
        index: where what was learnt of the photos is kept for the next start, which then opens none that is unchanged:
            "auto", the user's cache; a folder; or False, nowhere.
        near_duplicates: how many bits the hashes of two photos may differ in, to count as the same picture;
            None: do not look (it decodes every photo that is to be split, once).
        validation_share, test_share: what to hold out where the data have no such split. With none held out, validation
            takes the test photos, and the test the validation photos. A `test_share` of 1 makes every photo of data
            without splits a test photo, for an evaluation.
        catalogue_images: size of the demo catalogue.
        options: see `ImageDataModule`. `pair` may also be "snapshot_to_studio", with the demo catalogue.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        domain_a: str | Path | None = None,
        domain_b: str | Path | None = None,
        labels: str | Path | None = None,
        path_column: str = "path",
        label_column: str | None = None,
        group_column: str | None = None,
        index: str | Path | bool = "auto",
        near_duplicates: int | None = NEAR,
        validation_share: float = 0.1,
        test_share: float = 0.1,
        catalogue_images: int = 1200,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root, self.domain_a, self.domain_b = (
            place("root", root),
            place("domain_a", domain_a),
            place("domain_b", domain_b),
        )
        if (self.domain_a is None) != (self.domain_b is None):
            raise UserError("data.domain_a, data.domain_b: give both folders, or neither.")
        if self.root is not None and self.domain_a is not None:
            raise UserError(
                f"data.root: {root} and two folders, {domain_a} and {domain_b}; give one or the two (root=null)."
            )
        self.labels = self._columns(place("labels", labels), path_column, label_column, group_column)
        self.index = self._index(index)
        if near_duplicates is not None:
            whole("near_duplicates", near_duplicates, at_least=0)
        self.near_duplicates = near_duplicates
        self.validation_share = share("validation_share", validation_share)
        photos = self.root is not None or self.domain_a is not None
        self.test_share = 1.0 if test_share == 1 and photos else share("test_share", test_share)
        self.catalogue_images = whole("catalogue_images", catalogue_images, at_least=3)

    def _columns(self, file: Path | None, path: str, label: str | None, group: str | None) -> Labels | None:
        if label is None and group is None:
            if file is not None:
                raise UserError(f"data.labels: {file} has no use yet; name data.label_column or data.group_column.")
            return None
        file = file or (self.root and self.root / "labels.csv")
        if file is None:
            raise UserError(
                f"data.label_column={label}, data.group_column={group}: name the csv file that has the columns with "
                "data.labels, or data.root with a labels.csv in it."
            )
        return Labels(file, path, label, group)

    @staticmethod
    def _index(value: str | Path | bool) -> Index:
        if value is False:
            return Index(None)
        if not isinstance(value, str | Path):
            raise UserError(f"data.index: {value!r} will not do; give auto, false, or a folder to keep it in.")
        try:
            folder = user_cache("photos") if value == "auto" else place("index", value)
        except OSError as error:
            log.info("%s; what is learnt of the photos is not kept", error)
            return Index(None)
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UserError(f"data.index: {folder} is not a folder; name another one, or data.index=false.")
        return Index(folder)

    @staticmethod
    def pairs() -> tuple[str, ...]:
        """Return the values that `pair` may have."""
        return (*ImageDataModule.pairs(), "snapshot_to_studio")

    @property
    def places(self) -> str:
        """Return the options that say where the photos are, for messages."""
        return super().places if self.domain_a is None else "data.domain_a, data.domain_b"

    def _scan(self) -> Scan:
        if self.domain_a is not None and self.domain_b is not None:
            layout = two_folders(self.domain_a, self.domain_b, self.index)
            return self._scan_layout(layout, f"{self.domain_a} and {self.domain_b}")
        if self.root is not None:
            return self._scan_layout(find_layout(self.root, index=self.index), str(self.root))
        log.warning(DEMO_WARNING)
        splits = demo_splits(
            self.catalogue_images,
            image_size=self.image_size,
            channels=self.channels,
            fit=self.fit,
            pairs=self.pair == "snapshot_to_studio",
            validation=self.validation_share,
            test=self.test_share,
            seed=self.split_seed,
        )
        return Scan(without_gaps(splits), list(KINDS), "the demo catalogue")

    def _scan_layout(self, layout: Layout, where: str) -> Scan:
        if self.pair == "snapshot_to_studio" and self.batch_kind == "paired" and not _has(layout, "gt"):
            raise UserError(
                "data.pair: snapshot_to_studio needs the demo catalogue (data.root=null) or folders lq/ and gt/."
            )
        tables: dict[str, Tables] = {}
        unreadable: list[Path] = []
        for split, folders in layout.items():
            roles = {role: read_photos(folder, self.labels, self.index) for role, folder in folders.items()}
            tables[split], bad = drop_unreadable(roles)
            unreadable += bad
        kept = drop_strays({split: roles["image"] for split, roles in tables.items() if "image" in roles})
        tables |= {split: {"image": photos} for split, photos in kept.items()}
        tables = self._split(tables, unreadable)
        total = sum(len(folder.paths) for folders in layout.values() for folder in folders.values())
        self._report(unreadable, total)
        names = _class_names([roles["image"] for roles in tables.values() if "image" in roles])
        at_least = round(DECODED_MARGIN * self.image_size)
        splits = {
            split: {role: table.source(self.channels, names, at_least) for role, table in roles.items()}
            for split, roles in tables.items()
        }
        found = f"{where} ({_in_words(layout, names)})"
        return Scan(without_gaps(splits), names, found, total, len(unreadable))

    def _split(self, tables: dict[str, Tables], unreadable: list[Path]) -> dict[str, Tables]:
        """Split what the data have not split; what proves unreadable on the way goes to `unreadable` instead."""
        if ALL in tables and self.test_share == 1:
            tables["test"] = tables.pop(ALL)  # nothing is trained on these photos, so nothing need be kept apart
            return tables
        test_share = self.test_share if ALL in tables else 0.0
        whole = ALL if ALL in tables else "train"
        if whole not in tables or (whole == "train" and ("val" in tables or not self.validation_share)):
            return tables
        roles = tables.pop(whole)
        # The rows of lq follow those of gt; A and B are split in one go, so that a group is on one side in both.
        leaders = [roles["gt"]] if "gt" in roles else list(roles.values())
        if self.labels is not None and self.labels.group_column is not None:
            check_groups(leaders, self.labels)
        groups: list[list[Any]] = [[group for table in leaders for group in table.groups]]
        decodable = np.ones(sum(map(len, leaders)), dtype=bool)
        if self.near_duplicates is not None:
            groups.append(near_duplicates(leaders, self.near_duplicates, self.index))
            decodable = np.array([group is not None for group in groups[-1]], dtype=bool)
            unreadable += paths_at(leaders, np.flatnonzero(~decodable).tolist())
        ends = np.cumsum([len(table) for table in leaders])[:-1]
        numbers = np.repeat(np.arange(len(leaders)), [len(table) for table in leaders])
        parts = split_by_group(
            join_groups(*groups), numbers, validation=self.validation_share, test=test_share, seed=self.split_seed
        )
        parts[~decodable] = -1
        by_role = (
            dict(zip(roles, np.split(parts, ends), strict=True)) if "gt" not in roles else dict.fromkeys(roles, parts)
        )
        for part in (VALIDATION, TEST):  # of a role of one or two photos nothing can be held out
            held = {bool((own == part).any()) for own in by_role.values()}
            if len(held) == 2:
                few = ", ".join(f"{role} has {len(table)}" for role, table in roles.items())
                log.warning(
                    "%s photos are set apart of one domain alone (%s): all go to the training", SPLIT_OF[part], few
                )
                by_role = {role: np.where(own == part, TRAIN, own) for role, own in by_role.items()}
        for part, split in SPLIT_OF.items():
            chosen = {role: table.subset(np.flatnonzero(by_role[role] == part)) for role, table in roles.items()}
            if all(len(table) for table in chosen.values()):
                tables[split] = chosen
        return tables

    def _report(self, unreadable: Sequence[Path], total: int) -> None:
        """Name the photos that cannot be read; raise UserError when they are too many."""
        if not unreadable:
            return
        named = listed(unreadable)
        if len(unreadable) > self.max_unreadable * total:
            raise UserError(
                f"data.max_unreadable: {len(unreadable)} of {total} images cannot be read, more than the share of "
                f"{self.max_unreadable:g} that is allowed; mend or remove them, or allow more: {named}"
            )
        log.warning("%d of %d images cannot be read and are skipped: %s", len(unreadable), total, named)


def _has(layout: Layout, role: str) -> bool:
    return any(role in folders for folders in layout.values())


def _class_names(tables: Sequence[Photos]) -> list[str]:
    """Return the classes in order; none, unless every photo has one and there are at least two."""
    names = {name for table in tables for name in table.classes}
    return sorted(str(name) for name in names) if len(names) > 1 and None not in names else []


def _in_words(layout: Layout, class_names: Sequence[str]) -> str:
    if _has(layout, "A"):
        return "two domains, A and B"
    if _has(layout, "gt"):
        return "pairs, lq and gt"
    kind = f"{len(class_names)} classes" if class_names else "no classes"
    return kind if ALL in layout else f"{kind}, split into {', '.join(layout)}"
