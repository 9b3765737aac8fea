"""What samples are worth to a classifier: the curve, seeds, pairs, and who is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.evaluation import augmentation, evaluate_augmentation
from gan_lab.evaluation.augmentation import CurvePoint, choose_rows, report_usefulness
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.evaluation.probe import LinearProbe, fit_probe
from tests.evaluation.test_generation import Photos, Sampler


class Means(nn.Module):
    """Embeds an image as its means by channel, fast."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.one * images.mean(dim=(2, 3))


@pytest.fixture(autouse=True)
def quick_features(monkeypatch: pytest.MonkeyPatch) -> None:
    features = FrozenFeatures("means", "means", Means(), "")
    monkeypatch.setattr(augmentation, "choose_probe_features", lambda device: features)


def test_classifiers_of_photos_of_samples_and_of_both_are_tested_on_photos() -> None:
    sampler, photos = Sampler(conditional=True), Photos()
    report = evaluate_augmentation(sampler, photos, seeds=3)  # type: ignore[arg-type]
    accuracies = report.figures["accuracies"]
    assert accuracies.keys() == {"real", "generated", "both"}
    assert all(len(values) == 3 and min(values) > 0.9 for values in accuracies.values())
    assert (report.protocol["n_real"], report.protocol["n"], report.protocol["n_test"]) == (60, 60, 60)
    assert photos.training is not None
    assert sampler.asked == photos.training.label[photos.training.draw_indices(None, 0)].tolist()
    assert [row[:2] for row in report.rows] == [["5", "10"], ["10", "20"], ["20", "40"], ["all", "60"], ["none", "0"]]
    assert report.figures["features"] == "means"
    assert report.pictures["curve"].pixels.shape == (320, 560, 3)

    sampler.wrong = True
    wrong = evaluate_augmentation(sampler, photos, n=50, seeds=3)  # type: ignore[arg-type]
    assert wrong.protocol["n"] == 50
    assert max(wrong.figures["accuracies"]["generated"]) < 0.1
    assert wrong.figures["accuracies"]["real"] == accuracies["real"]
    few = wrong.figures["curve"][0]
    assert few["per_class"] == 5
    assert few["both"] < few["real"] - 0.5
    assert wrong.notes[0].startswith("The samples harm this classifier with 5, 10")


def test_samples_help_where_photos_are_few_and_tell_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "SIZES", (1,))
    photos = Photos()
    photos.training.image += 0.9 * torch.randn(60, 3, 1, 1, generator=torch.Generator().manual_seed(1))
    report = evaluate_augmentation(Sampler(conditional=True), photos, seeds=8)  # type: ignore[arg-type]
    few, everything = report.figures["curve"]
    assert few["intervals"]["gain"][0] > 0
    assert few["gain"] > everything["gain"] + 0.02
    assert report.notes[0].startswith("The samples help this classifier with 1")


def test_mirrored_photos_are_trained_on_where_the_model_saw_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def fit(features: Tensor, labels: Tensor, classes: int) -> LinearProbe:
        assert len(features) == len(labels)
        sizes.append(len(features))
        return fit_probe(features, labels, classes)

    monkeypatch.setattr(augmentation, "fit_probe", fit)
    photos = Photos()
    photos.mirrored = True
    evaluate_augmentation(Sampler(conditional=True), photos, n=30, seeds=3)  # type: ignore[arg-type]
    assert set(sizes) == {30, 20, 50, 40, 70, 80, 110, 120, 150}


def test_more_photos_of_one_seed_include_the_fewer_and_seeds_differ() -> None:
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1, 1, 2])
    two, three = (choose_rows(labels, size, 0).tolist() for size in (2, 3))
    assert set(two) < set(three)
    assert torch.bincount(labels[three]).tolist() == [3, 3, 1]
    assert any(choose_rows(labels, 2, seed).tolist() != two for seed in range(1, 5))
    assert choose_rows(labels, None, 0).tolist() == list(range(9))


def test_the_gain_is_by_pairs_of_one_seed() -> None:
    point = CurvePoint(None, 10, [0.5, 0.6, 0.7], [0.55, 0.66, 0.76])
    report = report_usefulness([point], [0.4, 0.4, 0.4], 10, 10)
    low, high = report.figures["intervals"]["gain"]
    assert report.figures["gain"] == pytest.approx(0.17 / 3)
    assert 0 < low < high < 0.08  # the seeds differ by far more
    assert report.notes == ["The samples help this classifier with all photos of a class."]
    point.both = point.real
    assert report_usefulness([point], [0.4, 0.4, 0.4], 1, 1).notes[0].startswith("Whether the samples help")
    point.both = [0.4, 0.5, 0.6]
    assert report_usefulness([point], [0.4, 0.4, 0.4], 1, 1).notes == [
        "The samples harm this classifier with all photos of a class."
    ]


def refused(message: str, sampler: Sampler, photos: Any, **options: Any) -> None:
    with pytest.raises(UserError, match=message):
        evaluate_augmentation(sampler, photos, **options)  # type: ignore[arg-type]


def test_labels_are_needed_and_must_be_those_of_the_model() -> None:
    conditional, photos = Sampler(conditional=True), Photos()
    refused("mine was trained without classes, and a classifier needs labels", Sampler(), photos)
    refused("seeds=2: an interval over trainings needs at least 3", conditional, photos, seeds=2)
    photos.class_names = ["hat", "shoe"]
    refused(r"the photos' classes \(hat, shoe\) are not those of mine \(dark, light\)", conditional, photos)
    photos.training = None
    refused("no training photos", conditional, photos)


def test_torchs_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    evaluate_augmentation(Sampler(conditional=True), Photos(), seeds=3)  # type: ignore[arg-type]
    assert torch.equal(before, torch.get_rng_state())
