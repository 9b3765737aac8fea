"""Generated pictures as files: marked, written down in `manifest.jsonl`, and never in the place of other ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_lab.errors import UserError
from gan_lab.jobs.folder import output_folder
from gan_lab.jobs.manifest import NAME, Manifest, Record
from gan_lab.jobs.outcome import Outcome
from gan_lab.jobs.progress import Progress
from gan_lab.photo_files import GENERATED, Metadata, Photo, Provenance, grid, write_photo
from gan_lab.storage import hash_file, remove_incomplete_files
from gan_lab.storage.locks import lock_folder, refuse_linked_folders

Pixels = NDArray[np.uint8]
#: Yields numbers and their images, uint8 [N, H, W, C], for numbers that are asked for.
Make = Callable[[Sequence[int]], Iterator[tuple[list[int], Pixels]]]
#: Writes a file, with a record of what made it.
Write = Callable[[Path, Provenance | None], Any]

#: Threads that write images: most of a small file's time is the wait until it is on the disk.
WRITERS = 4
#: Images in a grid, unless it is a square of more.
GRID_IMAGES = 64


@dataclass
class Gallery:
    """A folder of pictures that were made with the same settings; `gallery` opens one.

    Attributes:
        folder: where they lie.
        settings: what they were made with, and the `model_sha256` of the weights; plain containers.
        marked: write what made them into the files.
        manifest: their records.
        outcome: what was done to it since it was opened.
    """

    folder: Path
    settings: Mapping[str, Any]
    marked: bool
    manifest: Manifest
    outcome: Outcome

    def has(self, name: str) -> bool:
        """Return whether an earlier call has made a picture."""
        return name in self.manifest.records and (self.folder / name).is_file()

    def add(self, name: str, write: Write, details: Mapping[str, Any], strength: float | None = None) -> None:
        """Write a picture and its record.

        Args:
            name: its path in the folder, with slashes.
            write: makes the file.
            details: what is its own, such as its number; goes into the file and the record.
            strength: of the change to a photo; None where there is none.
        """
        self.manifest.append(self.begin(name, write, details, strength)())

    def begin(
        self, name: str, write: Write, details: Mapping[str, Any], strength: float | None = None
    ) -> Callable[[], Record]:
        """Note that a picture is begun; return what writes it and gives its record, which may be called in another thread.

        Args:
            name, write, details, strength: see `add`.
        """
        made = Provenance(self.settings["model_sha256"], strength, {**self.settings, **details}, "gan_lab", GENERATED)
        record = {"path": name, "output": name, **details, "settings_sha256": self.manifest.settings_sha256}
        self.manifest.append(record | {"status": "started"})  # or a kill would leave a file that nobody knows

        def write_and_record() -> Record:
            write(self.folder / name, made if self.marked else None)
            return record | {"status": "done", "output_sha256": hash_file(self.folder / name)}

        return write_and_record

    def fail(self, name: str, error: Exception) -> None:
        """Note a photo that nothing could be made of."""
        self.outcome.records.append({"path": name, "status": "failed", "error": str(error)})


@contextmanager
def gallery(output: str | Path | None, settings: Mapping[str, Any], *, marked: bool = True) -> Iterator[Gallery]:
    """Open a folder for pictures of some settings; what an earlier call with the same ones made in it stays.

    Args:
        output: the folder; it need not exist.
        settings: everything that decides a picture beside its number, and `model_sha256`.
        marked: write into the files what made them.

    Raises:
        UserError: there is anything else in the folder, or a folder that is a link, which is refused before anything is
            written; another process is at work in it; it cannot be written to.
    """
    folder = output_folder(output)
    check_free(folder, settings)
    with lock_folder(folder):
        inner = sorted(path for path in folder.rglob("*") if path.is_dir())
        refuse_linked_folders(folder, inner)
        remove_incomplete_files([folder, *inner])
        try:
            with Manifest(folder, settings) as manifest:
                yield Gallery(folder, settings, marked, manifest, Outcome(folder))
                manifest.compact()
        except OSError as error:
            raise UserError(
                f"output={output}: {error.strerror or error}; what is there is complete: repair it and run the same command "
                "again to go on"
            ) from error


def check_free(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuse a folder that holds anything but pictures of these settings; hidden files do not count.

    Raises:
        UserError: naming one of the others.
    """
    if not folder.is_dir():
        return
    manifest = Manifest(folder, settings)
    own = {name for name, each in manifest.records.items() if each.get("settings_sha256") == manifest.settings_sha256}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and name.as_posix() not in {NAME, *own}:
            raise UserError(
                f"output={folder}: {name} lies there, which was not made with these settings, and the results would mix "
                "with it; name a new folder"
            )


def add_images(
    album: Gallery,
    names: Mapping[int, str],
    make: Make,
    *,
    details: Callable[[int], Mapping[str, Any]],
    progress: Progress,
    columns: int | None = None,
    grid_name: str = "grid.png",
    lead: Sequence[Pixels] = (),
    strength: float | None = None,
    common: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Add images that are not there yet, and a grid of the first ones; they are written while the next ones are made.

    Args:
        album: where to.
        names: of the images, by their numbers; the suffix tells the format.
        make: makes them.
        details: what the record of a number shall hold beside it.
        progress: advanced for each image.
        columns: of the grid; None for no grid.
        grid_name: its name.
        lead: images [H, W, C] that the grid begins with.
        strength: see `Gallery.add`.
        common: what the records of all shall hold.
    """
    missing = {number for number, name in names.items() if not album.has(name)}
    progress.skip(len(names) - len(missing))
    album.outcome.skipped += len(names) - len(missing)
    shown = list(names)[: max(GRID_IMAGES, columns * columns) - len(lead)] if columns else []
    kept: dict[int, Pixels] = {}
    pending: set[Future[Record]] = set()

    def settle(most: int) -> None:
        nonlocal pending
        while len(pending) > most:
            ended, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in ended:
                album.manifest.append(future.result())
                album.outcome.done += 1
                progress.advance()

    with ThreadPoolExecutor(WRITERS) as writers:
        for numbers, images in make(sorted({*missing, *shown})):
            kept |= {number: image for number, image in zip(numbers, images, strict=True) if number in shown}
            for number, image in zip(numbers, images, strict=True):
                if number in missing:
                    settle(2 * WRITERS - 1)
                    own = {"index": number, **common, **details(number)}
                    pending.add(writers.submit(album.begin(names[number], as_photo(image), own, strength)))
        settle(0)
    if columns:
        sheet = grid([*lead, *(kept[number] for number in shown)], columns)
        album.add(grid_name, as_photo(sheet), {"indices": shown, **common}, strength)


def as_photo(pixels: Pixels) -> Write:
    """Return a function that writes uint8 [H, W, C] in the format of a suffix."""
    return lambda path, provenance: write_photo(path, Photo(pixels, None, Metadata(format="")), provenance=provenance)
