from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_lab.metrics import memorisation, nearest_neighbours


def drawn(count: int, seed: int) -> Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)).double()


def test_samples_of_the_same_distribution_are_no_copies() -> None:
    found = memorisation(drawn(500, 0), drawn(400, 1), drawn(2000, 2))
    assert found.share == pytest.approx(0.05, abs=0.025)
    assert found.distance_samples == pytest.approx(found.distance_held_out, rel=0.05)


def test_copies_are_counted_and_named() -> None:
    train, samples = drawn(300, 0), drawn(400, 2)
    samples[::2] = train[:200] + 0.01 * samples[::2]
    found = memorisation(train, drawn(300, 1), samples)
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


def test_empty_and_broken_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="f_held_out"):
        memorisation(drawn(9, 0), drawn(0, 1), drawn(9, 2))
    with pytest.raises(ValueError, match="f_samples: holds NaN"):
        memorisation(drawn(9, 0), drawn(9, 1), drawn(9, 2) * float("nan"))
