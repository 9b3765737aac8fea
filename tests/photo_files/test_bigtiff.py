"""BigTIFF, made a TIFF where it stands."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from gan_lab.photo_files import UnreadableImage, read_image, read_photo, read_provenance, write_photo
from gan_lab.photo_files.bigtiff import map_file
from gan_lab.photo_files.exif import extract_descriptions
from gan_lab.photo_files.images import read_size
from gan_lab.photo_files.provenance import Provenance
from tests.photo_files.samples import adobe_profile, xmp_packet
from tests.photo_files.test_tiff import DEPTHS, channels, write


@DEPTHS
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}, {"rowsperstrip": 5}]
)
def test_bigtiff_is_read_as_tiff_is(tmp_path: Path, bits: int, order: str, options: dict[str, object]) -> None:
    samples = channels(bits, 4)
    tags = [
        (270, 2, 0, "Schuh", True),
        (33432, 2, 0, "A shop and more", True),
        (700, 1, 0, xmp_packet('xmp:Label="x"'), True),
    ]
    options = options | {"photometric": "rgb", "extrasamples": [2], "resolution": (300, 150), "extratags": tags}
    for big in (False, True):
        write(tmp_path / f"{big}.tif", samples, bigtiff=big, byteorder=order, iccprofile=adobe_profile(), **options)
    plain, large = (read_photo(tmp_path / f"{big}.tif") for big in (False, True))
    np.testing.assert_array_equal(large.pixels, plain.pixels)
    np.testing.assert_array_equal(large.alpha, samples[..., 3])
    assert large.metadata.dpi == pytest.approx((300, 150))
    assert (large.metadata.xmp, large.metadata.exif) == (plain.metadata.xmp, plain.metadata.exif)
    assert large.metadata.notes == plain.metadata.notes
    near = read_image(tmp_path / "True.tif").astype(int) - read_image(tmp_path / "False.tif")
    assert np.abs(near).max() <= 3  # Pillow takes the upper 8 of 16 bits, and the profile makes more of it
    large_part = read_image(tmp_path / "True.tif", part=io.BytesIO((tmp_path / "True.tif").read_bytes()))
    np.testing.assert_array_equal(large_part, read_image(tmp_path / "True.tif"))
    write_photo(tmp_path / "y.tif", large, provenance=Provenance("ab", 1.0))
    assert read_provenance(tmp_path / "y.tif") == Provenance("ab", 1.0)


def test_values_of_a_bigtiff_that_stand_in_its_entries_survive(tmp_path: Path) -> None:
    """Up to 8 bytes fit into an entry there, 4 in TIFF's."""
    tags = [(tag, 2, 0, "abcdefg"[: tag % 8], True) for tag in (0x010E, 0x010F, 0x013B, 0x8298)]
    path = write(
        tmp_path / "x.tif", channels(8, 3), bigtiff=True, extratags=tags, resolution=(299, 72), photometric="rgb"
    )
    block = map_file(path)
    assert block is not None
    kept = extract_descriptions(block)
    assert {tag: kept[tag].raw for tag, *_ in tags} == {tag: text.encode() + b"\0" for tag, _, _, text, _ in tags}


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_bigtiff_raises_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write(tmp_path / "x.tif", channels(16, 3), bigtiff=True, photometric="rgb")
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(0, 400, 4)] = rng.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes()[: rng.integers(100, len(whole) + 1)])
        for read in (read_photo, read_image, read_size):
            try:
                read(path)
            except UnreadableImage:
                continue
