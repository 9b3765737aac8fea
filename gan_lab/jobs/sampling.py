"""Generated images as files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gan_lab.errors import UserError
from gan_lab.imaging import grid
from gan_lab.jobs.folder import output_folder, write_image
from gan_lab.jobs.progress import Progress

GRID_IMAGES = 64


def check_folder(output: str | Path | None, n: int) -> Path:
    """Return the folder for images 0 to n - 1.

    Raises:
        UserError: it is missing or a file, or holds images of an earlier call that these would not replace.
    """
    folder = output_folder(output)
    older = [path for path in folder.glob("[0-9]*.png") if path.stem.isdigit() and int(path.stem) >= n]
    if older:
        raise UserError(
            f"output={output}: {min(older).name} of an earlier call lies there, and would mix with these; "
            "name another folder"
        )
    return folder


def write_samples(batches: Iterable[np.ndarray], folder: Path, n: int, columns: int = 8) -> Path:
    """Write uint8 [N, H, W, C] batches as 000000.png, 000001.png ... and the first ones as grid.png.

    Args:
        batches: n images in all.
        folder: where to; made if need be.
        n: for the progress.
        columns: of the grid; with the classes in turn, as many columns as classes make each column one class.

    Returns:
        The grid's path.
    """
    first: list[np.ndarray] = []
    number = 0
    with Progress("generating", n) as progress:
        for batch in batches:
            for image in batch:
                write_image(folder / f"{number:06d}.png", image)
                number += 1
            first += list(batch[: max(0, GRID_IMAGES - len(first))])
            progress.advance(len(batch))
    path = folder / "grid.png"
    write_image(path, grid(first, min(columns, 16)))
    return path
