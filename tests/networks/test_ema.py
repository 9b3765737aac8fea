from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gan_lab.networks import ExponentialMovingAverage


def _constant(value: float) -> nn.Linear:
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, value)
    nn.init.constant_(layer.bias, value)
    return layer


@pytest.mark.parametrize("batch", [1, 4, 50, 100])
def test_half_life_is_counted_in_images(batch: int) -> None:
    """After one half-life the average has gone half the way, after two three quarters, whatever the batch size."""
    average, target = ExponentialMovingAverage(_constant(0.0), half_life=100, ramp_up=None), _constant(1.0)
    for expected in (0.5, 0.75):
        for _ in range(100 // batch):
            average.update(target, images=batch)
        torch.testing.assert_close(average.module.weight.item(), expected, rtol=1e-5, atol=0)


def test_ramp_up_leaves_the_random_start_behind() -> None:
    average = ExponentialMovingAverage(_constant(0.0), half_life=1000, ramp_up=0.05)
    average.update(_constant(1.0), images=10)
    assert average.module.weight.item() == 1.0
    assert average.decay(10) == 0.5 ** (10 / (10 * 0.05))
    average.images = 10**9
    assert average.decay(10) == 0.5 ** (10 / 1000)


def test_the_copy_is_apart_frozen_and_in_evaluation() -> None:
    source = nn.Sequential(_constant(0.0), nn.BatchNorm1d(1))
    average = ExponentialMovingAverage(source)
    average.train()
    assert average.training
    assert not any(module.training for module in average.module.modules())
    assert not any(p.requires_grad for p in average.parameters())
    assert source.training
    assert all(p.requires_grad for p in source.parameters())
    source(torch.randn(4, 1))
    assert average.module[1].num_batches_tracked == 0


def test_buffers_are_copied() -> None:
    source = nn.BatchNorm1d(2)
    average = ExponentialMovingAverage(source, half_life=1000, ramp_up=None)
    source(5 + torch.randn(16, 2))
    average.update(source, images=1)
    assert torch.equal(average.module.running_mean, source.running_mean)
    assert average.module.num_batches_tracked == 1


def test_forward_is_the_copys() -> None:
    average = ExponentialMovingAverage(_constant(2.0))
    assert average(torch.ones(1, 1)).item() == 4.0


def test_a_resumed_average_goes_on_as_if_never_stopped() -> None:
    first = ExponentialMovingAverage(_constant(0.0), half_life=100)
    for step in range(5):
        first.update(_constant(step), images=3)
    second = ExponentialMovingAverage(_constant(9.0), half_life=100)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.images == 15
    for average in (first, second):
        average.update(_constant(7.0), images=3)
    assert torch.equal(first.module.weight, second.module.weight)
