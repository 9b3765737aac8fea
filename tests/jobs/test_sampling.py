"""Generated pictures as files: each made once, marked, and in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.errors import UserError
from gan_lab.jobs.progress import Progress
from gan_lab.jobs.sampling import add_images, gallery
from gan_lab.photo_files import read_image, read_provenance

SETTINGS = {"model_sha256": "0" * 64, "seed": 3}


class Maker:
    """Makes grey images of their numbers, three at once, and remembers which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> Iterator[tuple[list[int], Any]]:
        self.asked.append(list(numbers))
        for start in range(0, len(numbers), 3):
            part = list(numbers[start : start + 3])
            yield part, np.stack([np.full((4, 4, 3), number, np.uint8) for number in part])


def fill(folder: Path, count: int, columns: int | None = None, marked: bool = True, **settings: Any) -> Maker:
    """Add images numbered from 10 on, and return what made those that were missing."""
    make = Maker()
    names = {number: f"{number}.png" for number in range(10, 10 + count)}
    with gallery(folder, SETTINGS | settings, marked=marked) as album, Progress("making", count) as progress:
        add_images(album, names, make, details=lambda n: {"class": n % 2}, progress=progress, columns=columns)
    assert album.outcome.done + album.outcome.skipped == count
    return make


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    (tmp_path / "11.png").unlink()
    before = (tmp_path / "10.png").stat()
    assert fill(tmp_path, 9).asked == [[11, *range(13, 19)]]
    assert (tmp_path / "10.png").stat() == before
    assert [read_image(tmp_path / f"{number}.png").max() for number in range(10, 19)] == list(range(10, 19))


def test_a_grid_shows_the_first_ones_whether_made_now_or_before(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    assert fill(tmp_path, 4, columns=2).asked == [[10, 11, 12, 13]]
    sheet = read_image(tmp_path / "grid.png")
    assert [sheet[y, x, 0] for y in (0, -1) for x in (0, -1)] == [10, 11, 12, 13]


@pytest.mark.parametrize("marked", [True, False])
def test_a_picture_says_what_made_it_unless_it_shall_not(marked: bool, tmp_path: Path) -> None:
    fill(tmp_path, 1, marked=marked)
    found = read_provenance(tmp_path / "10.png")
    assert (found and found.settings) == ({**SETTINGS, "index": 10, "class": 0} if marked else None)


def test_pictures_of_other_settings_and_other_files_are_not_mixed_with(tmp_path: Path) -> None:
    fill(tmp_path / "a", 1)
    with pytest.raises(UserError, match=r"10\.png lies there, which was not made with these settings"):
        fill(tmp_path / "a", 1, seed=4)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/.hidden").touch()
    fill(tmp_path / "b", 1)
    (tmp_path / "b/notes.txt").touch()
    with pytest.raises(UserError, match=r"notes\.txt lies there"):
        fill(tmp_path / "b", 1)


def test_a_picture_that_was_begun_and_not_written_is_made_again(tmp_path: Path) -> None:
    def fail(path: Path, provenance: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), gallery(tmp_path, SETTINGS) as album:
        album.add("10.png", fail, {})
    assert '"started"' in (tmp_path / "manifest.jsonl").read_text()
    assert fill(tmp_path, 1).asked == [[10]]
