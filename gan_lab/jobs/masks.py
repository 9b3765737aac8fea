"""Which mask belongs to which photo."""

from __future__ import annotations

import difflib
import logging
import re
import unicodedata
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gan_lab.errors import UserError
from gan_lab.jobs.folder import Plan
from gan_lab.photo_files import list_folder
from gan_lab.photo_files.formats import has_suffix

log = logging.getLogger("gan_lab.enhance")

NO_MASK = "there is no mask for it: nothing was filled"


def add_masks(todo: Plan, folder: str | Path | None) -> Plan:
    """Return the plan with each photo's mask among the files that decide its result.

    A mask has its photo's relative path, with any suffix of an image; upper and lower case count as one where no other photo
    is meant, and `_mask` or `-mask` may stand behind the name. A photo without one has no holes, which its notes say.

    Args:
        todo: the plan.
        folder: of masks.

    Raises:
        UserError: there is no such folder; it has a mask for none of the photos, two for one, or one that is no photo's, where
            all photos are known: `input=` is a folder that could be listed throughout.
    """
    if folder is None:
        return todo
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UserError(f"mask={folder}: is no folder; name one with masks of the photos' names, white where holes are")
    found = list_folder(root)
    for reason in found.unlisted:
        log.warning("mask=%s: cannot list %s; masks in it are not used", folder, reason)
    if found.others:
        log.warning("mask=%s: %d files are no images: %s", folder, len(found.others), ", ".join(found.others[:10]))
    masks = [PurePosixPath(Path(name).as_posix()) for name in (*found.photos, *found.unread)]
    photos = [PurePosixPath(task.name) for task in todo.tasks]
    chosen = match_masks(photos, masks, f"mask={folder}")
    if not chosen:
        first = _stem(photos[0]) + ".png"
        nearest = difflib.get_close_matches(first, map(str, masks), n=1, cutoff=0.0)
        instead = f", and the nearest name there is {nearest[0]}" if nearest else ""
        raise UserError(
            f"mask={folder}: has a mask for none of the {len(photos)} photos; the first would be {first}{instead}"
        )
    astray = sorted(set(masks) - set(chosen.values()))
    if astray and not todo.single and not todo.unlisted:
        raise UserError(_describe_astray(astray, photos, folder))
    without = [str(name) for name in photos if name not in chosen]
    if without:
        more = ", ..." if len(without) > 10 else ""
        log.warning("%d of %d photos have no mask: %s%s", len(without), len(photos), ", ".join(without[:10]), more)
    tasks = tuple(
        replace(task, others=(root / chosen[name],)) if name in chosen else replace(task, notes=(*task.notes, NO_MASK))
        for task, name in zip(todo.tasks, photos, strict=True)
    )
    return replace(todo, tasks=tasks)


def match_masks(
    photos: list[PurePosixPath], masks: list[PurePosixPath], option: str
) -> dict[PurePosixPath, PurePosixPath]:
    """Return the mask of each photo that has one; a closer name wins over a looser one.

    Raises:
        UserError: two masks are as close to one photo.
    """
    chosen: dict[PurePosixPath, PurePosixPath] = {}
    close = ((str, str), (str, _stem), (_stem, _stem))
    loose = ((_fold, _fold), (_fold_all, _fold), (_fold, _fold_mask), (_fold_all, _fold_mask))
    for own, key in (*close, *loose):
        by_key: dict[str, list[PurePosixPath]] = {}
        for mask in set(masks) - (set(chosen.values()) if (own, key) in loose else set()):
            by_key.setdefault(key(mask), []).append(mask)
        for photo in photos:
            if photo in chosen or own(photo) not in by_key:
                continue
            if len(there := sorted(by_key[own(photo)])) > 1:
                names = " and ".join(map(str, there[:2]))
                raise UserError(f"{option}: {names} are both masks of {photo}; leave one there")
            chosen[photo] = there[0]
    return chosen


def _describe_astray(masks: list[PurePosixPath], photos: list[PurePosixPath], folder: str | Path) -> str:
    """Name masks that are no photo's, each with the photo whose name is nearest."""
    by_key = {_fold_mask(photo): photo for photo in photos}
    pairs = []
    for mask in masks[:5]:
        (near,) = difflib.get_close_matches(_fold_mask(mask), by_key, n=1, cutoff=0.0)
        pairs.append(f"{mask} (the nearest photo is {by_key[near]})")
    more = f" and {len(masks) - 5} more" if len(masks) > 5 else ""
    verb = "matches" if len(masks) == 1 else "match"
    return (
        f"mask={folder}: {', '.join(pairs)}{more} {verb} no photo of input=; give each its photo's name, or take it out"
    )


def _stem(name: PurePosixPath) -> str:
    return str(name.with_suffix("") if has_suffix(name.name) else name)


def _fold_all(name: PurePosixPath) -> str:
    """Return a name as a system sees it that knows neither case nor how an accent is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(name)).casefold())


def _fold(name: PurePosixPath) -> str:
    return _fold_all(PurePosixPath(_stem(name)))


def _fold_mask(name: PurePosixPath) -> str:
    return re.sub(r"[_-]mask$", "", _fold(name))
