"""Animations: every picture in turn, at its time, over and over, and marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.photo_files import GENERATED, Provenance, digital_source_type, read_provenance
from gan_lab.photo_files.animation import write_animation

MADE = Provenance("abc", None, {"seed": 3}, digital_source_type=GENERATED)


def pictures(channels: int = 3) -> list[np.ndarray]:
    return [np.full((20, 30, channels), 30 * index, np.uint8) for index in range(5)]


@pytest.mark.parametrize("suffix", ["webp", "gif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_picture_has_its_turn(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / "deep" / f"walk.{suffix}"
    write_animation(path, pictures(channels), 10, MADE)
    with Image.open(path) as animation:
        assert (animation.n_frames, animation.size, animation.info["loop"]) == (5, (30, 20), 0)
        for index in range(5):
            animation.seek(index)
            animation.load()
            assert animation.info["duration"] == 100
            assert np.abs(np.array(animation.convert("RGB")).astype(int) - 30 * index).max() <= 2
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_webp_says_what_made_it(tmp_path: Path) -> None:
    write_animation(tmp_path / "a.webp", pictures(), 24, MADE)
    assert read_provenance(tmp_path / "a.webp") == MADE
    assert digital_source_type(tmp_path / "a.webp") == GENERATED
    write_animation(tmp_path / "b.webp", pictures(), 24)
    assert read_provenance(tmp_path / "b.webp") is None


def test_a_gif_carries_its_packet_where_readers_look_for_it(tmp_path: Path) -> None:
    write_animation(tmp_path / "a.gif", pictures(), 24, MADE)
    content = (tmp_path / "a.gif").read_bytes()
    start = content.index(b"\x21\xff\x0bXMP DataXMP") + 14
    assert GENERATED.encode() in content[start : content.index(b'<?xpacket end="w"?>')]
    write_animation(tmp_path / "b.gif", pictures(), 24)
    assert b"XMP" not in (tmp_path / "b.gif").read_bytes()


@pytest.mark.parametrize(("suffix", "shown"), [("webp", 42), ("gif", 40)])
def test_times_are_those_that_the_format_has(tmp_path: Path, suffix: str, shown: int) -> None:
    write_animation(tmp_path / f"a.{suffix}", pictures(), 24)
    with Image.open(tmp_path / f"a.{suffix}") as animation:
        animation.load()
        assert animation.info["duration"] == shown


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png: an animation cannot be written as \.png; choose \.webp or \.gif"):
        write_animation(tmp_path / "a.png", pictures(), 24)
