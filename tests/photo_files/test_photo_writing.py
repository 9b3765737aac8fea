"""Writing photos: pixels, depth, transparency and colour, whole or not at all; judged by other readers."""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from gan_lab.errors import UserError
from gan_lab.photo_files import PHOTO_SUFFIXES, Metadata, Provenance, read_photo, write_photo
from gan_lab.photo_files import outputs as outputs_module
from gan_lab.photo_files.photo import choose_output
from tests.photo_files.samples import (
    adobe_profile,
    chunk,
    exif_block,
    grey_profile,
    icc_chunk,
    photo_of,
    picture_8,
    picture_16,
    png_16,
    save,
    tiff_16,
)
from tests.photo_files.test_images import upside

PLAIN = Metadata("PNG")


# --- pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF", ".PNG"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("height", "width"), [(24, 40), (1, 1), (2000, 24), (20, 3000)])
def test_lossless_formats_keep_every_value(
    tmp_path: Path, suffix: str, channels: int, with_alpha: bool, depth: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(0)
    kind = np.uint8 if depth == 8 else np.uint16
    noise = rng.integers(0, 2**depth, (height, width, channels)).astype(kind)
    alpha = rng.integers(0, 2**depth, (height, width)).astype(kind) if with_alpha else None
    path = tmp_path / f"x{suffix}"
    assert write_photo(path, photo_of(noise, alpha)) == ()
    again = read_photo(path)
    assert again.pixels.dtype == kind
    np.testing.assert_array_equal(again.pixels, noise)
    if with_alpha:
        np.testing.assert_array_equal(again.alpha, alpha)
    else:
        assert again.alpha is None
    samples = noise if alpha is None else np.dstack((noise, alpha))
    if suffix.lower() != ".png":  # and in the eyes of an independent reader
        np.testing.assert_array_equal(tifffile.imread(path).reshape(samples.shape), samples)
    elif not (with_alpha and channels == 1):  # which OpenCV turns into colour
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[samples.shape[2]]
        seen = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).reshape(samples.shape)
        np.testing.assert_array_equal(seen[..., order], samples)


def test_reading_and_writing_an_srgb_png_is_exact_white_included(tmp_path: Path) -> None:
    image = picture_8()
    image[:4] = 255
    write_photo(tmp_path / "y.png", read_photo(save(tmp_path / "x.png", image)))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "y.png")), image)


def test_a_jpeg_is_of_full_chroma_and_high_quality_and_grey_stays_grey(tmp_path: Path) -> None:
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[..., 0] = np.indices((64, 64)).sum(axis=0) % 2 * 160  # subsampled chroma would smear it
    write_photo(tmp_path / "x.jpg", photo_of(checks))
    picture = Image.open(tmp_path / "x.jpg")
    assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3
    assert np.abs(np.asarray(picture).astype(int) - checks).mean() < 3
    write_photo(tmp_path / "small.jpg", photo_of(checks), quality=30)
    assert (tmp_path / "small.jpg").stat().st_size < (tmp_path / "x.jpg").stat().st_size * 0.7
    write_photo(tmp_path / "grey.jpeg", photo_of(checks[..., :1]))
    assert Image.open(tmp_path / "grey.jpeg").mode == "L"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_formats_of_8_bits_round_and_say_so(tmp_path: Path, suffix: str) -> None:
    levels = np.repeat(np.array([0, 128, 129, 65535 - 129, 65535 - 128, 65535], np.uint16), 64 * 16).reshape(96, 64, 1)
    notes = write_photo(tmp_path / f"x{suffix}", photo_of(levels))
    assert any("8 bits" in note for note in notes)
    seen = np.asarray(Image.open(tmp_path / f"x{suffix}").convert("L"))[8::16, 8]
    assert np.abs(seen.astype(int) - [0, 0, 1, 254, 255, 255]).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_a_jpeg_has_white_under_what_was_transparent_and_says_so(tmp_path: Path, depth: int) -> None:
    most, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    pixels = np.zeros((48, 16, 3), kind)
    alpha = np.repeat(np.array([0, most // 2, most], kind), 16)[:, None].repeat(16, axis=1)
    notes = write_photo(tmp_path / "x.jpg", photo_of(pixels, alpha))
    assert any("white" in note for note in notes)
    assert (
        np.abs(np.asarray(Image.open(tmp_path / "x.jpg"))[8::16, 8].astype(int) - [[255] * 3, [128] * 3, [0] * 3]).max()
        <= 1
    )
    opaque = photo_of(pixels, np.full_like(alpha, most))
    assert not any("white" in note for note in write_photo(tmp_path / "x.jpg", opaque))


def test_webp_keeps_alpha(tmp_path: Path) -> None:
    alpha = (np.arange(24 * 40).reshape(24, 40) % 256).astype(np.uint8)
    write_photo(tmp_path / "x.webp", photo_of(picture_8(), alpha))
    again = read_photo(tmp_path / "x.webp")
    np.testing.assert_array_equal(again.alpha, alpha)
    assert np.abs(again.pixels[alpha > 0].astype(int) - picture_8()[alpha > 0]).max() < 40


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_written_is_upright_for_every_reader(tmp_path: Path, orientation: int, suffix: str) -> None:
    image = cv2.resize(picture_8(), (160, 96))
    source = save(tmp_path / "x.png", upside(image, orientation), exif=exif_block(orientation))
    write_photo(tmp_path / f"y{suffix}", read_photo(source))
    with Image.open(tmp_path / f"y{suffix}") as picture:
        assert picture.getexif().get(0x0112, 1) == 1
        seen = np.asarray(ImageOps.exif_transpose(picture).convert("RGB")).astype(int)
    assert seen.shape == image.shape
    assert np.abs(seen - image).max() <= (0 if suffix in (".png", ".tif") else 25)


# --- colour profiles


def description(path: Path) -> tuple[str, str]:
    with Image.open(path) as picture:
        data = picture.info["icc_profile"]
    profile = ImageCms.getOpenProfile(io.BytesIO(data)).profile
    return profile.profile_description, profile.xcolor_space.strip()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_photo_that_had_a_profile_leaves_with_the_right_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"y{suffix}"
    write_photo(path, read_photo(save(tmp_path / "x.png", picture_8(), icc_profile=adobe_profile())))
    assert description(path) == ("sRGB built-in", "RGB")
    again = read_photo(path)
    assert again.metadata.profiled
    assert not again.metadata.notes  # nothing was left to convert
    write_photo(path, read_photo(save(tmp_path / "x.png", picture_8())))
    with Image.open(path) as picture:
        assert "icc_profile" not in picture.info


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_grey_photo_leaves_with_a_grey_profile_that_changes_nothing(tmp_path: Path, suffix: str) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    path = tmp_path / f"y{suffix}"
    write_photo(path, read_photo(save(tmp_path / "x.png", levels, icc_profile=grey_profile(1.8))))
    assert description(path)[1] == ("RGB" if suffix == ".webp" else "GRAY")
    assert not read_photo(path).metadata.notes


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_photos_leave_with_profile_resolution_and_descriptions(tmp_path: Path, suffix: str) -> None:
    exif = chunk(b"eXIf", exif_block())
    resolution = chunk(b"pHYs", (11811).to_bytes(4, "big") * 2 + b"\1")
    source = png_16(tmp_path / "x.png", picture_16(), 2, before=icc_chunk(adobe_profile()) + exif + resolution)
    photo = read_photo(source)
    record = Provenance("ab" * 32, 1.0)
    path = tmp_path / f"y{suffix}"
    write_photo(path, photo, provenance=record)
    again = read_photo(path)
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    assert again.pixels.dtype == np.uint16
    assert again.metadata.profiled
    assert again.metadata.dpi == pytest.approx((300, 300), abs=0.01)
    with Image.open(path) as picture:
        assert picture.getexif()[0x8298] == "(c) A shop"
        assert picture.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
        assert picture.getexif().get_ifd(0x8825)[3] == "E"
    assert b"ab" * 32 in again.metadata.xmp


# --- whole or not at all


@pytest.mark.parametrize("suffix", PHOTO_SUFFIXES)
@pytest.mark.parametrize("depth", [8, 16])
def test_the_same_photo_gives_the_same_bytes(
    tmp_path: Path, suffix: str, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if suffix == ".avif":
        pytest.importorskip("PIL._avif")
    pixels = picture_8() if depth == 8 else picture_16()
    photo = photo_of(pixels, exif=exif_block(1), profiled=True, dpi=(300, 300), text={"Comment": "a"})
    record = Provenance("ab" * 32, 0.5, {"b": 1, "a": [2.5, None]})
    write_photo(tmp_path / f"x{suffix}", photo, provenance=record)
    outputs_module.srgb_profile.cache_clear()
    monkeypatch.setattr("time.time", lambda: 4e9)
    write_photo(tmp_path / f"y{suffix}", photo, provenance=record)
    assert (tmp_path / f"x{suffix}").read_bytes() == (tmp_path / f"y{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", PHOTO_SUFFIXES)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"old")
    whole = os.fsync
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    if suffix == ".avif":
        pytest.importorskip("PIL._avif")
    with pytest.raises(OSError, match="disk full"):
        write_photo(path, photo_of(picture_8()))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"
    monkeypatch.setattr(os, "fsync", whole)
    write_photo(path, photo_of(picture_8()))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert read_photo(path).pixels.shape == (24, 40, 3)


def test_the_folder_is_made_and_names_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    for name in ("Schuh ß 靴 👟.PNG", "-rf.jpg", "x" * 251 + ".png", "é" * 125 + ".tif"):
        write_photo(tmp_path / "new" / "folder" / name, photo_of(picture_8()))
        assert read_photo(tmp_path / "new" / "folder" / name).pixels.shape == (24, 40, 3)


@pytest.mark.parametrize("name", ["x.gif", "x.bmp", "x", "x.psd"])
def test_other_suffixes_are_refused_with_those_that_are_not(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"\.png"):
        write_photo(tmp_path / name, photo_of(picture_8()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("suffix", "width"), [(".webp", 16384), (".jpg", 65501)])
def test_a_photo_too_large_for_its_format_is_refused_with_a_way_out(tmp_path: Path, suffix: str, width: int) -> None:
    with pytest.raises(UserError, match="choose png"):
        write_photo(tmp_path / f"x{suffix}", photo_of(np.zeros((1, width, 3), np.uint8)))
    write_photo(tmp_path / f"x{suffix}", photo_of(np.zeros((1, width - 1, 3), np.uint8)))
    assert read_photo(tmp_path / f"x{suffix}").pixels.shape == (1, width - 1, 3)


def test_avif_is_refused_where_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.SAVE, "AVIF", raising=False)
    with pytest.raises(UserError, match="cannot write AVIF; choose png"):
        write_photo(tmp_path / "x.avif", photo_of(picture_8()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("width", "height"), [(32769, 1), (20000, 20000)])
def test_an_avif_that_decoders_refuse_is_not_written(width: int, height: int) -> None:
    with pytest.raises(UserError, match="AVIF holds at most 32768 a side and 268435456 in all; choose png"):
        choose_output(Path("x.avif"), width, height)


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((4, 4), np.uint8), None),
        (np.zeros((4, 4, 3), np.float32), None),
        (np.zeros((4, 4, 2), np.uint8), None),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16)),
    ],
)
def test_only_photos_are_written(tmp_path: Path, pixels: np.ndarray, alpha: np.ndarray | None) -> None:
    with pytest.raises(ValueError, match="uint8"):
        write_photo(tmp_path / "x.png", photo_of(pixels, alpha))
    assert not list(tmp_path.iterdir())


def test_a_16_bit_tiff_goes_through_untouched(tmp_path: Path) -> None:
    source = tiff_16(tmp_path / "x.tif", picture_16(), resolution=(118, 118), resolutionunit="CENTIMETER")
    photo = read_photo(source)
    assert photo.metadata.dpi == pytest.approx((299.72, 299.72))
    write_photo(tmp_path / "y.tif", photo)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "y.tif"), picture_16())
