from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks import ConvDecoder, ConvEncoder
from gan_lab.options import ImageSize, split_sides

from . import checks


@pytest.mark.parametrize("image_size", [28, 32, 45, 64, 128, 256, (96, 64), (33, 50)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_halves_mirror_each_other(image_size: ImageSize, channels: int) -> None:
    torch.manual_seed(0)
    build = {"image_size": image_size, "channels": channels, "latents": 5, "widths": (2, 4, 4, 8, 8)}
    encoder, decoder = ConvEncoder(**build), ConvDecoder(**build)
    x = torch.randn(3, channels, *split_sides(image_size))
    mu, logvar = encoder(x)
    assert mu.shape == logvar.shape == (3, 5)
    assert not torch.allclose(mu, logvar)
    assert decoder(mu).shape == x.shape
    checks.assert_gradient_reaches_every_parameter(encoder, lambda: torch.cat(encoder(x), dim=1))
    checks.assert_gradient_reaches_every_parameter(decoder, lambda: decoder(mu.detach()))
    checks.assert_bounded(decoder, lambda: decoder(mu))


def test_defaults() -> None:
    with torch.device("meta"):
        encoder, decoder = ConvEncoder(), ConvDecoder()
    down = [m.out_channels for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    up = [m.out_channels for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [32, 64, 128, 256, 512]
    assert up == [256, 128, 64, 32, 32]


def test_the_latents_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        mu, logvar = ConvEncoder(32, widths=(2, 4))(torch.randn(2, 3, 32, 32))
    assert mu.dtype == logvar.dtype == torch.float32


def test_layout_and_input() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    encoder = ConvEncoder(32, widths=(2, 4))
    checks.assert_input_unchanged(encoder, x)
    encoder.eval()
    expected = encoder(x)[0]
    encoder.to(memory_format=torch.channels_last)
    torch.testing.assert_close(encoder(x.contiguous(memory_format=torch.channels_last))[0], expected)
    checks.assert_same_in_channels_last(nn.Sequential(encoder.layers, ConvDecoder(32, widths=(2, 4)).layers), x)
