from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import R3GANDiscriminator, R3GANGenerator
from gan_lab.networks.r3gan import _Block

from . import checks

SMALL = {"width": 4, "max_width": 8, "blocks": 1, "group_width": 4}


def woken(network: nn.Module) -> nn.Module:
    """Give the branches a start other than zero, as training does at once: behind zeros no gradient passes."""
    for module in network.modules():
        if isinstance(module, _Block):
            nn.init.normal_(module.conv3.weight, 0.0, 0.3)
    return network


@pytest.mark.parametrize("image_size", [16, 28, 32, 64, 128])
def test_networks(image_size: int) -> None:
    torch.manual_seed(0)
    generator = woken(R3GANGenerator(image_size, 3, latents=7, **SMALL))
    checks.assert_generator(generator, torch.randn(2, 7), (3, image_size, image_size))
    discriminator = woken(R3GANDiscriminator(image_size, 3, **SMALL))
    checks.assert_discriminator(discriminator, torch.randn(2, 3, image_size, image_size), (2,))


def test_widths_sides_and_groups() -> None:
    options = {"width": 4, "max_width": 16, "blocks": 2, "expansion": 3, "group_width": 6}
    generator, discriminator = R3GANGenerator(64, latents=7, **options), R3GANDiscriminator(64, **options)
    for network, widths in ((generator, [16, 16, 16, 8, 4]), (discriminator, [4, 8, 16, 16, 16])):
        blocks = [module for module in network.modules() if isinstance(module, _Block)]
        assert [block.conv1.in_channels for block in blocks] == [width for width in widths for _ in range(2)]
        assert all(block.conv2.in_channels == 3 * block.conv1.in_channels for block in blocks)
        assert all(block.conv2.weight.shape[1] == 6 for block in blocks)
        kinds = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)
        assert not [module for module in network.modules() if isinstance(module, kinds)]
    sides = [f.shape[-1] for f in discriminator(torch.randn(1, 3, 64, 64), return_features=True)[1]]
    assert sides == [32, 16, 8, 4, 4]


def test_it_starts_as_if_there_were_no_blocks() -> None:
    torch.manual_seed(0)
    generator, discriminator = R3GANGenerator(32, latents=7, **SMALL), R3GANDiscriminator(32, **SMALL)
    z, image = torch.randn(2, 7), torch.randn(2, 3, 32, 32)
    expected = generator(z), discriminator(image)
    for network in (generator, discriminator):
        for stage in network.stages:
            for position, layer in enumerate(stage):
                if isinstance(layer, _Block):
                    stage[position] = nn.Identity()
    torch.testing.assert_close((generator(z), discriminator(image)), expected)
    # and so D is linear, G linear up to its tanh
    other_z, other = torch.randn(2, 7), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(discriminator(image + other), discriminator(image) + discriminator(other))
    summed = generator(z).atanh() + generator(other_z).atanh()
    torch.testing.assert_close(generator(z + other_z).atanh(), summed, rtol=1e-3, atol=1e-4)


def test_initialisation() -> None:
    """Variance 2 / (1.04 fan in) for LeakyReLU 0.2, and by the number of branches L^(-1/2) smaller in them."""
    torch.manual_seed(0)
    discriminator = R3GANDiscriminator(32, width=64, blocks=2, group_width=32)
    block = discriminator.stages[2][0]
    depth = 2 * 4
    for layer, fan in ((block.conv1, 256), (block.conv2, 32 * 9)):
        assert layer.weight.var().item() == pytest.approx(2 / 1.04 / fan / math.sqrt(depth), rel=0.02)
        assert layer.bias.abs().max() == 0
    assert block.conv3.weight.abs().max() == 0
    assert block.conv3.bias is None
    change = discriminator.stages[1][-1]
    assert change.weight.var().item() == pytest.approx(1 / 128, rel=0.05)


def test_signals_keep_their_size_at_the_start() -> None:
    torch.manual_seed(0)
    generator = R3GANGenerator(64, latents=64, width=8)
    hidden = generator.stages(generator.linear(torch.randn(16, 64))[:, :, None, None] * generator.basis)
    assert 0.3 < hidden.std() < 1.5  # bilinear doubling takes some
    noise = torch.randn(32, 3, 4, 4)
    image = nn.functional.interpolate(noise, size=64, mode="nearest")
    assert 0.2 < R3GANDiscriminator(64, width=8)(image).std() < 2


def test_labels_change_both_networks() -> None:
    torch.manual_seed(0)
    generator = woken(R3GANGenerator(32, latents=7, classes=3, **SMALL))
    discriminator = woken(R3GANDiscriminator(32, classes=3, **SMALL))
    checks.assert_labels_matter(generator, torch.randn(2, 7))
    checks.assert_labels_matter(discriminator, torch.randn(2, 3, 32, 32))
    label = torch.tensor([0, 1, 2])
    checks.assert_discriminator(discriminator, torch.randn(3, 3, 32, 32), (3,), label)
    checks.assert_generator(generator, torch.randn(3, 7), (3, 32, 32), label)
    with pytest.raises(ValueError, match="label"):
        generator(torch.randn(2, 7))
    with pytest.raises(ValueError, match="label"):
        discriminator(torch.randn(2, 3, 32, 32))


def test_images_that_are_no_squares() -> None:
    torch.manual_seed(0)
    generator = woken(R3GANGenerator((24, 16), 3, latents=7, **SMALL))
    checks.assert_generator(generator, torch.randn(2, 7), (3, 24, 16))
    assert generator.basis.shape[1:] == (6, 4)
    checks.assert_discriminator(woken(R3GANDiscriminator((24, 16), 3, **SMALL)), torch.randn(2, 3, 24, 16), (2,))


@pytest.mark.parametrize("network", [R3GANGenerator, R3GANDiscriminator])
def test_what_does_not_fit_is_refused(network: type[nn.Module]) -> None:
    for size in (8, 33, 100):
        with pytest.raises(UserError, match=rf"^data\.image_size={size}: "):
            network(size)
    with pytest.raises(ValueError, match="group_width=5: does not divide the 8 channels"):
        network(32, width=4, max_width=4, group_width=5)


def test_layout_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    checks.assert_input_unchanged(woken(R3GANDiscriminator(32, **SMALL)), x)
    checks.assert_differentiable_twice(woken(R3GANDiscriminator(32, **SMALL)), x)
    checks.assert_same_in_channels_last(woken(R3GANDiscriminator(32, **SMALL)), x)
