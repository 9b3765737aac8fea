"""The restoration network that ships: a U-Net of gated convolutions, for photos and their enlargements."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.networks.padding import pad_to_multiple


class Restorer(nn.Module):
    """Remove noise, blur, JPEG and marked holes from a photo, or enlarge it, by a residual that a U-Net predicts.

    At scale 1 the first level works at half the photo's resolution, which a pixel-unshuffle gives without loss: on a
    CPU that is four times the speed for the same network. Nothing in it looks at the whole picture, so tiles with
    enough overlap give what one pass gives.

    Args:
        channels: of the photo.
        width: channels of the first level; they double at each level down.
        blocks: blocks of each level, on the way down and again on the way up; the last entry is the bottom's.
        scale: 1, or 2 or 4 to enlarge.
        mask: take a mask of holes as a second input.

    Source: Chen et al. 2022, arXiv:2204.04676 (NAFNet). Differs from paper: see `GatedBlock`; sub-pixel input and output.
    """

    def __init__(
        self,
        channels: int = 3,
        width: int = 48,
        blocks: Sequence[int] = (2, 2, 4),
        scale: int = 1,
        mask: bool = True,
    ) -> None:
        super().__init__()
        if scale not in (1, 2, 4):
            raise UserError(f"model.generator.scale={scale}: needs 1, 2 or 4")
        self.scale = scale
        self.mask = mask
        self.entry = 2 if scale == 1 else 1  # side of the squares of pixels that the first level sees as one
        widths = [width * 2**level for level in range(len(blocks))]
        self.stem = nn.Conv2d((channels + mask) * self.entry**2, width, 3, padding=1)
        self.down = nn.ModuleList(stage(own, count) for own, count in zip(widths[:-1], blocks[:-1], strict=True))
        self.shrink = nn.ModuleList(nn.Conv2d(own, 2 * own, 2, 2) for own in widths[:-1])
        self.bottom = stage(widths[-1], blocks[-1])
        self.grow = nn.ModuleList(nn.Conv2d(2 * own, 4 * own, 1, bias=False) for own in reversed(widths[:-1]))
        self.up = nn.ModuleList(
            stage(own, count) for own, count in zip(reversed(widths[:-1]), reversed(blocks[:-1]), strict=True)
        )
        self.head = nn.Conv2d(width, channels * (self.entry * scale) ** 2, 3, padding=1)
        nn.init.zeros_(self.head.weight)  # starts as the identity, or as plain bicubic enlargement
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    @property
    def multiple(self) -> int:
        """Return the number of pixels that the sides are padded to a multiple of."""
        return self.entry * 2 ** len(self.down)

    def fold(self) -> None:
        """Make a network that is only used a little quicker; its weights are no longer those of a checkpoint."""
        for block in self.modules():
            if isinstance(block, GatedBlock):
                block.fold()

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [N, C, scale * H, scale * W], not clipped, for [N, C, H, W] in [-1, 1] of any size.

        Args:
            image: the photo; what lies in its holes should be a first guess.
            mask: [N, 1, H, W] in {0, 1}, 1 in holes; None for none.
        """
        height, width = image.shape[-2:]
        seen = image
        if self.mask:
            seen = torch.cat([image, torch.zeros_like(image[:, :1]) if mask is None else mask.to(image.dtype)], dim=1)
        x = pad_to_multiple(seen, self.multiple, mode="replicate")
        x = x.to(self.stem.weight.dtype)  # half precision stays inside: the photo itself is added in fp32
        x = self.stem(functional.pixel_unshuffle(x, self.entry) if self.entry > 1 else x)
        skips = []
        for blocks, shrink in zip(self.down, self.shrink, strict=True):
            x = blocks(x)
            skips.append(x)
            x = shrink(x)
        x = self.bottom(x)
        for grow, blocks, skip in zip(self.grow, self.up, reversed(skips), strict=True):
            x = blocks(functional.pixel_shuffle(grow(x), 2) + skip)
        residual = functional.pixel_shuffle(self.head(x), self.entry * self.scale)
        residual = residual[..., : height * self.scale, : width * self.scale].float()
        return enlarge(image, self.scale) + residual


class GatedBlock(nn.Module):
    """Add to features what a gated depthwise convolution makes of them.

    Args:
        width: channels of the features.

    Source: Chen et al. 2022, arXiv:2204.04676, fig. 3. Differs from paper: no channel attention, whose average over the
    picture would make the output depend on the tile; one kind of block for its two halves.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.expand = nn.Conv2d(width, 2 * width, 1)
        self.mix = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.project = nn.Conv2d(width, width, 1)
        self.gain: nn.Parameter | None = nn.Parameter(torch.zeros(1, width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H, W] for the same."""
        normalised = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        first, second = self.mix(self.expand(normalised)).chunk(2, dim=1)
        if self.gain is None:
            return x + self.project(first * second)
        assert self.project.bias is not None
        # The gain on the weights, not on the features: of these there are hundreds of times as many.
        weight, bias = self.project.weight * self.gain.view(-1, 1, 1, 1), self.project.bias * self.gain.flatten()
        return x + functional.conv2d(first * second, weight, bias).to(self.gain.dtype)

    @torch.no_grad()
    def fold(self) -> None:
        """Put the gain into the last convolution: the same function, quicker, and no longer that of a checkpoint."""
        if self.gain is not None:
            assert self.project.bias is not None
            self.project.weight.mul_(self.gain.view(-1, 1, 1, 1))
            self.project.bias.mul_(self.gain.flatten())
            self.gain = None


def stage(width: int, count: int) -> nn.Sequential:
    """Return `count` blocks in a row."""
    return nn.Sequential(*(GatedBlock(width) for _ in range(count)))


def enlarge(image: Tensor, scale: int) -> Tensor:
    """Return [N, C, scale * H, scale * W], enlarged bicubically, in fp32."""
    image = image.float()
    return image if scale == 1 else functional.interpolate(image, scale_factor=scale, mode="bicubic")
