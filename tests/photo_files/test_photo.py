"""Reading photos of every kind that shops have; each file is made here."""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, features

from gan_lab.errors import UserError
from gan_lab.photo_files import UnreadableImage, read_photo
from tests.photo_files.samples import (
    ADOBE,
    SRGB,
    adobe_in_srgb,
    adobe_profile,
    chunk,
    exif_block,
    far,
    icc_chunk,
    lab_in_srgb,
    matrix_profile,
    picture_8,
    picture_16,
    png_16,
    save,
    tiff_16,
    xmp_packet,
)
from tests.photo_files.test_images import png_header, upside

AVIF = pytest.param("avif", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"))


# --- kinds of pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
def test_pixels_that_need_no_conversion_come_as_they_are(tmp_path: Path, suffix: str) -> None:
    image = picture_8()
    options = {"lossless": True} if suffix == ".webp" else {}
    photo = read_photo(save(tmp_path / f"x{suffix}", image, **options))
    assert photo.pixels.dtype == np.uint8
    assert photo.alpha is None
    assert photo.metadata.format == {".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    assert photo.metadata.notes == ()
    np.testing.assert_array_equal(photo.pixels, image)
    assert photo.pixels.flags.writeable
    assert photo.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp"])
def test_grey_stays_grey(tmp_path: Path, suffix: str) -> None:
    image = picture_8()[..., :1]
    photo = read_photo(save(tmp_path / f"x{suffix}", image))
    assert photo.pixels.shape == image.shape
    assert far(photo.pixels, image) <= (2 if suffix == ".jpg" else 0)


# --- 16 bits


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 7},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 7, "byteorder": ">", "planarconfig": "separate"},
        {"planarconfig": "separate", "rowsperstrip": 7},
        {"planarconfig": "separate"},
        {"tile": (16, 16), "compression": "zlib", "predictor": True},
        {"tile": (16, 16), "planarconfig": "separate"},
    ],
)
def test_16_bit_tiff_keeps_every_value(tmp_path: Path, options: dict[str, object]) -> None:
    image = picture_16()
    planes = options.get("planarconfig") == "separate"
    photo = read_photo(tiff_16(tmp_path / "x.tif", np.moveaxis(image, -1, 0) if planes else image, **options))
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, image)
    grey = read_photo(tiff_16(tmp_path / "x.tif", image[..., 0], **{**options, "planarconfig": "contig"}))
    np.testing.assert_array_equal(grey.pixels, image[..., :1])


def test_16_bit_tiff_of_other_programs(tmp_path: Path) -> None:
    image = picture_16()
    cv2.imwrite(str(tmp_path / "lzw.tif"), image[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    np.testing.assert_array_equal(read_photo(tmp_path / "lzw.tif").pixels, image)
    Image.fromarray(image[..., 0]).save(tmp_path / "grey.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read_photo(tmp_path / "grey.tif").pixels, image[..., :1])
    inverted = read_photo(tiff_16(tmp_path / "inverted.tif", image[..., 0], photometric="miniswhite"))
    np.testing.assert_array_equal(inverted.pixels, 65535 - image[..., :1])


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_tiff_alpha_is_understood(tmp_path: Path, channels: int) -> None:
    image = picture_16()[..., :channels]
    alpha = np.full((24, 40, 1), 40000, np.uint16)
    alpha[0] = 0
    photometric = "rgb" if channels == 3 else "minisblack"
    options = {"photometric": photometric, "planarconfig": "contig"}
    straight = read_photo(
        tiff_16(tmp_path / "a.tif", np.dstack((image, alpha)), extrasamples=["unassalpha"], **options)
    )
    np.testing.assert_array_equal(straight.pixels, image)
    np.testing.assert_array_equal(straight.alpha, alpha[..., 0])
    laid = np.rint(image * (alpha / 65535)).astype(np.uint16)
    mixed = read_photo(tiff_16(tmp_path / "b.tif", np.dstack((laid, alpha)), extrasamples=["assocalpha"], **options))
    assert far(mixed.pixels[1:], image[1:]) <= 1
    other = read_photo(tiff_16(tmp_path / "c.tif", np.dstack((image, alpha)), extrasamples=["unspecified"], **options))
    np.testing.assert_array_equal(other.pixels, image)
    assert other.alpha is None


def test_16_bit_cmyk_is_read_with_8_and_said_so(tmp_path: Path) -> None:
    inks = np.dstack((picture_16(), np.zeros((24, 40), np.uint16)))
    photo = read_photo(tiff_16(tmp_path / "x.tif", inks, photometric="separated"))
    assert photo.pixels.dtype == np.uint8
    assert far(photo.pixels, 255 - inks[..., :3] / 257) <= 2
    assert any("read as 8" in note for note in photo.metadata.notes)


# --- orientation


@pytest.mark.parametrize("kind", ["png", "webp", "tif", AVIF, "png16", "tif16", "after", "xmp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path: Path, orientation: int, kind: str) -> None:
    image = picture_16() if kind.endswith("16") else picture_8()
    stored = upside(image, orientation)
    path = tmp_path / f"x.{kind.rstrip('16')}"
    exif = exif_block(orientation)
    if kind == "png16":
        png_16(path, stored, 2, before=chunk(b"eXIf", exif))
    elif kind == "tif16":
        tiff_16(path, stored, extratags=[(274, 3, 1, orientation, True)])
    elif kind == "after":  # PNG allows it after the pixels
        path = png_16(tmp_path / "x.png", stored, 2, after=chunk(b"eXIf", exif), depth=8)
    elif kind == "xmp":
        text = b"XML:com.adobe.xmp" + bytes(5) + xmp_packet(f'tiff:Orientation="{orientation}"')
        path = png_16(tmp_path / "x.png", stored, 2, before=chunk(b"iTXt", text), depth=8)
    else:
        options = {"quality": 100, "subsampling": "4:4:4"} if kind == "avif" else {"lossless": True}
        save(path, stored, exif=exif, **options)
    photo = read_photo(path)
    assert photo.pixels.shape == image.shape
    assert far(photo.pixels, image) <= (6 if kind == "avif" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpegs_orientation_is_applied_once_to_its_resolution_too(tmp_path: Path, orientation: int) -> None:
    image = cv2.resize(picture_8(), (160, 96))
    exif = exif_block(orientation, space=1, index="R98")
    photo = read_photo(
        save(tmp_path / "x.jpg", upside(image, orientation), exif=b"Exif\0\0" + exif, quality=95, dpi=(300, 150))
    )
    assert photo.pixels.shape == image.shape
    assert far(photo.pixels, image) <= 12
    assert photo.metadata.dpi == ((300, 150) if orientation < 5 else (150, 300))


# --- colour


def test_a_wide_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    inside = 0.25 + 0.5 * picture_16() / 65535  # colours that sRGB can show
    expected = adobe_in_srgb(inside)
    assert far(expected, inside) > 0.05
    eight = np.rint(inside * 255).astype(np.uint8)
    for suffix in (".png", ".tif"):
        photo = read_photo(save(tmp_path / f"x{suffix}", eight, icc_profile=adobe_profile()))
        assert far(photo.pixels, adobe_in_srgb(eight / 255) * 255) <= 1.2
        assert photo.metadata.profiled
    sixteen = np.rint(inside * 65535).astype(np.uint16)
    for photo in (
        read_photo(png_16(tmp_path / "x.png", sixteen, 2, before=icc_chunk(adobe_profile()))),
        read_photo(tiff_16(tmp_path / "x.tif", sixteen, adobe_profile())),
    ):
        assert photo.pixels.dtype == np.uint16
        assert far(photo.pixels, expected * 65535) <= 100  # the published numbers have five digits
        assert photo.metadata.profiled
        assert any("converted from" in note for note in photo.metadata.notes)


@pytest.mark.parametrize(
    "profile", [SRGB, matrix_profile(None, nudge=25), b"no profile" * 20, SRGB[:16] + b"CMYK" + SRGB[20:]]
)
def test_a_profile_that_is_srgb_or_does_not_fit_leaves_every_value(tmp_path: Path, profile: bytes) -> None:
    photo = read_photo(save(tmp_path / "x.png", picture_8(), icc_profile=profile))
    np.testing.assert_array_equal(photo.pixels, picture_8())
    deep = read_photo(tiff_16(tmp_path / "x.tif", picture_16(), profile))
    np.testing.assert_array_equal(deep.pixels, picture_16())
    damaged = profile[16:20] != b"RGB "
    assert any("colour profile" in note for note in photo.metadata.notes) == damaged
    assert any("colour profile" in note for note in deep.metadata.notes) == damaged


def test_lab_becomes_rgb(tmp_path: Path) -> None:
    lab = np.zeros((4, 4, 3), np.uint8)
    lab[:] = (round(60 * 2.55), 30, 256 - 20)
    tifffile.imwrite(tmp_path / "x.tif", lab, photometric="cielab", metadata=None)
    assert far(read_photo(tmp_path / "x.tif").pixels[0, 0], lab_in_srgb(60, 30, -20)) <= 3


# --- more than one picture, and names


def test_of_several_pictures_the_first_is_read_and_said_so(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((12, 16, 3), level, np.uint8)) for level in (50, 120, 200)]
    for name, options in {
        "a.gif": {},
        "a.tif": {},
        "a.webp": {"lossless": True},
        "a.png": {},
        "a.mpo": {"quality": 95},
    }.items():
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        photo = read_photo(tmp_path / name)
        assert far(photo.pixels, np.full((12, 16, 3), 50)) <= 1
        assert "the first of 3 pictures in the file" in photo.metadata.notes
    assert photo.metadata.format == "MPO"
    deep = tiff_16(tmp_path / "deep.tif", np.stack([picture_16()] * 2), photometric="rgb")
    assert read_photo(deep).metadata.notes == ("the first of 2 pictures in the file",)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 3000), (2000, 24), (1, 7), (7, 1)])
def test_odd_sizes_are_read(tmp_path: Path, height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    for suffix, options in ((".png", {}), (".tif", {}), (".webp", {"lossless": True}), (".bmp", {})):
        np.testing.assert_array_equal(read_photo(save(tmp_path / f"x{suffix}", image, **options)).pixels, image)
    deep = image.astype(np.uint16) * 251
    np.testing.assert_array_equal(read_photo(tiff_16(tmp_path / "x.tif", deep)).pixels, deep)
    np.testing.assert_array_equal(read_photo(png_16(tmp_path / "x.png", deep, 2)).pixels, deep)
    assert read_photo(save(tmp_path / "x.jpg", image)).pixels.shape == image.shape


@pytest.mark.parametrize("name", ["Schuh ß 靴 👟.PNG", "-rf.png", "a b\nc.png", "x" * 251 + ".png", "x.JPEG.Png", "x"])
def test_odd_names_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        Image.fromarray(picture_8()).save(file, "PNG")
    np.testing.assert_array_equal(read_photo(path).pixels, picture_8())
    png_16(path, picture_16(), 2)
    np.testing.assert_array_equal(read_photo(path).pixels, picture_16())


def test_the_content_counts_not_the_suffix(tmp_path: Path) -> None:
    tiff_16(tmp_path / "x.tif", picture_16()).rename(tmp_path / "x.jpg")
    save(tmp_path / "y.png", picture_8()).rename(tmp_path / "y.tiff")
    for name, image, kind in (("x.jpg", picture_16(), "TIFF"), ("y.tiff", picture_8(), "PNG")):
        photo = read_photo(tmp_path / name)
        np.testing.assert_array_equal(photo.pixels, image)
        assert photo.metadata.format == kind
        assert photo.metadata.notes == (f"it is a {kind}, whatever its name says",)


# --- what cannot be read


def test_what_is_no_image_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello, I am a text" * 100)
    (tmp_path / "page.jpg").write_text("\n<!DOCTYPE html><title>404</title>")
    (tmp_path / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "drawing.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "header.png").write_bytes(png_header(30, 20)[:33])
    (tmp_path / "header.tif").write_bytes(b"II*\0\x08\0\0\0")
    (tmp_path / "bomb.png").write_bytes(png_header(60000, 60000))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "broken-link.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    reasons = {
        "empty.jpg": "empty",
        "text.jpg": "not an image",
        "page.jpg": "web page",
        "phone.jpg": "HEIF",
        "drawing.png": "not an image",
        "header.png": "cut short",
        "header.tif": "TIFF|dimensions",
        "bomb.png": "pixels",
        "folder.png": "not a regular file",
        "broken-link.png": "no such file",
        "loop.png": "symbolic links",
        "missing.png": "no such file",
        "pipe.png": "not a regular file",
    }
    for name, reason in reasons.items():
        with pytest.raises(UnreadableImage, match=reason) as caught:
            read_photo(tmp_path / name)
        assert caught.value.path == tmp_path / name
        assert isinstance(caught.value, UserError)


def test_the_callers_limit_holds_whatever_pillows_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        save(tmp_path / "x.png", picture_8()),
        save(tmp_path / "x.tif", picture_8()),
        save(tmp_path / "x.webp", picture_8()),
        tiff_16(tmp_path / "deep.tif", picture_16()),
        png_16(tmp_path / "deep.png", picture_16(), 2),
    ]
    for limit in (None, 10):  # at 10 Pillow would refuse, or warn of, each of them
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for path in paths:
            assert read_photo(path, max_pixels=960).pixels.shape == (24, 40, 3)
            with pytest.raises(UnreadableImage, match=r"more than 959 pixels \(max_pixels\)"):
                read_photo(path, max_pixels=959)
        assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "gif", "bmp", AVIF, "png16", "tif16", "deflated16"])
@pytest.mark.parametrize("share", [0.4, 0.97])
def test_a_truncated_file_is_unreadable_though_its_header_is_whole(tmp_path: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (64, 64, 3)).astype(np.uint16)
    path = tmp_path / "x"
    if kind == "png16":
        png_16(path, noise, 2)
    elif kind.endswith("16"):
        tiff_16(path, noise, **({"compression": "zlib"} if kind == "deflated16" else {}))
    else:
        buffer = io.BytesIO()
        Image.fromarray(noise.astype(np.uint8)).save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper()))
        path.write_bytes(buffer.getvalue())
    whole = path.read_bytes()
    read_photo(path)
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableImage):
        read_photo(path)


@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "x"
    makers = {
        kind: lambda kind=kind: Image.fromarray(picture_8()).save(path, kind, exif=exif_block())
        for kind in ("png", "jpeg", "tiff", "webp")
    }
    makers["deep png"] = lambda: png_16(path, picture_16(), 2, before=chunk(b"eXIf", exif_block()))
    makers["deep tiff"] = lambda: tiff_16(path, picture_16(), adobe_profile(), compression="zlib", predictor=True)
    for make in makers.values():
        make()
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            damaged = whole.copy()
            damaged[rng.integers(0, min(len(whole), 900), 6)] = rng.integers(0, 256, 6)
            path.write_bytes(damaged.tobytes())
            try:
                photo = read_photo(path, max_pixels=10**6)
            except UnreadableImage:
                continue
            assert photo.pixels.ndim == 3


def test_adobe_rgb_is_wider_than_srgb() -> None:
    """The numbers that the tests above rest on, against Pillow's engine."""
    corner = Image.new("RGB", (1, 1), (60, 180, 90))
    transform = ImageCms.buildTransform(
        ImageCms.getOpenProfile(io.BytesIO(adobe_profile())), ImageCms.createProfile("sRGB"), "RGB", "RGB"
    )
    seen = np.asarray(ImageCms.applyTransform(corner, transform))[0, 0]
    assert far(seen, adobe_in_srgb(np.array([60, 180, 90]) / 255) * 255) <= 1.5
    assert ADOBE.sum(axis=1) == pytest.approx([0.9642, 1, 0.8249], abs=1e-3)
