"""An evaluation as one page to look at: figures, what they hold for, and the pictures."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_lab.evaluation.report import Picture, Report
from gan_lab.jobs.page import filled
from gan_lab.storage import write_atomically

NAME = "report.html"
#: Pixels that a picture is enlarged to in width at most, up to twice its size.
WIDE = 1120


def write_page(folder: Path, report: Report, title: str) -> Path:
    """Write `report.html` into an existing folder: one file that needs nothing else, whole or not at all.

    Args:
        folder: where to.
        report: what it shows.
        title: of the page.

    Returns:
        Its path.
    """
    template = resources.files("gan_lab.evaluation").joinpath("page.html").read_text("utf-8")
    path = folder / NAME
    fills = {"title": [html.escape(title)], "body": _body(report)}
    with write_atomically(path) as file:
        file.writelines(filled(template, fills))
    return path


def _body(report: Report) -> Iterator[str]:
    yield f"<h2>{html.escape(report.title)}</h2>\n"
    yield f'<div class="table"><table><thead>{_row("th", report.columns)}</thead><tbody>'
    yield from (_row("td", row) for row in report.rows)
    yield "</tbody></table></div>\n"
    if report.notes:
        yield f'<ul class="notes">{"".join(f"<li>{html.escape(note)}</li>" for note in report.notes)}</ul>\n'
    yield from (_figure(picture) for picture in report.pictures.values())
    entries = (
        f"<dt>{html.escape(key)}</dt><dd>{html.escape(_format_value(value))}</dd>"
        for key, value in report.protocol.items()
    )
    yield f'<h2>Protocol</h2><dl class="protocol">{"".join(entries)}</dl>'


def _row(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>\n"


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _figure(picture: Picture) -> str:
    width = picture.pixels.shape[1]
    shown = max(width, min(WIDE, 2 * width))
    title, source = html.escape(picture.title), f"data:image/webp;base64,{_webp(picture.pixels)}"
    return (
        f"<figure><h2>{title}</h2><figcaption>{html.escape(picture.caption)}</figcaption>"
        f'<img alt="{title}" width="{shown}" src="{source}"></figure>\n'
    )


def _webp(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "WEBP", quality=92)
    return base64.b64encode(file.getvalue()).decode("ascii")
