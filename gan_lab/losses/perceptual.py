"""Distance between images in VGG19's features."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from gan_lab.losses.reconstruction import l1
from gan_lab.networks.features import VGG19Features, vgg19_features

# pix2pixHD's; deeper layers, whose responses are fewer and say more, count more.
_LAYERS = MappingProxyType({"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0})


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
