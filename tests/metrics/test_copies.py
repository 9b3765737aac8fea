from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_lab.metrics import memorisation, nearest_neighbours
from gan_lab.metrics.copies import cross_check_limit, fit_whitened_space


def draw_features(count: int, seed: int) -> Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)).double()


def test_samples_of_the_same_distribution_are_no_copies() -> None:
    found = memorisation(draw_features(500, 0), draw_features(400, 1), draw_features(2000, 2))
    assert found.share == pytest.approx(0.05, abs=0.025)
    assert found.distance_samples == pytest.approx(found.distance_held_out, rel=0.05)


def test_copies_are_counted_and_named() -> None:
    train, samples = draw_features(300, 0), draw_features(400, 2)
    samples[::2] = train[:200] + 0.01 * samples[::2]
    found = memorisation(train, draw_features(300, 1), samples)
    assert found.share == pytest.approx(0.5 + 0.025, abs=0.03)
    assert all(sample % 2 == 0 and sample // 2 == photo for sample, photo, _ in found.closest(200))
    distances = [distance for *_, distance in found.closest(5)]
    assert distances == sorted(distances)
    assert distances[0] == found.distances.min()


def test_nearest_neighbours_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.metrics.copies.ROWS", 2)
    points = torch.tensor([[0.0], [5.0], [9.0]])
    distances, places = nearest_neighbours(points, torch.tensor([[1.0], [8.5]]))
    assert distances.tolist() == [1.0, 3.5, 0.5]
    assert places.tolist() == [0, 1, 1]


def test_the_nearer_of_plain_and_mirrored_counts() -> None:
    train, mirrored = draw_features(300, 0), draw_features(400, 2)
    mirrored[:100] = train[100:200]
    found = memorisation(train, draw_features(300, 1), draw_features(400, 3), (draw_features(300, 4), mirrored))
    assert found.nearest[:100].tolist() == list(range(100, 200))
    assert (found.distances[:100] < 1e-6).all()
    assert found.distance_held_out < memorisation(train, draw_features(300, 1), draw_features(400, 3)).distance_held_out


def test_false_alarms_are_counted_on_photos_that_did_not_set_the_limit() -> None:
    assert memorisation(
        draw_features(500, 0), draw_features(400, 1), draw_features(9, 2)
    ).false_alarms == pytest.approx(0.05, abs=0.02)
    assert cross_check_limit(torch.tensor([3.0])) == 0
    near, far = torch.arange(1.0, 21.0), torch.arange(101.0, 121.0)
    assert cross_check_limit(torch.stack([near, far], dim=1).flatten()) == 0.5


def test_a_whitened_space_hides_what_varies_most_and_says_nothing_else() -> None:
    features = draw_features(400, 0) * torch.tensor([100.0, *[1.0] * 7])
    space = fit_whitened_space(features)
    rows = (features - space.mean) @ space.directions
    torch.testing.assert_close(rows.T @ rows / len(rows), torch.eye(8).double())
    torch.testing.assert_close(space.embed(features).norm(dim=1), torch.ones(400).double())
    assert fit_whitened_space(features[:12]).directions.shape == (8, 3)
    assert fit_whitened_space(torch.ones(9, 4)).embed(torch.ones(2, 4)).isfinite().all()


def test_empty_and_broken_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="f_held_out"):
        memorisation(draw_features(9, 0), draw_features(0, 1), draw_features(9, 2))
    with pytest.raises(ValueError, match="f_samples: holds NaN"):
        memorisation(draw_features(9, 0), draw_features(9, 1), draw_features(9, 2) * float("nan"))
