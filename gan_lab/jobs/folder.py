"""From a folder of photos to a folder of results: what goes where."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_lab.errors import UserError
from gan_lab.photo_files import PHOTO_SUFFIXES, Listing, list_folder
from gan_lab.photo_files.formats import HEAD, IMAGE_SUFFIXES, NAMES, guess_suffix, has_suffix
from gan_lab.photo_files.listing import count_suffixes, path_order
from gan_lab.storage import open_regular


@dataclass(frozen=True)
class Task:
    """One photo to read and the file to make of it.

    Attributes:
        source: the photo.
        target: the file.
        name: the photo's path in its folder, with slashes.
        others: further files that decide the result, such as a mask.
        notes: what the user should know.
    """

    source: Path
    target: Path
    name: str
    others: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Attributes:
        root: the photos' folder.
        output: the results' folder.
        tasks: one per photo, sorted; those of photos that cannot be read will fail, each with its reason.
        unlisted: folders in `root` that may not be listed, with the reason.
        others: files in `root` that are no photos, by their path in it, with slashes.
        aside: hidden files, and folders that are the system's, likewise.
        single: a photo was named, and not a folder.
    """

    root: Path
    output: Path
    tasks: tuple[Task, ...]
    unlisted: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    single: bool = False

    def result(self, task: Task) -> str:
        """Return the path of a task's target in the results' folder, with slashes."""
        return task.target.relative_to(self.output).as_posix()


def plan_job(source: str | Path | None, output: str | Path | None, format: str = "png") -> Plan:
    """Pair the photos of a folder, or one photo, with the files to make of them; writes nothing.

    A result keeps its photo's path relative to the folder. Its suffix is the format's; photos whose results would then
    have one name (a.jpg and a.tif) keep their own suffix in front of it (a.jpg.png, a.tif.png).

    Args:
        source: `input=`.
        output: `output=`, a folder; it need not exist.
        format: "png", "jpg", "webp", or "same" as the photo's (for what cannot be written, jpg where it is a phone's or a
            camera's, HEIC and MPO, else png).

    Raises:
        UserError: something is missing, or a result would lie among the photos or replace one.
    """
    if format not in ("png", "jpg", "webp", "same"):
        raise UserError(f"format={format}: needs png, jpg, webp or same")
    root, found = find_input(source)
    folder = output_folder(output)
    real_output, single = os.path.realpath(folder), Path(str(source)).expanduser().is_file()
    if not single and _is_within(real_output, os.path.realpath(root)):
        raise UserError(
            f"output={output}: lies in input={source}, so a second call would take results for photos; name another"
        )
    if any(_is_within(real_output, linked) for linked in found.linked):
        raise UserError(
            f"output={output}: a link in input={source} leads to it, so a second call would take results for photos; remove "
            "the link, or name another folder"
        )
    names = [Path(name) for name in sorted((*found.photos, *found.unread), key=path_order)]
    suffixes = [_suffix(root, name, format) for name in names]
    tasks = tuple(
        Task(root / name, folder / result, name.as_posix(), notes=_notes(root, name, suffix, format))
        for name, suffix, result in zip(names, suffixes, result_names(names, suffixes), strict=True)
    )
    real = {os.path.realpath(task.source) for task in tasks}
    replaced = next((task for task in tasks if os.path.realpath(task.target) in real), None)
    if replaced is not None:
        raise UserError(
            f"output={output}: {replaced.target} would replace a photo of input={source}; name another folder"
        )
    others, aside = (tuple(Path(name).as_posix() for name in names) for names in (found.others, found.aside))
    return Plan(root, folder, tasks, tuple(found.unlisted), others, aside, single)


def find_input(source: str | Path | None, option: str = "input") -> tuple[Path, Listing]:
    """Return the folder that `input=`, or another option, means, and what lies in it; a single photo is all that lies in its.

    Raises:
        UserError: it is missing, does not exist, or holds no image.
    """
    if source is None:
        raise UserError(f"{option}: missing; name a photo or a folder of photos: {option}=/path/to/photos")
    path = Path(source).expanduser()
    if path.is_file():
        return path.parent, Listing([path.name])
    if not path.is_dir():
        raise UserError(f"{option}={source}: does not exist; name a photo or a folder of photos")
    found = list_folder(path)
    if not (found.photos or found.unread):
        there = f"; there are {count_suffixes(found.others)}" if found.others else ""
        reasons = "".join(f"; cannot list {reason}" for reason in found.unlisted)
        looked_for = " ".join(IMAGE_SUFFIXES)
        raise UserError(f"{option}={source}: no image in it (looked for {looked_for}){there}{reasons}; name another")
    return path, found


def output_folder(output: str | Path | None) -> Path:
    """Return the folder that `output=` means.

    Raises:
        UserError: it is missing, or is a file.
    """
    if output is None:
        raise UserError("output: missing; name the folder to write to: output=/path/to/results")
    path = Path(output).expanduser()
    if path.exists() and not path.is_dir():
        raise UserError(f"output={output}: is a file; name a folder")
    return path


def result_names(photos: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """Return one name per photo, all different, and none that of a folder, even where a file system tells less apart.

    Args:
        photos: relative paths.
        suffixes: of the results.
    """
    plain = [
        photo.with_suffix(suffix) if has_suffix(photo.name) else photo.with_name(f"{photo.name}{suffix}")
        for photo, suffix in zip(photos, suffixes, strict=True)
    ]
    folders = {_as_seen(folder) for photo in photos for folder in photo.parents}
    count: dict[str, int] = {}
    for name in plain:
        count[_as_seen(name)] = count.get(_as_seen(name), 0) + 1
    names: list[Path] = []
    taken = folders | {key for key, times in count.items() if times == 1}
    for photo, name, suffix in zip(photos, plain, suffixes, strict=True):
        if count[_as_seen(name)] > 1 or _as_seen(name) in folders:
            stem, number = photo.name, 1
            while _as_seen(name := photo.with_name(stem + suffix)) in taken:
                number += 1
                stem = f"{photo.name}-{number}"
            taken.add(_as_seen(name))
        names.append(name)
    return names


def _suffix(root: Path, name: Path, format: str) -> str:
    """Return the suffix of a photo's result."""
    if format != "same":
        return f".{format}"
    own = name.suffix if has_suffix(name.name) else _suffix_by_content(root / name)
    if own.lower() in PHOTO_SUFFIXES:
        return own
    return ".jpg" if own.lower() in (*NAMES["HEIF"], *NAMES["MPO"], *NAMES["JPEG"]) else ".png"


def _suffix_by_content(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return guess_suffix(file.read(HEAD)) or ""
    except OSError:  # reading the photo will fail, and say why
        return ""


def _notes(root: Path, name: Path, suffix: str, format: str) -> tuple[str, ...]:
    """Return notes for the user that need no look at the pixels."""
    own, photo = name.suffix, root / name
    changed = format == "same" and own != suffix and own.lower() in IMAGE_SUFFIXES
    notes = (f"saved as {suffix[1:]}: no {own.lower()} is written",) if changed else ()
    if photo.is_symlink() and not _is_within(os.path.realpath(photo), os.path.realpath(root)):
        return (*notes, f"a link to {os.readlink(photo)}")
    return notes


def _is_within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _as_seen(path: Path) -> str:
    """Return a path as a file system sees it that knows neither case nor how an accent is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())
