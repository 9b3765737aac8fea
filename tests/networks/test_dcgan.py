from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import DCGANDiscriminator, DCGANGenerator
from gan_lab.options import split_sides

from . import checks

SIZES = (28, 32, 64, 128, 256)


@pytest.mark.parametrize("image_size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_generator(image_size: int, channels: int) -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator(image_size, channels, latents=5, width=2)
    checks.assert_generator(generator, torch.randn(3, 5), (channels, image_size, image_size))


@pytest.mark.parametrize("image_size", SIZES)
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_discriminator(image_size: int, norm: str) -> None:
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(image_size, 3, width=4, norm=norm)
    checks.assert_discriminator(discriminator, torch.randn(3, 3, image_size, image_size), (3,))


def test_defaults_are_the_papers() -> None:
    generator, discriminator = DCGANGenerator(), DCGANDiscriminator()
    up = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    down = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in up] == [512, 256, 128, 64, 3]
    assert [m.out_channels for m in down] == [64, 128, 256, 512, 1]
    assert all(m.kernel_size == (4, 4) and m.bias is None for m in up + down)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in generator.modules()) == 4
    assert sum(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules()) == 3
    assert abs(up[1].weight.std().item() - 0.02) < 0.001
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert abs(norms[0].weight.mean().item() - 1) < 0.01
    assert 0.01 < norms[0].weight.std().item() < 0.03


def test_widths_stop_at_eight_times() -> None:
    down = [m for m in DCGANDiscriminator(256, width=2).modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in down] == [2, 4, 8, 16, 16, 16, 1]


def test_labels_change_both_networks() -> None:
    torch.manual_seed(0)
    generator, discriminator = DCGANGenerator(32, width=4, classes=3), DCGANDiscriminator(32, width=4, classes=3)
    checks.assert_labels_matter(generator, torch.randn(2, 100))
    checks.assert_labels_matter(discriminator, torch.randn(2, 3, 32, 32))
    label = torch.tensor([0, 1, 2])
    checks.assert_generator(generator.train(), torch.randn(3, 100), (3, 32, 32), label)
    checks.assert_discriminator(discriminator, torch.randn(3, 3, 32, 32), (3,), label)


def test_a_conditional_network_asks_for_its_label() -> None:
    with pytest.raises(ValueError, match="label"):
        DCGANGenerator(32, width=2, classes=3)(torch.randn(2, 100))
    with pytest.raises(ValueError, match="label"):
        DCGANDiscriminator(32, width=2, classes=3)(torch.randn(2, 3, 32, 32))


def test_a_plain_network_does_not_look_at_the_label() -> None:
    generator = DCGANGenerator(32, width=2).eval()
    z = torch.randn(2, 100)
    assert torch.equal(generator(z), generator(z, torch.tensor([0, 0])))


@pytest.mark.parametrize(("size", "first"), [((24, 16), (6, 4)), ((96, 64), (6, 4)), (48, (6, 6))])
def test_images_that_are_no_squares(size: int | tuple[int, int], first: tuple[int, int]) -> None:
    torch.manual_seed(0)
    height, width = split_sides(size)
    generator = DCGANGenerator(size, 3, latents=5, width=2, classes=3)
    label = torch.tensor([0, 1, 2])
    checks.assert_generator(generator, torch.randn(3, 5), (3, height, width), label)
    assert generator.layers[0].kernel_size == first
    discriminator = DCGANDiscriminator(size, 3, width=4, classes=3)
    checks.assert_discriminator(discriminator, torch.randn(3, 3, height, width), (3,), label)


@pytest.mark.parametrize("network", [DCGANGenerator, DCGANDiscriminator])
def test_other_sizes_are_refused(network: type[nn.Module]) -> None:
    with pytest.raises(UserError, match=r"^data\.image_size=100: .*; give for instance 96$"):
        network(100)


def test_layout_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    checks.assert_differentiable_twice(DCGANDiscriminator(32, width=4, norm="none"), x)
    checks.assert_input_unchanged(DCGANDiscriminator(32, width=4), x)
    checks.assert_same_in_channels_last(DCGANDiscriminator(32, width=4), x)


def test_spectral_discriminator_trains() -> None:
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(32, width=4, norm="none", spectral=True)
    checks.assert_discriminator(discriminator, torch.randn(2, 3, 32, 32), (2,))
    checks.assert_spectral(discriminator)


def test_a_discriminator_without_norm_begins_with_logits_that_tell_images_apart() -> None:
    torch.manual_seed(0)
    images = torch.rand(8, 3, 64, 64) * 2 - 1
    assert (
        DCGANDiscriminator(64, width=16, norm="none")(images * torch.linspace(0.1, 1, 8)[:, None, None, None]).std()
        > 0.1
    )
    assert DCGANDiscriminator(64, width=16, norm="none").stages[1][0].weight.std() > 0.05  # DCGAN's own is 0.02
