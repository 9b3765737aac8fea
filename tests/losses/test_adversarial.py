from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from gan_lab.losses import Hinge, LeastSquares, NonSaturating, RelativisticPairing, Wasserstein

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])


def _log1pexp(x: float) -> float:
    return math.log1p(math.exp(x))


def test_non_saturating() -> None:
    loss = NonSaturating()
    expected = (_log1pexp(-2) + _log1pexp(1)) / 2 + (_log1pexp(0.5) + _log1pexp(-3)) / 2
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(expected, rel=1e-6)
    assert loss.generator(FAKE).item() == pytest.approx((_log1pexp(-0.5) + _log1pexp(3)) / 2, rel=1e-6)
    assert loss.discriminator(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(math.log(4), rel=1e-6)


def test_one_sided_smoothing_against_cross_entropy() -> None:
    loss = NonSaturating(real_label=0.9)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    expected = entropy(REAL, torch.full((2,), 0.9)) + entropy(FAKE, torch.zeros(2))
    torch.testing.assert_close(loss.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(loss.generator(FAKE), NonSaturating().generator(FAKE))


def test_hinge() -> None:
    assert Hinge().discriminator(REAL, FAKE).item() == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)
    assert Hinge().generator(FAKE).item() == pytest.approx(1.25)


def test_least_squares() -> None:
    assert LeastSquares().discriminator(REAL, FAKE).item() == pytest.approx((1 + 4) / 2 + (0.25 + 9) / 2)
    assert LeastSquares().generator(FAKE).item() == pytest.approx((0.25 + 16) / 2)


def test_least_squares_with_a_smaller_target() -> None:
    loss = LeastSquares(real_label=0.8)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx((1.2**2 + 1.8**2) / 2 + (0.25 + 9) / 2)
    assert loss.generator(FAKE).item() == pytest.approx((0.3**2 + 3.8**2) / 2)
    assert loss.boundary == pytest.approx(0.4)


def test_wasserstein() -> None:
    assert Wasserstein().discriminator(REAL, FAKE).item() == pytest.approx(-1.25 - 0.5)
    assert Wasserstein().generator(FAKE).item() == pytest.approx(1.25)


def test_relativistic_pairing() -> None:
    loss = RelativisticPairing()
    differences = [2 - 0.5, -1 - -3]  # of each pair
    expected = sum(-math.log(1 / (1 + math.exp(-difference))) for difference in differences) / 2
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(expected, rel=1e-6)
    expected = sum(-math.log(1 / (1 + math.exp(difference))) for difference in differences) / 2
    assert loss.generator(FAKE, REAL).item() == pytest.approx(expected, rel=1e-6)
    assert loss.discriminator(torch.ones(4), torch.ones(4)).item() == pytest.approx(math.log(2), rel=1e-6)
    torch.testing.assert_close(loss.discriminator(REAL + 7, FAKE + 7), loss.discriminator(REAL, FAKE))


def test_a_pairing_loss_wants_the_real_logits() -> None:
    with pytest.raises(ValueError, match="logits_real"):
        RelativisticPairing().generator(FAKE)


def test_only_the_pairing_loss_looks_at_real_images_in_the_generators_turn() -> None:
    for loss in (NonSaturating(), Hinge(), LeastSquares(), Wasserstein()):
        assert not loss.relativistic
        torch.testing.assert_close(loss.generator(FAKE, REAL), loss.generator(FAKE))
    assert RelativisticPairing().relativistic


@pytest.mark.parametrize("loss", [NonSaturating(), Hinge(), LeastSquares(), Wasserstein(), RelativisticPairing()])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_losses_are_finite_fp32_scalars_and_push_apart(loss: Any, dtype: torch.dtype) -> None:
    # A thousand logits of 300: their squares, and their sum, overflow float16.
    large = torch.full((1000, 1, 1, 1), 300, dtype=dtype)
    for value in (loss.discriminator(-large, large), loss.generator(-large, large)):
        assert value.dtype == torch.float32
        assert value.shape == ()
        assert value.isfinite()
    real, fake = (torch.zeros(2, 1, 3, 3, requires_grad=True) for _ in range(2))
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad >= 0).all()
    fake.grad = None
    loss.generator(fake, real.detach()).backward()
    assert (fake.grad < 0).all()
