"""The page: whole by itself, whatever words are in it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from gan_lab.evaluation import Picture, Report, write_page

NASTY = '</td><script>alert(1)</script> & "x" {{body}}'


def page(folder: Path, **parts: object) -> str:
    path = write_page(folder, Report(title="T", columns=["figure", "model"], **parts), NASTY)  # type: ignore[arg-type]
    assert path == folder / "report.html"
    return path.read_text("utf-8")


def test_figures_notes_and_protocol_are_shown_and_escaped(tmp_path: Path) -> None:
    text = page(tmp_path, rows=[["KID", "0.1 [0.0, 0.2]"], [NASTY, "1"]], notes=[NASTY], protocol={NASTY: {"a": NASTY}})
    assert "<td>KID</td><td>0.1 [0.0, 0.2]</td>" in text
    assert text.count("&lt;script&gt;alert(1)") == 6  # the title stands twice
    assert "<script" not in text
    assert "{{style}}" not in text
    assert "--paper" in text


def test_pictures_travel_in_the_page(tmp_path: Path) -> None:
    wide, grey = np.full((20, 900, 3), (200, 40, 40), np.uint8), np.full((10, 30, 1), 90, np.uint8)
    text = page(tmp_path, pictures={"a": Picture("A", NASTY, wide), "b": Picture("B", "grey", grey)})
    widths = re.findall(r'<img alt="[AB]" width="(\d+)"', text)
    assert widths == ["1120", "60"]  # what is small is shown larger, up to twice its size
    first, second = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", text)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(first))).convert("RGB"))
    assert shown.shape == wide.shape
    assert np.abs(shown.astype(int) - wide).mean() < 8
    assert Image.open(io.BytesIO(base64.b64decode(second))).size == (30, 10)
    assert text.count("&lt;script&gt;") == 3
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
