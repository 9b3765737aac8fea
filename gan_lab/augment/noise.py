"""Instance noise: real and fake distributions that overlap while training is young."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError


class InstanceNoise(nn.Module):
    """Add Gaussian noise, whose strength falls linearly as the run spends its budget.

    Args:
        sigma: standard deviation at the start, where images span [-1, 1].
        until: share of the budget, in (0, 1], at which it has come to 0.

    Attributes:
        progress: share of the budget spent; the model sets it before each step.

    Raises:
        UserError: `sigma` is negative, or `until` is no share.

    Source: Sønderby et al. 2017, arXiv:1610.04490 (instance noise); Arjovsky & Bottou 2017, arXiv:1701.04862, section 3.
    """

    def __init__(self, sigma: float = 0.1, until: float = 1.0) -> None:
        super().__init__()
        if sigma < 0:
            raise UserError(f"model.augment.sigma={sigma}: needs a standard deviation, from 0")
        if not 0 < until <= 1:
            raise UserError(f"model.augment.until={until}: needs a share of the budget, above 0 and at most 1")
        self.sigma = sigma
        self.until = until
        self.progress = 0.0

    def forward(self, images: Tensor) -> Tensor:
        """Return images [N, C, H, W], no longer within [-1, 1]: a clamp would stop G's gradient."""
        sigma = self.sigma * max(0.0, 1 - self.progress / self.until)
        return images + sigma * torch.randn_like(images) if sigma > 0 else images
