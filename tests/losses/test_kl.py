from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference

from gan_lab.losses import kl_divergence


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
