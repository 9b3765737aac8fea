"""Figures of held-out batches: those of whole sets, in every process of a run alike."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, multiprocessing

from gan_lab.metrics import kernel_distance, psnr, to_uint8
from gan_lab.models.validation import make_mean, measure_random_vgg_distance
from gan_lab.networks import RandomVGG
from gan_lab.rng import draw_seeded_noise
from tests.models.test_enhancer import darkened, enhancer


class Noise:
    """Makes images of latents by showing them."""

    latents = 12
    device = torch.device("cpu")

    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return torch.tanh(z).view(-1, 3, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3)


def held_out() -> list[dict[str, Tensor]]:
    images = torch.rand(10, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return [{"image": part, "label": torch.zeros(len(part)).long()} for part in images.split(4)]


def test_the_distance_is_that_of_all_images_and_as_many_samples() -> None:
    embed, model = RandomVGG(), Noise()
    real = torch.cat([embed(batch["image"]) for batch in held_out()])
    noise = [draw_seeded_noise(len(batch["image"]), 12, seed=index) for index, batch in enumerate(held_out())]
    fake = torch.cat([embed(model.generate(z)) for z in noise])
    (found,) = measure_random_vgg_distance(model, held_out()).values()
    assert found == kernel_distance(real, fake, subsets=None)[0]


def test_a_restorer_is_measured_over_all_its_images() -> None:
    model, batches = enhancer(), [darkened(1, side=16), darkened(2, side=16)]
    pred, gt = (torch.cat(parts) for parts in zip(*((model.enhance(b["lq"]), b["gt"]) for b in batches), strict=True))
    expected = psnr(to_uint8(pred), to_uint8(gt)).clamp(max=60).mean()
    assert model.validate(batches)["val/psnr"] == pytest.approx(float(expected), rel=1e-9)


def measure() -> dict[str, Any]:
    """Return figures of the same images."""
    mean = make_mean(torch.device("cpu"))
    mean.update(torch.arange(3.0))
    figures = measure_random_vgg_distance(Noise(), held_out()) | enhancer().validate([darkened(1, side=16)])
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
    assert torch.load(tmp_path / "found.pt") == pytest.approx(measure(), rel=1e-6)
