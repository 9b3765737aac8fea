"""R3GAN's networks: residual blocks without norms, plain or conditional."""

from __future__ import annotations

import itertools
import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.networks.discriminator import Discriminator, require_label
from gan_lab.networks.first_map import find_first_map
from gan_lab.options import ImageSize

_SLOPE = 0.2
_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


def _ladder(image_size: ImageSize, width: int, max_width: int) -> tuple[tuple[int, int], list[int]]:
    """Return the smallest map's sides and the channels of every size of map, from the image's own inwards."""
    sides, doublings = find_first_map(image_size)
    return sides, [min(width * 2**level, max_width) for level in range(doublings + 1)]


class R3GANGenerator(nn.Module):
    """Grow an image from learnt 4x4 maps that z scales, with residual blocks between bilinear doublings; no norm anywhere.

    With `classes` the label is embedded and concatenated to z. Every residual branch starts at zero.

    Args:
        image_size: 16, 32, 64, 128 ..., or 5, 6 or 7 doubled at least twice, which start from maps of that side; or
            (height, width), which starts from a map of that aspect ratio, see `find_first_map`.
        channels: of the image.
        latents: length of z.
        width: channels next to the image; doubled inwards up to `max_width`.
        max_width: the most channels of a map.
        blocks: residual blocks at each size of map.
        expansion: channels inside a block, in multiples of those outside.
        group_width: channels in a group of the 3x3 convolutions.
        classes: number of labels, 0 for none.

    Raises:
        UserError: `image_size` is not one of those.
        ValueError: `group_width` does not divide the channels inside a block.

    Source: Huang et al. 2024, arXiv:2501.05441, section 4 and its code.
    Differs from paper: tanh at the end, since images lie in [-1, 1]; the defaults are for a CPU and few photos (at 64x64
    the paper has 384 channels next to the image and 768 elsewhere).
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        latents: int = 64,
        width: int = 32,
        max_width: int = 256,
        blocks: int = 2,
        expansion: int = 2,
        group_width: int = 16,
        classes: int = 0,
    ) -> None:
        super().__init__()
        sides, widths = _ladder(image_size, width, max_width)
        depth = blocks * len(widths)
        self.latents = latents
        self.embedding = nn.Embedding(classes, latents) if classes else None
        self.linear = _initialise(nn.Linear(2 * latents if classes else latents, widths[-1], bias=False))
        self.basis = nn.Parameter(torch.randn(widths[-1], *sides))
        stages = [nn.Sequential(*_blocks(widths[-1], blocks, expansion, group_width, depth))]
        for inner, outer in itertools.pairwise(reversed(widths)):
            # the 1x1 convolution and the doubling commute; this order costs a quarter
            entry = [_change(inner, outer), nn.Upsample(scale_factor=2, mode="bilinear")]
            stages.append(nn.Sequential(*entry, *_blocks(outer, blocks, expansion, group_width, depth)))
        self.stages = nn.Sequential(*stages)
        self.out = _initialise(nn.Conv2d(width, channels, 1, bias=False))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and, with classes, labels int64 [N]."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(require_label(label))], dim=1)
        return self.out(self.stages(self.linear(z)[:, :, None, None] * self.basis)).tanh()


class R3GANDiscriminator(Discriminator):
    """Judge a whole image with residual blocks that are halved in between; its last map meets learnt maps of its own side.

    With `classes` the label's embedding is projected on the features. Every residual branch starts at zero.

    Args:
        image_size: as of the generator.
        channels: of the image.
        width: channels next to the image; doubled inwards up to `max_width`.
        max_width: the most channels of a map.
        blocks: residual blocks at each size of map.
        expansion: channels inside a block, in multiples of those outside.
        group_width: channels in a group of the 3x3 convolutions.
        classes: number of labels, 0 for none.

    Raises:
        UserError, ValueError: as the generator.

    Source: Huang et al. 2024, arXiv:2501.05441, section 4 and its code.
    Differs from paper: halving is the mean of 2x2 pixels, bilinear too, where the code filters by 1, 2, 1.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        width: int = 32,
        max_width: int = 256,
        blocks: int = 2,
        expansion: int = 2,
        group_width: int = 16,
        classes: int = 0,
    ) -> None:
        sides, widths = _ladder(image_size, width, max_width)
        depth = blocks * len(widths)
        stages = []
        for outer, inner in itertools.pairwise(widths):
            leave = [nn.AvgPool2d(2), _change(outer, inner)]
            stages.append(nn.Sequential(*_blocks(outer, blocks, expansion, group_width, depth), *leave))
        stages.append(nn.Sequential(*_blocks(widths[-1], blocks, expansion, group_width, depth)))
        basis = nn.Conv2d(widths[-1], widths[-1], sides, groups=widths[-1], bias=False)
        linear = nn.Linear(widths[-1], widths[-1] if classes else 1, bias=False)
        super().__init__(stages, nn.Sequential(_initialise(basis), nn.Flatten(), _initialise(linear)))
        self.entry = _initialise(nn.Conv2d(channels, width, 1, bias=False))
        self.embedding = nn.Embedding(classes, widths[-1]) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, 0.0, widths[-1] ** -0.5)

    def enter(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Return the image's channels spread over `width`, [N, width, H, W]."""
        return self.entry(x)

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return one logit an image, [N]."""
        features = self.head(hidden)
        if self.embedding is None:
            return features.flatten()
        return (self.embedding(require_label(label)) * features).sum(dim=1)


class _Block(nn.Module):
    """1x1, grouped 3x3 and 1x1 convolutions around LeakyReLU 0.2; no bias but the activations' own."""

    def __init__(self, width: int, expansion: int, group_width: int, depth: int) -> None:
        super().__init__()
        hidden = expansion * width
        if hidden % group_width:
            raise ValueError(f"group_width={group_width}: does not divide the {hidden} channels inside a block")
        # Fixup: of the m = 3 layers of each of L branches the last starts at 0, the others L^(-1 / (2m - 2)) smaller
        gain = math.sqrt(2 / (1 + _SLOPE**2)) * depth**-0.25
        self.conv1 = _initialise(nn.Conv2d(width, hidden, 1), gain)
        self.conv2 = _initialise(nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden // group_width), gain)
        self.conv3 = nn.Conv2d(hidden, width, 1, bias=False)
        nn.init.zeros_(self.conv3.weight)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.leaky_relu(self.conv1(x), _SLOPE, inplace=True)
        hidden = functional.leaky_relu(self.conv2(hidden), _SLOPE, inplace=True)
        return x + self.conv3(hidden)


def _blocks(width: int, blocks: int, expansion: int, group_width: int, depth: int) -> list[nn.Module]:
    return [_Block(width, expansion, group_width, depth) for _ in range(blocks)]


def _change(entry: int, out: int) -> nn.Module:
    return nn.Identity() if entry == out else _initialise(nn.Conv2d(entry, out, 1, bias=False))


def _initialise(layer: _Layer, gain: float = 1.0) -> _Layer:
    """Draw a layer's weights so that signals leave it `gain` times as large as they enter; its bias starts at 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
