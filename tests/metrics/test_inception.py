"""FID, KID and the Inception score: torchmetrics' values where it has them, the functions' everywhere."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore as TheirInceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from gan_lab.metrics import (
    FrechetDistance,
    GivenFeatures,
    InceptionScore,
    KernelDistance,
    frechet_distance,
    inception_score,
    kernel_distance,
)
from gan_lab.networks import RandomVGG
from tests.metrics.test_generation import features


def fill(metric: Any, f_real: Tensor, f_fake: Tensor, batch: int = 7) -> Any:
    """Update a metric with both sets, batch by batch."""
    for part in f_real.split(batch):
        metric.update(part, real=True)
    for part in f_fake.split(batch):
        metric.update(part, real=False)
    return metric


def test_the_kernel_distance_is_torchmetrics_with_one_subset_of_the_whole_sets() -> None:
    f_real, f_fake = features(80).double(), features(80, shift=0.3, seed=1).double()
    theirs = fill(KernelInceptionDistance(GivenFeatures(16), subsets=1, subset_size=80), f_real, f_fake)
    ours = fill(KernelDistance(GivenFeatures(16)), f_real, f_fake)
    assert float(ours.compute()) == pytest.approx(float(theirs.compute()[0]), rel=1e-9)


@pytest.mark.parametrize("count", [80, 53])
def test_the_kernel_distance_of_batches_is_that_of_whole_sets(count: int) -> None:
    f_real, f_fake = features(80), features(count, shift=0.3, seed=1)
    metric = fill(KernelDistance(GivenFeatures(16)), f_real, f_fake)
    assert metric.smallest == count
    assert float(metric.compute()) == kernel_distance(f_real, f_fake, subsets=None)[0]
    metric.reset()
    assert metric.smallest == 0


def test_no_metric_draws_a_global_random_number_or_warns_of_its_memory() -> None:
    f_real, f_fake = features(30), features(30, seed=1)
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric in (KernelDistance(GivenFeatures(16)), FrechetDistance(GivenFeatures(16))):
            fill(metric, f_real, f_fake).compute()
        score = InceptionScore(GivenFeatures(16))
        score.update(f_real)
        score.compute()
    assert torch.equal(torch.get_rng_state(), state)


def test_images_are_embedded_by_the_network_given() -> None:
    real, fake = (torch.rand(6, 3, 20, 24, generator=torch.Generator().manual_seed(seed)) * 2 - 1 for seed in (0, 1))
    embed = RandomVGG()
    f_real, f_fake = embed(real), embed(fake)
    kernel, frechet = fill(KernelDistance(RandomVGG()), real, fake), fill(FrechetDistance(RandomVGG()), real, fake)
    assert float(kernel.compute()) == pytest.approx(kernel_distance(f_real, f_fake, subsets=None)[0], rel=1e-4)
    assert float(frechet.compute()) == pytest.approx(frechet_distance(f_real, f_fake), rel=1e-4)


@pytest.mark.parametrize(("real", "fake", "width"), [(300, 200, 16), (90, 60, 64), (20, 30, 200), (2, 2, 50)])
def test_the_frechet_distance_of_batches_is_that_of_whole_sets(real: int, fake: int, width: int) -> None:
    f_real, f_fake = features(real, width), features(fake, width, shift=0.3, spread=1.2, seed=1)
    metric = fill(FrechetDistance(GivenFeatures(width)), f_real, f_fake)
    assert float(metric.compute()) == pytest.approx(frechet_distance(f_real, f_fake), rel=1e-6)


def test_the_frechet_distance_is_torchmetrics_where_there_are_more_images_than_features() -> None:
    f_real, f_fake = features(300).double(), features(200, shift=0.3, spread=1.2, seed=1).double()
    theirs = fill(FrechetInceptionDistance(GivenFeatures(16)), f_real, f_fake)
    ours = fill(FrechetDistance(GivenFeatures(16)), f_real, f_fake)
    assert float(ours.compute()) == pytest.approx(float(theirs.compute()), rel=1e-9)


def test_a_few_images_are_at_no_distance_from_themselves() -> None:
    """torchmetrics' roots of eigenvalues that are 0 but for rounding make it -0.013 here."""
    rows = features(100, 400).double()
    metric = fill(FrechetDistance(GivenFeatures(400)), rows, rows.flip(0))
    assert float(metric.compute()) == pytest.approx(0, abs=1e-6)


def test_one_image_has_no_distance() -> None:
    for metric in (KernelDistance(GivenFeatures(4)), FrechetDistance(GivenFeatures(4))):
        with pytest.raises(ValueError, match=r"1 images|N >= 2"):
            fill(metric, torch.zeros(1, 4), torch.zeros(5, 4)).compute()


@pytest.mark.parametrize(("count", "splits"), [(100, 10), (103, 10), (50, 1)])
def test_the_inception_score_of_batches_is_that_of_all_logits(count: int, splits: int) -> None:
    logits = 3 * features(count, 12)
    score = InceptionScore(nn.Identity(), splits)
    for part in logits.split(9):
        score.update(part)
    assert tuple(float(value) for value in score.compute()) == inception_score(logits, splits)


def test_the_inception_score_is_torchmetrics_in_one_part() -> None:
    """More parts are drawn at random there."""
    logits = 3 * features(100, 12).double()
    ours, theirs = InceptionScore(nn.Identity(), 1), TheirInceptionScore(nn.Identity(), splits=1)
    ours.update(logits)
    theirs.update(logits)
    assert float(ours.compute()[0]) == pytest.approx(float(theirs.compute()[0]), rel=1e-9)


class Logging(LightningModule):
    """Logs the distance of noise from noise as any module may."""

    def __init__(self) -> None:
        super().__init__()
        self.distance = KernelDistance(GivenFeatures(16))

    def validation_step(self, batch: Tensor, index: int) -> None:
        self.distance.update(batch, real=True)
        self.distance.update(batch.flip(1), real=False)
        self.log("val/kid", self.distance)


def test_any_lightning_module_logs_one(tmp_path: Path) -> None:
    rows = features(40)
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path)
    (found,) = trainer.validate(Logging(), DataLoader(rows, batch_size=9), verbose=False)  # type: ignore[arg-type]
    assert found["val/kid"] == pytest.approx(kernel_distance(rows, rows.flip(1), subsets=None)[0], rel=1e-5)
