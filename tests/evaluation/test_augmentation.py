"""What samples are worth to a classifier: seeds, pairs, and who is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.evaluation import evaluate_augmentation
from gan_lab.evaluation.augmentation import report_usefulness
from gan_lab.evaluation.classifier import train_classifier
from tests.evaluation.test_generation import Photos, Sampler


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(train_classifier.__kwdefaults__, "iterations", 20)


def test_classifiers_of_photos_of_samples_and_of_both_are_tested_on_photos() -> None:
    sampler, photos = Sampler(conditional=True), Photos()
    report = evaluate_augmentation(sampler, photos, seeds=3)  # type: ignore[arg-type]
    accuracies = report.figures["accuracies"]
    assert accuracies.keys() == {"real", "generated", "both"}
    assert all(len(values) == 3 and min(values) > 0.9 for values in accuracies.values())
    assert (report.protocol["n_real"], report.protocol["n"], report.protocol["n_test"]) == (60, 60, 60)
    assert photos.training is not None
    assert sampler.asked == photos.training.label[photos.training.draw_indices(None, 0)].tolist()

    sampler.wrong = True
    wrong = evaluate_augmentation(sampler, photos, n=50, seeds=3)  # type: ignore[arg-type]
    assert wrong.protocol["n"] == 50
    assert max(wrong.figures["accuracies"]["generated"]) < 0.1
    assert wrong.figures["accuracies"]["real"] == accuracies["real"]


def test_the_gain_is_by_pairs_of_one_seed() -> None:
    correct = {"real": [0.5, 0.6, 0.7], "generated": [0.4, 0.4, 0.4], "both": [0.55, 0.66, 0.76]}
    report = report_usefulness(correct, 10, 10, 10)
    low, high = report.figures["intervals"]["gain"]
    assert report.figures["gain"] == pytest.approx(0.17 / 3)
    assert 0 < low < high < 0.08  # the seeds differ by far more
    assert report.notes == ["The samples help this classifier."]
    assert (
        report_usefulness(correct | {"both": correct["real"]}, 1, 1, 1).notes[0].startswith("Whether the samples help")
    )
    assert report_usefulness(correct | {"both": [0.4, 0.5, 0.6]}, 1, 1, 1).notes == [
        "The samples harm this classifier."
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
