from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.data import measures

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


@pytest.fixture
def root(tmp_path: Path, write: Write) -> Path:
    """Return a folder of two domains, split in training and test."""
    for folder, count in (("trainA", 7), ("trainB", 5), ("testA", 5), ("testB", 4)):
        write(folder, count)
    return tmp_path


@pytest.fixture
def photos_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the names of opened photos go."""
    found: list[str] = []

    def watch(read: Callable[..., Any]) -> Callable[..., Any]:
        def read_and_note(path: Path, **options: Any) -> Any:
            found.append(path.name)
            return read(path, **options)

        return read_and_note

    monkeypatch.setattr(measures, "read_size", watch(measures.read_size))
    monkeypatch.setattr(measures, "read_image", watch(measures.read_image))
    # photos that a test has just written count as settled
    monkeypatch.setattr(measures, "SETTLED_NS", -(10**12))
    return found
