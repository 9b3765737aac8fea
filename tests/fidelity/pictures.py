"""Pictures of goods for the fidelity guard's tests, and the faults that its benchmark makes on them."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageOps

from gan_lab.data.catalogue import draw

PHOTOS = os.environ.get("GAN_LAB_PHOTOS") or None
SIDE = 256


def goods() -> list[np.ndarray]:
    """Return drawn product pictures, uint8 [256, 256, 3]: mug, lamp, sneaker, chair, book, in a studio and as snapshots."""
    return [
        draw(number, domain, SIDE)
        for number, domain in ((0, "studio"), (9, "snapshot"), (12, "studio"), (20, "snapshot"))
    ]


def photos(count: int) -> list[np.ndarray]:
    """Return real product photos, reduced so that their own noise does not count, uint8 [256, 256, 3].

    Skips the test where there are none.
    """
    if PHOTOS is None:
        pytest.skip("GAN_LAB_PHOTOS names no folder of real photos")
    paths = sorted(Path(PHOTOS).glob("products/test/*/*.jpg"))
    paths = paths[:: len(paths) // count][:count]
    pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in paths]
    return [np.asarray(ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)) for picture in pictures]


def fault_makers() -> ModuleType:
    """Return benchmarks/fidelity_cases.py."""
    path = Path(__file__).parents[2] / "benchmarks" / "fidelity_cases.py"
    spec = importlib.util.spec_from_file_location("fidelity_cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
