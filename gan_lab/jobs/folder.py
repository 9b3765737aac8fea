"""From a folder of photos to a folder of results: what goes where."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.photo_files import IMAGE_SUFFIXES, find_images
from gan_lab.storage import write_atomically

#: Pillow's name and options of each format, by suffix; the lossy ones as close to the pixels as they go in common use.
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95, "method": 4}),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".bmp": ("BMP", {}),
}


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
        tasks: one per photo, sorted.
        unlisted: folders in `root` that may not be listed, with the reason.
    """

    root: Path
    output: Path
    tasks: tuple[Task, ...]
    unlisted: tuple[str, ...] = ()

    def result(self, task: Task) -> str:
        """Return the path of a task's target in the results' folder, with slashes."""
        return task.target.relative_to(self.output).as_posix()


def plan_job(
    source: str | Path | None, output: str | Path | None, format: str = "png", kept: Sequence[str] = tuple(FORMATS)
) -> Plan:
    """Pair the photos of a folder, or one photo, with the files to make of them; writes nothing.

    A result keeps its photo's path relative to the folder. Its suffix is the format's; photos whose results would then
    have one name (a.jpg and a.tif) keep their own suffix in front of it (a.jpg.png, a.tif.png).

    Args:
        source: `input=`.
        output: `output=`, a folder; it need not exist.
        format: "png", "jpg", "webp", or "same" as the photo's (png for what cannot be written).
        kept: the suffixes that "same" keeps.

    Raises:
        UserError: something is missing, or a result would lie among the photos or replace one.
    """
    if format not in ("png", "jpg", "webp", "same"):
        raise UserError(f"format={format}: needs png, jpg, webp or same")
    root, photos, unlisted = find_input(source)
    folder = output_folder(output)
    if source is not None and Path(source).expanduser().is_dir() and folder.resolve().is_relative_to(root.resolve()):
        raise UserError(
            f"output={output}: lies in input={source}, so a second call would take results for photos; name a folder elsewhere"
        )
    names = [photo.relative_to(root) for photo in photos]
    suffixes = [_suffix(name, format, kept) for name in names]
    tasks = tuple(
        Task(photo, folder / result, name.as_posix(), notes=_note_format(name, suffix) if format == "same" else ())
        for photo, name, suffix, result in zip(photos, names, suffixes, result_names(names, suffixes), strict=True)
    )
    real = {photo.resolve() for photo in photos}
    replaced = next((task for task in tasks if task.target.resolve() in real), None)
    if replaced is not None:
        raise UserError(
            f"output={output}: {replaced.target} would replace a photo of input={source}; name another folder"
        )
    return Plan(root, folder, tasks, unlisted)


def find_input(source: str | Path | None, option: str = "input") -> tuple[Path, list[Path], tuple[str, ...]]:
    """Return the folder that `input=`, or another option, means, the photos in it, and what in it may not be listed.

    Raises:
        UserError: it is missing, does not exist, or holds no image.
    """
    if source is None:
        raise UserError(f"{option}: missing; name a photo or a folder of photos: {option}=/path/to/photos")
    path = Path(source).expanduser()
    if path.is_file():
        return path.parent, [path], ()
    if not path.is_dir():
        raise UserError(f"{option}={source}: does not exist; name a photo or a folder of photos")
    photos, unlisted = list_photos(path)
    if not photos:
        reasons = "".join(f"; cannot list {reason}" for reason in unlisted)
        raise UserError(
            f"{option}={source}: no image in it (looked for {' '.join(IMAGE_SUFFIXES)}){reasons}; name another folder"
        )
    return path, photos, tuple(unlisted)


def list_photos(root: Path) -> tuple[list[Path], list[str]]:
    """Return the photos of a folder, and the folders in it that may not be listed, with the reason."""
    refused: list[OSError] = []
    photos = find_images(root, refused.append)
    return photos, [f"{error.filename}: {error.strerror}" for error in refused]


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
    plain = [photo.with_suffix(suffix) for photo, suffix in zip(photos, suffixes, strict=True)]
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


def write_image(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 [H, W, C] in the format of the suffix, so that the file is, at any moment, absent, old or whole.

    Raises:
        UserError: it cannot be written.
    """
    name, options = FORMATS[path.suffix.lower()]
    encoded = io.BytesIO()  # of a full disk, some encoders do not tell
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(encoded, name, **options)
    try:
        with write_atomically(path) as file:
            file.write(encoded.getbuffer())
    except OSError as error:
        raise UserError(
            f"output: {path} cannot be written ({error.strerror or error}); make room, or name another folder"
        ) from error


def _suffix(photo: Path, format: str, kept: Sequence[str]) -> str:
    if format != "same":
        return f".{format}"
    return photo.suffix if photo.suffix.lower() in kept else ".png"


def _note_format(photo: Path, suffix: str) -> tuple[str, ...]:
    return () if suffix == photo.suffix else (f"saved as {suffix[1:]}: no {photo.suffix.lower()} is written",)


def _as_seen(path: Path) -> str:
    """Return a path as a file system sees it that knows neither case nor how an accent is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())
