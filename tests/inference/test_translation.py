"""A photo's translation: its scale, its depth and alpha, its strength, and tiles that agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gan_lab.data.geometry import CENTRE
from gan_lab.data.resizing import resize
from gan_lab.data.views import cut_for_validation
from gan_lab.errors import UserError
from gan_lab.inference.restoration import as_pixels
from gan_lab.inference.translation import Translation, TranslationWish, statistics_of, translate_photo
from gan_lab.networks import InstanceNorm2d, ResnetGenerator
from gan_lab.photo_files import read_image
from gan_lab.photo_files.metadata import Metadata
from gan_lab.photo_files.photo import Photo, read_photo


class Model(nn.Module):
    """Something that translates."""

    device = torch.device("cpu")

    def __init__(self, network: nn.Module, directions: tuple[str, ...] = ("AB", "BA")) -> None:
        super().__init__()
        self.network = network
        self.directions = directions

    def translate(self, image: Tensor, direction: str) -> Tensor:
        made: Tensor = self.network(image)
        return made.clamp(-1, 1)


class GreenGround(nn.Module):
    """Draws green where the photo is not red, and knows its way with a photo of its training's size alone."""

    def forward(self, image: Tensor, return_attention: bool = False) -> Any:
        assert min(image.shape[-2:]) <= 36
        logits = 20 * (0.2 - image[:, :1]) + 20 * (image[:, 1:2] + 0.2).clamp(min=0)
        green = torch.tensor([-1.0, 0.5, -1.0])[None, :, None, None].expand_as(image)
        out = image + logits.sigmoid() * (green - image)
        return (out, logits) if return_attention else out


class Attending(Model):
    """Something that draws the ground alone."""

    attends = True

    def translator(self, direction: str) -> nn.Module:
        return self.network


class Negative(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return -image


class Spy(nn.Module):
    """Changes nothing, and keeps what it was shown."""

    def forward(self, image: Tensor) -> Tensor:
        self.shown = as_pixels(image[0], np.dtype(np.uint8))
        return image


def negative(**options: Any) -> Translation:
    return Translation(Model(Negative()), 16, 3, **options)


def pixels(height: int, width: int, dtype: Any = np.uint8, seed: int = 0) -> Any:
    highest = int(np.iinfo(dtype).max)
    return np.random.default_rng(seed).integers(0, highest + 1, (height, width, 3)).astype(dtype)


def test_sixteen_bits_stay_sixteen() -> None:
    photo = pixels(20, 30, np.uint16)
    np.testing.assert_allclose(negative()(photo, TranslationWish(size=0)), 65535 - photo, atol=1)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_is_what_is_between_the_photo_and_its_translation(strength: float) -> None:
    photo = pixels(20, 30)
    made = negative()(photo, TranslationWish(size=0, strength=strength))
    expected = (1 - strength) * photo + strength * (255.0 - photo)
    np.testing.assert_allclose(made, expected, atol=0.51)


@pytest.mark.parametrize("shape", [(50, 100), (40, 18), (9, 12), (17, 17)])
@pytest.mark.parametrize("options", [{}, {"shorter_side": 24}, {"fit": "pad"}], ids=str)
def test_the_network_is_shown_a_photo_as_training_showed_its_own(shape: tuple[int, int], options: Any) -> None:
    photo, spy = pixels(*shape), Spy()
    made = Translation(Model(spy), 16, 3, **options)(photo, TranslationWish())
    np.testing.assert_array_equal(CENTRE.apply(spy.shown, 16), cut_for_validation(photo, 16, **options))
    assert made.shape[:2] == spy.shown.shape[:2] or options == {"fit": "pad"}


@pytest.mark.parametrize("shape", [(50, 100), (40, 18), (9, 12), (17, 17)])
@pytest.mark.parametrize("options", [{}, {"shorter_side": 24}, {"fit": "pad"}], ids=str)
def test_so_is_a_network_of_images_that_are_no_squares(shape: tuple[int, int], options: Any) -> None:
    photo, spy, size = pixels(*shape), Spy(), (24, 16)
    made = Translation(Model(spy), size, 3, **options)(photo, TranslationWish())
    np.testing.assert_array_equal(CENTRE.apply(spy.shown, size), cut_for_validation(photo, size, **options))
    assert made.shape[:2] == spy.shown.shape[:2] or options == {"fit": "pad"}


def test_a_network_of_images_that_are_no_squares_is_shown_no_smaller_ones() -> None:
    spy = Spy()
    made = Translation(Model(spy), (24, 16), 3)(pixels(40, 20), TranslationWish(size=8))
    assert (spy.shown.shape[:2], made.shape[:2]) == ((24, 16), (16, 8))


@pytest.mark.parametrize(("size", "framed"), [(None, (24, 16)), (12, (24, 16)), (60, (90, 60)), (0, (60, 40))])
def test_the_white_has_the_aspect_ratio_of_the_images(size: int | None, framed: tuple[int, int]) -> None:
    spy = Spy()
    Translation(Model(spy), (24, 16), 3, fit="pad")(pixels(20, 40), TranslationWish(size=size))
    assert spy.shown.shape[:2] == framed


def test_the_white_around_a_padded_photo_is_cut_off_again() -> None:
    photo = pixels(20, 41)
    made = negative(fit="pad")(photo, TranslationWish())
    np.testing.assert_array_equal(made, 255 - resize(photo, 16, 8))
    assert negative(fit="pad")(photo, TranslationWish(strength=0)).shape == (8, 16, 3)


@pytest.mark.parametrize(
    ("fit", "size", "shape"),
    [
        ("crop", None, (18, 36)),
        ("crop", 24, (24, 48)),
        ("crop", 0, (20, 40)),
        ("pad", None, (8, 16)),
        ("pad", 24, (12, 24)),
        ("pad", 8, (4, 8)),
        ("pad", 0, (20, 40)),
    ],
)
def test_the_result_has_the_size_that_was_asked_for(fit: str, size: int | None, shape: tuple[int, int]) -> None:
    assert negative(fit=fit)(pixels(20, 40), TranslationWish(size=size)).shape == (*shape, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_at_full_size_the_products_pixels_are_the_photos(dtype: Any) -> None:
    unit = int(np.iinfo(dtype).max) // 255
    photo = np.full((300, 400, 3), (40, 40, 200), dtype) * dtype(unit)
    photo[60:240, 100:300] = (
        pixels(180, 200, np.uint8)[..., :1] // 4 * dtype(unit) + np.array([180, 0, 0], dtype) * unit
    )
    before = photo.copy()
    translation = Translation(Attending(GreenGround()), 32, 3)
    made = translation(photo, TranslationWish(full_size=True))
    assert (made.dtype, made.shape) == (photo.dtype, photo.shape)
    np.testing.assert_array_equal(made[80:220, 120:280], photo[80:220, 120:280])
    np.testing.assert_allclose(made[:30] / unit, np.broadcast_to((0, 191, 0), made[:30].shape), atol=3)
    half = translation(photo, TranslationWish(full_size=True, strength=0.5))
    np.testing.assert_allclose(half[:30] / unit, np.broadcast_to((20, 116, 100), made[:30].shape), atol=3)
    np.testing.assert_array_equal(photo, before)
    assert translation(photo, TranslationWish()).shape == (36, 48, 3)


def test_full_size_needs_a_model_that_leaves_the_product_alone() -> None:
    with pytest.raises(UserError, match=r"full_size=true: this model draws the product too.*experiment=change_ground"):
        negative()(pixels(20, 20), TranslationWish(full_size=True))


def test_a_transparent_photo_is_shown_on_the_ground_that_it_has_in_training(tmp_path: Path) -> None:
    layers = np.dstack([pixels(40, 50), np.random.default_rng(1).integers(0, 256, (40, 50)).astype(np.uint8)])
    layers[:, :20, 3] = 0
    Image.fromarray(layers).save(tmp_path / "cut.png")
    spy = Spy()
    translate_photo(Translation(Model(spy), 16, 3), read_photo(tmp_path / "cut.png"), TranslationWish())
    trained_on = resize(read_image(tmp_path / "cut.png"), *spy.shown.shape[1::-1])
    np.testing.assert_allclose(spy.shown.astype(int), trained_on, atol=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cut_out_brings_no_white_to_another_ground(dtype: Any) -> None:
    most = int(np.iinfo(dtype).max)
    alpha = np.tile(np.linspace(0, most, 40).astype(dtype), (20, 1))
    photo = Photo(np.full((20, 40, 3), most // 5, dtype), alpha, Metadata(format="PNG"))
    made = translate_photo(Translation(Model(Spy()), 16, 3), photo, TranslationWish(size=0))
    assert made.alpha is not None
    np.testing.assert_array_equal(made.alpha, alpha)
    on_black = made.pixels.astype(float) * (alpha[..., None] / most)
    np.testing.assert_allclose(on_black, (most // 5) * np.repeat(alpha[..., None] / most, 3, axis=2), atol=2)


def test_alpha_is_brought_to_the_results_size_and_metadata_are_kept() -> None:
    alpha = np.zeros((32, 64), np.uint8)
    alpha[:, 32:] = 255
    photo = Photo(pixels(32, 64), alpha, Metadata(format="PNG"))
    made = translate_photo(negative(), photo, TranslationWish())
    assert made.pixels.shape == (18, 36, 3)
    assert made.alpha is not None
    assert made.alpha.shape == (18, 36)
    assert (made.alpha[:, :17] == 0).all()
    assert (made.alpha[:, 19:] == 255).all()
    assert made.metadata == photo.metadata


def test_a_photo_smaller_than_the_training_size_keeps_its_own() -> None:
    assert negative()(pixels(5, 40), TranslationWish(size=0)).shape == (5, 40, 3)


def test_a_direction_that_is_not_learnt_is_refused() -> None:
    with pytest.raises(UserError, match="direction=BA: needs AB, the only way that this model has learnt"):
        Translation(Model(Negative(), ("AB",)), 16, 3)(pixels(20, 20), TranslationWish(direction="BA"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "ab"}, "direction=ab: needs AB"),
        ({"size": -1}, "size=-1: needs pixels"),
        ({"strength": 1.5}, "strength=1.5: needs a number"),
        ({"full_size": 2}, "full_size=2: needs true or false"),
        ({"tile": 128}, "tile=128: needs a whole number above 128"),
    ],
)
def test_wishes_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TranslationWish(**options)


# ------------------------------------------------------------------------------------------------ tiles


def scene(height: int = 192, width: int = 480) -> Any:
    """Return a photo that is dark and plain on the left and bright and busy on the right: tiles differ most there."""
    across = np.linspace(0, 1, width)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 1, (height, width, 3))
    return np.clip(40 + 160 * across + 50 * across * noise, 0, 255).astype(np.uint8)


def network() -> nn.Module:
    torch.manual_seed(0)
    made = ResnetGenerator(width=8, blocks=2).eval()
    with torch.no_grad():  # at DCGAN's 0.02 the output would be flat
        for value in made.parameters():
            value.mul_(5)
    return made


def test_tiles_agree_with_one_pass_as_tiles_with_their_own_statistics_do_not() -> None:
    translation = Translation(Model(network()), 64, 3)
    photo = scene()
    whole = translation(photo, TranslationWish(size=0, tile=None)).astype(float)
    tiled = translation(photo, TranslationWish(size=0, tile=160)).astype(float)
    own = Translation(Model(without_sharing(network())), 64, 3)(photo, TranslationWish(size=0, tile=160)).astype(float)
    assert np.abs(tiled - whole).mean() < 0.5 * np.abs(own - whole).mean()
    # what the eye sees is how the mean drifts from one tile to the next
    drift = lambda made: np.abs((made - whole).mean(axis=(0, 2)).reshape(-1, 40).mean(axis=1)).max()  # noqa: E731
    assert drift(tiled) < 0.5 * drift(own)


class OwnStatistics(InstanceNorm2d):
    """An instance norm that never shares."""

    def forward(self, x: Tensor) -> Tensor:
        self.learns, self.statistics = False, None
        return super().forward(x)


def without_sharing(made: nn.Module) -> nn.Module:
    for layer in made.modules():
        if isinstance(layer, InstanceNorm2d):
            layer.__class__ = OwnStatistics
    return made


def test_statistics_are_those_of_the_look_and_are_forgotten() -> None:
    norm = InstanceNorm2d(3)
    first, second = torch.randn(1, 3, 8, 8) * 3 + 1, torch.randn(1, 3, 8, 8)
    with statistics_of(nn.Sequential(norm), lambda: norm(first)):
        torch.testing.assert_close(norm(first), InstanceNorm2d(3)(first))
        mean, deviation = (
            first.mean((2, 3), keepdim=True),
            first.var((2, 3), correction=0, keepdim=True).add(1e-5).sqrt(),
        )
        torch.testing.assert_close(norm(second), (second - mean) / deviation)
    torch.testing.assert_close(norm(second), InstanceNorm2d(3)(second))


def test_a_fault_leaves_no_statistics_behind() -> None:
    norm = InstanceNorm2d(3)
    with pytest.raises(RuntimeError), statistics_of(nn.Sequential(norm), lambda: norm(torch.ones(1, 3, 4, 4))):
        raise RuntimeError
    assert (norm.learns, norm.statistics) == (False, None)
