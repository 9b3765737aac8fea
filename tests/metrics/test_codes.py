"""Codes in use, counted batch by batch."""

from __future__ import annotations

import pytest
import torch

from gan_lab.metrics import CodePerplexity
from gan_lab.networks.quantizer import perplexity


def test_batches_of_codes_give_the_perplexity_of_all() -> None:
    codes = torch.randint(0, 5, (7, 4, 4), generator=torch.Generator().manual_seed(0))
    metric = CodePerplexity(8)
    for part in codes.split(3):
        metric.update(part)
    expected = perplexity(torch.bincount(codes.flatten(), minlength=8).float())
    assert float(metric.compute()) == pytest.approx(float(expected))
    assert 4 < float(metric.compute()) < 5
