from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks import InstanceNorm2d, PatchDiscriminator

from . import checks


@pytest.mark.parametrize(("layers", "seen"), [(1, 16), (2, 34), (3, 70)])
def test_receptive_field(layers: int, seen: int) -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(width=2, layers=layers, norm="none").double()
    x = torch.randn(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    logits = discriminator(x)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    touched = x.grad[0].abs().sum(0).nonzero()
    assert (touched.amax(0) - touched.amin(0) + 1).tolist() == [seen, seen]


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize(("size", "patches"), [((64, 64), (6, 6)), ((45, 70), (3, 6)), ((28, 28), (1, 1))])
def test_discriminator(norm: str, size: tuple[int, int], patches: tuple[int, int]) -> None:
    torch.manual_seed(0)
    checks.assert_discriminator(PatchDiscriminator(width=4, norm=norm), torch.randn(2, 3, *size), (2, 1, *patches))


def test_defaults_are_the_papers() -> None:
    convolutions = [m for m in PatchDiscriminator().modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 1]
    assert [m.stride[0] for m in convolutions] == [2, 2, 2, 1, 1]
    assert sum(isinstance(m, InstanceNorm2d) for m in PatchDiscriminator().modules()) == 3


def test_spectral_layout_input_and_second_derivative() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 33, 40)
    spectral = PatchDiscriminator(6, width=4, norm="none", spectral=True)
    checks.assert_discriminator(spectral, x, (2, 1, 2, 3))
    checks.assert_spectral(spectral)
    checks.assert_differentiable_twice(PatchDiscriminator(6, width=4), x)
    checks.assert_input_unchanged(PatchDiscriminator(6, width=4), x)
    checks.assert_same_in_channels_last(PatchDiscriminator(6, width=4), x)


def test_condition_channels_join_the_images() -> None:
    discriminator = PatchDiscriminator(3, width=4, condition_channels=1)
    checks.assert_discriminator(discriminator, torch.randn(2, 4, 32, 32), (2, 1, 2, 2))
