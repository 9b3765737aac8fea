from __future__ import annotations

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.networks import Restorer
from gan_lab.networks.restorer import enlarge

from . import checks


def network(scale: int = 1, mask: bool = True, blocks: tuple[int, ...] = (1, 1, 2)) -> Restorer:
    """Return a small restorer that no zero keeps from doing something."""
    torch.manual_seed(0)
    made = Restorer(width=4, blocks=blocks, scale=scale, mask=mask)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("size", [(1, 1), (16, 24), (19, 7)])
def test_any_size_comes_out_scaled(scale: int, size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size) * 2 - 1
    out = network(scale)(x)
    assert out.shape == (2, 3, scale * size[0], scale * size[1])
    assert out.dtype == torch.float32


def test_every_parameter_learns() -> None:
    made = network()
    x, mask = torch.rand(2, 3, 16, 16), (torch.rand(2, 1, 16, 16) > 0.5).float()
    checks.assert_gradient_reaches_every_parameter(made, lambda: made(x, mask))
    checks.assert_input_unchanged(made, x)
    checks.assert_same_in_channels_last(made, x)


@pytest.mark.parametrize("scale", [1, 2])
def test_an_untrained_one_changes_nothing(scale: int) -> None:
    x = torch.rand(1, 3, 17, 12) * 2 - 1
    torch.testing.assert_close(Restorer(width=4, scale=scale)(x), enlarge(x, scale), rtol=0, atol=0)


def test_half_precision_stays_inside() -> None:
    """The photo itself must not be rounded to bf16: a level of 8 bits would be lost near white."""
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    made = Restorer(width=4).bfloat16()
    torch.testing.assert_close(made(x), x, rtol=0, atol=0)
    rough = network()
    fine = rough(x)
    torch.testing.assert_close(rough.bfloat16()(x), fine, rtol=0.1, atol=0.1 * float((fine - x).abs().max()))


def test_the_mask_is_seen() -> None:
    made, x = network(), torch.rand(1, 3, 16, 16)
    assert not torch.allclose(made(x, torch.ones(1, 1, 16, 16)), made(x))
    torch.testing.assert_close(made(x, torch.zeros(1, 1, 16, 16)), made(x))


def test_what_lies_far_away_does_not_matter() -> None:
    """Nothing in it averages over the picture, so a tile sees what the whole would show it."""
    made = network(blocks=(1, 1, 1))
    x = torch.rand(1, 3, 160, 160)
    other = x.clone()
    other[..., 120:, 120:] = -1
    torch.testing.assert_close(made(other)[..., :64, :64], made(x)[..., :64, :64], rtol=0, atol=1e-5)


def test_levels_follow_the_blocks() -> None:
    made = Restorer(width=8, blocks=(1, 2, 3))
    assert [len(stage) for stage in made.down] == [1, 2]
    assert len(made.bottom) == 3
    assert [len(stage) for stage in made.up] == [2, 1]
    assert made.multiple == 8
    with pytest.raises(UserError, match=r"scale=3: needs 1, 2 or 4"):
        Restorer(scale=3)


@pytest.mark.parametrize("scale", [1, 2])
def test_folded_it_does_the_same(scale: int) -> None:
    made, x = network(scale), torch.rand(1, 3, 17, 12) * 2 - 1
    before = made(x)
    made.fold()
    made.fold()
    assert not any(name.endswith("gain") for name, _ in made.named_parameters())
    torch.testing.assert_close(made(x), before)
