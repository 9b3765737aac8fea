from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import InstanceNorm2d, ResidualDiscriminator, ResidualGenerator

from . import checks


@pytest.mark.parametrize("image_size", [28, 32, 64, 128, 256])
def test_networks(image_size: int) -> None:
    torch.manual_seed(0)
    generator = ResidualGenerator(image_size, 3, latents=7, width=2)
    checks.assert_generator(generator, torch.randn(2, 7), (3, image_size, image_size))
    discriminator = ResidualDiscriminator(image_size, 3, width=2)
    checks.assert_discriminator(discriminator, torch.randn(2, 3, image_size, image_size), (2,))


def test_widths() -> None:
    generator, discriminator = ResidualGenerator(128, width=2), ResidualDiscriminator(128, width=2)
    assert [block.conv2.out_channels for block in generator.blocks] == [32, 16, 8, 4, 2]
    assert [block.conv2.out_channels for block in discriminator.stages] == [2, 4, 8, 16, 32, 32]
    x = torch.randn(1, 3, 128, 128)
    sides = [feature.shape[-1] for feature in discriminator(x, return_features=True)[1]]
    assert sides == [64, 32, 16, 8, 4, 4]


@pytest.mark.parametrize("spectral", [False, True])
def test_labels_change_both_networks(spectral: bool) -> None:
    torch.manual_seed(0)
    generator = ResidualGenerator(32, width=2, latents=7, classes=3)
    discriminator = ResidualDiscriminator(32, width=2, classes=3, spectral=spectral)
    checks.assert_labels_matter(discriminator, torch.randn(2, 3, 32, 32))
    label = torch.tensor([0, 1, 2])
    checks.assert_generator(generator, torch.randn(3, 7), (3, 32, 32), label)
    checks.assert_discriminator(discriminator, torch.randn(3, 3, 32, 32), (3,), label)
    with torch.no_grad():  # conditional norms start alike for all labels and part in training
        for name, parameter in generator.named_parameters():
            if "shift" in name:
                parameter.normal_()
    checks.assert_labels_matter(generator, torch.randn(2, 7))
    with pytest.raises(ValueError, match="label"):
        generator(torch.randn(2, 7))
    with pytest.raises(ValueError, match="label"):
        discriminator(torch.randn(2, 3, 32, 32))


def test_spectral_norm_covers_every_weight() -> None:
    discriminator = ResidualDiscriminator(32, width=2, classes=3, spectral=True)
    layers = [m for m in discriminator.modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.Embedding))]
    assert len(layers) == 4 * 3 + 2
    checks.assert_spectral(discriminator)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_discriminator_norms(norm: str) -> None:
    torch.manual_seed(0)
    discriminator = ResidualDiscriminator(32, width=2, norm=norm)
    checks.assert_discriminator(discriminator, torch.randn(2, 3, 32, 32), (2,))
    norms = [m for m in discriminator.modules() if isinstance(m, (nn.BatchNorm2d, InstanceNorm2d))]
    assert len(norms) == 3 * 2  # two a block, none next to the image


def test_initialisation() -> None:
    """Glorot's variance is 2 / (fan in + fan out), doubled inside the residual branches."""
    torch.manual_seed(0)
    block = ResidualDiscriminator(32, width=16).stages[1]
    for layer, gain in ((block.conv2, 2.0), (block.skip, 1.0)):
        fans = (layer.in_channels + layer.out_channels) * layer.kernel_size[0] ** 2
        torch.testing.assert_close(layer.weight.var().item(), gain * 2 / fans, rtol=0.1, atol=0)


def test_images_that_are_no_squares() -> None:
    torch.manual_seed(0)
    checks.assert_generator(ResidualGenerator((24, 16), 3, latents=7, width=2), torch.randn(2, 7), (3, 24, 16))
    checks.assert_discriminator(ResidualDiscriminator((24, 16), 3, width=2), torch.randn(2, 3, 24, 16), (2,))


@pytest.mark.parametrize("network", [ResidualGenerator, ResidualDiscriminator])
def test_other_sizes_are_refused(network: type[nn.Module]) -> None:
    with pytest.raises(UserError, match=r"^data\.image_size=100: .*; give for instance 96$"):
        network(100)


def test_layout_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    checks.assert_input_unchanged(ResidualDiscriminator(32, width=2), x)
    checks.assert_differentiable_twice(ResidualDiscriminator(32, width=2), x)
    checks.assert_same_in_channels_last(ResidualDiscriminator(32, width=2), x)
