"""TIFF and its kin: channels beside the colours, inks, Lab, BigTIFF, reduced pictures; each made by another program."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from gan_lab.photo_files import UnreadableImage, read_image, read_photo
from gan_lab.photo_files.images import read_size
from tests.photo_files.samples import adobe_in_srgb, adobe_profile, lab_in_srgb, picture
from tests.photo_files.test_images import upside

DEPTHS = pytest.mark.parametrize("bits", [8, 16])


def channels(bits: int, count: int) -> np.ndarray:
    """Three channels of a picture, and more that must not come into it: [H, W, count]."""
    colours = picture(most=2**bits - 1)
    return np.rint(np.concatenate([colours, *[colours[::-1]] * 4], axis=2)).astype(f"u{bits // 8}")[..., :count]


def write(path: Path, samples: np.ndarray, **options: object) -> Path:
    if options.get("planarconfig") == "separate":
        samples = np.moveaxis(samples, 2, 0)
    tifffile.imwrite(path, samples, metadata=None, **options)
    return path


def check(path: Path, expected: np.ndarray, near: float = 0) -> tuple[str, ...]:
    """Compare what enhancement and training read with values of 8 bits; return the notes."""
    photo = read_photo(path)
    seen = photo.pixels / (257 if photo.pixels.dtype == np.uint16 else 1)
    assert np.abs(seen - expected).max() <= max(near, 0.01)
    trained = read_image(path)
    assert np.abs(trained.astype(float) - np.broadcast_to(expected, trained.shape)).max() <= max(near, 1)
    assert read_size(path) == (trained.shape[1], trained.shape[0])
    return photo.metadata.notes


@DEPTHS
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("extra", [1, 2, 3, 5])
@pytest.mark.parametrize(("photometric", "base"), [("rgb", 3), ("minisblack", 1), ("miniswhite", 1)])
def test_channels_beside_the_colours_are_left_out_and_said(
    tmp_path: Path, bits: int, planes: str, extra: int, photometric: str, base: int
) -> None:
    samples = channels(bits, base + extra)
    options = {"photometric": photometric, "planarconfig": planes, "extrasamples": [0] * extra}
    expected = samples[..., :base] / (257 if bits == 16 else 1)
    notes = check(
        write(tmp_path / "x.tif", samples, **options), 255 - expected if photometric == "miniswhite" else expected
    )
    assert notes == (f"channels beside its colours (spot colours, masks) left out: {extra}",)


@DEPTHS
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(("photometric", "base"), [("rgb", 3), ("minisblack", 1), ("miniswhite", 1)])
def test_training_reads_what_enhancement_reads(
    tmp_path: Path, bits: int, planes: str, photometric: str, base: int
) -> None:
    samples = channels(bits, base)
    expected = samples / (257 if bits == 16 else 1)
    options = {"photometric": photometric, "planarconfig": planes if base > 1 else None}
    path = write(tmp_path / "x.tif", samples if base > 1 else samples[..., 0], **options)
    assert check(path, 255 - expected if photometric == "miniswhite" else expected) == ()


@DEPTHS
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_odd_channels_are_read_however_they_are_packed(
    tmp_path: Path, bits: int, compression: str | None, tile: tuple[int, int] | None
) -> None:
    samples = channels(bits, 5)
    options = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": [0, 2], "tile": tile}
    predictor = {"predictor": True} if compression == "zlib" else {}
    path = write(tmp_path / "x.tif", samples, compression=compression, **predictor, **options)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.pixels, samples[..., :3])
    np.testing.assert_array_equal(photo.alpha, samples[..., 4])
    assert photo.metadata.notes == ("channels beside its colours (spot colours, masks) left out: 1",)


def test_a_profile_counts_for_odd_channels_too(tmp_path: Path) -> None:
    samples = np.rint(0.45 * 255 + 0.2 * channels(8, 5)).astype(np.uint8)
    options = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": [0, 0], "iccprofile": adobe_profile()}
    notes = check(write(tmp_path / "x.tif", samples, **options), adobe_in_srgb(samples[..., :3] / 255) * 255, near=1.5)
    assert any("converted from" in note for note in notes)


def by_hand(path: Path, samples: np.ndarray, photometric: int, *tags: tuple[int, int], orientation: int = 1) -> Path:
    """A TIFF with the tags that are named, and no others: as a scanner's program might write it."""
    height, width, count = samples.shape
    bits = samples.dtype.itemsize * 8
    fields = {256: (3, width), 257: (3, height), 258: (3, bits), 259: (3, 1), 262: (3, photometric), 273: (4, 8)}
    fields |= {274: (3, orientation), 277: (3, count), 278: (3, height), 279: (4, samples.nbytes)}
    fields |= {tag: (3, value) for tag, value in tags}
    data = samples.tobytes()
    table = b"".join(
        struct.pack("<HHLHxx" if kind == 3 else "<HHLL", tag, kind, 1, value)
        for tag, (kind, value) in sorted(fields.items())
    )
    path.write_bytes(
        b"II*\0" + struct.pack("<L", 8 + len(data)) + data + struct.pack("<H", len(fields)) + table + bytes(4)
    )
    return path


@DEPTHS
def test_channels_that_the_tags_do_not_mention_are_left_out_too(tmp_path: Path, bits: int) -> None:
    samples = channels(bits, 2)
    notes = check(by_hand(tmp_path / "x.tif", samples, 1), samples[..., :1] / (257 if bits == 16 else 1))
    assert notes == ("channels beside its colours (spot colours, masks) left out: 1",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_odd_pictures_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    samples = channels(8, 2)
    stored = np.ascontiguousarray(upside(samples, orientation))
    check(by_hand(tmp_path / "x.tif", stored, 1, orientation=orientation), samples[..., :1])


# --- inks and Lab


@DEPTHS
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("extra", [(), (0,), (0, 0), (2,), (0, 2)])
def test_inks_are_read_without_the_spot_colours(tmp_path: Path, bits: int, planes: str, extra: tuple[int, ...]) -> None:
    inks = channels(bits, 4 + len(extra))
    inks[..., 3] = 0
    inks[..., 4:] = 2**bits - 1  # all opaque, and full of a spot colour
    options = {"photometric": "separated", "planarconfig": planes, "extrasamples": extra}
    path = write(tmp_path / "x.tif", inks, **options)
    notes = check(path, 255 - inks[..., :3] / (257 if bits == 16 else 1), near=1)
    assert ("its 16 bits a channel were read as 8" in notes) == (bits == 16)
    assert ("channels beside its colours (spot colours, masks) left out: 1" in notes) == (extra.count(0) == 1)
    assert (read_photo(path).alpha is not None) == (2 in extra)


@DEPTHS
@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("lab", [(60, 30, -20), (100, 0, 0), (0, 0, 0), (30, -20, 30)])
def test_lab_is_read_in_both_ways_of_writing_it(
    tmp_path: Path, bits: int, photometric: int, lab: tuple[int, int, int]
) -> None:
    one = 256 if bits == 16 else 1
    white = 65280 if bits == 16 and photometric == 9 else 2**bits - 1
    shift = 128 if photometric == 9 else 0
    values = [round(lab[0] / 100 * white), *((value + shift) * one % 2**bits for value in lab[1:])]
    samples = np.full((24, 40, 3), values, f"u{bits // 8}")
    path = write(tmp_path / "x.tif", samples, photometric=photometric)
    check(path, np.clip(lab_in_srgb(*lab), 0, 255), near=3 if bits == 8 else 1)
    assert read_photo(path).pixels.dtype == samples.dtype


# --- BigTIFF


# --- which of several pictures


# --- what is refused


def test_the_callers_limit_holds_for_odd_pictures_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = by_hand(tmp_path / "x.tif", channels(8, 2), 1)
    with pytest.raises(UnreadableImage, match=r"more than 959 pixels \(max_pixels\)"):
        read_photo(path, max_pixels=959)
    monkeypatch.setattr("gan_lab.photo_files.images.MAX_PIXELS", 959)
    for read in (read_image, read_size):
        with pytest.raises(UnreadableImage, match="more than 959 pixels"):
            read(path)
