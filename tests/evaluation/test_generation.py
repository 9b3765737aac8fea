"""Generation figures: samples against photos, under the features' own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.evaluation import Extractor, Report, evaluate_generation, generation
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.metrics import frechet_distance


class Photos:
    """Pictures of two classes: dark and light, with noise; held out, with as many to train on."""

    def __init__(self, n: int = 60, seed: int = 0) -> None:
        self.label = torch.arange(n) % 2
        noise = torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
        self.image = (self.label[:, None, None, None] - 0.5 + 0.2 * noise).clamp(-1, 1)
        self.class_names = ["dark", "light"]
        self.training: Photos | None = Photos(n, seed=5) if seed == 0 else None
        self.own, self.mirrored = True, False

    def __len__(self) -> int:
        return len(self.image)

    def draw_indices(self, n: int | None, seed: int) -> list[int]:
        order = np.random.default_rng(seed).permutation(len(self)).tolist()
        return order[: len(self) if n is None else n]

    def names(self, indices: Sequence[int]) -> list[str]:
        return [f"{index}.jpg" for index in indices]

    def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        for part in torch.tensor(indices).split(16):
            yield {"image": self.image[part], "label": self.label[part]}


class Sampler:
    """Draws what the photos are drawn from, shifted."""

    name = "mine"

    def __init__(self, shift: float = 0.0, conditional: bool = False) -> None:
        names = ["dark", "light"] if conditional else []
        self.model = SimpleNamespace(device=torch.device("cpu"), class_names=names)
        self.conditional = conditional
        self.shift = shift
        self.wrong = False
        self.asked: Any = "nothing yet"

    def samples(self, n: int, seed: int, label: Any) -> Iterator[np.ndarray]:
        self.asked = label
        rng = np.random.default_rng((9, seed))
        for start in range(0, n, 32):
            numbers = np.arange(start, min(n, start + 32))
            shown = numbers % 2 if label is None else np.array(label)[numbers % len(label)]
            values = (
                (shown ^ self.wrong)[:, None, None, None] - 0.5 + 0.2 * rng.standard_normal((len(numbers), 16, 16, 3))
            )
            yield np.rint((np.clip(values + self.shift, -1, 1) + 1) * 127.5).astype(np.uint8)


class Moments(nn.Module):
    """A small embedding: means and deviations per channel, and as logits two classes."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        flat = images.flatten(2)
        features = torch.cat([flat.mean(2), flat.std(2)], dim=1)
        return features, 50 * torch.stack([features[:, 0], -features[:, 0]], dim=1)


EXTRACTOR = Extractor("moments", "moments", "none", Moments())
INCEPTION = Extractor("inception", "moments that pass for Inception's", "none", Moments())


@pytest.fixture(autouse=True)
def quick_features(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = FrozenFeatures("moments", "moments", lambda images: Moments()(images)[0])
    monkeypatch.setattr(generation, "choose_copy_features", lambda device: quick)


def evaluate(sampler: Any, photos: Any = None, extractor: Extractor = EXTRACTOR, **options: Any) -> Report:
    return evaluate_generation(sampler, photos or Photos(), extractor, **options)


def test_good_samples_are_near_and_shifted_ones_far() -> None:
    good, shifted = evaluate(Sampler()).figures, evaluate(Sampler(0.4)).figures
    assert abs(good["kid_moments"]) < 0.1 * shifted["kid_moments"]
    assert good["frechet_distance_moments"] < 0.1 * shifted["frechet_distance_moments"]
    for name in ("precision", "recall", "density", "coverage"):
        assert good[name] > 0.7
    assert shifted["precision"] < 0.6
    assert shifted["coverage"] < 0.6


def test_every_figure_has_an_interval_and_the_floor_beside_it() -> None:
    for shift, told in ((0.0, False), (0.8, True)):
        figures = evaluate(Sampler(shift)).figures
        floor = figures["floor"]
        for name in ("kid_moments", "frechet_distance_moments", "precision", "recall", "density", "coverage"):
            low, high = figures["intervals"][name]
            assert low <= figures[name] <= high
            assert floor["intervals"][name][0] <= floor[name] <= floor["intervals"][name][1]
        assert min(low for name, (low, _) in floor["intervals"].items() if name != "kid_moments") >= 0
        assert max(high for name, (_, high) in floor["intervals"].items() if name in ("precision", "coverage")) <= 1
        assert (figures["intervals"]["kid_moments"][0] > 0) == told  # a shift is told from chance
        assert floor["intervals"]["kid_moments"][0] < 0


def test_fid_stands_beside_figures_in_other_features() -> None:
    report = evaluate(Sampler(), beside=INCEPTION)
    alone = evaluate(Sampler(), extractor=INCEPTION).figures
    assert [row[0] for row in report.rows].count("FID") == 1
    figures = report.figures
    assert figures["fid"] == pytest.approx(alone["fid"], abs=1e-4)  # photos are rounded to 8 bits here
    assert figures["floor"]["fid"] == pytest.approx(alone["floor"]["fid"], abs=1e-4)
    for each in (figures, figures["floor"]):
        low, high = each["intervals"]["fid"]
        assert low <= each["fid"] <= high
    assert "kid_moments" in figures["intervals"]
    assert report.protocol["beside"] == "FID: moments that pass for Inception's, none"
    photos = Photos()
    photos.training = None
    (row,) = [row for row in evaluate(Sampler(), photos, beside=INCEPTION).rows if row[0] == "FID"]
    assert row[2] == "-"


def test_a_frechet_distance_of_too_few_images_is_left_out_and_that_is_said() -> None:
    few = Extractor("moments", "moments", "none", Moments(), fewest_frechet=61)
    report = evaluate(Sampler(), extractor=few)
    assert not any("frechet" in name for name in report.figures)
    assert not any("Frechet" in row[0] for row in report.rows)
    assert report.protocol["frechet"].startswith("left out: of 60 images in 6 dimensions")
    enough = Extractor("moments", "moments", "none", Moments(), fewest_frechet=60)
    assert "frechet_distance_moments" in evaluate(Sampler(), extractor=enough).figures


def test_the_floor_is_that_of_as_many_training_photos_to_the_held_out_ones() -> None:
    photos = Photos()
    assert photos.training is not None
    report = evaluate(Sampler(), photos, n=20)
    assert report.protocol["n_floor"] == 20
    features = [
        EXTRACTOR(each.image[each.draw_indices(20, 0)])[0].double()
        for each in (photos, photos.training)  # float64 as there
    ]
    assert report.figures["floor"]["frechet_distance_moments"] == pytest.approx(frechet_distance(*features), rel=1e-3)
    photos.training = None
    report = evaluate(Sampler(), photos)
    assert "floor" not in report.figures
    assert report.rows[0][2] == "-"
    assert "memorisation" not in report.figures


def test_only_inceptions_logits_are_scored() -> None:
    assert "inception_score" not in evaluate(Sampler()).figures
    report = evaluate(Sampler(), extractor=INCEPTION)
    assert report.figures["inception_score"] == pytest.approx(2, abs=0.2)  # two classes, told apart with certainty
    assert "fid" in report.figures


def test_as_many_samples_as_photos_are_taken_unless_told() -> None:
    assert evaluate(Sampler()).protocol["n"] == 60
    protocol = evaluate(Sampler(), n=20).protocol
    assert (protocol["n"], protocol["n_real"]) == (20, 20)
    report = evaluate(Sampler(), n=80)
    assert (report.protocol["n"], report.protocol["n_real"], report.protocol["n_floor"]) == (80, 60, 60)
    assert any("60 training photos for 80 samples" in note for note in report.notes)
    with pytest.raises(UserError, match="at least 8 images and samples"):
        evaluate(Sampler(), n=4)


def test_a_conditional_model_is_asked_for_the_classes_of_the_photos() -> None:
    conditional, photos = Sampler(conditional=True), Photos()
    assert evaluate(conditional, photos).protocol["labels"] == "those of the photos"
    assert conditional.asked == photos.label[photos.draw_indices(None, 0)].tolist()

    photos.class_names = ["hat", "shoe"]
    report = evaluate(conditional, photos)
    assert report.protocol["labels"] == "all in turn"
    assert conditional.asked is None
    assert "recognised" not in report.figures

    assert evaluate(Sampler()).protocol["labels"] == "none"


def test_a_classifier_tells_whether_samples_show_the_class_asked_for() -> None:
    sampler = Sampler(conditional=True)
    right = evaluate(sampler).figures["recognised"]
    assert right["accuracy"] > 0.9
    assert right["accuracy_held_out"] > 0.9
    assert right["intervals"]["accuracy"][0] > 0.8
    sampler.wrong = True
    assert evaluate(sampler).figures["recognised"]["accuracy"] < 0.1


def test_few_images_and_all_the_same_are_said() -> None:
    photos = Photos()
    assert not [note for note in evaluate(Sampler(), photos).notes if "look the same" in note or "fewer" in note]
    wide = Extractor("flat", "pixels", "none", nn.Flatten())
    assert any("60 images are fewer than the 768 features" in note for note in evaluate(Sampler(), photos, wide).notes)
    photos.image[:] = 0.25
    notes = evaluate(Sampler(), photos).notes
    assert any("All 60 held-out photos look the same" in note for note in notes)
    photos.image[0, 0, 0, 0] = 0.5
    assert not any("held-out photos look the same" in note for note in evaluate(Sampler(), photos).notes)


def test_photos_that_the_model_never_saw_cannot_have_been_copied() -> None:
    photos = Photos()
    photos.own = False
    report = evaluate(Sampler(), photos)
    assert "memorisation" not in report.figures
    assert any(note.startswith("Copies were not looked for") for note in report.notes)
    assert "floor" in report.figures


def test_an_evaluation_is_the_same_twice() -> None:
    one, other = (evaluate(Sampler(conditional=True), seed=3) for _ in range(2))
    assert one.figures == other.figures
    assert one.rows == other.rows
    for name, picture in one.pictures.items():
        np.testing.assert_array_equal(picture.pixels, other.pictures[name].pixels)


def test_the_table_names_the_features_beside_every_distance() -> None:
    report = evaluate(Sampler())
    assert [row[0] for row in report.rows[:6]] == [
        "KID (moments)",
        "Frechet distance (moments)",
        "precision",
        "recall",
        "density",
        "coverage",
    ]
    assert report.protocol["extractor"] == "moments"
    assert report.pictures.keys() >= {"real_and_generated", "neighbours"}
