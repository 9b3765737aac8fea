"""Which photos lie where: the folder layouts that `data=products` understands."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from gan_lab.data.index import NOWHERE, Index
from gan_lab.data.root import Root
from gan_lab.data.shards import list_shards
from gan_lab.data.table import FileSource, PhotoTable, make_texts
from gan_lab.errors import UserError
from gan_lab.photo_files.formats import IMAGE_SUFFIXES
from gan_lab.photo_files.listing import count_suffixes, is_system_folder, path_order

ALL = "all"  # the split of photos that are yet to be split
SPLIT_NAMES = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}

Layout = dict[str, dict[str, PhotoTable]]  # split (or ALL) -> role -> photos, each of a `FileSource`


def find_layout(path: Path, option: str = "root", index: Index = NOWHERE) -> Layout:
    """Return the photos under a folder by split and role, with classes, but not measured.

    Understood are, in this order: trainA/ trainB/ testA/ testB/ (with valA/ valB/); lq/ gt/; train/ val/ test/ that
    hold photos, class folders, or lq/ gt/; else class folders or a flat folder. Splits without train can be evaluated on.
    In the place of photos there may be tar files of photos; see `shards`.

    Args:
        path: the folder.
        option: data.`option` named it.
        index: keeps what is in each tar file for the next start.

    Raises:
        UserError: there is no such folder, it has no images, or half of a layout is missing.
    """
    root = Root(option, path, index)
    if not path.is_dir():
        raise root.refuse(f"{'is not a folder' if path.exists() else 'does not exist'}; name a folder of photos")
    folders = _list_subfolders(root, path)
    if {"traina", "trainb", "testa", "testb"} & folders.keys():
        layout = _list_domains(root, folders)
    else:
        splits = {} if _are_pairs(root, path, folders) else _find_splits(folders)
        layout = {split: _list_split(root, folder) for split, folder in (splits or {ALL: path}).items()}
    root.report(_list_beside(root))
    return layout


def find_two_folders(domain_a: Path, domain_b: Path, index: Index = NOWHERE) -> Layout:
    """Return two folders, named one by one, as the domains A and B.

    Raises:
        UserError: a folder has no photos, or one has its own splits and the other has not.
    """
    given = f"data.domain_a={domain_a}, data.domain_b={domain_b}"
    one, other = Path(os.path.realpath(domain_a)), Path(os.path.realpath(domain_b))
    if one == other or one in other.parents or other in one.parents:
        how = "are the same folder" if one == other else "lie one in the other, whose photos would be both A and B"
        raise UserError(f"{given}: {how}; name two folders side by side")
    layouts = {"A": find_layout(domain_a, "domain_a", index), "B": find_layout(domain_b, "domain_b", index)}
    for domain, path in (("A", domain_a), ("B", domain_b)):
        if any("image" not in roles for roles in layouts[domain].values()):
            raise UserError(
                f"data.domain_{domain.lower()}={path}: holds pairs or domains; name a plain folder of photos"
            )
    if layouts["A"].keys() != layouts["B"].keys():
        splits = " and ".join(f"{domain} has {_describe_splits(layout)}" for domain, layout in layouts.items())
        raise UserError(f"{given}: {splits}; name two folders that are split alike")
    return {split: {domain: layouts[domain][split]["image"] for domain in "AB"} for split in layouts["A"]}


def _describe_splits(layout: Layout) -> str:
    return "no splits" if ALL in layout else "/".join(layout)


def _list_subfolders(root: Root, folder: Path) -> dict[str, Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise root.refuse(f"{folder} cannot be listed ({error.strerror}); name another folder") from error
    paths = (folder / name for name in names if not is_system_folder(name))
    return {path.name.lower(): path for path in paths if os.path.isdir(path)}


def _list_beside(root: Root) -> set[str]:
    """Return the paths in the folder, as far down as its layout goes, that nothing was listed from."""
    listed = [folder.relative_to(root.path).parts for folder, _ in root.listings]
    found: set[str] = set()
    for parent in {parts[:depth] for parts in listed for depth in range(len(parts))}:
        used = {parts[len(parent)] for parts in listed if parts[: len(parent)] == parent}
        names = set(os.listdir(root.path.joinpath(*parent))) - used
        found |= {os.path.join(*parent, name) for name in names if not is_system_folder(name)}
    return found


def _find_splits(folders: dict[str, Path]) -> dict[str, Path]:
    """Return the folders of the splits, if these are splits: a class of goods may be called "train" as well."""
    splits = {split: folders[name] for split, names in SPLIT_NAMES.items() for name in names if name in folders}
    return splits if len(splits) == len(folders) or ("train" in splits and len(splits) > 1) else {}


def _list_split(root: Root, folder: Path) -> dict[str, PhotoTable]:
    folders = _list_subfolders(root, folder)
    if _are_pairs(root, folder, folders):
        return _list_pairs(root, folders)
    return {"image": _list_photos(root, folder)}


def _list_domains(root: Root, folders: dict[str, Path]) -> Layout:
    layout: Layout = {}
    for split, names in SPLIT_NAMES.items():
        present = {d: folders[name + d.lower()] for name in names for d in "AB" if name + d.lower() in folders}
        if len(present) == 1:
            raise root.refuse(f"has {next(iter(present.values())).name}/ but not its counterpart; add that folder")
        if present:
            layout[split] = {domain: _list_photos(root, folder) for domain, folder in present.items()}
    return layout


def _are_pairs(root: Root, folder: Path, folders: dict[str, Path]) -> bool:
    """Return whether a folder holds lq/ and gt/; raise UserError when it holds one of them alone."""
    there = {"lq", "gt"} & folders.keys()
    # Among several folders, gt/ alone may be a class: it is a maker of bicycles as well.
    if there == {"lq"} or (there == {"gt"} and len(folders) <= 2):
        (half,), (missing,) = there, {"lq", "gt"} - there
        raise root.refuse(f"{folder} has {folders[half].name}/ but no {missing}/; pairs need both folders")
    return len(there) == 2


def _list_pairs(root: Root, folders: dict[str, Path]) -> dict[str, PhotoTable]:
    """Return lq and gt row by row; a pair has the same path in both, but for the suffix where that makes it clear."""
    found = {role: _list_photos(root, folders[role]) for role in ("lq", "gt")}
    names = {role: table.files.list_names(table.numbers) for role, table in found.items()}
    counts = [Counter(os.path.splitext(name)[0] for name in of_role) for of_role in names.values()]
    ambiguous = {stem for count in counts for stem, photos in count.items() if photos > 1}

    def make_key(name: str) -> tuple[str, str]:
        stem, suffix = os.path.splitext(name)
        return stem, suffix if stem in ambiguous else ""

    by_key = {role: {make_key(name): row for row, name in enumerate(of_role)} for role, of_role in names.items()}
    alone = sorted(by_key["lq"].keys() ^ by_key["gt"].keys())
    if alone:
        raise root.refuse(
            f"{len(alone)} photos in {folders['lq']} and {folders['gt']} have no counterpart in the other, for example "
            f"{''.join(map(str, alone[0]))}; pairs must have the same name, and where photos of one folder differ in the "
            "suffix alone, the same suffix"
        )
    order = sorted(by_key["gt"], key=lambda pair: (path_order(pair[0]), pair[1]))
    return {role: table.take([by_key[role][pair] for pair in order]) for role, table in found.items()}


def _list_photos(root: Root, folder: Path) -> PhotoTable:
    found = root.list_folder(folder)
    names = found.photos
    tars = [name for name in found.others if name.endswith(".tar") and (folder / name).is_file()]
    if not names and tars:
        found.others = [name for name in found.others if name not in set(tars)]
        return list_shards(root, folder, [folder / name for name in tars])
    if not names:
        there = count_suffixes([*found.unread, *found.others]) or "nothing else"
        looked = f"{' '.join(IMAGE_SUFFIXES)} .tar"
        reasons = "".join(f"; cannot list {reason}" for reason in found.unlisted)
        raise root.refuse(
            f"no image under {folder} (looked for {looked}; found {there}{reasons}); add photos, or name another folder"
        )
    parts = (name.partition(os.sep) for name in names)
    classes = make_texts([sys.intern(first) if within else None for first, within, _ in parts])
    return PhotoTable.from_source(FileSource(folder, names), np.arange(len(names)), classes=classes)
