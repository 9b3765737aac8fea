"""The light of a whole photo: a small network that sees a thumbnail and says how exposure, cast and veil are undone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

#: The power of light with which a gain below 1 fades out towards pure white, which must stay white.
WHITE_PIN = 24
#: Shares of the pixels whose light the estimator is told, channel by channel.
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
LOWEST_LIGHT = 2.0**-10  # below the darkest 8-bit level, so that logarithms stay finite


class Light(NamedTuple):
    """What undoes a photo's light, per channel, in linear light: `(light - black) / (1 - black) * gain`.

    Attributes:
        gain: [N, C], above 0; 1 changes nothing.
        black: [N, C] in [0, 1), the veil that lies over the darkest pixel; 0 is none.
    """

    gain: Tensor
    black: Tensor

    def scaled(self, strength: float) -> Light:
        """Return the light with a share of its effect: 0 changes nothing, 1 is the whole."""
        return Light(self.gain**strength, self.black * strength)


class LightCorrector(nn.Module):
    """Correct exposure, white balance and veil of a whole photo by seven numbers a picture, estimated on a thumbnail.

    The correction is one curve per channel for the whole photo: it cannot alter a product locally, and tiles agree.

    Args:
        side: of the thumbnail, in pixels.
        widths: channels of the convolutions, each at half the resolution of the one before.
        hidden: width of the layer that joins the picture's features with its quantiles.
        dropout: share of the joined features that training leaves out.
    """

    def __init__(
        self,
        side: int = 64,
        widths: tuple[int, ...] = (32, 64, 128, 192),
        hidden: int = 256,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.side = side
        layers: list[nn.Module] = []
        for entry, out in zip((6, *widths), widths, strict=False):
            layers += [nn.Conv2d(entry, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.SiLU(inplace=True)]
            layers += [nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.SiLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        joined = 2 * widths[-1] + 3 * len(QUANTILES)
        self.head = nn.Sequential(nn.Linear(joined, hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, 7))
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, image: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return the corrected photo, [N, 3, H, W] in [-1, 1], for the same.

        Args:
            image: what is corrected.
            seen: what the correction is estimated on, where that is not `image`.
        """
        return relight(image, self.estimate(image if seen is None else seen))

    def estimate(self, image: Tensor) -> Light:
        """Return what undoes the light of photos [N, 3, H, W] in [-1, 1]."""
        thumbnail = functional.interpolate(image.float(), (self.side, self.side), mode="area")
        light = to_linear((thumbnail + 1) / 2)
        stops = torch.log2(light.clamp(min=LOWEST_LIGHT)) / 10  # [-1, 0]
        features = self.features(torch.cat([thumbnail, stops + 0.5], dim=1)).float()
        shares = torch.tensor(QUANTILES, device=image.device)
        quantiles = torch.quantile(stops.flatten(2), shares, dim=2).permute(1, 2, 0).flatten(1)  # [N, 3 * quantiles]
        joined = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3)), 3 * quantiles + 1], dim=1)
        raw = self.head(joined).float()
        trust = torch.sigmoid(raw[:, 6:] + 2)  # lets the network say that a photo needs nothing
        veil = (torch.sigmoid(4 * raw[:, 3:6] - 5) - 0.003).clamp(min=0)  # none at all is within its reach
        return Light(torch.exp(trust * raw[:, :3]), 0.5 * trust * veil)


def relight(image: Tensor, light: Light) -> Tensor:
    """Return photos under a corrected light, [N, C, H, W] in [-1, 1] for the same.

    Pure black stays black. Pure white stays white: a gain below 1 fades out over the topmost values.
    """
    gain, black = (each[:, :, None, None] for each in light)
    linear = (to_linear((image.float() + 1) / 2) - black).clamp(min=0) / (1 - black)
    pinned = torch.where(gain < 1, gain ** (1 - linear**WHITE_PIN), gain)
    return to_srgb((linear * pinned).clamp(0, 1)) * 2 - 1


def to_linear(encoded: Tensor) -> Tensor:
    """Return linear light for sRGB values in [0, 1]. Source: IEC 61966-2-1."""
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def to_srgb(light: Tensor) -> Tensor:
    """Return sRGB values in [0, 1] for linear light. Source: IEC 61966-2-1."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
