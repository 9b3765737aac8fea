"""Torchvision's classifiers as embeddings. (With their weights: tests/evaluation/test_extractors.py.)"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks.torchvision_features import TorchvisionFeatures, torchvision_features


def test_images_are_brought_to_the_size_and_the_scale_of_the_classifier() -> None:
    features = TorchvisionFeatures(nn.Flatten(), 4, mean=[0.5, 0.25, 0.0], std=[0.5, 0.25, 1.0])
    found = features(torch.ones(2, 3, 4, 4)).view(2, 3, 16)
    torch.testing.assert_close(found[0, :, 0], torch.tensor([1.0, 3.0, 1.0]))
    beyond = features(torch.full((1, 3, 4, 4), 1.5))
    torch.testing.assert_close(beyond[0], found[0].flatten())  # an overshoot counts as white
    grey = features(torch.zeros(1, 1, 20, 30).half())
    assert (grey.shape, grey.dtype) == ((1, 48), torch.float32)
    torch.testing.assert_close(grey.view(3, 16)[:, 5], torch.tensor([0.0, 1.0, 0.5]))


def test_what_embeds_is_not_trained() -> None:
    features = TorchvisionFeatures(nn.Sequential(nn.Linear(3, 2), nn.Dropout()), 4, [0.0] * 3, [1.0] * 3)
    assert not any(module.training for module in features.modules())
    assert not any(parameter.requires_grad for parameter in features.parameters())


def test_a_classifier_that_there_is_not_is_named_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"extractor=torchvision:resnet19: .*resnet18, "):
        torchvision_features("resnet19")
