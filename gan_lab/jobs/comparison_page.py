"""Results of several networks as one page to look at: any two of them beside each other under a slider, with figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError
from gan_lab.jobs.html_report import (
    DENSITY,
    LARGEST,
    PAGE,
    SMALLEST,
    encode_thumbnail,
    flatten_settings,
    make_link,
    read_picture,
    round_number,
)
from gan_lab.jobs.page import render_page
from gan_lab.jobs.progress import Progress
from gan_lab.storage import write_atomically

NAME = "compare.html"
#: Longest side of a picture where there are few.
LARGE_SIDE = 2 * LARGEST


@dataclass(frozen=True)
class Compared:
    """The results of one network.

    Attributes:
        name: as the page shows it, and of its folder beside the page.
        folder: of its results.
        records: of its job, by the photo's path.
        figures: of each photo, by its path.
    """

    name: str
    folder: Path
    records: Mapping[str, Mapping[str, Any]]
    figures: Mapping[str, Mapping[str, float]]


def write_comparison(
    output: Path,
    input: Path,
    compared: Sequence[Compared],
    references: Mapping[str, Path],
    *,
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    columns: Mapping[str, str],
    settings: Mapping[str, Any],
    jobs: int = 4,
) -> Path:
    """Write `compare.html` into a folder: one file that needs nothing else, whole or not at all.

    It holds pictures of all photos and results, smaller the more there are: the page stays below 60 MB.

    Args:
        output: the folder.
        input: of the photos.
        compared: the results, in the table's order.
        references: what results should be, by the photo's path; empty where there are none.
        title: of the page.
        head: of the table, whose first column is the network's name.
        rows: of the table.
        columns: figures that are shown beside each photo, and what they are called.
        settings: to be shown, nested or not.
        jobs: photos read at once.

    Returns:
        Its path.

    Raises:
        UserError: it cannot be written.
    """
    paths = list(compared[0].records)
    pictures = len(paths) * (len(compared) + 1) + len(references)
    room = PAGE * 3 // 4 // max(1, pictures)
    side = round(min(LARGE_SIDE, max(SMALLEST, math.sqrt(room / DENSITY))))
    target = output / NAME

    def describe(path: str) -> dict[str, Any]:
        return describe_photo(path, input, compared, references.get(path), columns, side, room)

    try:
        with Progress("writing the page", len(paths)) as progress, ThreadPoolExecutor(jobs) as pool:

            def photos() -> Iterator[dict[str, Any]]:
                for photo in pool.map(describe, paths):
                    yield photo
                    progress.advance()

            with write_atomically(target) as file:
                render_page(
                    file, "gan_lab.jobs", "comparison_page.html",
                    title=title, head=head, rows=rows, columns=list(columns.values()), photos=photos(),
                    settings=list(flatten_settings(settings)),
                )  # fmt: skip
    except OSError as error:
        raise UserError(
            f"output={output}: {target} cannot be written ({error.strerror or error}); make room, or name another folder"
        ) from error
    return target


def describe_photo(
    path: str,
    input: Path,
    compared: Sequence[Compared],
    reference: Path | None,
    columns: Mapping[str, str],
    side: int,
    room: int,
) -> dict[str, Any]:
    """Return the data of one photo on the page: its size, its pictures, and the verdict and figures of each network."""
    files = {"before": input / path}
    for each in compared:
        record = each.records.get(path, {})
        if record.get("status") == "done":
            files[each.name] = each.folder / record["output"]
    if reference is not None:
        files["reference"] = reference
    read = {name: read_picture(file, side) for name, file in files.items()}
    shape = max((each.size for each in read.values() if each is not None), default=(1, 1))
    factor = min(1.0, side / max(shape))
    size = max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))
    return {
        "path": path,
        "width": size[0],
        "height": size[1],
        "pictures": [
            {"name": name, "data": encode_thumbnail(each, size, room)}
            for name, each in read.items()
            if each is not None
        ],
        "results": [describe_result(each, path, columns) for each in compared],
    }


def describe_result(compared: Compared, path: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return a network's verdict, figures and link of a photo."""
    record = compared.records.get(path, {})
    done = record.get("status") == "done"
    figures = compared.figures.get(path, {})
    return {
        "name": compared.name,
        "verdict": record.get("verdict") if done else "failed",
        "link": make_link(f"{compared.folder.name}/{record['output']}") if done else None,
        "notes": " ".join(str(note) for note in record.get("notes") or ()) if done else str(record.get("error") or ""),
        "figures": ["" if (value := round_number(figures.get(name))) is None else f"{value:.4g}" for name in columns],
    }
