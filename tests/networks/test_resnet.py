from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks import ResnetGenerator

from . import checks


@pytest.mark.parametrize("size", [(28, 28), (32, 40), (33, 46), (29, 31), (8, 8)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(size: tuple[int, int], channels: int) -> None:
    torch.manual_seed(0)
    generator = ResnetGenerator(channels, width=4, blocks=1)
    x = torch.randn(2, channels, *size)
    assert generator(x).shape == x.shape
    checks.assert_bounded(generator, lambda: generator(x))


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("global_residual", [False, True])
def test_gradient_reaches_every_parameter(norm: str, global_residual: bool) -> None:
    torch.manual_seed(0)
    generator = ResnetGenerator(width=4, blocks=2, norm=norm, global_residual=global_residual)
    checks.assert_gradient_reaches_every_parameter(generator, lambda: generator(torch.randn(2, 3, 16, 16)))


def test_padding_reflects_and_crops_at_the_same_corner() -> None:
    """Content must stay where it is: a padded image agrees with the unpadded one away from the extended border."""
    torch.manual_seed(0)
    generator = ResnetGenerator(width=4, blocks=0, norm="none").eval()
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(generator(x[..., :62, :61])[..., :40, :40], generator(x)[..., :40, :40])


def test_blocks_add_to_their_input() -> None:
    block, x = ResnetGenerator(width=2, blocks=1, norm="none").body[0], torch.randn(1, 8, 8, 8)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
    assert torch.equal(block(x), x)


def test_with_attention_a_pixel_is_drawn_or_stays() -> None:
    torch.manual_seed(0)
    generator, x = ResnetGenerator(width=4, blocks=1, attention=True), 2 * torch.rand(2, 3, 18, 21) - 1
    out, features, drawn = generator(x, return_features=True, return_attention=True)
    assert torch.equal(out, generator(x))
    assert drawn.shape == (2, 1, 18, 21)
    assert len(features) == len(generator.feature_channels)
    assert drawn.sigmoid().mean() > 0.8  # a generator that starts with a copy may never leave it
    with torch.no_grad():
        generator.out[-1].bias[-1] = -1000.0
    assert torch.equal(generator(x), x)
    with torch.no_grad():
        generator.out[-1].bias[-1] = 1000.0
    assert (generator(x) - x).abs().mean() > 0.1
    checks.assert_bounded(generator, lambda: generator(x))


def test_two_ways_to_keep_the_input_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="global_residual and attention"):
        ResnetGenerator(width=4, blocks=1, global_residual=True, attention=True)


def test_the_enhancer_starts_near_the_identity_and_is_not_clamped() -> None:
    torch.manual_seed(0)
    generator = ResnetGenerator(width=16, blocks=1, global_residual=True)
    x = 3 * torch.randn(2, 3, 32, 32)
    assert 0 < (generator(x) - x).abs().mean() < 0.1
    assert generator(x).abs().max() > 1


def test_defaults_are_the_papers() -> None:
    with torch.device("meta"):
        generator = ResnetGenerator()
    layers = [m for m in generator.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert [m.out_channels for m in layers] == [64, 128, 256] + [256] * 18 + [128, 64, 3]
    assert [m.kernel_size[0] for m in layers] == [7] + [3] * 22 + [7]
    # The authors' code has biases before instance norm as well, which takes them back.
    biases = sum(m.out_channels for m in layers[:-1])
    assert sum(p.numel() for p in generator.parameters()) + biases == 11_378_179


def test_samples_do_not_mix() -> None:
    """CycleGAN batches several calls of one generator into one, which only instance norm allows."""
    torch.manual_seed(0)
    generator = ResnetGenerator(width=4, blocks=1)
    x = torch.randn(3, 3, 16, 16)
    torch.testing.assert_close(generator(x)[1:2], generator(x[1:2]), rtol=1e-4, atol=1e-5)


def test_layout_and_input() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 18, 16)
    checks.assert_same_in_channels_last(ResnetGenerator(width=4, blocks=1), x)
    checks.assert_input_unchanged(ResnetGenerator(width=4, blocks=1, global_residual=True), x)
    checks.assert_input_unchanged(ResnetGenerator(width=4, blocks=0, norm="none"), x[..., :16, :])
