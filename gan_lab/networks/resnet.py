"""The residual image-to-image generator of Johnson et al. and CycleGAN; the enhancers' body as well."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.networks.initialisation import initialise, initialise_without_norm
from gan_lab.networks.norm import Norm, needs_bias, norm_layer
from gan_lab.networks.padding import pad_to_multiple
from gan_lab.networks.resampling import Resampling, down, up


class ResidualBlock(nn.Module):
    """Add two 3x3 convolutions, each behind a reflected border and before a norm, to their input."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        bias = needs_bias(norm)
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm_layer(norm, channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm_layer(norm, channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H, W] for [N, C, H, W]."""
        return x + self.layers(x)


class ResnetGenerator(nn.Module):
    """Translate images: 7x7 in, two stride-2 convolutions, residual blocks, two transposed convolutions, 7x7 out.

    Any height and width from 8 pixels: one that is no multiple of 4 is extended by reflection and cropped at the end.

    Args:
        channels: of the image, in and out.
        width: channels after the first convolution; twice and four times that deeper in.
        blocks: residual blocks; the papers take 6 at 128 pixels and 9 from 256.
        norm: "batch", "instance" or "none".
        global_residual: add the output to the input instead of ending in Tanh, as an enhancer does. The sum is not
            clamped, so that its gradient is never cut off.
        resampling: "strided", as in the papers; "antialiased" (blur before halving, bilinear doubling) or "resize" (repeat
            each pixel, then convolve) against grids of unequal pixels.
        attention: draw a picture and, for each pixel, which share of it is taken; the rest stays the input's. What is to stay
            then stays exactly. Tang et al. 2019, arXiv:1911.11897, section 3.1 (one mask).

    Raises:
        ValueError: both `global_residual` and `attention`.

    Source: Johnson et al. 2016, arXiv:1603.08155, supplement; Zhu et al. 2017, arXiv:1703.10593, appendix 7.2.
    Differs from the authors' code: no bias before instance norm, which subtracts it at once.
    """

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        blocks: int = 9,
        norm: Norm = "instance",
        global_residual: bool = False,
        resampling: Resampling = "strided",
        attention: bool = False,
    ) -> None:
        super().__init__()
        if global_residual and attention:
            raise ValueError("global_residual and attention are two ways to keep the input; give one of them")
        self.global_residual = global_residual
        self.attention = attention
        encoder: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7, bias=needs_bias(norm))]
        encoder += [norm_layer(norm, width), nn.ReLU(inplace=True)]
        decoder: list[nn.Module] = []
        for shallow in (width, 2 * width):
            encoder += down(shallow, 2 * shallow, norm, resampling)
        for shallow in (2 * width, width):
            decoder += up(2 * shallow, shallow, norm, resampling)
        self.encoder = nn.Sequential(*encoder)
        self.body = nn.Sequential(*[ResidualBlock(4 * width, norm) for _ in range(blocks)])
        self.decoder = nn.Sequential(*decoder)
        self.out = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, channels + attention, 7))
        if norm == "none":
            initialise_without_norm(self)
            for block in self.body:  # each block adds to the sum: a small share of it at first
                with torch.no_grad():
                    block.layers[-2].weight.mul_(0.1)  # type: ignore[union-attr,index]
        else:
            initialise(self)
        if global_residual:
            # An enhancer starts close to the identity: at 0.02 the first residual would be as large as the image.
            initialise(self.out, std=0.001)
        if attention:
            # At first nearly all is drawn, as without: a generator that begins with a copy may never leave it.
            with torch.no_grad():
                self.out[-1].bias[-1] = 2.0  # type: ignore[operator]

    @property
    def feature_channels(self) -> list[int]:
        """Return the channels of each map of `encode`."""
        entry, *downs = [layer for layer in self.encoder if isinstance(layer, nn.Conv2d)]
        deep = downs[-1].out_channels
        return [
            entry.in_channels,
            *(layer.out_channels for layer in downs),
            *(deep for _ in self._list_compared_blocks()),
        ]

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the maps that CUT compares: the image, both halving convolutions', the first and the fifth block's.

        Source: Park et al. 2020, arXiv:2007.15651, appendix C.
        """
        features: list[Tensor] = []
        self._encode_blocks(x, max(self._list_compared_blocks(), default=-1) + 1, features)
        return features

    def forward(self, x: Tensor, *, return_features: bool = False, return_attention: bool = False) -> Any:
        """Return [N, C, H, W] for images [N, C, H, W] in [-1, 1]: in [-1, 1], or unbounded with `global_residual`.

        With `return_features` and `return_attention`: that, what `encode` returns, and the attention's logits [N, 1, H, W].
        """
        height, width = x.shape[-2:]
        features: list[Tensor] | None = [] if return_features else None
        hidden = self._encode_blocks(x, len(self.body), features)
        out = self.out(self.decoder(hidden))[..., :height, :width]
        drawn = out[:, -1:] if self.attention else None
        if drawn is not None:
            out = x + drawn.sigmoid() * (out[:, :-1].tanh() - x)
        else:
            out = x + out if self.global_residual else out.tanh()
        more = ((features,) if return_features else ()) + ((drawn,) if return_attention else ())
        return (out, *more) if more else out

    def _list_compared_blocks(self) -> list[int]:
        """Return the blocks whose output is compared."""
        return [index for index in (0, 4) if index < len(self.body)]

    def _encode_blocks(self, x: Tensor, blocks: int, features: list[Tensor] | None) -> Tensor:
        """Return the output after some of the blocks; append the maps on the way there that are compared, if asked for."""
        kept: list[Tensor] = []
        hidden = pad_to_multiple(x, 4)
        for layer in self.encoder:
            hidden = layer(hidden)
            if features is not None and isinstance(layer, nn.Conv2d):
                kept.append(hidden)
        for index, block in enumerate(self.body[:blocks]):
            hidden = block(hidden)
            if features is not None and index in self._list_compared_blocks():
                kept.append(hidden)
        if features is not None:
            features += [x, *kept[1:]]  # the image in the place of its own convolution
        return hidden
