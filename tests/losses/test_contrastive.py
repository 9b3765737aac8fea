"""The patch loss of CUT."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from gan_lab.losses import patch_nce


def vectors(seed: int, n: int = 2, patches: int = 5) -> torch.Tensor:
    made = torch.randn(n, patches, 16, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(made, dim=2)


def test_is_the_mean_cross_entropy_of_each_patch_against_those_of_its_image() -> None:
    query, key = vectors(0), vectors(1)
    expected = []
    for image in range(2):
        for own in range(5):
            scores = [math.exp(float(query[image, own] @ key[image, other]) / 0.07) for other in range(5)]
            expected.append(-math.log(scores[own] / sum(scores)))
    assert float(patch_nce(query, key)) == pytest.approx(sum(expected) / 10, rel=1e-5)


def test_equal_places_are_told_and_others_are_not() -> None:
    query = vectors(0)
    assert float(patch_nce(query, query)) < 0.01
    assert float(patch_nce(query, query.roll(1, dims=1))) > 5


def test_no_gradient_flows_into_the_keys() -> None:
    query, key = vectors(0).requires_grad_(), vectors(1).requires_grad_()
    patch_nce(query, key).backward()
    assert query.grad is not None
    assert key.grad is None
