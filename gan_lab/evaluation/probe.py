"""A linear classifier on frozen features: trained in closed form, the same for the same images, on any machine.

It says whether samples show the class asked for, and what they are good for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.networks import RandomVGG, efficientnet_lite
from gan_lab.networks.efficientnet_lite import JUDGE, find_package_weights, name_package

#: Penalties among which the images themselves choose, as shares of the features' mean square.
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


def choose_probe_features(device: torch.device) -> FrozenFeatures:
    """Return EfficientNet-Lite2's features, or a random VGG's where its package is not installed.

    Raises:
        UserError: its file is damaged.
    """
    if find_package_weights(JUDGE) is not None:
        network = efficientnet_lite(JUDGE).to(device)
        return FrozenFeatures(
            f"efficientnet_lite{JUDGE}", f"EfficientNet-Lite{JUDGE} (ImageNet, 128 px)", network, device=device
        )
    missing = name_package(JUDGE)
    caution = (
        f"Classes were recognised by the features of a random VGG, for {missing} is not installed (pip install {missing}): "
        "do not compare these accuracies with others."
    )
    return FrozenFeatures("random_vgg", "random VGG, seed 0", RandomVGG(seed=0).to(device), caution, device)


@dataclass(frozen=True)
class LinearProbe:
    """Classes of images by a linear function of their features; made by `fit_probe`.

    Attributes:
        mean: of the features that it was fitted to, [D]; subtracted first.
        scale: of the features, [D]; divided by.
        weight: [D, classes].
        bias: [classes].
        penalty: the one that was chosen.
    """

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    penalty: float

    def classify(self, features: Tensor) -> Tensor:
        """Return the classes of features [N, D], int64 [N]."""
        return (((features - self.mean) / self.scale) @ self.weight + self.bias).argmax(dim=1)


def fit_probe(features: Tensor, labels: Tensor, classes: int) -> LinearProbe:
    """Fit ridge regression to the classes' indicators; its penalty is the one whose errors, each image left out, are least.

    Args:
        features: float64 [N, D].
        labels: int64 [N] in [0, classes).
        classes: how many.

    Source: Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634; leaving out in closed form: Allen 1974,
    doi:10.1080/00401706.1974.10489157.
    """
    mean, deviation = features.mean(dim=0), features.std(dim=0, correction=0)
    scale = torch.where(deviation > 1e-6 * deviation.max().clamp(min=1e-12), deviation, torch.ones_like(deviation))
    x = (features - mean) / scale
    indicators = functional.one_hot(labels, classes).to(x.dtype)
    bias = indicators.mean(dim=0)
    y = indicators - bias
    if len(x) <= x.shape[1]:  # in the smaller of the two spaces
        values, u = torch.linalg.eigh(x @ x.T)
        values = values.clamp(min=0)
    else:
        values, v = torch.linalg.eigh(x.T @ x)
        values = values.clamp(min=0)
        u = x @ v / values.clamp(min=1e-12 + 1e-9 * float(values.max())).sqrt()
    projected = u.T @ y
    best: tuple[float, float, Tensor] | None = None
    for share in PENALTIES:
        penalty = share * len(x) * x.shape[1] / min(x.shape) if values.max() > 0 else 1.0
        kept = values / (values + penalty)
        residual = y - u @ (kept[:, None] * projected)
        leverage = (u.square() @ kept + 1 / len(x)).clamp(max=1 - 1e-9)  # the mean is fitted, too
        error = (residual / (1 - leverage)[:, None]).square().mean().item()
        if best is None or error < best[0]:
            weight = x.T @ (u @ (projected / (values + penalty)[:, None]))
            best = error, penalty, weight
    assert best is not None
    return LinearProbe(mean, scale, best[2], bias, best[1])


def count_hits(probe: LinearProbe, features: Tensor, labels: Tensor) -> int:
    """Return for how many features [N, D] the probe names the label, int64 [N]."""
    return int((probe.classify(features) == labels).sum())


def describe_probe(features: FrozenFeatures) -> str:
    """Return the description of the classifier for a protocol."""
    return (
        f"ridge regression to the classes' indicators on frozen features of {features.name}, each scaled to deviation 1; "
        "penalty by leaving out each image; the same images give the same classifier"
    )
