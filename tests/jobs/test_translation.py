"""A photo's translation: its scale, its depth and alpha, its strength, and tiles that agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.imaging.metadata import Metadata
from gan_lab.imaging.photo import Photo
from gan_lab.jobs.translation import Translation, TranslationWish, statistics_of, translate_photo
from gan_lab.networks import InstanceNorm2d, ResnetGenerator


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


class Negative(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return -image


def negative(**options: Any) -> Translation:
    return Translation(Model(Negative(), **options), 16, 3)


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


def test_alpha_is_brought_to_the_results_size_and_metadata_are_kept() -> None:
    alpha = np.zeros((32, 64), np.uint8)
    alpha[:, 32:] = 255
    photo = Photo(pixels(32, 64), alpha, Metadata(format="PNG"))
    made = translate_photo(negative(), photo, TranslationWish())
    assert made.pixels.shape == (16, 32, 3)
    assert made.alpha is not None
    assert made.alpha.shape == (16, 32)
    assert (made.alpha[:, :15] == 0).all()
    assert (made.alpha[:, 17:] == 255).all()
    assert made.metadata == photo.metadata


def test_a_photo_smaller_than_the_training_size_keeps_its_own() -> None:
    assert negative()(pixels(5, 40), TranslationWish(size=0)).shape == (5, 40, 3)


def test_a_direction_that_is_not_learnt_is_refused() -> None:
    with pytest.raises(UserError, match="direction=BA: this model has learnt AB alone"):
        negative(directions=("AB",))(pixels(20, 20), TranslationWish(direction="BA"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "ab"}, "direction=ab: needs AB"),
        ({"size": -1}, "size=-1: needs pixels"),
        ({"strength": 1.5}, "strength=1.5: needs a number"),
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
