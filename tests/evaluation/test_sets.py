"""Sets of images with their features."""

from __future__ import annotations

import torch
from torch import nn

from gan_lab.evaluation import choose_extractor
from gan_lab.evaluation.sets import embed_batches, embed_samples
from gan_lab.jobs import Progress
from tests.evaluation.test_extractors import CPU
from tests.evaluation.test_generation import Sampler

FLAT = choose_extractor(nn.Flatten(), CPU)


def test_images_are_embedded_as_they_are() -> None:
    image = torch.rand(5, 3, 4, 4) * 2 - 1
    batches = [(image[:3], torch.arange(3)), (image[3:], torch.arange(3, 5))]
    with Progress("reading", 5) as progress:
        found = embed_batches(iter(batches), FLAT, progress)
        assert progress.done == 5
    assert found.features.equal(image.flatten(1))
    assert found.pixels.equal(((image + 1) * 127.5).round().byte())
    assert found.labels.tolist() == [0, 1, 2, 3, 4]


def test_samples_take_the_labels_in_turn_over_all_batches() -> None:
    with Progress("generating", 40) as progress:
        samples = embed_samples(Sampler(conditional=True), 40, 0, [0, 1, 1], FLAT, progress)  # type: ignore[arg-type]
    assert samples.labels.tolist() == ([0, 1, 1] * 14)[:40]
    light = samples.pixels.float().mean(dim=(1, 2, 3)) > 127
    assert light.long().equal(samples.labels)
    assert samples.features.equal(samples.pixels.float().div(127.5).sub(1).flatten(1))
