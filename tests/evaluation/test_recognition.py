"""Whether samples show the class that they were asked for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.evaluation import recognition
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.evaluation.probe import LinearProbe, fit_probe
from gan_lab.evaluation.sets import ImageSet


class Levels(nn.Module):
    """Embeds an image as the level of its first pixel, which says its class."""

    def __init__(self) -> None:
        super().__init__()
        self.steep = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        numbers = ((images[:, 0, 0, 0] + 1) * 127.5).round()
        return self.steep * functional.one_hot(numbers.long(), 3)


def image_set(shown: list[int], labels: list[int]) -> ImageSet:
    pixels = torch.tensor(shown, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8).contiguous()
    return ImageSet(pixels, torch.zeros(len(shown), 1), None, torch.tensor(labels))


def test_the_share_of_samples_and_of_photos_that_are_named_right(monkeypatch: pytest.MonkeyPatch) -> None:
    features = FrozenFeatures("levels", "the first pixel", Levels(), "No ImageNet here.")
    monkeypatch.setattr(recognition, "choose_probe_features", lambda device: features)
    fitted: list[int] = []

    def fit(features: Tensor, labels: Tensor, classes: int) -> LinearProbe:
        fitted.extend((len(features), len(labels), classes))
        return fit_probe(features, labels, classes)

    monkeypatch.setattr(recognition, "fit_probe", fit)
    report = recognition.measure_recognition(
        image_set([0, 1, 2, 0, 1], [0, 1, 2, 0, 1]),
        image_set([0, 1], [0, 1]),
        image_set([0, 1, 2, 2], [0, 1, 2, 0]),
        3,
        mirror=True,
        extractor="another",
        device=torch.device("cpu"),
    )
    assert fitted == [10, 10, 3]  # each photo and its mirror image
    figures = report.figures["recognised"]
    assert (figures["accuracy"], figures["accuracy_held_out"], figures["features"]) == (0.75, 1.0, "levels")
    assert report.rows[0][0] == "named as the class asked for"
    assert "of 5 training photos" in report.protocol["recognised"]
    assert report.notes == ["No ImageNet here."]


@pytest.mark.parametrize(("mirror", "computed"), [(False, 0), (True, 3)])
def test_features_that_images_have_already_are_not_computed_again(
    mirror: bool, computed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, seen, cpu = Levels(), [], torch.device("cpu")

    def embed(images: Tensor) -> Tensor:
        seen.append(len(images))
        return network(images)

    features = FrozenFeatures("levels", "the first pixel", embed)
    monkeypatch.setattr(recognition, "choose_probe_features", lambda device: features)
    images = image_set([0, 1, 2], [0, 1, 2]), image_set([0, 1], [0, 1]), image_set([2, 1], [2, 0])
    known = [replace(each, features=features.embed(each.pixels).float()) for each in images]
    expected = recognition.measure_recognition(*images, 3, mirror=mirror, extractor="another", device=cpu)
    seen.clear()
    assert recognition.measure_recognition(*known, 3, mirror=mirror, extractor="levels", device=cpu) == expected
    assert sum(seen) == computed


@pytest.mark.parametrize(
    ("conditional", "names", "same"), [(True, "ab", True), (True, "ba", False), (False, "ab", False)]
)
def test_classes_are_the_same_by_name_and_order(conditional: bool, names: str, same: bool) -> None:
    pretrained: Any = SimpleNamespace(conditional=conditional, model=SimpleNamespace(class_names=["a", "b"]))
    photos: Any = SimpleNamespace(class_names=list(names))
    assert recognition.has_same_classes(pretrained, photos) is same
