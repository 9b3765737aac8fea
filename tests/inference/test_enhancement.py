"""One photo through an enhancement: what it may be given as, and what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.inference.enhancement import Finish, enhance_photo, like, mask_of, photo_of
from gan_lab.inference.restoration import Networks, Restoration, Wish
from gan_lab.photo_files import Metadata, Photo, read_photo
from tests.photo_files.samples import png_16
from tests.photo_files.test_stated_colour import INSIDE, cicp


class Double(Restoration):
    def __init__(self) -> None:
        super().__init__(Networks(), torch.device("cpu"))

    def __call__(self, pixels: np.ndarray, wish: Wish, mask: Any) -> np.ndarray:
        """Networks that enlarge by repetition, and make a pixel brighter by 10."""
        assert mask is None
        return pixels.repeat(wish.scale, 0).repeat(wish.scale, 1) + 10


def test_a_picture_that_pillow_opened_is_converted_too(tmp_path: Path) -> None:
    stored = np.rint(INSIDE * 255).astype(np.uint8)
    path = png_16(tmp_path / "x.png", stored, 2, before=cicp(12, 13, 0, 1), depth=8)
    with Image.open(path) as opened:
        np.testing.assert_array_equal(photo_of(opened).pixels, read_photo(path).pixels)


def test_alpha_is_enlarged_with_the_colours_and_what_it_hides_is_not_enhanced() -> None:
    pixels = np.full((6, 8, 3), 100, np.uint8)
    pixels[:, 4:] = (255, 0, 255)
    alpha = np.repeat(np.uint8([[255] * 4 + [0] * 4]), 6, axis=0)
    photo = Photo(pixels, alpha, Metadata(format="PNG", notes=("read so",)))
    made = enhance_photo(Double(), photo, Wish(correct="defects", scale=2))
    assert (made.verdict, made.strength, made.figures, made.notes) == ("unguarded", 1.0, {}, ("read so",))
    assert made.photo.pixels.shape == (12, 16, 3)
    assert (made.photo.pixels == 110).all()
    assert made.photo.alpha is not None
    assert made.photo.alpha[0, ::5].tolist() == [255, 255, 0, 0]


def test_where_no_product_is_certain_the_ground_is_kept_and_that_is_said() -> None:
    noise = np.random.default_rng(0).integers(0, 240, (64, 64, 3)).astype(np.uint8)
    finish = Finish(ground="white")
    made = enhance_photo(Double(), Photo(noise, None, Metadata(format="")), Wish(), finish=finish)
    np.testing.assert_array_equal(made.photo.pixels, noise + 10)
    assert made.notes[-1].startswith("ground kept: the product cannot be separated from it")
    with pytest.raises(UserError, match="ground=blue: needs keep or white"):
        Finish(ground="blue")


def test_a_result_has_the_form_of_what_it_was_made_of() -> None:
    deep = Photo(np.full((2, 3, 3), 65535, np.uint16), None, Metadata(format="PNG", dpi=(300, 300)))
    assert like(deep, np.zeros((2, 3, 3), np.uint16)).dtype == np.uint16
    picture = like(deep, b"of a file")
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.getpixel((0, 0)), picture.info["dpi"]) == ("RGB", (255, 255, 255), (300, 300))
    grey = Photo(np.full((2, 3, 1), 7, np.uint8), None, Metadata(format=""))
    assert like(grey, np.zeros((2, 3), np.uint8)).shape == (2, 3)
    assert like(grey, np.zeros((2, 3, 1), np.uint8)).shape == (2, 3, 1)


def test_a_mask_is_white_in_holes_whatever_it_was_given_as() -> None:
    holes = np.eye(3, dtype=bool)
    expected = np.where(holes, 255, 0)
    for given in (holes, holes[..., None], expected.astype(np.uint8), Image.fromarray(expected.astype(np.uint8))):
        found = mask_of(given)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected)
    for wrong in (np.zeros((3, 3, 3), np.uint8), np.zeros((3, 3), np.float32)):
        with pytest.raises(ValueError, match="expected a mask of bool or uint8"):
            mask_of(wrong)
