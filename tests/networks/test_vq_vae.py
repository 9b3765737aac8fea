from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import GridDecoder, GridEncoder
from gan_lab.networks.vq_vae import ResidualUnit
from gan_lab.options import ImageSize, split_sides

from . import checks


@pytest.mark.parametrize(("image_size", "levels"), [(28, 2), (32, 1), (64, 3), ((24, 16), 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_halves_mirror_each_other(image_size: ImageSize, levels: int, channels: int) -> None:
    torch.manual_seed(0)
    build = {"channels": channels, "width": 8, "code_width": 5, "levels": levels, "blocks": 2}
    encoder, decoder = GridEncoder(image_size, **build), GridDecoder(**build)
    height, width = split_sides(image_size)
    x = torch.randn(2, channels, height, width)
    encoded = encoder(x)
    assert encoded.shape == (2, 5, height // 2**levels, width // 2**levels)
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


@pytest.mark.parametrize(
    ("image_size", "levels", "message"),
    [
        (30, 2, r"^data\.image_size=30: a side cannot be halved 2 times .*; give multiples of 4, for instance 32$"),
        ((24, 18), 2, r"^data\.image_size=\[24,18\]: .*, for instance \[24,16\]$"),
        (64, 0, r"^model\.encoder\.levels=0: needs a whole number from 1$"),
    ],
)
def test_a_size_that_cannot_be_halved_is_refused(image_size: ImageSize, levels: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
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
