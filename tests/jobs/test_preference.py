"""The photos of a taste are read whole or refused, and their record says what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.jobs.preference import Examples, check_apart, read_examples


class Brightness:
    """Sees of an image how bright it is."""

    networks = (torch.nn.Identity(),)

    def describe(self, pixels: Any) -> list[torch.Tensor]:
        return [torch.from_numpy(pixels).float().mean(dim=(1, 2, 3))[:, None]]


class Cutter:
    def as_validated(self, pixels: Any) -> Any:
        return pixels[:4, :4]


def read(path: Path, option: str = "like") -> Examples:
    search: Any = Brightness()
    pretrained: Any = Cutter()
    return read_examples(pretrained, search, option, str(path))


def save(path: Path, value: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (6, 5), (value, value, value)).save(path)
    return path


def test_a_folder_or_a_single_photo_is_read_in_its_order(tmp_path: Path) -> None:
    for number in range(40):  # more than are read at once
        save(tmp_path / f"liked/{number:02}.png", 5 * number)
    found = read(tmp_path / "liked")
    assert found.features[0].flatten().tolist() == [5 * number for number in range(40)]
    assert read(tmp_path / "liked/03.png").features[0].tolist() == [[15]]


def test_the_record_is_of_what_the_photos_are(tmp_path: Path) -> None:
    for name, values in (("a", (1, 2)), ("b", (2, 1)), ("c", (1, 3))):
        for number, value in enumerate(values):
            save(tmp_path / name / f"{number}.png", value)
    records = [read(tmp_path / name).record for name in "abc"]
    assert records[0] == records[1] != records[2]
    assert records[0] is not None
    assert records[0]["photos"] == 2


def test_what_is_both_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "liked/a.png", 1), save(tmp_path / "liked/b.png", 2)
    save(tmp_path / "not/x.png", 2), save(tmp_path / "not/y.png", 3)
    liked, unliked = read(tmp_path / "liked"), read(tmp_path / "not", "unlike")
    with pytest.raises(
        UserError, match=r"^unlike=.*not: 1 of its photos, x\.png among them, are those of like=.*liked, too;"
    ):
        check_apart(liked, unliked)
    check_apart(liked, read(tmp_path / "not/y.png", "unlike"))


def test_a_torn_photo_and_a_closed_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "liked/a.png", 1)
    (tmp_path / "liked/torn.jpg").write_bytes(b"no image")
    unreadable = r"^like=.*liked: .*torn\.jpg: cannot be read as an image: .*; repair it, or take it out"
    with pytest.raises(UserError, match=unreadable):
        read(tmp_path / "liked")
    (tmp_path / "liked/torn.jpg").unlink()
    (tmp_path / "liked/above").symlink_to(tmp_path)  # a folder that holds this one
    with pytest.raises(UserError, match=r"^like=.*liked: cannot list .*; make it readable"):
        read(tmp_path / "liked")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"^unlike=.*empty: no image in it"):
        read(tmp_path / "empty", "unlike")
