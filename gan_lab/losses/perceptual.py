"""Distance between images in the features of a frozen network: EfficientNet-Lite's or VGG19's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.losses.reconstruction import l1
from gan_lab.networks import PerceptualDistance
from gan_lab.networks.efficientnet_lite import TRAINER
from gan_lab.networks.features import VGG19Features, vgg19_features

#: The features of the perceptual term; "auto" is VGG19 where its file is named, else EfficientNet-Lite0.
PerceptualFeatures = Literal["auto", "efficientnet_lite0", "vgg19"]

# pix2pixHD's; deeper layers, whose responses are fewer and say more, count more.
_LAYERS = MappingProxyType({"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0})


def make_perceptual(features: PerceptualFeatures, vgg19_weights: str | None) -> LitePerceptual | Perceptual:
    """Return the perceptual term of `model.perceptual=` and `model.vgg19_weights=`.

    Raises:
        UserError: there are no such features, or `vgg19_weights` is given for others; their weights are not there.
    """
    if features == "auto":
        features = "efficientnet_lite0" if vgg19_weights is None else "vgg19"
    if features == "vgg19":
        return Perceptual(vgg19_weights)
    if features != "efficientnet_lite0":
        raise UserError(f"model.perceptual={features}: needs auto, efficientnet_lite0 or vgg19")
    if vgg19_weights is not None:
        raise UserError(f"model.vgg19_weights={vgg19_weights}: model.perceptual={features} takes none; leave one out")
    return LitePerceptual()


class LitePerceptual(nn.Module):
    """Return the mean distance of images in EfficientNet-Lite0's features; see `gan_lab.networks.PerceptualDistance`.

    Raises:
        UserError: the network's package is not installed, or its file is damaged.
    """

    def __init__(self) -> None:
        super().__init__()
        # in a list, as below
        self._hidden = [PerceptualDistance(TRAINER, option="model.perceptual=efficientnet_lite0")]

    def forward(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return a scalar in fp32, in [0, 4]; no gradient flows into `gt`.

        Args:
            pred: [N, C, H, W] in [-1, 1] of 1 or 3 channels and any size.
            gt: likewise.
        """
        return self._hidden[0].to(pred.device)(pred, gt).mean()


class Perceptual(nn.Module):
    """Return the weighted sum over layers of the mean absolute difference between VGG19's features.

    Args:
        weights: path of torchvision's VGG19 state dict; None looks in torch's folder, $TORCH_HOME/hub/checkpoints.
        layers: layer name -> its weight.

    Raises:
        UserError: the weights are not there or are another network's.
        ValueError: VGG19 has no layer of such a name.

    Source: Johnson et al. 2016, arXiv:1603.08155, eq. 2, with the layers, weights and L1 of the code of
    Wang et al. 2018, arXiv:1711.11585.
    """

    def __init__(self, weights: str | None = None, layers: Mapping[str, float] = _LAYERS) -> None:
        super().__init__()
        self.layers = dict(layers)
        # In a list, torch does not see it: 80 MB of constants stay out of checkpoints, optimisers and DDP's broadcasts.
        self._hidden = [vgg19_features(weights, list(self.layers))]

    def forward(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return a scalar in fp32; no gradient flows into `gt`.

        Args:
            pred: [N, C, H, W] in [-1, 1] of 1 or 3 channels, sides of at least 16.
            gt: likewise.
        """
        network: VGG19Features = self._hidden[0].to(pred.device)
        with torch.no_grad():
            features_gt = network(gt)
        distances = [
            weight * l1(feature_pred, feature_gt)
            for weight, feature_pred, feature_gt in zip(self.layers.values(), network(pred), features_gt, strict=True)
        ]
        return torch.stack(distances).sum()
