from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Write = Callable[..., list[Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write photos that differ from each other, `folder/000.png ...`, and return their paths."""

    def write(folder: str, count: int = 1, size: tuple[int, int] = (48, 40), seed: int | None = None) -> list[Path]:
        paths = []
        for number in range(count):
            path = tmp_path / folder / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng([*(seed or f"{folder}{number}").encode()] if seed is None else seed)
            small = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
            small.resize(size, Image.Resampling.BICUBIC).save(path)
            paths.append(path)
        return paths

    return write


@pytest.fixture(scope="session")
def photos() -> Path:
    """Return the folder of real photos (products/, unpaired_cc0/, fashion_mnist/)."""
    folder = os.environ.get("GAN_LAB_PHOTOS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("GAN_LAB_PHOTOS names no folder of real photos")
    return Path(folder)
