"""Training photos by cluster: what a method whose samples have a kind of photo each compares them with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from gan_lab.losses.drifting import SCALE_FLOOR
from gan_lab.networks.cluster_choice import DIMENSIONS

#: Precision in which photos' features are kept: half, whose largest number is far above any of them.
KEPT = torch.float16
#: A cluster with less than this share of an even one goes to its neighbours: its photos would be learnt by heart.
SMALLEST = 0.25


class PhotoFeatures:
    """The features of training photos, by cluster.

    Args:
        groups: of N photos, [P, N, D] each, in `KEPT`; see `gan_lab.networks.FeatureGroups`.
        labels: int64 [N]; 0 without classes.
        centres: of the clusters, [K, D']; see `find_clusters`.
        owners: the class of each cluster, int64 [K]: photos of other classes are none of it.
    """

    def __init__(self, groups: Sequence[Tensor], labels: Tensor, centres: Tensor, owners: Tensor) -> None:
        self.groups = list(groups)
        distance = torch.cdist(describe_photos(groups), centres)
        cluster = distance.masked_fill(labels[:, None] != owners, torch.inf).argmin(dim=1)
        self.members = [(cluster == number).nonzero()[:, 0] for number in range(len(centres))]

    def count(self) -> Tensor:
        """Return how many photos each cluster has, int64 [K]."""
        return torch.tensor([len(rows) for rows in self.members])

    def draw(self, clusters: Tensor, photos: int) -> Tensor:
        """Return rows of random photos of each cluster, int64 [len(clusters), photos]; those of a small one come again."""
        drawn = []
        for number in clusters.tolist():
            rows = self.members[number]
            times = -(-photos // len(rows))
            drawn.append(
                torch.cat([rows[torch.randperm(len(rows), device=rows.device)] for _ in range(times)])[:photos]
            )
        return torch.stack(drawn)

    def take(self, rows: Tensor) -> list[Tensor]:
        """Return the groups of photos [C, M] as C times as many places of M vectors, [P * C, M, D] float32."""
        flat = rows.flatten()
        return [group[:, flat].float().unflatten(1, rows.shape).flatten(0, 1) for group in self.groups]


def describe_photos(groups: Sequence[Tensor]) -> Tensor:
    """Return vectors [N, 128] whose distances say how unlike photos are, in shape and in colour, of their features' groups.

    They are random projections, which keep distances.
    """
    colours, shapes = groups[0][0].float(), groups[-1][0].float()
    centred = [each - each.mean(dim=0) for each in (shapes, colours)]
    joined = torch.cat([each / each.norm(dim=1).mean().clamp_min(SCALE_FLOOR) for each in centred], dim=1)
    random = torch.Generator().manual_seed(0)
    directions = torch.randn(joined.shape[1], DIMENSIONS, generator=random) / math.sqrt(DIMENSIONS)
    return joined @ directions.to(joined.device)


def find_clusters(described: Tensor, labels: Tensor, clusters: int) -> tuple[Tensor, Tensor]:
    """Return the centres [K, D'] of at most so many clusters, and their classes int64 [K].

    Each class has one at least, and of the others as its share of the photos says.

    Args:
        described: the photos, [N, D'].
        labels: int64 [N].
        clusters: as many as there are classes at least.
    """
    found = labels.unique()
    others = clusters - len(found)
    parts = [described[labels == label] for label in found]
    centres = [find_centres(part, 1 + math.floor(others * len(part) / len(described))) for part in parts]
    return torch.cat(centres), torch.cat([label.repeat(len(each)) for label, each in zip(found, centres, strict=True)])


def find_centres(described: Tensor, clusters: int) -> Tensor:
    """Return the centres [K, D'] of at most so many clusters of vectors [N, D'], by k-means; the smallest ones are dropped."""
    clusters = min(clusters, len(described))
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 1e-4)
    cv2.setRNGSeed(0)
    vectors, none = described.cpu().numpy().astype(np.float32), np.empty(0, np.int32)
    _, labels, centres = cv2.kmeans(vectors, clusters, none, until, 1, cv2.KMEANS_PP_CENTERS)
    large = np.bincount(labels[:, 0], minlength=clusters) >= SMALLEST * len(vectors) / clusters
    return torch.from_numpy(centres[large]).to(described.device)
