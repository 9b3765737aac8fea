"""From a folder of photos to a folder of results: what goes where, done one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from gan_lab.checkpoint import write_whole
from gan_lab.errors import UserError
from gan_lab.imaging import IMAGE_SUFFIXES, UnreadableImage, find_images, read_image
from gan_lab.jobs.progress import Progress

log = logging.getLogger(__name__)

#: Pillow's name and options of each format, by suffix; the lossy ones as close to the pixels as they go in common use.
FORMATS = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95, "method": 4}),
}


@dataclass(frozen=True)
class Task:
    """One photo to read and the file to make of it."""

    source: Path
    target: Path


@dataclass
class Outcome:
    """What became of a job."""

    done: int = 0
    unreadable: list[UnreadableImage] = field(default_factory=list)


def plan(source: str | Path | None, output: str | Path | None, format: str = "png") -> list[Task]:
    """Pair the photos of a folder, or one photo, with the files to make of them; writes nothing.

    A result keeps its photo's path relative to the folder. Its suffix is the format's; photos whose results would then
    have one name (a.jpg and a.tif) keep their own suffix in front of it (a.jpg.png, a.tif.png).

    Args:
        source: `input=`.
        output: `output=`, a folder; it need not exist.
        format: "png", "jpg", "webp", or "same" as the photo's (png for what cannot be written).

    Raises:
        UserError: something is missing, or a result would lie among the photos or replace one.
    """
    if format not in ("png", "jpg", "webp", "same"):
        raise UserError(f"format={format}: needs png, jpg, webp or same")
    root, photos = find_input(source)
    target_root = output_folder(output)
    if source is not None and Path(source).expanduser().is_dir():
        inside, around = target_root.resolve(), root.resolve()
        if inside.is_relative_to(around):
            raise UserError(f"output={output}: lies in input={source}, so a second call would take results for photos")
    tasks = [
        Task(photo, target_root / name)
        for photo, name in zip(photos, result_names([photo.relative_to(root) for photo in photos], format), strict=True)
    ]
    real = {photo.resolve() for photo in photos}
    replaced = next((task for task in tasks if task.target.resolve() in real), None)
    if replaced is not None:
        raise UserError(
            f"output={output}: {replaced.target} would replace a photo of input={source}; name another folder"
        )
    return tasks


def find_input(source: str | Path | None) -> tuple[Path, list[Path]]:
    """Return the folder that `input=` means and the photos in it.

    Raises:
        UserError: it is missing, does not exist, or holds no image.
    """
    if source is None:
        raise UserError("input: missing; name a photo or a folder of photos: input=/path/to/photos")
    path = Path(source).expanduser()
    if path.is_file():
        return path.parent, [path]
    if not path.is_dir():
        raise UserError(f"input={source}: does not exist; name a photo or a folder of photos")
    photos = find_images(path)
    if not photos:
        raise UserError(f"input={source}: no image in it (looked for {' '.join(IMAGE_SUFFIXES)})")
    return path, photos


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


def result_names(photos: Sequence[Path], format: str) -> list[Path]:
    """Return one name per photo, all different even where the file system ignores case."""
    plain = [photo.with_suffix(_suffix(photo, format)) for photo in photos]
    count: dict[str, int] = {}
    for name in plain:
        count[str(name).lower()] = count.get(str(name).lower(), 0) + 1
    names: list[Path] = []
    taken = {key for key, times in count.items() if times == 1}
    for photo, name in zip(photos, plain, strict=True):
        if count[str(name).lower()] > 1:
            stem, number = photo.name, 1
            while str(name := photo.with_name(stem + _suffix(photo, format))).lower() in taken:
                number += 1
                stem = f"{photo.name}-{number}"
            taken.add(str(name).lower())
        names.append(name)
    return names


def _suffix(photo: Path, format: str) -> str:
    if format != "same":
        return f".{format}"
    return photo.suffix if photo.suffix.lower() in FORMATS else ".png"


def run(tasks: Sequence[Task], work: Callable[[np.ndarray], np.ndarray], verb: str, channels: int = 3) -> Outcome:
    """Do every task; a photo that cannot be read is skipped, named in the log and counted.

    Args:
        tasks: see `plan`.
        work: uint8 [H, W, C] to the same.
        verb: for the progress: "enhancing".
        channels: 3 to read the photos as RGB, 1 as grey.

    Raises:
        UserError: a result cannot be written.
    """
    outcome = Outcome()
    with Progress(verb, len(tasks)) as progress:
        for task in tasks:
            try:
                pixels = read_image(task.source, channels)
            except UnreadableImage as error:
                log.warning("skipped: %s", error)
                outcome.unreadable.append(error)
            else:
                write_image(task.target, work(pixels))
                outcome.done += 1
            progress.advance()
    return outcome


def write_image(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 [H, W, C] in the format of the suffix, so that the file is, at any moment, absent, old or whole.

    Raises:
        UserError: it cannot be written.
    """
    name, options = FORMATS[path.suffix.lower()]
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: picture.save(file, name, **options))
    except OSError as error:
        raise UserError(f"output: cannot write {path}: {error.strerror or error}") from error


def report(outcome: Outcome, what: str, output: str | Path) -> None:
    """Say on stdout what was done; leave with exit code 1 if photos were skipped.

    Args:
        outcome: of `run`.
        what: what was done: "enhanced".
        output: the folder.
    """
    print(f"{what:<12} {outcome.done} images in {output}", flush=True)
    if outcome.unreadable:
        names = ", ".join(str(error.path) for error in outcome.unreadable[:10])
        more = ", ..." if len(outcome.unreadable) > 10 else ""
        print(f"unreadable   {len(outcome.unreadable)} images, skipped: {names}{more}", flush=True)
        raise SystemExit(1)
