"""`data=products`: a folder of photos in any of the usual layouts, or the built-in demo catalogue."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gan_lab.data.base import ImageDataModule
from gan_lab.data.catalogue import KINDS
from gan_lab.data.demo import DEMO_WARNING, SPLIT_OF, make_demo_splits
from gan_lab.data.index import Index
from gan_lab.data.layouts import ALL, Layout, find_layout, find_two_folders
from gan_lab.data.measures import Measures, group_near_duplicates
from gan_lab.data.photos import Labels, drop_strays, drop_unreadable, list_first_paths
from gan_lab.data.record import Parts, find_known, keep_apart
from gan_lab.data.roles import Roles, Scan, fill_missing_splits
from gan_lab.data.splits import (
    TEST,
    TRAIN,
    UNKNOWN,
    VALIDATION,
    join_groups,
    make_keys,
    split_by_content,
    split_by_group,
)
from gan_lab.data.store import Unreadable
from gan_lab.data.table import Numbers, PhotoTable, Source
from gan_lab.errors import UserError
from gan_lab.hardware import user_cache
from gan_lab.imaging.similarity import NEAR
from gan_lab.options import check_choice, check_path, check_share, check_whole, format_value

log = logging.getLogger(__name__)


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
        index: where what was measured of the photos is kept for the next start, which then opens none that is unchanged:
            "auto", the user's cache; a folder; or False, nowhere.
        near_duplicates: how many bits the hashes of two photos may differ in, to count as the same picture;
            None: do not look (it decodes every photo that is to be split, once).
        split_by: "content", by which a photo is held out or not whatever other photos there are and wherever it lies; or
            "order", as runs of gan_lab 0.2 and before were split.
        validation_share, test_share: what to hold out where the data have no such split. With none held out, validation
            takes the test photos, and the test the validation photos. A `test_share` of 1 makes every photo of data
            without splits a test photo, for an evaluation.
        catalogue_images: size of the demo catalogue.
        options: see `ImageDataModule`. `pair` may also be "snapshot_to_studio", with the demo catalogue.
    """

    pairs = (*ImageDataModule.pairs, "snapshot_to_studio")

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
        split_by: str = "content",
        validation_share: float = 0.1,
        test_share: float = 0.1,
        catalogue_images: int = 1200,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root, self.domain_a, self.domain_b = (
            check_path("data.root", root),
            check_path("data.domain_a", domain_a),
            check_path("data.domain_b", domain_b),
        )
        if (self.domain_a is None) != (self.domain_b is None):
            raise UserError(
                f"data.domain_a={format_value(domain_a)}, data.domain_b={format_value(domain_b)}: are two domains; give both "
                "folders, or neither"
            )
        if self.root is not None and self.domain_a is not None:
            raise UserError(
                f"data.root={root}: two folders are given as well, data.domain_a={domain_a} and data.domain_b={domain_b}; give "
                "one or the two (data.root=null)"
            )
        self.labels = self._choose_labels(check_path("data.labels", labels), path_column, label_column, group_column)
        self.index = self._choose_index(index)
        if near_duplicates is not None:
            check_whole("data.near_duplicates", near_duplicates, at_least=0)
        self.near_duplicates = near_duplicates
        self.split_by = check_choice("data.split_by", split_by, ("content", "order"))
        self.validation_share = check_share("data.validation_share", validation_share)
        photos = self.root is not None or self.domain_a is not None
        self.test_share = 1.0 if test_share == 1 and photos else check_share("data.test_share", test_share)
        self.catalogue_images = check_whole("data.catalogue_images", catalogue_images, at_least=3)

    def _choose_labels(self, file: Path | None, path: str, label: str | None, group: str | None) -> Labels | None:
        if label is None and group is None:
            if file is not None:
                raise UserError(f"data.labels={file}: has no use yet; name data.label_column or data.group_column")
            return None
        file = file or (self.root and self.root / "labels.csv")
        if file is None:
            raise UserError(
                f"data.label_column={format_value(label)}, data.group_column={format_value(group)}: no csv file is named; "
                "name the one that has the columns with data.labels, or data.root with a labels.csv in it"
            )
        return Labels(file, path, label, group)

    @staticmethod
    def _choose_index(value: str | Path | bool) -> Index:
        if value is False:
            return Index(None)
        if not isinstance(value, str | Path):
            raise UserError(f"data.index={format_value(value)}: needs auto, false, or a folder to keep it in")
        try:
            folder = user_cache("photos") if value == "auto" else check_path("data.index", value)
        except OSError as error:
            log.info("%s; what is measured of the photos is not kept", error)
            return Index(None)
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UserError(f"data.index={folder}: is not a folder; name another one, or false")
        return Index(folder)

    @property
    def places(self) -> str:
        """Return the options that say where the photos are, for messages."""
        return super().places if self.domain_a is None else "data.domain_a, data.domain_b"

    def _scan(self) -> Scan:
        if self.domain_a is not None and self.domain_b is not None:
            layout = find_two_folders(self.domain_a, self.domain_b, self.index)
            given = f"data.domain_a={self.domain_a}, data.domain_b={self.domain_b}"
            return self._scan_layout(layout, f"{self.domain_a} and {self.domain_b}", given)
        if self.root is not None:
            return self._scan_layout(find_layout(self.root, index=self.index), str(self.root), f"data.root={self.root}")
        log.warning(DEMO_WARNING)
        splits = make_demo_splits(
            self.catalogue_images,
            image_size=self.image_size,
            fit=self.fit,
            pairs=self.pair == "snapshot_to_studio",
            validation=self.validation_share,
            test=self.test_share,
            seed=self.split_seed,
        )
        return Scan(fill_missing_splits(splits), list(KINDS), "the demo catalogue")

    def _scan_layout(self, layout: Layout, where: str, given: str) -> Scan:
        if self.pair == "snapshot_to_studio" and self.batch_kind == "paired" and not _has(layout, "gt"):
            raise UserError(
                f"data.pair={self.pair}: needs the demo catalogue (data.root=null) or folders lq/ and gt/; choose another pair"
            )
        splits: dict[str, Roles] = {}
        measures: dict[Source, Measures] = {}
        unreadable: list[str] = []
        for split, roles in layout.items():
            for role, table in roles.items():
                found = measures[table.source] = Measures(table.files, table.numbers, self.index)
                measured = replace(table, sizes=found.read_sizes(), digests=found.read_digests())
                roles[role] = measured if self.labels is None else self.labels.add_to(measured)
            splits[split], names = drop_unreadable(roles)
            unreadable += names
        kept = drop_strays({split: roles["image"] for split, roles in splits.items() if "image" in roles})
        splits |= {split: {"image": table} for split, table in kept.items()}
        splits = self._split(splits, measures, unreadable)
        splits, self.trained_on = keep_apart(splits, self.record)
        total = sum(len(table) for roles in layout.values() for table in roles.values())
        known = Unreadable(self.max_unreadable, total, len(unreadable))
        first = list_first_paths(unreadable)
        known.check(first)
        if unreadable:
            log.warning("%d of %d images cannot be read and are skipped: %s", len(unreadable), total, first)
        class_names = _list_classes([roles["image"] for roles in splits.values() if "image" in roles])
        splits = {
            split: {role: table.label(class_names) for role, table in roles.items()} for split, roles in splits.items()
        }
        described = f"{where} ({_describe_layout(layout, class_names)})"
        return Scan(fill_missing_splits(splits), class_names, described, given, known)

    def _split(
        self, splits: dict[str, Roles], measures: dict[Source, Measures], unreadable: list[str]
    ) -> dict[str, Roles]:
        """Split what the data have not split; what proves unreadable on the way goes to `unreadable` instead."""
        if ALL in splits and self.test_share == 1:
            splits["test"] = splits.pop(ALL)  # nothing is trained on these photos, so nothing need be kept apart
            return splits
        test_share = self.test_share if ALL in splits else 0.0
        whole = ALL if ALL in splits else "train"
        if whole not in splits or (whole == "train" and ("val" in splits or not self.validation_share)):
            return splits
        roles = splits.pop(whole)
        # The rows of lq follow those of gt; A and B are split in one go, so that a group is on one side in both.
        leaders = [roles["gt"]] if "gt" in roles else list(roles.values())
        if self.labels is not None and self.labels.group_column is not None:
            self.labels.check_groups(leaders)
        groups: list[Sequence[Any]] = [np.concatenate([table.groups for table in leaders]).tolist()]
        ends = np.cumsum([len(table) for table in leaders])
        decodable = np.ones(ends[-1], dtype=bool)
        if self.near_duplicates is not None:
            photos = [(measures[table.source], table.numbers) for table in leaders]
            groups.append(group_near_duplicates(photos, self.near_duplicates, self.index))
            decodable = np.array([group is not None for group in groups[-1]], dtype=bool)
            for table, rows in zip(leaders, np.split(decodable, ends[:-1]), strict=True):
                unreadable += table.take(~rows).names
        known = find_known(roles, self.record)
        if whole == "train":  # what has come here from the data's own test photos is no longer one
            known[known == TEST] = UNKNOWN
        parts = self._assign(leaders, known, groups, test_share)
        parts[~decodable] = -1
        by_leader = np.split(parts, ends[:-1])
        by_role = dict.fromkeys(roles, parts) if "gt" in roles else dict(zip(roles, by_leader, strict=True))
        for part in (VALIDATION, TEST):  # of a role of one or two photos nothing can be held out
            held = {bool((own == part).any()) for own in by_role.values()}
            if len(held) == 2:
                few = ", ".join(f"{role} has {len(table)}" for role, table in roles.items())
                log.warning(
                    "%s photos are set apart of one domain alone (%s): all go to the training", SPLIT_OF[part], few
                )
                by_role = {role: np.where(own == part, TRAIN, own) for role, own in by_role.items()}
        for part, split in SPLIT_OF.items():
            tables = {role: table.take(by_role[role] == part) for role, table in roles.items()}
            if all(len(table) for table in tables.values()):
                splits[split] = tables
        return splits

    def _assign(
        self, leaders: list[PhotoTable], known: Parts, groups: list[Sequence[Any]], test_share: float
    ) -> Numbers:
        """Return the part of each photo of the tables, which are split in one go; what the record knows of one stays."""
        roles = np.repeat(np.arange(len(leaders)), [len(table) for table in leaders])
        options: dict[str, Any] = {
            "validation": self.validation_share,
            "test": test_share,
            "seed": self.split_seed,
        }
        if self.split_by == "order":
            log.warning(
                "data.split_by=order: photos are split by their order, as the run began; one that is added, removed or renamed "
                "may move others to another side"
            )
            parts = split_by_group(join_groups(*groups), roles, **options)
            return np.where(known == UNKNOWN, parts, known)
        digests = np.concatenate([table.digests for table in leaders])
        different, copies = np.unique(digests, return_inverse=True)
        if len(different) < len(digests):
            groups = [*groups, copies.tolist()]
        return split_by_content(make_keys(digests, groups[0]), join_groups(*groups), roles, known, **options)


def _has(layout: Layout, role: str) -> bool:
    return any(role in folders for folders in layout.values())


def _list_classes(tables: Sequence[PhotoTable]) -> list[str]:
    """Return the classes in order; none, unless every photo has one and there are at least two."""
    names = {name for table in tables for name in table.classes}
    return sorted(str(name) for name in names) if len(names) > 1 and None not in names else []


def _describe_layout(layout: Layout, class_names: Sequence[str]) -> str:
    if _has(layout, "A"):
        return "two domains, A and B"
    if _has(layout, "gt"):
        return "pairs, lq and gt"
    kind = f"{len(class_names)} classes" if class_names else "no classes"
    return kind if ALL in layout else f"{kind}, split into {', '.join(layout)}"
