"""Photos that are handed out again and again, counted once."""

from __future__ import annotations

import hashlib

from torch import Tensor


def drop_seen(images: Tensor, seen: set[bytes]) -> Tensor:
    """Return those of images [N, C, H, W] that are not in `seen`; they now are.

    Of two domains the smaller one is handed out again and again, and a distance would count a photo's copies as so many.
    """
    rows = []
    for row, image in enumerate(images.cpu()):
        key = hashlib.sha256(image.contiguous().numpy().tobytes()).digest()
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return images[rows]
