from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def photo() -> np.ndarray:
    """A smooth picture in which no two corners are alike: 24 x 40."""
    rows, columns = np.mgrid[0:24, 0:40]
    return np.stack([rows * 10, columns * 6, 255 - rows * 4 - columns * 3], axis=-1).astype(np.uint8)
