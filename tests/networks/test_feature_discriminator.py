from __future__ import annotations

import torch

from gan_lab.networks import FeatureDiscriminator, FeatureGroups
from gan_lab.networks.feature_discriminator import STAGE_CHANNELS


def test_every_stage_from_the_first_is_judged_at_each_place() -> None:
    features = FeatureGroups(0)
    stages = features.extract_stages(torch.rand(2, 3, 64, 48))
    assert tuple(stage.shape[1] for stage in stages) == STAGE_CHANNELS
    for first in (0, 2):
        logits = FeatureDiscriminator(first=first)(stages)
        assert [each.shape for each in logits] == [(2, 1, *stage.shape[-2:]) for stage in stages[first:]]


def test_no_layer_stretches_by_more_than_one() -> None:
    torch.manual_seed(0)
    network = FeatureDiscriminator()
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert len(layers) == 12
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.1


def test_stages_that_were_extracted_give_the_same_groups() -> None:
    features, images = FeatureGroups(0), torch.rand(2, 1, 32, 32) * 2 - 1
    for group, again in zip(features(images), features.group(images, features.extract_stages(images)), strict=True):
        assert torch.equal(group, again)
