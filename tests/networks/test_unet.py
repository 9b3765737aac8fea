from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import UNetGenerator

from . import checks


@pytest.mark.parametrize("image_size", [32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_generator(image_size: int, channels: int) -> None:
    torch.manual_seed(0)
    generator = UNetGenerator(image_size, channels, width=2)
    x = torch.randn(2, channels, image_size, image_size)
    assert generator(x).shape == x.shape
    checks.assert_gradient_reaches_every_parameter(generator, lambda: generator(x))
    checks.assert_bounded(generator, lambda: generator(x))


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_norms_with_one_image(norm: str) -> None:
    torch.manual_seed(0)
    generator = UNetGenerator(32, width=2, norm=norm)
    checks.assert_gradient_reaches_every_parameter(generator, lambda: generator(torch.randn(1, 3, 32, 32)))


def test_defaults_are_the_papers() -> None:
    with torch.device("meta"):
        generator = UNetGenerator()
    down = [m.out_channels for m in generator.modules() if isinstance(m, nn.Conv2d)]
    up = [m.out_channels for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [512, 512, 512, 512, 256, 128, 64, 3]
    assert [m.p for m in generator.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5, 0.5, 0, 0, 0, 0]


def test_every_skip_connection_carries() -> None:
    """A change of one encoder stage's output, hidden from the stages below it, must still show in the image."""
    torch.manual_seed(0)
    generator, x = UNetGenerator(32, width=2, norm="none").eval(), torch.randn(1, 3, 32, 32)
    expected = generator(x)
    for position, stage in enumerate(generator.encoder[:-1]):
        clean: list[torch.Tensor] = []
        spoil = stage.register_forward_hook(lambda _m, _i, out, c=clean: (c.append(out.clone()), out + 1)[1])
        restore = generator.encoder[position + 1].register_forward_pre_hook(lambda _m, _i, c=clean: (c[0],))
        assert not torch.allclose(generator(x), expected)
        spoil.remove()
        restore.remove()


def test_odd_sizes_and_refusal() -> None:
    torch.manual_seed(0)
    assert UNetGenerator(32, width=2)(torch.randn(1, 3, 33, 61)).shape == (1, 3, 33, 61)
    with pytest.raises(UserError, match=r"^data\.image_size=100: .*; give for instance 96$"):
        UNetGenerator(100)


def test_images_that_are_no_squares_have_a_bottleneck_of_their_shape() -> None:
    torch.manual_seed(0)
    generator, x = UNetGenerator((48, 32), width=2, norm="instance"), torch.randn(2, 3, 48, 32)
    assert generator(x).shape == x.shape
    hidden = x
    for stage in generator.encoder:
        hidden = stage(hidden)
    assert hidden.shape[-2:] == (3, 2)
    assert generator.multiple == 16
    checks.assert_gradient_reaches_every_parameter(generator, lambda: generator(x))


def test_layout_and_input() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    checks.assert_same_in_channels_last(UNetGenerator(32, width=2), x)
    checks.assert_input_unchanged(UNetGenerator(32, width=2), x)
