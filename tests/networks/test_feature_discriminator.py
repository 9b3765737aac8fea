from __future__ import annotations

from typing import Any

import torch

from gan_lab.networks import FeatureDiscriminator, FeatureGroups, ProjectedDiscriminator
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


def test_a_projected_discriminator_judges_images_by_frozen_stages() -> None:
    torch.manual_seed(0)
    network = ProjectedDiscriminator(width=4)
    images = (torch.rand(2, 1, 48, 64) * 2 - 1).requires_grad_()
    logits, features = network(images, return_features=True)
    stages = FeatureGroups(0).extract_stages(images)[1:]
    for feature, stage in zip(features, stages, strict=True):
        torch.testing.assert_close(feature, stage)
    assert logits.shape == (2, sum(stage.shape[-2] * stage.shape[-1] for stage in stages))
    assert logits.dtype == torch.float32
    logits.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    # what is trained and kept is the heads alone
    assert {name.split(".")[0] for name, _ in network.named_parameters()} == {"heads"}
    assert {name.split(".")[0] for name in network.state_dict()} == {"heads"}


def test_of_a_projected_discriminator_the_heads_alone_are_compiled() -> None:
    network = ProjectedDiscriminator(width=4)
    graphs: list[int] = []

    def backend(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Any:
        graphs.append(sum(node.op == "call_function" and "conv2d" in str(node.target) for node in graph.graph.nodes))
        return graph.forward

    network.compile(backend=backend)
    network(torch.zeros(1, 3, 32, 32))
    assert sum(graphs) == 12  # of three layers of four heads, where the frozen network has some sixty
