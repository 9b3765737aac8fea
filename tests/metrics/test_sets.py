"""Metrics of sets: batch by batch as for whole sets, and with intervals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_lab.metrics import (
    DensityCoverage,
    FrechetDistance,
    GivenFeatures,
    JackknifeIntervals,
    KernelDistance,
    MemorisationShare,
    PrecisionRecall,
    density_coverage,
    frechet_distance,
    jackknives,
    kernel_distance,
    memorisation,
    precision_recall,
)
from gan_lab.metrics.sets import FeatureSets
from tests.metrics.test_generation import features
from tests.metrics.test_inception import fill

REAL, FAKE = features(60, 8), features(45, 8, shift=0.3, seed=1)


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        (PrecisionRecall(), precision_recall),
        (PrecisionRecall(k=5), lambda real, fake: precision_recall(real, fake, 5)),
        (DensityCoverage(), density_coverage),
        (DensityCoverage(k=2), lambda real, fake: density_coverage(real, fake, 2)),
    ],
)
def test_batches_give_what_whole_sets_give(metric: FeatureSets, function: Callable) -> None:
    found = fill(metric, REAL, FAKE).compute()
    assert list(found) == list(metric.limits)
    assert tuple(float(value) for value in found.values()) == pytest.approx(function(REAL, FAKE))
    metric.reset()


def test_images_are_embedded_by_the_network_given() -> None:
    metric = PrecisionRecall(nn.Flatten())
    images = REAL.view(-1, 2, 2, 2), FAKE.view(-1, 2, 2, 2)
    assert tuple(map(float, fill(metric, *images).compute().values())) == precision_recall(REAL, FAKE)


def all_figures(real: Tensor, fake: Tensor) -> list[float]:
    kernel, frechet = kernel_distance(real, fake, subsets=None)[0], frechet_distance(real, fake)
    return [kernel, frechet, *precision_recall(real, fake), *density_coverage(real, fake)]


def test_intervals_are_those_of_the_jackknife() -> None:
    calls: list[int] = []
    metric = JackknifeIntervals(
        [
            KernelDistance(GivenFeatures(8)),
            FrechetDistance(GivenFeatures(8)),
            PrecisionRecall(),
            DensityCoverage(),
        ],
        groups=6,
        seed=3,
        on_comparison=lambda: calls.append(1),
    )
    found = fill(metric, REAL, FAKE).compute_intervals()
    assert list(found) == ["kernel_distance", "frechet_distance", "precision", "recall", "density", "coverage"]
    assert len(calls) == 13
    for interval, expected in zip(found.values(), jackknives(all_figures, REAL, FAKE, 6, 3), strict=True):
        assert (interval.value, interval.error) == (expected.value, expected.error)
    bounds = jackknives(all_figures, REAL, FAKE, 6, 3)[2].within(0, 1)
    assert (found["precision"].low, found["precision"].high) == pytest.approx((bounds.low, bounds.high))


def test_intervals_are_logged_by_name_and_emptied() -> None:
    metric = JackknifeIntervals([PrecisionRecall()], nn.Flatten(), groups=4)
    images = REAL.view(-1, 2, 2, 2), FAKE.view(-1, 2, 2, 2)
    first = fill(metric, *images).compute()
    assert set(first) == {
        f"{name}{part}" for name in ("precision", "recall") for part in ("", "_error", "_low", "_high")
    }
    assert all(value.ndim == 0 for value in first.values())
    metric.reset()
    assert fill(metric, *images).compute() == first


def test_the_share_of_copies_is_that_of_whole_sets() -> None:
    train, held_out, samples = features(90, 8), features(40, 8, seed=1), features(50, 8, seed=2)
    samples[:20] = train[:20] + 0.001
    metric = MemorisationShare()
    for part in train.split(7):
        metric.update(part, "training")
    metric.update(held_out, "held_out")
    metric.update(samples[:9], "samples")
    metric.update(samples[9:], "samples")
    expected = memorisation(train, held_out, samples)
    found = metric.compute()
    assert list(found) == ["share", "limit", "distance_samples", "distance_held_out"]
    assert {name: float(value) for name, value in found.items()} == {name: getattr(expected, name) for name in found}
    assert found["share"] > 0.35
    assert torch.equal(metric.find_neighbours().nearest, expected.nearest)
