"""Odd files as they come from cameras, shops and attackers; each is made here."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from gan_lab.errors import UserError
from gan_lab.photo_files import UnreadableImage, grid, read_image, read_size, write_png
from gan_lab.photo_files import images as files_module
from tests.photo_files.samples import save


def upside(array: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels as a camera stores them under an EXIF orientation, so that `array` is what should be seen."""
    return {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](array).copy()


# --- reading


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".gif"])
def test_lossless_formats_come_back_as_they_were(tmp_path: Path, photo: np.ndarray, suffix: str) -> None:
    image = photo if suffix != ".gif" else photo // 64 * 64  # few enough colours for a palette
    path = save(tmp_path / f"x{suffix}", image, **({"lossless": True} if suffix == ".webp" else {}))
    read = read_image(path)
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_are_given_as_asked(tmp_path: Path, photo: np.ndarray, channels: int) -> None:
    grey, colour = save(tmp_path / "g.png", photo[..., :1]), save(tmp_path / "c.png", photo)
    assert read_image(grey, channels).shape == read_image(colour, channels).shape == (24, 40, channels)
    np.testing.assert_array_equal(read_image(grey, channels)[..., -1], photo[..., 0])
    luma = photo @ np.array([0.299, 0.587, 0.114])
    assert np.abs(read_image(colour, 1)[..., 0] - luma).max() <= 1


def test_two_channels_are_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channels: 2"):
        read_image(tmp_path / "x.png", channels=2)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path: Path, photo: np.ndarray, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    path = save(tmp_path / f"x{suffix}", upside(photo, orientation), exif=exif, **options)
    np.testing.assert_array_equal(read_image(path), photo)
    assert read_size(path) == (40, 24)


@pytest.mark.filterwarnings("ignore")
def test_damaged_metadata_does_not_lose_the_picture(tmp_path: Path, photo: np.ndarray) -> None:
    path = save(tmp_path / "x.jpg", photo, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff garbage", quality=95)
    assert read_image(path).shape == photo.shape
    assert read_size(path) == (40, 24)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_may_come_reduced_and_looks_the_same(tmp_path: Path, photo: np.ndarray, orientation: int) -> None:
    large = cv2.resize(photo, (1600, 960), interpolation=cv2.INTER_LINEAR)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", upside(large, orientation), quality=95, exif=exif)

    reduced = read_image(path, at_least=100)

    assert reduced.shape == (120, 200, 3)  # an eighth: a sixteenth would be below 100, and libjpeg has none
    np.testing.assert_allclose(
        reduced.astype(int), cv2.resize(large, (200, 120), interpolation=cv2.INTER_AREA).astype(int), atol=6
    )
    assert read_image(path, at_least=500).shape == (960, 1600, 3)  # a half would be 480
    assert read_image(path).shape == (960, 1600, 3)


def test_the_content_counts_not_the_suffix(tmp_path: Path, photo: np.ndarray) -> None:
    save(tmp_path / "x.png", photo).rename(tmp_path / "x.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "x.jpg"), photo)


def test_of_an_animation_the_first_frame_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (5, 4), level) for level in (50, 200)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "x.tif", save_all=True, append_images=frames[1:])
    assert {int(read_image(tmp_path / name, 1).max()) for name in ("x.gif", "x.tif")} == {50}


# --- what cannot be read


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def test_what_is_no_image_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello, I am a text" * 100)
    (tmp_path / "bomb.png").write_bytes(png_header(60000, 60000))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "broken-link.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    reasons = {
        "empty.jpg": "empty",
        "text.jpg": "not an image",
        "bomb.png": "pixels",
        "folder.png": "not a regular file",
        "broken-link.png": "no such file",
        "missing.png": "no such file",
        "pipe.png": "not a regular file",
    }
    for name, reason in reasons.items():
        for read in (read_image, read_size):
            with pytest.raises(UnreadableImage, match=reason) as caught:
                read(tmp_path / name)
            assert caught.value.path == tmp_path / name
            assert isinstance(caught.value, UserError)
            assert str(tmp_path / name) in str(caught.value)


def test_a_bomb_is_refused_even_when_pillows_limit_is_off(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    (tmp_path / "bomb.png").write_bytes(png_header(60000, 60000))
    with pytest.raises(UnreadableImage, match="pixels"):
        read_size(tmp_path / "bomb.png")
    path = save(tmp_path / "x.png", photo)
    monkeypatch.setattr(files_module, "MAX_PIXELS", photo.shape[0] * photo.shape[1])
    assert read_size(path) == (40, 24)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".gif"])
def test_a_truncated_file_is_unreadable_though_its_header_is_whole(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    path = save(tmp_path / f"x{suffix}", noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(UnreadableImage):
        read_image(path)


@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
    path = tmp_path / "x"
    for suffix in ("png", "jpeg", "gif", "bmp", "tiff", "webp"):
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, suffix)
        whole = np.frombuffer(buffer.getvalue(), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, min(len(whole), 400), 8)] = rng.integers(0, 256, 8)
            path.write_bytes(damaged.tobytes())
            for read in (read_image, read_size):
                try:
                    read(path)
                except UnreadableImage:
                    continue


def test_read_size_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.tif", np.zeros((10, 20, 3), np.uint8))
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", lambda self: pytest.fail("decoded"))
    assert read_size(path) == (20, 10)


# --- writing


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_comes_back_bit_for_bit_and_alone(tmp_path: Path, photo: np.ndarray, channels: int) -> None:
    path = tmp_path / "new" / "folder" / "x.png"
    write_png(path, photo[..., :channels])
    np.testing.assert_array_equal(read_image(path, channels), photo[..., :channels])
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    write_png(path, photo)

    def fail(self: Image.Image, file: io.BufferedWriter, *_: object) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        write_png(path, photo[::-1])
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(read_image(path), photo)


def test_an_old_file_is_replaced_not_written_into(tmp_path: Path, photo: np.ndarray) -> None:
    write_png(tmp_path / "x.png", photo)
    (tmp_path / "reader.png").hardlink_to(tmp_path / "x.png")
    write_png(tmp_path / "x.png", photo[::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), photo[::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "reader.png"), photo)


def test_a_written_file_has_ordinary_permissions(tmp_path: Path, photo: np.ndarray) -> None:
    (tmp_path / "plain").touch()
    write_png(tmp_path / "x.png", photo)
    assert (tmp_path / "x.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8)])
def test_only_images_are_written(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        write_png(tmp_path / "x.png", array)
    assert not list(tmp_path.iterdir())


# --- grid


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_holds_each_image_in_its_place(channels: int) -> None:
    images = np.stack([np.full((4, 6, channels), level, np.uint8) for level in (10, 20, 30, 40, 50)])
    sheet = grid(images, columns=3, gap=1)
    assert sheet.shape == (9, 20, channels)
    assert sheet[::5, ::7, 0].tolist() == [[10, 20, 30], [40, 50, 255]]
    assert (sheet[4] == 255).all()
    assert grid(list(images[:2]), columns=8).shape == (4, 14, channels)


@pytest.mark.parametrize(
    ("images", "columns"),
    [([], 2), ([np.zeros((2, 2, 3)), np.zeros((2, 3, 3))], 2), ([np.zeros((2, 2, 3))], 0)],
)
def test_a_grid_that_makes_no_sense_is_refused(images: list[np.ndarray], columns: int) -> None:
    with pytest.raises(ValueError, match="grid"):
        grid(images, columns)
