"""Which picture of a TIFF is the whole one, and why one is not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from gan_lab.photo_files import UnreadableImage, read_image, read_photo
from gan_lab.photo_files.images import read_size
from tests.photo_files.samples import xmp_packet
from tests.photo_files.test_tiff import DEPTHS, channels, check, write


@DEPTHS
@pytest.mark.parametrize("big", [False, True])
def test_a_reduced_first_picture_is_passed_over(tmp_path: Path, bits: int, big: bool) -> None:
    samples = channels(bits, 3)
    with tifffile.TiffWriter(tmp_path / "x.tif", bigtiff=big) as file:
        tags = [(700, 1, 0, xmp_packet('xmp:Label="once"'), True)]
        file.write(
            samples[::4, ::4], photometric="rgb", metadata=None, subfiletype=1, description="told", extratags=tags
        )
        file.write(samples, photometric="rgb", metadata=None)
    notes = check(tmp_path / "x.tif", samples / (257 if bits == 16 else 1))
    assert notes == (
        "the first picture in the file is a reduced one, or a mask: the whole one is the 2. of 2 pictures in the file",
    )
    metadata = read_photo(tmp_path / "x.tif").metadata
    assert b"told" in (metadata.exif or b"")
    assert b"once" in (metadata.xmp or b"")


@DEPTHS
def test_a_whole_picture_in_a_sub_directory_is_found(tmp_path: Path, bits: int) -> None:
    samples = channels(bits, 3)
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(samples[::4, ::4], photometric="rgb", metadata=None, subfiletype=1, subifds=1)
        file.write(samples, photometric="rgb", metadata=None)
    (note,) = check(tmp_path / "x.tif", samples / (257 if bits == 16 else 1))
    assert note.endswith("the whole one is in a sub-directory")
    with tifffile.TiffWriter(tmp_path / "y.tif") as file:
        file.write(samples[::4, ::4], photometric="rgb", metadata=None, subfiletype=1, subifds=1)
        file.write(samples.astype(np.float32), photometric="rgb", metadata=None)
    with pytest.raises(
        UnreadableImage, match=r"sub-directory and is a TIFF of a kind that cannot be read.*floating-point"
    ):
        read_photo(tmp_path / "y.tif")


def test_where_all_are_reduced_the_first_is_read_and_said_so(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", channels(8, 3), photometric="rgb", subfiletype=1)
    assert check(tmp_path / "x.tif", channels(8, 3)) == (
        "the file says that it holds reduced pictures alone: the first of them",
    )


def test_a_pyramid_is_its_whole_picture(tmp_path: Path) -> None:
    samples = channels(16, 3)
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(samples, photometric="rgb", metadata=None)
        file.write(samples[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    assert check(tmp_path / "x.tif", samples / 257) == ("the first of 2 pictures in the file",)


@pytest.mark.parametrize(
    ("samples", "options", "reason"),
    [
        (channels(8, 4), {"photometric": "separated", "extratags": [(332, 3, 1, 2, True)]}, "inks are not cyan"),
        (channels(16, 4), {"photometric": "separated", "extratags": [(332, 3, 1, 2, True)]}, "inks are not cyan"),
        (channels(8, 1)[..., 0].astype(np.int8), {"photometric": "minisblack"}, "signed.*what is white"),
        (channels(16, 3).astype(np.int16), {"photometric": "rgb"}, "signed.*what is white"),
        (channels(16, 3), {"photometric": 34892}, "raw data of a camera: develop it"),
        (channels(8, 3), {"photometric": 10}, r"ITULab, 3 unsigned samples of 8 bits.*save it as RGB"),
        (channels(16, 3).astype(np.float32), {"photometric": "rgb"}, "RGB, 3 floating-point samples of 32 bits"),
        (channels(16, 3).astype(np.uint32), {"photometric": "rgb"}, "RGB, 3 unsigned samples of 32 bits"),
        (np.tile(channels(8, 3), 8)[..., :20], {"photometric": "rgb", "extrasamples": [0] * 17}, "20 unsigned samples"),
    ],
)
def test_what_is_refused_is_refused_for_what_it_is(
    tmp_path: Path, samples: np.ndarray, options: dict[str, object], reason: str
) -> None:
    path = write(tmp_path / "x.tif", samples, **({"planarconfig": "contig"} if samples.ndim == 3 else {}), **options)
    for read in (read_photo, read_image, read_size):
        with pytest.raises(UnreadableImage, match=reason):
            read(path)
