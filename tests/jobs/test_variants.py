"""Variants of photos: a folder for each photo, and one that cannot be read costs the others nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image

from gan_lab.inference.generation import Encoded
from gan_lab.jobs.sampling import gallery
from gan_lab.jobs.variants import add_variants
from gan_lab.photo_files import read_image


class Shades:
    """Generates grey images as bright as their latents; a photo's latent is its brightness."""

    encodes = True

    def encode_photo(self, photo: Any, label: Any, tick: Any) -> Encoded:
        return Encoded(torch.tensor([float(photo.mean())]), label, photo, photo // 2, 31.25)

    def images(self, numbers: Any, latents: Any, classes: Any) -> Any:
        yield list(numbers), np.stack([np.full((4, 4, 3), int(z), np.uint8) for z in latents(numbers)])

    def class_of(self, number: int, classes: list[int]) -> dict[str, str]:
        return {"class": ("dress", "hat")[classes[0]]}


def add(folder: Path, photos: list[Path], root: Path | None) -> Any:
    pretrained: Any = SimpleNamespace(generation=Shades(), image_size=4, as_validated=lambda pixels: pixels[:4, :4])
    with gallery(folder, {"model_sha256": "0" * 64}) as album:
        add_variants(
            album,
            pretrained,
            photos,
            lambda encoded: lambda numbers: torch.stack([encoded.z + 10 * (number + 1) for number in numbers]),
            root=root,
            numbers=range(2),
            label=1,
            strength=0.5,
            file_name="{:02}.png",
            columns=4,
        )
    return album.outcome


def save(path: Path, value: int) -> Path:
    Image.new("RGB", (6, 5), (value, value, value)).save(path)
    return path


def test_a_single_photos_variants_lie_in_the_folder_itself(tmp_path: Path, capsys: Any) -> None:
    assert add(tmp_path / "out", [save(tmp_path / "a.png", 100)], None).done == 2
    assert [read_image(tmp_path / f"out/{number:02}.png").max() for number in range(2)] == [110, 120]
    sheet = read_image(tmp_path / "out/grid.png")
    assert sheet[0, ::6][:4, 0].tolist() == [100, 50, 110, 120]  # the photo, its reconstruction, and the variants
    assert capsys.readouterr().out.splitlines() == [
        "photo        a.png: 6x5, cut and resized to 4 pixels as in training",
        "encoded      its reconstruction has 31.2 dB, as hat",
    ]


def test_each_photo_of_a_folder_has_its_own_and_a_torn_one_is_noted(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"no image")
    photos = [save(tmp_path / "a.png", 100), tmp_path / "torn.png", save(tmp_path / "b.png", 40)]
    outcome = add(tmp_path / "out", photos, tmp_path)
    assert [record["path"] for record in outcome.failures] == ["torn.png"]
    lines = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    found = {line["path"]: line.get("photo") for line in lines[1:]}
    assert found == {f"{name}/{file}": f"{name}.png" for name in "ab" for file in ("00.png", "01.png", "grid.png")}
