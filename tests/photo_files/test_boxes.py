"""The boxes of AVIF and HEIF: what they say of the main picture."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np

from gan_lab.photo_files.boxes import read_statements
from tests.photo_files.test_stated_colour import avif, needs_avif


@needs_avif
def test_boxes_however_damaged_raise_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = np.frombuffer(avif(tmp_path / "x.avif", (12, 13, 6), np.zeros((8, 8, 3), np.uint8)).read_bytes(), np.uint8)
    found = 0
    for _ in range(500):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 5)] = rng.integers(0, 256, 5)
        found += read_statements(io.BytesIO(damaged.tobytes()[: rng.integers(1, 400)])).cicp is not None
    assert found > 20


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def test_the_main_pictures_own_properties_count() -> None:
    """A file as phones write it: a thumbnail first, with other colours, and wide numbers of items and properties."""

    def nclx(*points: int) -> bytes:
        return box(b"colr", b"nclx", struct.pack(">3HB", *points, 128))

    properties = box(b"ipco", nclx(1, 13, 6), nclx(12, 13, 6), box(b"pixi", bytes(4), bytes((3, 10, 10, 10))))
    links = struct.pack(">IIB2H", 2, 1, 1, 1, 0)[:-2] + struct.pack(">IB2H", 2, 2, 0x8002, 3)
    meta = box(
        b"meta", bytes(4), box(b"pitm", b"\1\0\0\0", struct.pack(">I", 2)),
        box(b"iprp", properties, box(b"ipma", b"\1\0\0\1", links)),
    )  # fmt: skip
    found = read_statements(io.BytesIO(box(b"ftyp", b"heic") + meta + box(b"mdat", bytes(99))))
    assert (found.cicp, found.depth) == ((12, 13, 6, 1), 10)
