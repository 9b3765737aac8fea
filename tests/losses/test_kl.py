from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference

from gan_lab.losses import free_bits, kl_divergence, kl_per_latent


def test_by_hand() -> None:
    assert kl_divergence(torch.zeros(3, 5), torch.zeros(3, 5)).item() == 0
    # One latent with mu 2 and variance e: (mu^2 + var - 1 - log var) / 2.
    mu, logvar = torch.tensor([[2.0], [0.0]]), torch.tensor([[1.0], [0.0]])
    assert kl_divergence(mu, logvar).item() == pytest.approx((4 + math.e - 1 - 1) / 2 / 2)


def test_against_torch() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.randn(4, 6), torch.randn(4, 6)
    expected = reference(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(kl_divergence(mu, logvar), expected)


def test_fp32() -> None:
    assert kl_divergence(torch.zeros(1, 2).bfloat16(), torch.full((1, 2), 10).half()).dtype == torch.float32
    assert kl_divergence(torch.zeros(1, 2).half(), torch.full((1, 2), 12.0).half()).isfinite()


def test_per_latent_by_hand() -> None:
    mu, logvar = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    torch.testing.assert_close(kl_per_latent(mu, logvar), torch.tensor([2.0 / 2, (math.e - 2) / 2 / 2]))


def test_below_the_floor_a_latent_costs_the_floor_and_has_no_gradient() -> None:
    mu = torch.tensor([[0.1, 2.0], [0.3, 1.0]], requires_grad=True)  # KL of 0.025 and 1.25
    charged = free_bits(kl_per_latent(mu, torch.zeros(2, 2)), 0.5)
    assert charged.item() == pytest.approx(0.5 + 1.25)
    charged.backward()
    assert mu.grad is not None
    torch.testing.assert_close(mu.grad, torch.tensor([[0.0, 1.0], [0.0, 0.5]]))  # mu over the two images


def test_without_a_floor_rounding_below_zero_keeps_its_gradient() -> None:
    kl = torch.tensor([-1e-8, 0.5], requires_grad=True)
    free_bits(kl, 0.0).backward()
    assert kl.grad is not None
    assert kl.grad.tolist() == [1.0, 1.0]
