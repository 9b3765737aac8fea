from __future__ import annotations

import torch

from gan_lab.models.photo_clusters import PhotoFeatures, describe_photos, find_centres, find_clusters
from gan_lab.networks.cluster_choice import DIMENSIONS


def test_small_clusters_go_to_their_neighbours_and_small_ones_are_shown_again() -> None:
    vectors = torch.cat([torch.randn(50, 3) * 0.1 + 5, torch.randn(50, 3) * 0.1 - 5, torch.full((1, 3), 50.0)])
    assert len(find_centres(vectors, 3)) == 2
    assert len(find_centres(vectors[:2], 3)) == 2
    labels = torch.zeros(5, dtype=torch.int64)
    kept = PhotoFeatures([torch.rand(1, 5, 12), torch.rand(1, 5, 4)], labels, torch.zeros(1, DIMENSIONS), labels[:1])
    drawn = kept.draw(torch.tensor([0, 0]), 7)
    assert drawn.shape == (2, 7)
    assert all(set(row.tolist()) == set(range(5)) for row in drawn)


def test_each_class_has_clusters_by_its_share_and_one_at_least() -> None:
    torch.manual_seed(0)
    corners = torch.cat(
        [torch.eye(7).repeat(6, 1)[:40], torch.eye(7)[:3].repeat(6, 1)]
    )  # so many things in two classes
    described = torch.cat([torch.zeros(2, 7), corners + 0.01 * torch.randn(58, 7)])
    labels = torch.tensor([0] * 2 + [1] * 40 + [3] * 18)
    centres, owners = find_clusters(described, labels, 12)
    assert owners.bincount(minlength=4).tolist() == [1, 7, 0, 3]
    assert len(centres) == 11


def test_what_differs_in_shape_or_in_colour_is_far_apart() -> None:
    torch.manual_seed(0)
    colours, shapes = torch.zeros(1, 4, 48), torch.zeros(1, 4, 320)
    colours[0, 1:3], shapes[0, 2:] = torch.randn(48), torch.randn(320)
    distance = torch.cdist(*[describe_photos([colours, shapes])] * 2)
    assert distance.shape == (4, 4)
    far = distance[~torch.eye(4, dtype=torch.bool)]
    assert far.min() > 0.5
    assert distance[0, 2] > distance[0, 1]  # in both
