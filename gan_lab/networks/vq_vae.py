"""The vector-quantised autoencoder's two halves."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.options import ImageSize, check_whole, format_value, join_sides, split_sides


class GridEncoder(nn.Module):
    """Encode an image as a grid of vectors: 4x4 stride-2 convolutions with ReLU, then residual blocks.

    Args:
        image_size: the side of the image, or (height, width).
        channels: of the image.
        width: channels of the grid's features; the convolution next to the image has half of them.
        code_width: length of a vector.
        levels: how often the side is halved.
        blocks: residual blocks.

    Attributes:
        sides: height and width of the grid, in vectors.

    Raises:
        UserError: `image_size` cannot be halved so often, or `levels` is below 1.

    Source: van den Oord et al. 2017, arXiv:1711.00937, section 4.1.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        width: int = 128,
        code_width: int = 64,
        levels: int = 2,
        blocks: int = 2,
    ) -> None:
        super().__init__()
        sides = split_sides(image_size)
        step = 2 ** check_whole("model.encoder.levels", levels, at_least=1)
        if any(side % step for side in sides):
            nearest = join_sides(*(max(1, round(side / step)) * step for side in sides))
            raise UserError(
                f"data.image_size={format_value(join_sides(*sides))}: a side cannot be halved {levels} times "
                f"(model.encoder.levels); give multiples of {step}, for instance {format_value(nearest)}"
            )
        self.sides = (sides[0] // step, sides[1] // step)
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
        """Return vectors [N, code_width, h, w] for images [N, C, H, W] in [-1, 1]; h is H / 2**levels, and w W / 2**levels."""
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
        """Return images [N, C, H, W] in [-1, 1] for vectors [N, code_width, h, w]."""
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
