"""Figures of held-out batches: those of whole sets, in every process of a run alike."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, multiprocessing

from gan_lab.errors import UserError
from gan_lab.metrics import kernel_distance, precision_recall, psnr, to_uint8
from gan_lab.models import GAN
from gan_lab.models.validation import LITE, RANDOM, SetComparison, compare_samples, load_extractor, make_mean
from gan_lab.networks import RandomVGG, efficientnet_lite
from gan_lab.rng import draw_seeded_noise
from tests.models.fitting import TinyDiscriminator, TinyGenerator, adam
from tests.models.test_enhancer import darkened, enhancer

#: The function of the same name hides it as an attribute of its package.
LITE_MODULE = sys.modules["gan_lab.networks.efficientnet_lite"]


class Noise:
    """Makes images of latents by showing them."""

    latents = 12
    device = torch.device("cpu")

    def __init__(self, extractor: str = LITE) -> None:
        self.validation_extractor = extractor
        self.kid_name = f"val/kid_{extractor}"

    def start_comparison(self) -> SetComparison:
        return SetComparison(load_extractor(self.validation_extractor, "cpu"))

    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return torch.tanh(z).view(-1, 3, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3)


def held_out() -> list[dict[str, Tensor]]:
    images = torch.rand(10, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return [{"image": part, "label": torch.zeros(len(part)).long()} for part in images.split(4)]


@pytest.mark.parametrize("extractor", [LITE, RANDOM])
def test_the_figures_are_those_of_all_images_and_as_many_samples(extractor: str) -> None:
    embed = RandomVGG() if extractor == RANDOM else efficientnet_lite(1, 96)
    model = Noise(extractor)
    real = torch.cat([embed(batch["image"]) for batch in held_out()])
    noise = [draw_seeded_noise(len(batch["image"]), 12, seed=index) for index, batch in enumerate(held_out())]
    fake = torch.cat([embed(model.generate(z)) for z in noise])
    found = compare_samples(model, held_out())
    assert found.keys() == {f"val/{name}_{extractor}" for name in ("kid", "precision", "recall")}
    assert found[f"val/kid_{extractor}"] == pytest.approx(kernel_distance(real, fake, subsets=None)[0], rel=1e-4)
    precision, recall = precision_recall(real, fake)
    assert (found[f"val/precision_{extractor}"], found[f"val/recall_{extractor}"]) == (precision, recall)


def test_a_single_image_has_no_distribution() -> None:
    assert compare_samples(Noise(), [{name: value[:1] for name, value in held_out()[0].items()}]) == {}


def gan(**options: Any) -> GAN:
    return GAN(TinyGenerator(), TinyDiscriminator(), adam(1e-3), adam(1e-3), **options)


def test_best_follows_the_distance_in_the_features_that_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gan().monitor == ("val/kid_efficientnet_lite1", "min")
    assert gan(validation_extractor=RANDOM).monitor == ("val/kid_random_vgg", "min")
    with pytest.raises(
        UserError, match=r"model\.validation_extractor=efficientnet_lite2: is not a choice; give one of null, "
    ):
        gan(validation_extractor="efficientnet_lite2")
    monkeypatch.setattr("gan_lab.models.validation.find_package_weights", lambda version: None)
    assert gan().validation_extractor == RANDOM  # the default falls back, and the figure's name says it
    assert gan(validation_extractor=LITE).validation_extractor == LITE  # what a run began with does not


def test_a_missing_package_is_refused_before_the_first_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    model = gan(validation_extractor=LITE)
    load_extractor.cache_clear()
    monkeypatch.setattr(LITE_MODULE, "find_package_weights", lambda version: None)
    with pytest.raises(
        UserError,
        match=r"validation_extractor=efficientnet_lite1: efficientnet-lite1-.* is not installed; pip",
    ):
        model.on_fit_start()


def test_a_restorer_is_measured_over_all_its_images() -> None:
    model, batches = enhancer(), [darkened(1, side=16), darkened(2, side=16)]
    pred, gt = (torch.cat(parts) for parts in zip(*((model.enhance(b["lq"]), b["gt"]) for b in batches), strict=True))
    expected = psnr(to_uint8(pred), to_uint8(gt)).clamp(max=60).mean()
    assert model.validate(batches)["val/psnr"] == pytest.approx(float(expected), rel=1e-9)


def measure() -> dict[str, Any]:
    """Return figures of the same images."""
    mean = make_mean(torch.device("cpu"))
    mean.update(torch.arange(3.0))
    figures = compare_samples(Noise(), held_out()) | enhancer().validate([darkened(1, side=16)])
    return figures | {"mean": float(mean.compute()), "count": float(mean.weight)}


def one_of_two(rank: int, folder: str) -> None:
    limit = timedelta(minutes=5)  # of a process that waits for the other one in vain
    place = f"file://{folder}/meet"
    torch.distributed.init_process_group("gloo", init_method=place, timeout=limit, rank=rank, world_size=2)
    if rank == 0:  # the other one takes no part: nothing waits for it
        torch.save(measure(), f"{folder}/found.pt")
    torch.distributed.barrier()  # a process that leaves while the other still talks to it aborts it
    torch.distributed.destroy_process_group()


def test_a_process_of_several_counts_its_images_once_and_waits_for_no_other(tmp_path: Path) -> None:
    multiprocessing.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    assert torch.load(tmp_path / "found.pt") == pytest.approx(measure(), rel=1e-5)
