from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.inference.checkpoints import tiny_checkpoint, unchanging_enhancer
from tests.integration.runs import Command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, monkeypatch, capfd)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained runs of small models, by their names."""
    folder = tmp_path_factory.mktemp("runs")
    unchanging_enhancer(folder / "enhancer")
    tiny_checkpoint(folder / "cyclegan", "cyclegan")
    tiny_checkpoint(folder / "cgan", "cgan")
    tiny_checkpoint(folder / "pix2pix", "pix2pix")
    tiny_checkpoint(folder / "dcgan", "dcgan")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for index, (name, size) in enumerate({"a.jpg": (40, 30), "deep/b.PNG": (33, 70), "deep/c.webp": (9, 9)}.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
        Image.fromarray(picture).save(path)
    return folder
