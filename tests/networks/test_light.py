from __future__ import annotations

import numpy as np
import pytest
import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb

from gan_lab.imaging.light import to_light
from gan_lab.networks import Light, LightCorrector, relight

from . import checks


def light(gain: float | list[float] = 1.0, black: float = 0.0) -> Light:
    return Light(torch.tensor(gain).expand(1, 3), torch.full((1, 3), black))


def test_srgb_is_the_projects() -> None:
    """kornia's curve, by which photos are corrected, is the one by which they were degraded."""
    levels = np.arange(256, dtype=np.uint8)
    linear = rgb_to_linear_rgb(torch.from_numpy(levels / 255.0).expand(3, 1, 256))
    np.testing.assert_allclose(linear[0, 0].numpy(), to_light(levels), atol=1e-6)
    np.testing.assert_allclose(linear_rgb_to_rgb(linear)[0, 0].numpy(), levels / 255.0, atol=1e-6)


def test_relight_undoes_a_cast_and_a_veil() -> None:
    truth = torch.rand(1, 3, 8, 8) * 0.8
    gains, veil = torch.tensor([0.3, 0.5, 0.7]).view(1, 3, 1, 1), 0.04
    poor = linear_rgb_to_rgb(rgb_to_linear_rgb(truth) * gains * (1 - veil) + veil) * 2 - 1
    back = relight(poor, light([1 / 0.3, 2.0, 1 / 0.7], veil))
    torch.testing.assert_close(back, truth * 2 - 1, rtol=0, atol=1e-4)


@pytest.mark.parametrize("gain", [0.4, 0.9, 1.0, 1.1, 6.0])
@pytest.mark.parametrize("black", [0.0, 0.1])
def test_white_stays_white_and_black_black(gain: float, black: float) -> None:
    ends = torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    torch.testing.assert_close(relight(ends, light(gain, black)), ends, rtol=0, atol=2e-6)


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_relight_keeps_the_order_of_values(gain: float) -> None:
    ramp = torch.linspace(-1, 1, 256).expand(1, 3, 1, 256)
    out = relight(ramp, light(gain))[0, 0, 0]
    assert (out.diff() >= 0).all()
    middle = 128
    assert (out[middle] > ramp[0, 0, 0, middle]) == (gain > 1)


def test_no_light_changes_nothing() -> None:
    image = torch.rand(2, 3, 5, 5) * 2 - 1
    torch.testing.assert_close(relight(image, light()), image, rtol=0, atol=1e-6)


def test_an_untrained_corrector_hardly_changes_a_photo() -> None:
    torch.manual_seed(0)
    corrector = LightCorrector(hidden=8).eval()
    image = torch.rand(2, 3, 40, 30) * 2 - 1
    estimate = corrector.estimate(image)
    torch.testing.assert_close(estimate.gain, torch.ones(2, 3))
    assert estimate.black.max() < 0.002
    assert (corrector(image) - image).abs().max() < 0.06


def test_every_parameter_learns_and_the_picture_matters() -> None:
    torch.manual_seed(0)
    corrector = LightCorrector(side=16, bins=4, hidden=8, dropout=0.0)
    torch.nn.init.normal_(corrector.layers[-1].weight, std=0.3)
    image = torch.rand(4, 3, 32, 32) * 2 - 1
    checks.assert_gradient_reaches_every_parameter(corrector, lambda: corrector(image))
    corrector.eval()
    assert (corrector.estimate(image * 0.2 - 0.8).gain - corrector.estimate(image).gain).abs().max() > 1e-3


def test_the_histogram_says_where_the_light_is() -> None:
    corrector = LightCorrector(side=4, bins=6)
    grey, red = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 0.5)
    red[:, 1:] = 0.25 / 2  # 2 stops over green; green and blue alike
    both = torch.cat([grey, torch.where(torch.arange(4) < 2, red, grey)])
    light = both.flatten(2)
    found = corrector.histogram(light.log2(), light).square().view(2, 6, 6)
    assert found[0, 3, 3] == 1  # of 6 bins from -3 to 3 stops the one from 0 on
    assert found[1, 5, 3] > 0.3
    torch.testing.assert_close(found.sum((1, 2)), torch.ones(2))


def test_where_a_colour_lies_in_the_picture_does_not_matter() -> None:
    torch.manual_seed(0)
    corrector = LightCorrector(hidden=8).eval()
    torch.nn.init.normal_(corrector.layers[-1].weight, std=0.3)
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(corrector.estimate(image.flip(-1)).gain, corrector.estimate(image).gain)
