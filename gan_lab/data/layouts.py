"""Which photos lie where: the folder layouts that `data=products` understands."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gan_lab.data.index import NOWHERE, Index
from gan_lab.data.shards import find_shards, members
from gan_lab.data.tables import Paths
from gan_lab.errors import UserError
from gan_lab.photo_files.images import IMAGE_SUFFIXES, image_names, path_order

ALL = "all"  # the split of photos that are yet to be split
SPLIT_NAMES = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


@dataclass(frozen=True)
class Folder:
    """The photos under `root`."""

    root: Path
    paths: Paths


Layout = dict[str, dict[str, Folder]]  # split (or ALL) -> role -> photos


def find_layout(root: Path, option: str = "root", index: Index = NOWHERE) -> Layout:
    """Return the photos under `root` by split and role.

    Understood are, in this order: trainA/ trainB/ testA/ testB/ (with valA/ valB/); lq/ gt/; train/ val/ test/ that
    hold photos, class folders, or lq/ gt/; else class folders or a flat folder. Splits without train can be evaluated on.
    In the place of photos there may be tar files of photos; see `shards`.

    Raises:
        UserError: naming data.`option`: there is no such folder, it has no images, or half of a layout is missing.
    """
    if not root.is_dir():
        kind = "is not a folder" if root.exists() else "does not exist"
        raise UserError(f"data.{option}: {root} {kind}; name a folder of photos.")
    folders = _subfolders(root)
    if {"traina", "trainb", "testa", "testb"} & folders.keys():
        return _domains(root, folders, index)
    if _are_pairs(root, folders, option):
        return {ALL: _pairs(folders, index)}
    splits = _splits(folders)
    if not splits:
        return {ALL: {"image": _photos(root, option, index)}}
    return {split: _content(folder, option, index) for split, folder in splits.items()}


def two_folders(domain_a: Path, domain_b: Path, index: Index = NOWHERE) -> Layout:
    """Return two folders, named one by one, as the domains A and B.

    Raises:
        UserError: a folder has no photos, or one has its own splits and the other has not.
    """
    one, other = domain_a.resolve(), domain_b.resolve()
    if one == other or one in other.parents or other in one.parents:
        how = "are the same folder" if one == other else "lie one in the other, whose photos would be both A and B"
        raise UserError(
            f"data.domain_a, data.domain_b: {domain_a} and {domain_b} {how}; name two folders side by side."
        )
    layouts = {"A": find_layout(domain_a, "domain_a", index), "B": find_layout(domain_b, "domain_b", index)}
    for domain, layout in layouts.items():
        if any("image" not in roles for roles in layout.values()):
            raise UserError(
                f"data.domain_{domain.lower()}: {(domain_a, domain_b)[domain == 'B']} is not a plain folder of photos."
            )
    if layouts["A"].keys() != layouts["B"].keys():
        raise UserError(
            f"data.domain_a, data.domain_b: {domain_a} has {_named(layouts['A'])}, {domain_b} has {_named(layouts['B'])}; "
            "give two folders that are split alike."
        )
    return {split: {domain: layouts[domain][split]["image"] for domain in "AB"} for split in layouts["A"]}


def _named(layout: Layout) -> str:
    return "no splits" if ALL in layout else "/".join(layout)


def _subfolders(root: Path) -> dict[str, Path]:
    return {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir() and path.name[0] != "."}


def _splits(folders: dict[str, Path]) -> dict[str, Path]:
    """Return the folders of the splits, if these are splits: a class of goods may be called "train" as well."""
    splits = {split: folders[name] for split, names in SPLIT_NAMES.items() for name in names if name in folders}
    return splits if len(splits) == len(folders) or ("train" in splits and len(splits) > 1) else {}


def _content(folder: Path, option: str, index: Index) -> dict[str, Folder]:
    folders = _subfolders(folder)
    if _are_pairs(folder, folders, option):
        return _pairs(folders, index)
    return {"image": _photos(folder, option, index)}


def _domains(root: Path, folders: dict[str, Path], index: Index) -> Layout:
    layout: Layout = {}
    for split, names in SPLIT_NAMES.items():
        present = {d: folders[name + d.lower()] for name in names for d in "AB" if name + d.lower() in folders}
        if len(present) == 1:
            raise UserError(f"data.root: {root} has {next(iter(present.values())).name}/ but not its counterpart.")
        if present:
            layout[split] = {domain: _photos(folder, "root", index) for domain, folder in present.items()}
    return layout


def _are_pairs(root: Path, folders: dict[str, Path], option: str) -> bool:
    """Tell whether `root` holds lq/ and gt/; raise UserError when it holds one of them alone."""
    there = {"lq", "gt"} & folders.keys()
    # Among several folders, gt/ alone may be a class: it is a maker of bicycles as well.
    if there == {"lq"} or (there == {"gt"} and len(folders) <= 2):
        (half,), (missing,) = there, {"lq", "gt"} - there
        raise UserError(f"data.{option}: {root} has {folders[half].name}/ but no {missing}/; pairs need both folders.")
    return len(there) == 2


def _pairs(folders: dict[str, Path], index: Index) -> dict[str, Folder]:
    """Return lq and gt row by row; a pair has the same path in both, but for the suffix where that makes it clear."""
    found = {role: _photos(folders[role], "root", index).paths for role in ("lq", "gt")}
    names = {role: paths.names() for role, paths in found.items()}
    counts = [Counter(os.path.splitext(name)[0] for name in of_role) for of_role in names.values()]
    ambiguous = {stem for count in counts for stem, photos in count.items() if photos > 1}

    def key(name: str) -> tuple[str, str]:
        stem, suffix = os.path.splitext(name)
        return stem, suffix if stem in ambiguous else ""

    by_key = {role: {key(name): row for row, name in enumerate(of_role)} for role, of_role in names.items()}
    alone = sorted(by_key["lq"].keys() ^ by_key["gt"].keys())
    if alone:
        raise UserError(
            f"data.root: {len(alone)} photos in {folders['lq']} and {folders['gt']} have no counterpart in the other, "
            f"for example {''.join(map(str, alone[0]))}; pairs must have the same name, and where photos of one folder "
            "differ in the suffix alone, the same suffix."
        )
    order = sorted(by_key["gt"], key=lambda row: (path_order(row[0]), row[1]))
    return {role: Folder(folders[role], found[role].chosen([by_key[role][row] for row in order])) for role in found}


def _photos(root: Path, option: str, index: Index) -> Folder:
    names = image_names(root)
    if not names and (tars := find_shards(root)):
        return Folder(root, members(root, tars, option, index))
    if not names:
        others = Counter(path.suffix.lower() for path in root.rglob("*") if path.is_file() and path.suffix)
        found = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5)) or "nothing else"
        looked = f"{' '.join(IMAGE_SUFFIXES)} .tar"
        raise UserError(f"data.{option}: no image under {root} (looked for {looked}; found {found}).")
    return Folder(root, Paths(root, names))
