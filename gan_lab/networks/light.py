"""The light of a whole photo: a small network that sees a thumbnail and says how exposure, cast and veil are undone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

#: The power of light with which a gain below 1 fades out towards pure white, which must stay white.
WHITE_PIN = 24
#: Shares of the pixels whose light the estimator is given, channel by channel; the ends closely, for what is clipped.
QUANTILES = (
    *(0.0, 0.002, 0.01, 0.03, 0.06, 0.12, 0.25, 0.4, 0.5, 0.6, 0.75, 0.85),
    *(0.92, 0.96, 0.98, 0.99, 0.995, 0.998, 1.0),
)
LOWEST_LIGHT = 2.0**-10  # below the darkest 8-bit level, so that logarithms stay finite


class Light(NamedTuple):
    """What undoes a photo's light, per channel, in linear light: `(light - black) / (1 - black) * gain`.

    Attributes:
        gain: [N, C], above 0; 1 changes nothing.
        black: [N, C] in [0, 1), the veil that lies over the darkest pixel; 0 is none.
    """

    gain: Tensor
    black: Tensor


class LightCorrector(nn.Module):
    """Correct exposure, white balance and veil of a whole photo by seven numbers, estimated on a thumbnail's colours.

    The correction is one curve per channel for the whole photo: it cannot alter a product locally, and tiles agree. It is
    estimated from the distribution of light and colour alone, by a perceptron that sees quantiles and a histogram, not from
    what the photo shows: a convolutional network knew the walls of the senders it was trained on, and was worse on others.

    Args:
        side: of the thumbnail, in pixels.
        bins: of the histogram, on either axis: red over green and blue over green, from 1/8 to 8 times.
        hidden: width of the two hidden layers.
        dropout: share of each hidden layer that training leaves out.

    Source: Barron 2015, arXiv:1507.00410 (colour constancy by the histogram of logarithmic chromaticity).
    """

    def __init__(self, side: int = 32, bins: int = 24, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.side, self.bins = side, bins
        seen = 3 * len(QUANTILES) + bins**2
        self.layers = nn.Sequential(
            *(nn.Linear(seen, hidden), nn.SiLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(dropout)),
            nn.Linear(hidden, 7),
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # starts by changing next to nothing
        nn.init.zeros_(last.bias)

    def forward(self, image: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return the corrected photo, [N, 3, H, W] in [-1, 1], for the same.

        Args:
            image: what is corrected.
            seen: what the correction is estimated on, where that is not `image`.
        """
        return relight(image, self.estimate(image if seen is None else seen))

    def estimate(self, image: Tensor) -> Light:
        """Return the correction of the light of photos [N, 3, H, W] in [-1, 1]."""
        from kornia.color import rgb_to_linear_rgb  # here: it takes half a second to import, and few commands use it

        thumbnail = functional.interpolate(image.float(), (self.side, self.side), mode="area")
        light = rgb_to_linear_rgb((thumbnail + 1) / 2).clamp(min=LOWEST_LIGHT).flatten(2)  # [N, 3, side * side]
        stops = torch.log2(light)
        shares = torch.tensor(QUANTILES, device=image.device)
        quantiles = torch.quantile(stops, shares, dim=2).permute(1, 2, 0).flatten(1)  # [N, 3 * quantiles]
        seen = torch.cat([0.3 * quantiles + 1, 3 * self.histogram(stops, light)], dim=1)
        raw = self.layers(seen).float()
        trust = torch.sigmoid(raw[:, 6:] + 2)  # lets the network say that a photo needs nothing
        veil = (torch.sigmoid(4 * raw[:, 3:6] - 5) - 0.003).clamp(min=0)  # none at all is within its reach
        return Light(torch.exp(trust * raw[:, :3]), 0.5 * trust * veil)

    def histogram(self, stops: Tensor, light: Tensor) -> Tensor:
        """Return the square root of the share of the light at each chromaticity, [N, bins * bins].

        Args:
            stops: [N, 3, P], the logarithm of `light` to base 2.
            light: [N, 3, P], linear. A bright pixel counts for more, and the darkest, which are noise, for little.
        """
        red, blue = stops[:, 0] - stops[:, 1], stops[:, 2] - stops[:, 1]
        row, column = (((axis + 3) / 6 * self.bins).long().clamp(0, self.bins - 1) for axis in (red, blue))
        weights = (light.mean(dim=1) + 0.02).sqrt()
        counts = light.new_zeros(len(light), self.bins**2).scatter_add_(1, row * self.bins + column, weights)
        return (counts / counts.sum(dim=1, keepdim=True)).sqrt()


def relight(image: Tensor, light: Light) -> Tensor:
    """Return photos under a corrected light, [N, C, H, W] in [-1, 1] for the same.

    Pure black stays black. Pure white stays white: a gain below 1 fades out over the topmost values.
    """
    gain, black = (each[:, :, None, None] for each in light)
    from kornia.color import (  # here: it takes half a second to import, and few commands use it
        linear_rgb_to_rgb,
        rgb_to_linear_rgb,
    )

    linear = (rgb_to_linear_rgb((image.float() + 1) / 2) - black).clamp(min=0) / (1 - black)
    pinned = torch.where(gain < 1, gain ** (1 - linear**WHITE_PIN), gain)
    return linear_rgb_to_rgb((linear * pinned).clamp(0, 1)) * 2 - 1
