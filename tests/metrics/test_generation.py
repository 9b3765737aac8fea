from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from gan_lab.metrics import (
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)

COMPARISONS = [kernel_distance, frechet_distance, precision_recall, density_coverage]


def features(count: int, width: int = 16, shift: float = 0.0, spread: float = 1.0, seed: int = 0) -> Tensor:
    """Correlated features, as a network's are."""
    mixing = torch.randn(width, width, generator=torch.Generator().manual_seed(99))
    drawn = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    return drawn @ mixing * spread + shift


@pytest.mark.parametrize(("real", "fake"), [(60, 60), (60, 90), (300, 200)])
def test_the_frechet_distance_agrees_with_torch_fidelity(real: int, fake: int) -> None:
    f_real, f_fake = features(real).double(), features(fake, shift=0.3, spread=1.2, seed=1).double()
    expected = fid_statistics_to_metric(*map(fid_features_to_statistics, (f_real, f_fake)), verbose=False)
    assert frechet_distance(f_real, f_fake) == pytest.approx(expected["frechet_inception_distance"], rel=1e-6)
    theirs = _compute_fid(f_real.mean(0), f_real.T.cov(), f_fake.mean(0), f_fake.T.cov())
    assert frechet_distance(f_real, f_fake) == pytest.approx(theirs.item(), rel=1e-6)


def test_the_frechet_distance_of_known_gaussians() -> None:
    """Both are standardised exactly: the distance is (2 - 1)^2 a dimension for the spread and 9 for the shift."""
    drawn = features(500, 4).double()
    drawn = drawn - drawn.mean(0)
    white = drawn @ torch.linalg.inv(torch.linalg.cholesky(drawn.T.cov())).T
    shift = torch.tensor([3.0, 0, 0, 0]).double()
    assert frechet_distance(white, 2 * white + shift) == pytest.approx(4 + 9)
    assert frechet_distance(white, white) == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_is_stable_with_fewer_images_than_dimensions() -> None:
    f_real, f_fake = features(20, 200).double(), features(30, 200, shift=0.5, seed=1).double()
    assert frechet_distance(f_real, f_real.flip(0)) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(f_real, f_fake) == pytest.approx(frechet_distance(f_fake, f_real), rel=1e-9)
    # A turn of the feature space changes no distance, and padding it with constants neither.
    turn = torch.linalg.qr(torch.randn(200, 200, generator=torch.Generator().manual_seed(3)).double()).Q
    expected = frechet_distance(f_real, f_fake)
    assert frechet_distance(f_real @ turn, f_fake @ turn) == pytest.approx(expected, rel=1e-9)
    padding = torch.full((50, 30), 7.0).double()
    padded = (torch.cat([f, padding[: len(f)]], dim=1) for f in (f_real, f_fake))
    assert frechet_distance(*padded) == pytest.approx(expected, rel=1e-9)


def test_the_kernel_distance_agrees_with_torchmetrics() -> None:
    f_real, f_fake = features(80).double(), features(80, shift=0.3, seed=1).double()
    mean, std = kernel_distance(f_real, f_fake, subsets=3, subset_size=80)
    assert mean == pytest.approx(poly_mmd(f_real, f_fake).item(), rel=1e-9)
    assert std == pytest.approx(0, abs=1e-9 * abs(mean))


def test_the_kernel_distances_subsets_agree_with_torch_fidelity() -> None:
    """Other random subsets, so equal only within their scatter; the scatter itself must agree too."""
    f_real, f_fake = features(200).double(), features(150, shift=0.3, seed=1).double()
    mean, std = kernel_distance(f_real, f_fake, subsets=400, subset_size=50)
    theirs = kid_features_to_metric(f_real, f_fake, kid_subsets=400, kid_subset_size=50, verbose=False)
    assert mean == pytest.approx(theirs["kernel_inception_distance_mean"], abs=4 * std / 400**0.5)
    assert std == pytest.approx(theirs["kernel_inception_distance_std"], rel=0.2)


def test_the_kernel_distance_is_unbiased_and_grows_with_the_shift() -> None:
    same = [kernel_distance(features(40, seed=2 * s), features(40, seed=2 * s + 1), subsets=5)[0] for s in range(60)]
    apart = kernel_distance(features(400), features(400, shift=2.0, seed=1))[0]
    assert min(same) < 0 < max(same)
    assert abs(np.mean(same)) < 3 * np.std(same) / 60**0.5
    assert apart > 5 * np.std(same)


def test_the_kernel_distance_is_seeded_and_leaves_the_global_generator() -> None:
    f_real, f_fake = features(50), features(50, seed=1)
    state = torch.get_rng_state()
    assert kernel_distance(f_real, f_fake) == kernel_distance(f_real, f_fake)
    assert kernel_distance(f_real, f_fake, seed=1) != kernel_distance(f_real, f_fake)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_default_subsets_fit_small_and_large_sets() -> None:
    mean, _ = kernel_distance(features(3), features(2, seed=1))
    assert np.isfinite(mean)
    large = features(2500, 2)
    assert kernel_distance(large, large.flip(0), 2) == kernel_distance(large, large.flip(0), 2, subset_size=1000)
    small = features(40), features(30, seed=1)
    assert kernel_distance(*small) == kernel_distance(*small, subset_size=15)


@pytest.mark.parametrize("size", [1, 31])
def test_subsets_that_cannot_be_drawn_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="subset_size"):
        kernel_distance(features(40), features(30), subset_size=size)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_agree_with_torch_fidelity(k: int) -> None:
    f_real, f_fake = features(120).double(), features(90, shift=0.8, spread=0.7, seed=1).double()
    expected = calculate_precision_recall_full(f_fake, f_real, neighborhood=k)
    assert precision_recall(f_real, f_fake, k) == pytest.approx(expected)
    assert 0.05 < expected[0] != expected[1] > 0.05


def test_precision_and_recall_tell_lost_modes_from_bad_images() -> None:
    modes = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]]).double()
    noise = [0.1 * torch.randn(200, 2, generator=torch.Generator().manual_seed(s)).double() for s in range(3)]
    f_real = modes.repeat(50, 1) + noise[0]
    one_mode = modes[:1].repeat(200, 1) + noise[1]
    precision, recall = precision_recall(f_real, one_mode)
    assert precision > 0.85
    assert 0.15 < recall < 0.3
    assert precision_recall(f_real, f_real) == (1, 1)
    assert precision_recall(f_real, f_real + 5) == (0, 0)
    collapsed = f_real[:1].repeat(200, 1)
    assert precision_recall(f_real, collapsed)[0] == 1
    assert precision_recall(f_real, collapsed)[1] <= 0.01


def test_few_images_use_the_farthest_neighbour_they_have() -> None:
    f_real, f_fake = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [9.0]])
    assert precision_recall(f_real, f_fake, k=3) == (0.5, 1.0)


def test_blocks_of_rows_change_nothing() -> None:
    f_real, f_fake = features(2100, 3), features(2060, 3, shift=1, seed=1)
    expected = calculate_precision_recall_full(f_fake.double(), f_real.double(), neighborhood=3)
    assert precision_recall(f_real, f_fake) == pytest.approx(expected)


@pytest.mark.parametrize(("count", "splits"), [(100, 10), (103, 10), (50, 1)])
def test_the_inception_score_agrees_with_torch_fidelity(count: int, splits: int) -> None:
    logits = 3 * features(count, 12)
    theirs = isc_features_to_metric(logits, splits=splits, shuffle=False)
    assert inception_score(logits, splits) == pytest.approx(tuple(theirs.values()))
    assert theirs["inception_score_mean"] > 1.5


def test_the_inception_score_runs_from_one_to_the_number_of_classes() -> None:
    sure = 1000 * torch.eye(5).repeat(20, 1)
    assert inception_score(sure, splits=2) == pytest.approx((5, 0))
    assert inception_score(torch.zeros(100, 5)) == pytest.approx((1, 0))
    assert inception_score(sure[:3], splits=10) == pytest.approx((1, 0))


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize(
    ("f_real", "f_fake", "message"),
    [
        (torch.zeros(1, 4), torch.zeros(9, 4), "f_real"),
        (torch.zeros(9, 4), torch.zeros(9, 4, 1), "f_fake"),
        (torch.zeros(9, 4), torch.zeros(9, 5), "width"),
        (torch.zeros(9, 4), torch.full((9, 4), float("nan")), "NaN"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(
    comparison: Callable, f_real: Tensor, f_fake: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        comparison(f_real, f_fake)


def test_logits_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="logits"):
        inception_score(torch.zeros(0, 5))


def test_density_and_coverage_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.metrics.generation.ROWS", 3)
    f_real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])  # radii to the nearest other: 1, 1, 2, 7
    f_fake = torch.tensor([[0.5], [1.9], [30.0]])
    # 0.5 is near 0 and 1; 1.9 near 1 and 3; neither is near 10 (8.1 away), and 30 near none
    assert density_coverage(f_real, f_fake, k=1) == (4 / 3, 3 / 4)
    # with as many neighbours as there are, all are near but for the far one, and a count is by those that exist
    assert density_coverage(f_real, f_fake, k=9) == pytest.approx((8 / 9, 1.0))


def test_density_and_coverage_of_equal_and_of_narrow_sets() -> None:
    density, coverage = density_coverage(features(400), features(400, seed=1))
    assert density == pytest.approx(1, abs=0.1)
    assert coverage > 0.9
    collapsed = features(1, seed=1).expand(400, -1) + 0.01 * features(400, seed=2)
    assert density_coverage(features(400), collapsed)[1] < 0.1


def test_the_kernel_distance_of_whole_sets_is_its_definition() -> None:
    f_real, f_fake = features(7).double(), features(9, shift=0.2, seed=1).double()

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y / 16 + 1) ** 3)

    def mean(first: Tensor, second: Tensor, *, without_itself: bool) -> float:
        pairs = [(i, j) for i in range(len(first)) for j in range(len(second)) if not (without_itself and i == j)]
        return sum(kernel(first[i], second[j]) for i, j in pairs) / len(pairs)

    expected = mean(f_real, f_real, without_itself=True) + mean(f_fake, f_fake, without_itself=True)
    expected -= 2 * mean(f_real, f_fake, without_itself=False)
    assert kernel_distance(f_real, f_fake, subsets=None) == (pytest.approx(expected), 0.0)
