"""Distance between images in the features of EfficientNet-Lite: what differs to the eye counts, not what differs in level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.networks.efficientnet_lite import Version, efficientnet_lite

#: Pixels to which the shorter side of a smaller image is enlarged: the deepest features of 16 pixels would be a single one.
SHORTEST = 64


class PerceptualDistance(nn.Module):
    """Compare images by EfficientNet-Lite's features at five scales, each place's features scaled to length 1.

    It is not LPIPS, whose channels are weighted by what people said: here each counts the same. Large images are compared
    as they are; where the shorter side has fewer than 64 pixels, both are enlarged.

    Args:
        version: of the network: 0 for losses, 2 for figures; see docs/adr/0033-imagenet-features.md.
        option: what asked for it, in refusals.

    Raises:
        UserError: the network's package is not installed, or its file is damaged.

    Source: Zhang et al. 2018, arXiv:1801.03924, eq. 1, without w.
    Differs from paper: the mean over scales in place of the sum, so that the range does not depend on their number.
    """

    def __init__(self, version: Version, option: str | None = None) -> None:
        super().__init__()
        self.version = version
        self.network = efficientnet_lite(version, size=None, option=option)

    def forward(self, pred: Tensor, gt: Tensor) -> Tensor:
        """Return the distances, [N] float32 in [0, 4]: 0 for equal images; no gradient flows into `gt`.

        Args:
            pred: [N, C, H, W] in [-1, 1] of 1 or 3 channels and any size.
            gt: likewise.
        """
        with torch.no_grad():
            features_gt = self.extract(gt)
        return compare_features(self.extract(pred), features_gt)

    def extract(self, images: Tensor) -> list[Tensor]:
        """Return the features of five scales, [N, C', h, w] each, of length 1 over the channels."""
        images, shorter = images.float(), min(images.shape[-2:])
        if shorter < SHORTEST:
            sides = [round(side * SHORTEST / shorter) for side in images.shape[-2:]]
            images = functional.interpolate(images, sides, mode="bilinear")
        # fp32: under autocast the difference of two nearly equal directions would be that of their roundings
        with torch.autocast(images.device.type, enabled=False):
            return [functional.normalize(stage, dim=1, eps=1e-6) for stage in self.network.extract_stages(images)]


def compare_features(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Return the distances [N] of two sets of images by their features, as `PerceptualDistance.extract` gives them."""
    scales = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(one, other, strict=True)]
    return torch.stack(scales).mean(dim=0)
