"""A folder job as one page to look at: before and after side by side, figures and verdicts, the worst first."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from PIL import Image

from gan_lab.errors import UserError
from gan_lab.jobs.page import render_page
from gan_lab.jobs.progress import Progress
from gan_lab.photo_files import UnreadableImage, read_image, read_size
from gan_lab.storage import write_atomically

NAME = "report.html"
#: What the page may have at most, in bytes, and a thumbnail's bytes a pixel, which decide the thumbnails' size.
PAGE, DENSITY = 56_000_000, 0.16
LARGEST, SMALLEST = 480, 72
#: Thumbnails in one of the page's blocks, which the browser opens when it needs one of them.
BLOCK = 100
#: Figures that a row has room for; the others show with the single image.
COLUMNS = 7
#: Pixels from which images are read one at a time: four at once would fill the memory.
LARGE = 24_000_000
_ONE_AT_A_TIME = threading.Lock()

#: What comes first: the verdicts by how much they ask for a look.
_WORST = ("failed", "kept", "softened")


class _Column(NamedTuple):
    """A figure: its key, and the limit that it was held to, if any."""

    key: str
    limit: float | None


def write_report(
    output: Path,
    input: Path,
    records: Sequence[Mapping[str, Any]],
    *,
    title: str = "Report",
    settings: Mapping[str, Any] | None = None,
    limits: Mapping[str, float] | None = None,
    jobs: int = 4,
) -> Path:
    """Write `report.html` into a folder of results: one file that needs nothing else, whole or not at all.

    It holds thumbnails of all images, smaller the more there are: the page stays below 60 MB, also with 10,000 images.
    Files that are missing or cannot be read show as such.

    Args:
        output: the folder of results.
        input: the folder of photos that they were made of.
        records: of a job, see `gan_lab.jobs.run`; path is relative to `input`, output to `output`.
        title: of the page.
        settings: to be shown, nested or not: model, options.
        limits: the largest figures that are right, by name: they are marked, and decide what is worst.
        jobs: images read at once.

    Returns:
        Its path.

    Raises:
        UserError: it cannot be written.
    """
    limits = limits or {}
    ordered = sorted(records, key=lambda record: _rank_record(record, limits))
    columns = _list_columns(ordered, limits)
    rows = [_make_row(record, output, input, columns) for record in ordered]
    text_bytes = sum(len(json.dumps(row, separators=(",", ":"))) + 1 for row in rows)
    room = max(0, PAGE - text_bytes) * 3 // 4 // max(1, 2 * len(ordered))
    side = round(min(LARGEST, max(SMALLEST, math.sqrt(room / DENSITY))))
    data = {
        "settings": list(flatten_settings(settings or {})),
        "columns": [{"key": key, "label": key.replace("_", " "), "limit": limit} for key, limit in columns],
        "wide": COLUMNS,
        "side": min(200, side),
        "block": BLOCK,
        "records": rows,
    }
    target = output / NAME
    try:
        with Progress("reporting", len(ordered)) as progress, ThreadPoolExecutor(jobs) as pool:
            lines = pool.map(lambda record: _make_thumbnails(record, output, input, side, room), ordered)
            output.mkdir(parents=True, exist_ok=True)
            with write_atomically(target) as file:
                thumbnails = _count_lines(lines, progress)
                render_page(file, "gan_lab.jobs", "html_report.html", title=title, data=data, thumbnails=thumbnails)
    except OSError as error:
        raise UserError(
            f"output: {target} cannot be written ({error.strerror or error}); make room, or name another folder"
        ) from error
    return target


# ---------------------------------------------------------------------------------------------------- what it says


def _rank_record(record: Mapping[str, Any], limits: Mapping[str, float]) -> tuple[int, float, str]:
    """Return the key that sorts records: failures first, then by verdict and by how far figures are from their limits."""
    state = "failed" if record.get("status") == "failed" else record.get("verdict")
    figures = record.get("figures") or {}
    shares = [value / limits[key] for key in limits if (value := round_number(figures.get(key))) is not None]
    return (_WORST.index(state) if state in _WORST else len(_WORST), -max(shares, default=0), str(record.get("path")))


def _list_columns(records: Iterable[Mapping[str, Any]], limits: Mapping[str, float]) -> list[_Column]:
    """Return the figures that any record has, those with limits first."""
    found = {key: None for record in records for key in record.get("figures") or {}}
    return [_Column(key, limits[key]) for key in limits if key in found] + [
        _Column(key, None) for key in found if key not in limits
    ]


def _make_row(record: Mapping[str, Any], output: Path, input: Path, columns: Sequence[_Column]) -> dict[str, Any]:
    figures = record.get("figures") or {}
    path = str(record.get("path"))
    return {
        "path": path,
        "input": make_link(os.path.relpath(input / path, output)),
        "output": make_link(record["output"]) if _has_result(record) else None,
        "status": record.get("status"),
        "verdict": record.get("verdict"),
        "strength": round_number(record.get("strength")),
        "seconds": round_number(record.get("seconds")),
        "error": record.get("error"),
        "notes": [str(note) for note in record.get("notes") or ()],
        "figures": [round_number(figures.get(column.key)) for column in columns],
    }


def _has_result(record: Mapping[str, Any]) -> bool:
    """Tell whether there is a result of this job: a failure may leave an older one in its place."""
    return bool(record.get("output")) and record.get("status") != "failed"


def make_link(path: str) -> str:
    """Return a path relative to the page as a URL, whatever characters and bytes are in it."""
    return "./" + quote(os.fsencode(path.replace(os.sep, "/")))


def round_number(value: Any) -> float | None:
    """Return a finite number, rounded to what can be read; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


def flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings, nested or not, as dotted keys and text."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flatten_settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


# ---------------------------------------------------------------------------------------------------- what it shows


def _make_thumbnails(record: Mapping[str, Any], output: Path, input: Path, side: int, room: int) -> str:
    """Return "width height before after" of an image, with "-" for what there is not."""
    before = read_picture(input / str(record.get("path")), side)
    after = read_picture(output / record["output"], side) if _has_result(record) else None
    shape = after or before
    if shape is None:
        return "1 1 - -"
    factor = min(1.0, side / max(shape.size))
    size = max(1, round(shape.width * factor)), max(1, round(shape.height * factor))
    return " ".join(
        [*map(str, size), *("-" if each is None else encode_thumbnail(each, size, room) for each in (before, after))]
    )


def read_picture(path: Path, side: int) -> Image.Image | None:
    """Return an image no larger than it needs to be, or None where it cannot be read."""
    try:
        width, height = read_size(path)
        if width * height < LARGE:
            return Image.fromarray(read_image(path, at_least=side))
        with _ONE_AT_A_TIME:
            large = Image.fromarray(read_image(path, at_least=side))
            large.thumbnail((4 * side, 4 * side), Image.Resampling.BOX)
            return large
    except (UnreadableImage, MemoryError):
        return None


def encode_thumbnail(picture: Image.Image, size: tuple[int, int], room: int) -> str:
    """Return a thumbnail as base64 of a WebP file of at most `room` bytes, or of the least that can be told apart."""
    small = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    for quality in (85, 65, 45, 25, 5):
        file = io.BytesIO()
        small.save(file, "WEBP", quality=quality, method=2)
        if file.tell() <= room:
            break
    return base64.b64encode(file.getvalue()).decode("ascii")


def _count_lines(lines: Iterable[str], progress: Progress) -> Iterator[str]:
    """Yield lines, and advance the progress when each has been written."""
    for line in lines:
        yield line
        progress.advance()
