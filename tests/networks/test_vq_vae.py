from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.networks import GridDecoder, GridEncoder
from gan_lab.networks.vq_vae import ResidualUnit

from . import checks


@pytest.mark.parametrize(("image_size", "levels"), [(28, 2), (32, 1), (64, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_halves_mirror_each_other(image_size: int, levels: int, channels: int) -> None:
    torch.manual_seed(0)
    build = {"channels": channels, "width": 8, "code_width": 5, "levels": levels, "blocks": 2}
    encoder, decoder = GridEncoder(image_size, **build), GridDecoder(**build)
    x = torch.randn(2, channels, image_size, image_size)
    encoded = encoder(x)
    side = image_size // 2**levels
    assert encoded.shape == (2, 5, side, side)
    assert decoder(encoded).shape == x.shape
    checks.assert_gradient_reaches_every_parameter(encoder, lambda: encoder(x))
    checks.assert_gradient_reaches_every_parameter(decoder, lambda: decoder(encoded.detach()))
    checks.assert_bounded(decoder, lambda: decoder(encoded))


def test_defaults() -> None:
    with torch.device("meta"):
        encoder, decoder = GridEncoder(), GridDecoder()
    down = [(m.out_channels, m.kernel_size[0]) for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    assert down == [(64, 4), (128, 4), (128, 3), (128, 3), (128, 1), (128, 3), (128, 1), (64, 1)]
    up = [(m.out_channels, m.kernel_size[0]) for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert up == [(64, 4), (3, 4)]


@pytest.mark.parametrize(("image_size", "levels"), [(30, 2), (64, 0)])
def test_a_size_that_cannot_be_halved_is_refused(image_size: int, levels: int) -> None:
    with pytest.raises(ValueError, match="image_size must be a multiple"):
        GridEncoder(image_size, levels=levels)


def test_a_residual_unit_passes_its_input_on_as_it_is() -> None:
    unit = ResidualUnit(2)
    nn.init.zeros_(unit.narrow.weight)
    nn.init.zeros_(unit.narrow.bias)
    x = torch.randn(1, 2, 3, 3)
    torch.testing.assert_close(unit(x.clone()), x)


def test_layout_and_input() -> None:
    torch.manual_seed(0)
    build = {"width": 8, "code_width": 4}
    network = nn.Sequential(GridEncoder(32, **build), GridDecoder(**build))
    x = torch.randn(2, 3, 32, 32)
    checks.assert_input_unchanged(network, x)
    checks.assert_same_in_channels_last(network, x)
