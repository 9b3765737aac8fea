"""The plain convolutional discriminator of the enhancers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gan_lab.networks.discriminator import Discriminator
from gan_lab.networks.initialisation import initialise
from gan_lab.networks.norm import Norm, needs_bias, norm_layer
from gan_lab.networks.spectral_norm import spectral_normalise


class ConvDiscriminator(Discriminator):
    """Judge a whole image of any size: stride-2 convolutions with LeakyReLU 0.2, global average, one linear logit.

    Args:
        channels: of the image.
        widths: output channels of each convolution.
        kernel: odd side of the convolutions.
        norm: "batch", "instance" or "none"; not applied next to the image.
        spectral: divide every weight by its largest singular value.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (64, 128, 256),
        kernel: int = 5,
        norm: Norm = "batch",
        spectral: bool = False,
    ) -> None:
        stages = []
        for level, (entry, out) in enumerate(zip((channels, *widths), widths, strict=False)):
            own = norm if level else "none"
            convolution = nn.Conv2d(entry, out, kernel, 2, kernel // 2, bias=needs_bias(own))
            stages.append(nn.Sequential(convolution, norm_layer(own, out), nn.LeakyReLU(0.2, inplace=True)))
        super().__init__(stages, nn.Linear(widths[-1], 1))
        initialise(self)
        if spectral:
            spectral_normalise(self)

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return one logit an image, [N]."""
        return self.head(hidden.mean(dim=(2, 3))).flatten()
