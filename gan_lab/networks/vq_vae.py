"""The vector-quantised autoencoder's two halves."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn import functional


class GridEncoder(nn.Module):
    """Encode an image as a grid of vectors: 4x4 stride-2 convolutions with ReLU, then residual blocks.

    Args:
        image_size: side of the image.
        channels: of the image.
        width: channels of the grid's features; the convolution next to the image has half of them.
        code_width: length of a vector.
        levels: how often the side is halved.
        blocks: residual blocks.

    Attributes:
        side: of the grid, in vectors.

    Raises:
        ValueError: `image_size` cannot be halved so often.

    Source: van den Oord et al. 2017, arXiv:1711.00937, section 4.1.
    """

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 3,
        width: int = 128,
        code_width: int = 64,
        levels: int = 2,
        blocks: int = 2,
    ) -> None:
        super().__init__()
        if levels < 1 or image_size % 2**levels:
            raise ValueError(f"image_size must be a multiple of 2**levels = {2**levels}; got {image_size}")
        self.side = image_size // 2**levels
        layers: list[nn.Module] = []
        for entry, out in itertools.pairwise((channels, *_widths(width, levels))):
            layers += [nn.Conv2d(entry, out, 4, 2, 1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(
            *layers,
            nn.Conv2d(_widths(width, levels)[-1], width, 3, padding=1),
            *[ResidualUnit(width) for _ in range(blocks)],
            nn.ReLU(inplace=True),
            nn.Conv2d(width, code_width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors [N, code_width, side, side] for images [N, C, H, W] in [-1, 1]; the side is H / 2**levels."""
        return self.layers(x)


class GridDecoder(nn.Module):
    """Decode a grid of vectors to an image: the encoder's mirror with transposed convolutions, and Tanh.

    Args:
        channels: of the image.
        width: the encoder's.
        code_width: the encoder's.
        levels: the encoder's.
        blocks: residual blocks.

    Source: van den Oord et al. 2017, arXiv:1711.00937, section 4.1. Differs from paper: Tanh, which bounds the image.
    """

    def __init__(
        self, channels: int = 3, width: int = 128, code_width: int = 64, levels: int = 2, blocks: int = 2
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(code_width, width, 3, padding=1)]
        layers += [ResidualUnit(width) for _ in range(blocks)]
        for entry, out in itertools.pairwise((width, *reversed(_widths(width, levels)[:-1]), channels)):
            layers += [nn.ReLU(inplace=True), nn.ConvTranspose2d(entry, out, 4, 2, 1)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, vectors: Tensor) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for vectors [N, code_width, side, side]."""
        return self.layers(vectors)


class ResidualUnit(nn.Module):
    """Add to features what ReLU, a 3x3 convolution, ReLU and a 1x1 convolution make of them.

    Source: van den Oord et al. 2017, arXiv:1711.00937, section 4.1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width, 3, padding=1)
        self.narrow = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, width, h, w] for [N, width, h, w]."""
        return x + self.narrow(functional.relu(self.wide(functional.relu(x))))


def _widths(width: int, levels: int) -> list[int]:
    """Return the channels of every level, from the one next to the image inwards."""
    return [width // 2, *[width] * (levels - 1)]
