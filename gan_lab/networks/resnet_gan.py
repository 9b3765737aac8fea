"""The residual GAN of WGAN-GP and SNGAN, plain or conditional."""

from __future__ import annotations

import itertools
import math

from torch import Tensor, nn
from torch.nn import functional

from gan_lab.networks.discriminator import Discriminator, require_label
from gan_lab.networks.first_map import find_first_map
from gan_lab.networks.norm import ConditionalBatchNorm2d, Norm, norm_layer
from gan_lab.networks.spectral_norm import spectral_normalise
from gan_lab.options import ImageSize

_WIDTH_CAP = 16


def _ladder(image_size: ImageSize, width: int) -> tuple[tuple[int, int], list[int]]:
    """Return the smallest map's sides and the channels of every size of map, from the image's own inwards."""
    sides, doublings = find_first_map(image_size)
    return sides, [width * min(2**level, _WIDTH_CAP) for level in range(doublings + 1)]


class ResidualGenerator(nn.Module):
    """Grow an image from a dense map with residual blocks, batch norm and nearest-neighbour doubling.

    With `classes` each block's norms are conditional; the last norm is not.

    Args:
        image_size: 28, 32, 64, 128 ..., or (height, width): see `find_first_map`.
        channels: of the image.
        latents: length of z.
        width: channels of the last block; doubled inwards up to 16 times (1024, 512, 256, 128, 64 at 64 pixels).
        classes: number of labels, 0 for none.

    Raises:
        UserError: `image_size` is not one of those.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, appendix F; Miyato et al. 2018, arXiv:1802.05957, appendix B.4;
    labels: Miyato & Koyama 2018, arXiv:1802.05637, figure 14.
    """

    def __init__(
        self, image_size: ImageSize = 64, channels: int = 3, latents: int = 128, width: int = 64, classes: int = 0
    ) -> None:
        super().__init__()
        sides, widths = _ladder(image_size, width)
        self.latents = latents
        self.dense_shape = (widths[-1], *sides)
        self.dense = nn.Linear(latents, math.prod(self.dense_shape))
        self.blocks = nn.ModuleList(
            _UpBlock(inner, outer, classes) for inner, outer in itertools.pairwise(reversed(widths))
        )
        self.norm = nn.BatchNorm2d(width)
        self.out = nn.Conv2d(width, channels, 3, padding=1)
        _initialise(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and, with classes, labels int64 [N]."""
        hidden = self.dense(z).view(-1, *self.dense_shape)
        for block in self.blocks:
            hidden = block(hidden, label)
        return self.out(functional.relu(self.norm(hidden))).tanh()


class ResidualDiscriminator(Discriminator):
    """Judge a whole image with residual blocks that halve it, one more block, a sum over pixels and one linear logit.

    With `classes` the label's embedding is projected on the features.

    Args:
        image_size: 28, 32, 64, 128 ..., or (height, width): see `find_first_map`.
        channels: of the image.
        width: channels of the first block; doubled inwards up to 16 times.
        spectral: divide every weight, the label's embedding too, by its largest singular value.
        norm: "batch", "instance" or "none"; not applied next to the image. Batch norm and a gradient penalty clash.
        classes: number of labels, 0 for none.

    Raises:
        UserError: `image_size` is not one of those.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, appendix F; Miyato et al. 2018, arXiv:1802.05957, appendix B.4;
    labels: Miyato & Koyama 2018, arXiv:1802.05637, eq. 3.
    """

    def __init__(
        self,
        image_size: ImageSize = 64,
        channels: int = 3,
        width: int = 64,
        spectral: bool = False,
        norm: Norm = "none",
        classes: int = 0,
    ) -> None:
        _, widths = _ladder(image_size, width)
        stages = [_DownBlock(channels, width, "none", first=True)]
        stages += [_DownBlock(outer, inner, norm) for outer, inner in itertools.pairwise(widths[:-1])]
        stages.append(_DownBlock(widths[-2], widths[-1], norm, halve=False))
        super().__init__(stages, nn.Linear(widths[-1], 1))
        self.embedding = nn.Embedding(classes, widths[-1]) if classes else None
        _initialise(self)
        if spectral:
            spectral_normalise(self)

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return one logit an image, [N]."""
        pooled = functional.relu(hidden).sum(dim=(2, 3))
        logits = self.head(pooled).flatten()
        if self.embedding is None:
            return logits
        return logits + (self.embedding(require_label(label)) * pooled).sum(dim=1)


class _UpBlock(nn.Module):
    def __init__(self, entry: int, out: int, classes: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            ConditionalBatchNorm2d(width, classes) if classes else nn.BatchNorm2d(width) for width in (entry, out)
        )
        self.conv1 = nn.Conv2d(entry, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.skip = nn.Conv2d(entry, out, 1)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        hidden = self.conv1(_double(functional.relu(self._normalise(0, x, label))))
        hidden = self.conv2(functional.relu(self._normalise(1, hidden, label)))
        # A 1x1 convolution and the doubling commute; this order costs a quarter.
        return hidden + _double(self.skip(x))

    def _normalise(self, position: int, x: Tensor, label: Tensor | None) -> Tensor:
        norm = self.norms[position]
        return norm(x, require_label(label)) if isinstance(norm, ConditionalBatchNorm2d) else norm(x)


class _DownBlock(nn.Module):
    """The first block has no activation before it and keeps its hidden width, as the image has few channels."""

    def __init__(self, entry: int, out: int, norm: Norm, first: bool = False, halve: bool = True) -> None:
        super().__init__()
        hidden = out if first else entry
        self.norm1, self.norm2 = norm_layer("none" if first else norm, entry), norm_layer(norm, hidden)
        self.conv1 = nn.Conv2d(entry, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, out, 3, padding=1)
        self.skip = nn.Conv2d(entry, out, 1)
        self.first, self.halve = first, halve

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(x if self.first else functional.relu(self.norm1(x)))
        hidden = self.conv2(functional.relu(self.norm2(hidden)))
        if not self.halve:
            return hidden + self.skip(x)
        # A 1x1 convolution and the average commute; this order costs a quarter.
        return functional.avg_pool2d(hidden, 2) + self.skip(functional.avg_pool2d(x, 2))


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _initialise(module: nn.Module) -> None:
    """Glorot's uniform, times sqrt 2 inside residual branches, as Miyato et al.'s code has it."""
    for name, layer in module.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight, math.sqrt(2) if "conv" in name else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Embedding) and isinstance(module, Discriminator):
            nn.init.xavier_uniform_(layer.weight)
