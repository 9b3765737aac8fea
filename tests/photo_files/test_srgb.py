"""Any picture as opaque 8-bit sRGB."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from gan_lab.photo_files import UnreadableImage, read_image
from tests.photo_files.samples import matrix_profile, save


@pytest.mark.parametrize("levels", [[0, 255, 128], [1, 254, 77]])
def test_transparency_is_laid_over_white(tmp_path: Path, levels: list[int]) -> None:
    image = np.zeros((1, 3, 4), np.uint8)
    image[..., 0], image[..., 3] = 200, levels
    expected = image[..., :3] * (image[..., 3:] / 255) + 255 * (1 - image[..., 3:] / 255)
    read = read_image(save(tmp_path / "x.png", image))
    assert np.abs(read - expected).max() <= 1
    grey = np.stack([image[..., 0], image[..., 3]], axis=-1)
    read = read_image(save(tmp_path / "la.png", grey))
    assert np.abs(read[..., 0] - expected[..., 0]).max() <= 1


def test_a_palette_with_a_transparent_colour_is_resolved(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode="P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "x.png", transparency=1)
    assert read_image(tmp_path / "x.png").tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]


def test_rgb_with_one_transparent_colour_is_resolved(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), transparency=(4, 5, 6))
    assert read_image(path).tolist() == [[[1, 2, 3], [255, 255, 255]]]


def test_black_and_white_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png", 1).ravel().tolist() == [0, 255]


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_cmyk_is_turned_to_rgb(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("RGB", (16, 16), (200, 100, 50)).convert("CMYK")
    picture.save(tmp_path / f"x{suffix}", **({"quality": 100} if suffix == ".jpg" else {}))
    assert np.abs(read_image(tmp_path / f"x{suffix}").astype(int) - (200, 100, 50)).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str, channels: int) -> None:
    levels = np.array([0, 257, 32768, 40000, 65535], np.uint16)
    image = np.repeat(levels[None, :, None], channels, axis=2)
    if channels == 4:
        image[..., 3] = 65535
    cv2.imwrite(str(tmp_path / f"x{suffix}"), image)
    read = read_image(tmp_path / f"x{suffix}")
    assert np.abs(read[0, :, 0] - levels / 257).max() < 1
    assert read[0, [0, -1], 0].tolist() == [0, 255]


def test_floating_point_pixels_are_refused_with_the_mend(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "x.tif")
    with pytest.raises(UnreadableImage, match="8 or 16 bits"):
        read_image(tmp_path / "x.tif")


def test_values_beyond_16_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "x.tif")
    with pytest.raises(UnreadableImage, match="16 bits"):
        read_image(tmp_path / "x.tif")


def test_an_embedded_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    image = np.array([[[200, 10, 10], [255, 255, 255], [0, 0, 0], [128, 128, 128]]], np.uint8)
    read = read_image(save(tmp_path / "swap.png", image, icc_profile=matrix_profile(2.2, swap=True)))
    assert read[0, 0, 1] > 150 > 60 > read[0, 0, 0]  # red in that profile is green
    assert read[0, 1:3].tolist() == [[255, 255, 255], [0, 0, 0]]
    linear = read_image(save(tmp_path / "linear.png", image, icc_profile=matrix_profile(1.0)))
    assert np.abs(linear[0, 3].astype(int) - 188).max() <= 1  # sRGB of half the light


def test_transparency_is_kept_out_of_the_profile(tmp_path: Path) -> None:
    image = np.array([[[128, 128, 128, 255], [128, 128, 128, 0]]], np.uint8)
    read = read_image(save(tmp_path / "x.png", image, icc_profile=matrix_profile(1.0)))
    assert np.abs(read[0, 0].astype(int) - 188).max() <= 1
    assert read[0, 1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("profile", ["srgb", "almost srgb", "damaged", "cmyk"])
def test_profiles_that_change_nothing_or_do_not_fit_leave_every_value(
    tmp_path: Path, photo: np.ndarray, profile: str
) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = {
        "srgb": srgb,
        "almost srgb": matrix_profile(None, nudge=25),  # makers round its numbers differently
        "damaged": b"not a profile" * 20,
        "cmyk": srgb[:16] + b"CMYK" + srgb[20:],
    }[profile]
    np.testing.assert_array_equal(read_image(save(tmp_path / "x.png", photo, icc_profile=data)), photo)
    grey = photo[..., :1]
    np.testing.assert_array_equal(read_image(save(tmp_path / "g.png", grey, icc_profile=data), 1), grey)
