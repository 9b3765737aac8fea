"""Whether samples show the class that they were asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.evaluation import recognition
from gan_lab.evaluation.sets import ImageSet


class Reader(nn.Module):
    """Names the class that an image's first pixel says."""

    def __init__(self) -> None:
        super().__init__()
        self.steep = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        numbers = (images[:, 0, 0, 0] + 1) * 127.5
        return -self.steep * (numbers[:, None] - torch.arange(3.0)).abs()


def image_set(shown: list[int], labels: list[int]) -> ImageSet:
    pixels = torch.tensor(shown, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8).contiguous()
    return ImageSet(pixels, torch.zeros(len(shown), 1), None, None, torch.tensor(labels))


def test_the_share_of_samples_and_of_photos_that_are_named_right(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Any] = []

    def train(pixels: Tensor, labels: Tensor, classes: int, **options: Any) -> Reader:
        trained.append((len(pixels), classes, options["mirror"], options["seed"]))
        return Reader()

    monkeypatch.setattr(recognition, "train_classifier", train)
    report = recognition.measure_recognition(
        image_set([0, 1, 2, 0, 1], [0, 1, 2, 0, 1]),
        image_set([0, 1], [0, 1]),
        image_set([0, 1, 2, 2], [0, 1, 2, 0]),
        3,
        mirror=True,
        seed=7,
        device=torch.device("cpu"),
    )
    assert trained == [(5, 3, True, 7)]
    figures = report.figures["recognised"]
    assert (figures["accuracy"], figures["accuracy_held_out"]) == (0.75, 1.0)
    assert report.rows[0][0] == "named as the class asked for"
    assert "trained on 5 training photos" in report.protocol["recognised"]


@pytest.mark.parametrize(
    ("conditional", "names", "same"), [(True, "ab", True), (True, "ba", False), (False, "ab", False)]
)
def test_classes_are_the_same_by_name_and_order(conditional: bool, names: str, same: bool) -> None:
    pretrained: Any = SimpleNamespace(conditional=conditional, model=SimpleNamespace(class_names=["a", "b"]))
    photos: Any = SimpleNamespace(class_names=list(names))
    assert recognition.has_same_classes(pretrained, photos) is same
