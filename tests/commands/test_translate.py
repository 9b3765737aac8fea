"""The translate command: its direction and size, its marks, and that it goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gan_lab.commands.evaluate
import gan_lab.commands.generate
import gan_lab.enhance
import gan_lab.evaluate
import gan_lab.generate
import gan_lab.translate
from gan_lab.photo_files import read_image
from tests.commands.results import list_files
from tests.integration.runs import Command


def test_translate_has_a_direction_and_a_size(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'cyclegan'}", "input=photos"]
    assert command(gan_lab.translate, *base, "output=AB", "format=png") == 0
    assert command(gan_lab.translate, *base, "output=BA", "direction=BA", "size=0", "format=same") == 0
    assert list_files(command.folder / "BA") == {"a.jpg", "deep/b.PNG", "deep/c.webp", "manifest.jsonl"}
    assert read_image(command.folder / "AB" / "a.png").shape == (32, 43, 3)
    assert read_image(command.folder / "BA" / "a.jpg").shape == (30, 40, 3)
    assert (read_image(command.folder / "AB" / "deep" / "c.png")[:9, :9] != read_image(photos / "deep/c.webp")).any()


def test_a_strip_is_not_enlarged_without_end(command: Command, runs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (1, 4000)).save(tmp_path / "strip.png")
    arguments = (f"checkpoint={runs / 'cyclegan'}", f"input={tmp_path / 'strip.png'}", "output=out")
    assert command(gan_lab.translate, *arguments, "max_result_pixels=100000") == 1
    assert "max_result_pixels=100000: this photo of 1x4000 would become" in command.err
    assert command(gan_lab.translate, *arguments, "size=0") == 0


def test_a_run_of_pairs_translates_and_enhances(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'pix2pix'}", "input=photos/a.jpg", "format=png"]
    assert command(gan_lab.translate, *base, "output=there", "size=32", "strength=0.5", "report=true") == 0
    assert list_files(command.folder / "there") == {"a.png", "manifest.jsonl", "report.html"}
    assert read_image(command.folder / "there" / "a.png").shape == (32, 43, 3)
    assert command(gan_lab.translate, *base, "output=back", "direction=BA") == 2
    assert "direction=BA: needs AB, the only way that this model has learnt" in command.err
    assert command(gan_lab.enhance, *base, "output=enhanced") == 0
    assert read_image(command.folder / "enhanced" / "a.png").shape == (30, 40, 3)


def test_translate_goes_on_where_it_stopped(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'cyclegan'}", "input=photos", "output=out", "format=png"]
    assert command(gan_lab.translate, *base) == 0
    (photos / "b.jpg").write_bytes((photos / "a.jpg").read_bytes()[:300])
    (command.folder / "out" / "a.png").unlink()
    assert command(gan_lab.translate, *base) == 1
    done, skipped, failed, name = command.out.splitlines()
    assert (done.split()[1], skipped.split()[1], failed.split()[1]) == ("1", "2", "1")
    assert name.startswith("  b.jpg: ")
    assert "failed: b.jpg: " in command.err
    assert command(gan_lab.translate, *base, "direction=BA") == 1
    assert command.out.splitlines()[0] == "translated   3 images in out"


def test_options_reach_the_work(command: Command, runs: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def spy(self: Any, pixels: np.ndarray, wish: Any) -> np.ndarray:
        seen.append((wish.direction, wish.size, wish.strength, wish.tile))
        return pixels

    monkeypatch.setattr("gan_lab.inference.translation.Translation.__call__", spy)
    one = "input=photos/a.jpg"
    arguments = ["direction=BA", "size=64", "strength=0.5", "tile=512"]
    assert command(gan_lab.translate, f"checkpoint={runs / 'cyclegan'}", one, "output=o", *arguments) == 0
    assert seen == [("BA", 64, 0.5, 512)]


def test_translations_are_marked_and_reported(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'cyclegan'}", "input=photos"]
    assert command(gan_lab.translate, *base, "output=marked", "report=true") == 0
    assert "compositeWithTrainedAlgorithmicMedia" in (command.folder / "marked" / "a.jpg").read_bytes().decode(
        "latin-1"
    )
    assert (command.folder / "marked" / "report.html").is_file()
    records = (command.folder / "marked" / "manifest.jsonl").read_text()
    assert '"size":[43,32]' in records.replace(" ", "")
    assert command(gan_lab.translate, *base, "output=plain", "provenance=off") == 0
    assert b"AlgorithmicMedia" not in (command.folder / "plain" / "a.jpg").read_bytes()
