"""What every discriminator shares: stages, then a head; and a label as a plane of the image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gan_lab.networks.discriminator import Discriminator, LabelPlane, require_label


class Add(nn.Module):
    """Add a number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, x: Tensor) -> Tensor:
        return x + self.number


def test_every_stage_is_handed_out_in_its_order_and_the_last_one_is_judged() -> None:
    network, x = Discriminator([Add(1), Add(10)], Add(100)), torch.zeros(2, 1)
    assert network(x).tolist() == [[111], [111]]
    logits, features = network(x, return_features=True)
    assert logits.tolist() == [[111], [111]]
    assert [feature[0].tolist() for feature in features] == [[1], [11]]


def test_each_class_has_a_plane_of_its_own_behind_the_colours() -> None:
    plane = LabelPlane(classes=3, image_size=4)
    x, label = torch.zeros(2, 3, 4, 4), torch.tensor([2, 0])
    out = plane(x.half(), label)
    assert (out.shape, out.dtype) == ((2, 4, 4, 4), torch.float16)
    assert torch.equal(out[:, :3], x.half())
    assert torch.equal(out[:, 3].flatten(1), plane.embedding.weight[label].half())


def test_a_network_with_classes_says_that_it_needs_a_label() -> None:
    label = torch.zeros(1)
    assert require_label(label) is label
    with pytest.raises(ValueError, match="needs a label for each image"):
        LabelPlane(3, 4)(torch.zeros(1, 3, 4, 4), None)
