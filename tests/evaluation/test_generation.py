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
from gan_lab.evaluation import Extractor, choose_extractor, evaluate_generation


class Photos:
    """Pictures of two classes: dark and light, with noise."""

    class_names = ("dark", "light")

    def __init__(self, n: int = 60) -> None:
        self.label = torch.arange(n) % 2
        noise = torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        self.image = (self.label[:, None, None, None] - 0.5 + 0.2 * noise).clamp(-1, 1)
        self.class_names = ["dark", "light"]

    def __len__(self) -> int:
        return len(self.image)

    def chosen(self, n: int | None, seed: int) -> list[int]:
        order = np.random.default_rng(seed).permutation(len(self)).tolist()
        return order[: len(self) if n is None else n]

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
        self.asked: Any = "nothing yet"

    def samples(self, n: int, seed: int, label: Any) -> Iterator[np.ndarray]:
        self.asked = label
        rng = np.random.default_rng((9, seed))
        for start in range(0, n, 32):
            numbers = np.arange(start, min(n, start + 32))
            values = (numbers % 2)[:, None, None, None] - 0.5 + 0.2 * rng.standard_normal((len(numbers), 16, 16, 3))
            yield np.rint((np.clip(values + self.shift, -1, 1) + 1) * 127.5).astype(np.uint8)


class Moments(nn.Module):
    """A small embedding: means and deviations per channel, and as logits two classes."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        flat = images.flatten(2)
        features = torch.cat([flat.mean(2), flat.std(2)], dim=1)
        return features, 50 * torch.stack([features[:, 0], -features[:, 0]], dim=1)


EXTRACTOR = Extractor("moments", "moments", "Frechet distance (moments)", "none", Moments())


def evaluate(sampler: Sampler, photos: Any = None, **options: Any) -> Any:
    return evaluate_generation(sampler, photos or Photos(), EXTRACTOR, **options)  # type: ignore[arg-type]


def test_good_samples_are_near_and_shifted_ones_far() -> None:
    good, shifted = evaluate(Sampler()).figures, evaluate(Sampler(0.4)).figures
    assert abs(good["kid_moments"]) < 0.1 * shifted["kid_moments"]
    assert good["frechet_distance_moments"] < 0.1 * shifted["frechet_distance_moments"]
    assert good["precision"] > 0.7
    assert good["recall"] > 0.7
    assert shifted["precision"] < 0.6
    assert abs(shifted["real_halves"]["kid_moments"]) < 0.2 * shifted["kid_moments"]
    assert good["inception_score"] == pytest.approx(2, abs=0.2)  # two classes, told apart with certainty


def test_as_many_samples_as_photos_are_taken_unless_told() -> None:
    assert evaluate(Sampler()).protocol["n"] == 60
    protocol = evaluate(Sampler(), n=20).protocol
    assert (protocol["n"], protocol["n_real"]) == (20, 20)
    protocol = evaluate(Sampler(), n=80).protocol
    assert (protocol["n"], protocol["n_real"]) == (80, 60)
    with pytest.raises(UserError, match="at least 8 images and samples"):
        evaluate(Sampler(), n=4)


def test_a_conditional_model_is_asked_for_the_classes_of_the_photos() -> None:
    conditional, photos = Sampler(conditional=True), Photos()
    assert evaluate(conditional, photos).protocol["labels"] == "those of the photos"
    assert conditional.asked == photos.label[photos.chosen(None, 0)].tolist()

    photos.class_names = ["hat", "shoe"]
    assert evaluate(conditional, photos).protocol["labels"] == "all in turn"
    assert conditional.asked is None

    assert evaluate(Sampler()).protocol["labels"] == "none"


def test_only_inception_features_make_a_fid(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    extractor = choose_extractor("auto", torch.device("cpu"))
    assert extractor.key == "random_vgg"
    assert extractor.frechet == "Frechet distance (random VGG, seed 0)"
    assert extractor.frechet_key == "frechet_distance_random_vgg"
    features, logits = extractor(torch.zeros(2, 1, 20, 20))
    assert features.shape == (2, 736)
    assert logits is None
    with pytest.raises(UserError, match="weights-inception"):
        choose_extractor("inception", torch.device("cpu"))
    with pytest.raises(UserError, match="extractor=vgg: needs"):
        choose_extractor("vgg", torch.device("cpu"))
    assert Extractor("inception", "Inception", "FID", "", None).frechet_key == "fid"


def test_the_table_names_the_features_beside_every_distance() -> None:
    report = evaluate(Sampler())
    assert [row[0] for row in report.rows] == [
        "KID (moments)",
        "Frechet distance (moments)",
        "precision",
        "recall",
        "Inception score",
    ]
    assert report.protocol["extractor"] == "moments"
