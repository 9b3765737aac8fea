"""How many codes of a codebook are in use, as a torchmetrics metric."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.metric import Metric

from gan_lab.networks.quantizer import perplexity


class CodePerplexity(Metric):
    """The perplexity of codes: the number of codes in use, from 1 to all, weighted by how often each occurs.

    Args:
        codes: the size of the codebook.
        options: of `torchmetrics.Metric`.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    counts: Tensor

    def __init__(self, codes: int, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("counts", torch.zeros(codes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, codes: Tensor) -> None:
        """Count codes, int64 of any shape."""
        self.counts = self.counts + torch.bincount(codes.flatten(), minlength=len(self.counts))

    def compute(self) -> Tensor:
        """Return the perplexity, a float32 scalar."""
        return perplexity(self.counts.float())
