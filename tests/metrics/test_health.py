"""Signs of trouble, on pictures and logits made to have them or not."""

from __future__ import annotations

import math

import pytest
import torch

from gan_lab.metrics import health


def noise(n: int, size: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_variety_is_one_for_pictures_like_the_photos_and_none_for_a_few_over_and_over() -> None:
    photos = noise(32, seed=1)
    assert health.variety(noise(32, seed=2), photos) == pytest.approx(1, abs=0.05)
    assert health.variety(noise(1).expand(32, -1, -1, -1), photos) == 0
    few = noise(4)[torch.arange(32) % 4]
    assert health.variety(few, photos) < 1e-3  # far from one another as they are


def test_nearest_is_the_root_mean_square_difference_per_value() -> None:
    rows = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, 0.0]])
    assert health.nearest(rows).tolist() == pytest.approx([1 / math.sqrt(2), math.sqrt(5 / 2), 1 / math.sqrt(2)])
    assert health.nearest(rows[:1], rows[1:2]).tolist() == pytest.approx([2.0])


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("axis", [-1, -2])
def test_a_grid_of_known_strength_is_measured_in_levels(period: int, axis: int) -> None:
    smooth = torch.nn.functional.interpolate(noise(8, 4), size=(32, 32), mode="bicubic").clamp(-1, 1) * 0.5
    assert health.grid_levels(smooth) < 1
    wave = torch.cos(2 * torch.pi * torch.arange(32) / period) * 10 / 127.5
    shape = (1, 1, 1, 32) if axis == -1 else (1, 1, 32, 1)
    levels = 10 if period == 2 else 10 / 2**0.5  # root mean square of the cosine
    assert health.grid_levels(smooth + wave.view(shape)) == pytest.approx(levels, rel=0.05)


def test_noise_has_no_grid() -> None:
    assert health.grid_levels(noise(64, 32)) < 12  # of 73 levels root mean square


def test_luminance_correlation_of_a_negative_is_minus_one() -> None:
    source = noise(4, 32)
    assert health.luminance_correlation(source, 0.3 * source + 0.2) == pytest.approx(1, abs=1e-5)
    assert health.luminance_correlation(source, -source) == pytest.approx(-1, abs=1e-5)
    assert abs(health.luminance_correlation(source, noise(4, 64, seed=5))) < 0.15


def test_overfitting_places_held_out_photos_between_trained_ones_and_fakes() -> None:
    spread = torch.linspace(-0.1, 0.1, 16)
    ratio, sure = health.overfitting(3 + spread, 1.5 + spread, -3 + spread)
    assert ratio == pytest.approx(0.25)
    assert sure == pytest.approx(1.5 / float((2 * spread.var() / 16).sqrt()))
    assert health.overfitting(spread, spread, 1 + spread)[0] == 0  # D prefers fakes: there is no scale


def test_a_leak_is_told_by_whose_neighbours_the_pictures_are() -> None:
    def halves(n: int, seed: int) -> torch.Tensor:
        side = torch.where(torch.arange(16) < 8, 0.5, -0.5).expand(n, 3, 16, 16)
        return side + 0.2 * noise(n, seed=seed)

    photos, held_out, made = halves(32, 1), halves(32, 2), halves(32, 3)
    arguments = photos, photos.flip(-1), held_out, held_out.flip(-1)
    assert health.leak(made, *arguments) == (0, 0)
    assert health.leak(made.flip(-1), *arguments) == (1, 0)
    half = torch.cat([made[:16], made[16:].flip(-1)])
    assert health.leak(half, *arguments) == pytest.approx((0.5, (0.25 / 32) ** 0.5))
    assert health.leak(noise(32), *arguments) is None  # like no photo at all
    assert health.leak(made, photos, photos, held_out, held_out) is None  # an augmentation that does nothing
