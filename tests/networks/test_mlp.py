from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks import MLPDiscriminator, MLPGenerator
from gan_lab.options import ImageSize, split_sides

from . import checks


@pytest.mark.parametrize(("image_size", "channels"), [(28, 1), (32, 3), (48, 3), ((9, 5), 3)])
def test_networks(image_size: ImageSize, channels: int) -> None:
    torch.manual_seed(0)
    generator = MLPGenerator(image_size, channels, latents=7, widths=(8, 16))
    checks.assert_generator(generator, torch.randn(3, 7), (channels, *split_sides(image_size)))
    discriminator = MLPDiscriminator(image_size, channels, widths=(16, 8))
    checks.assert_discriminator(discriminator, torch.randn(3, channels, *split_sides(image_size)), (3,))


def test_defaults_are_the_articles() -> None:
    generator = [m.out_features for m in MLPGenerator().modules() if isinstance(m, nn.Linear)]
    discriminator = [m.out_features for m in MLPDiscriminator().modules() if isinstance(m, nn.Linear)]
    assert generator == [256, 512, 1024, 3 * 64 * 64]
    assert sorted(discriminator) == [1, 256, 512]


def test_labels_change_both_networks() -> None:
    torch.manual_seed(0)
    generator = MLPGenerator(8, 1, widths=(16,), classes=3)
    discriminator = MLPDiscriminator(8, 1, widths=(16, 8), classes=3)
    checks.assert_labels_matter(generator, torch.randn(2, 100))
    checks.assert_labels_matter(discriminator, torch.randn(2, 1, 8, 8))
    label = torch.tensor([0, 1, 2])
    checks.assert_generator(generator, torch.randn(3, 100), (1, 8, 8), label)
    checks.assert_discriminator(discriminator, torch.randn(3, 1, 8, 8), (3,), label)
    with pytest.raises(ValueError, match="label"):
        generator(torch.randn(2, 100))
    with pytest.raises(ValueError, match="label"):
        discriminator(torch.randn(2, 1, 8, 8))


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    discriminator, x = MLPDiscriminator(8, 1, widths=(32, 16), dropout=0.5), torch.randn(2, 1, 8, 8)
    assert not torch.equal(discriminator(x), discriminator(x))
    discriminator.eval()
    assert torch.equal(discriminator(x), discriminator(x))


def test_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 1, 8, 8)
    checks.assert_input_unchanged(MLPDiscriminator(8, 1, widths=(8, 8)), x)
    checks.assert_differentiable_twice(MLPDiscriminator(8, 1, widths=(8, 8)), x)
