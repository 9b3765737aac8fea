"""The PatchGAN discriminator."""

from __future__ import annotations

from torch import nn

from gan_lab.networks.discriminator import Discriminator
from gan_lab.networks.initialisation import initialise
from gan_lab.networks.norm import Norm, needs_bias, norm_layer
from gan_lab.networks.spectral_norm import spectral_normalise


class PatchDiscriminator(Discriminator):
    """Judge every patch of an image: [N, C, H, W] to [N, 1, h, w]; with 3 layers a logit sees 70x70 pixels.

    Args:
        channels: of the image that is judged.
        condition_channels: of the input that a conditional discriminator (pix2pix) sees stacked on it; 0 for none.
        width: channels after the first convolution, doubled per layer up to 8 times.
        layers: stride-2 convolutions; 1 sees 16x16 pixels, 2 sees 34x34, 3 sees 70x70.
        norm: "batch", "instance" or "none"; not applied next to the image and at the logits.
        spectral: divide every weight by its largest singular value.

    Source: Isola et al. 2017, arXiv:1611.07004, appendix 6.1.2; Zhu et al. 2017, arXiv:1703.10593, appendix 7.2.
    """

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        layers: int = 3,
        norm: Norm = "instance",
        spectral: bool = False,
        condition_channels: int = 0,
    ) -> None:
        widths = [width * min(2**level, 8) for level in range(layers + 1)]
        stages = [_stage(channels + condition_channels, width, 2, "none")]
        for level in range(1, layers + 1):
            stages.append(_stage(widths[level - 1], widths[level], 1 if level == layers else 2, norm))
        super().__init__(stages, nn.Conv2d(widths[-1], 1, 4, 1, 1))
        initialise(self)
        if spectral:
            spectral_normalise(self)


def _stage(entry: int, out: int, stride: int, norm: Norm) -> nn.Sequential:
    convolution = nn.Conv2d(entry, out, 4, stride, 1, bias=needs_bias(norm))
    return nn.Sequential(convolution, norm_layer(norm, out), nn.LeakyReLU(0.2, inplace=True))
