"""An evaluation as one page to look at: figures, what they hold for, and the pictures."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from gan_lab.evaluation.report import Picture, Report
from gan_lab.jobs.page import render_page
from gan_lab.storage import write_atomically

NAME = "report.html"
#: Pixels that a picture is enlarged to in width at most, up to twice its size.
WIDE = 1120


class _Figure(NamedTuple):
    """A picture as the page shows it: its heading, what it shows, its width there, and a WebP file as base64."""

    title: str
    caption: str
    width: int
    webp: str


def write_page(folder: Path, report: Report, title: str) -> Path:
    """Write `report.html` into an existing folder: one file that needs nothing else, whole or not at all.

    Args:
        folder: where to.
        report: what it shows.
        title: of the page.

    Returns:
        Its path.
    """
    path = folder / NAME
    figures = map(_make_figure, report.pictures.values())
    protocol = [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in report.protocol.items()
    ]
    with write_atomically(path) as file:
        parts = {"report": report, "figures": figures, "protocol": protocol}
        render_page(file, "gan_lab.evaluation", "evaluation.html", title=title, **parts)
    return path


def _make_figure(picture: Picture) -> _Figure:
    pixels, file = picture.pixels, io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "WEBP", quality=92)
    width = max(pixels.shape[1], min(WIDE, 2 * pixels.shape[1]))
    return _Figure(picture.title, picture.caption, width, base64.b64encode(file.getvalue()).decode("ascii"))
