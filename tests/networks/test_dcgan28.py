from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import ConvDiscriminator28, DenseGenerator28

from . import checks


@pytest.mark.parametrize("channels", [1, 3])
def test_networks(channels: int) -> None:
    torch.manual_seed(0)
    checks.assert_generator(DenseGenerator28(channels, latents=7, width=4), torch.randn(3, 7), (channels, 28, 28))
    checks.assert_discriminator(ConvDiscriminator28(channels), torch.randn(3, channels, 28, 28), (3,))


@pytest.mark.parametrize("size", [32, (28, 20)])
def test_other_sizes_are_refused(size: int | tuple[int, int]) -> None:
    assert DenseGenerator28(width=2, image_size=(28, 28)).latents == 100
    with pytest.raises(UserError, match=r"^data\.image_size=(32|\[28,20\]): .*; give 28, or take model=dcgan$"):
        DenseGenerator28(image_size=size)


def test_defaults_are_the_tutorials() -> None:
    """Keras' totals for the two models: 2,330,944 with 25,472 running statistics, and 212,865."""
    generator, discriminator = DenseGenerator28(), ConvDiscriminator28()
    running = sum(2 * m.num_features for m in generator.modules() if hasattr(m, "num_features"))
    assert running == 25_472
    assert sum(p.numel() for p in generator.parameters()) + running == 2_330_944
    assert sum(p.numel() for p in discriminator.parameters()) == 212_865
    assert [m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3]


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    discriminator, x = ConvDiscriminator28(), torch.randn(2, 1, 28, 28)
    assert not torch.equal(discriminator(x), discriminator(x))
    discriminator.eval()
    assert torch.equal(discriminator(x), discriminator(x))


def test_layout_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 1, 28, 28)
    checks.assert_input_unchanged(ConvDiscriminator28(), x)
    checks.assert_differentiable_twice(ConvDiscriminator28(dropout=0.0), x)
    checks.assert_same_in_channels_last(ConvDiscriminator28(), x)
