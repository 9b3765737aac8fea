"""The page that shows results of several networks beside each other."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.jobs import comparison_page
from gan_lab.jobs.comparison_page import Compared, write_comparison
from gan_lab.photo_files import write_png


def picture(path: Path, level: int, side: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.full((side, side + 4, 3), level, np.uint8))
    return path


def write(folder: Path, references: dict[str, Path] | None = None, **changed: Any) -> str:
    picture(folder / "in/a <b>.png", 10)
    picture(folder / "out/one/a <b>.png", 90, side=24)
    picture(folder / "out/two/a <b>.png", 200, side=24)
    done = {
        "path": "a <b>.png",
        "output": "a <b>.png",
        "status": "done",
        "verdict": "accept",
        "notes": ["the <ground>"],
    }
    failed = {"path": "a <b>.png", "status": "failed", "error": "it is torn"}
    compared = [
        Compared("one", folder / "out/one", {"a <b>.png": done}, {"a <b>.png": {"psnr": 31.25}}),
        Compared("two", folder / "out/two", {"a <b>.png": changed.get("second", done)}, {"a <b>.png": {}}),
        Compared("three", folder / "out/three", {"a <b>.png": failed}, {}),
    ]
    path = write_comparison(
        folder / "out", folder / "in", compared, references or {}, title="Compared", head=["", "accepted"],
        rows=[["one", "1 of 1"]], columns={"psnr": "PSNR (dB)"}, settings={"scale": 2, "guard": {"enabled": True}},
    )  # fmt: skip
    return path.read_text()


def test_the_page_holds_every_picture_and_figure(tmp_path: Path) -> None:
    page = write(tmp_path, {"a <b>.png": picture(tmp_path / "truth.png", 250, side=24)})
    shown = re.findall(r'data-name="(\w+)" src="data:image/webp;base64,([^"]+)"', page)
    assert [name for name, _ in shown] == ["before", "one", "two", "reference"]
    for (_, data), level in zip(shown, (10, 90, 200, 250), strict=True):
        thumbnail = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
        assert thumbnail.shape == (24, 28, 3)  # of the results' size, the photo too
        assert abs(thumbnail.mean() - level) < 3
    assert "31.25" in page
    assert "it is torn" in page
    assert '<td class="failed">failed</td>' in page
    assert 'href="./one/a%20%3Cb%3E.png"' in page
    assert "guard.enabled" in page
    assert "the &lt;ground&gt;" in page
    assert "<b>" not in page


def test_a_result_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    missing = {"path": "a <b>.png", "output": "gone.png", "status": "done", "verdict": "accept", "notes": []}
    page = write(tmp_path, second=missing)
    assert re.findall(r'data-name="(\w+)"', page) == ["before", "one"]


def test_pictures_are_smaller_the_more_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_page, "PAGE", 4)
    monkeypatch.setattr(comparison_page, "SMALLEST", 6)
    page = write(tmp_path)
    assert 'style="aspect-ratio: 6 / 5"' in page


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out/compare.html").mkdir(parents=True)
    with pytest.raises(UserError, match=r"^output=.*compare.html cannot be written"):
        write(tmp_path)
