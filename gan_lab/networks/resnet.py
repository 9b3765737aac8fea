"""The residual image-to-image generator of Johnson et al. and CycleGAN; the enhancers' body as well."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_lab.networks.initialisation import initialise, initialise_without_norm
from gan_lab.networks.norm import Norm, needs_bias, norm_layer
from gan_lab.networks.padding import pad_to_multiple


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
    ) -> None:
        super().__init__()
        self.global_residual = global_residual
        bias = needs_bias(norm)
        encoder: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7, bias=bias)]
        encoder += [norm_layer(norm, width), nn.ReLU(inplace=True)]
        decoder: list[nn.Module] = []
        for shallow in (width, 2 * width):
            encoder += [nn.Conv2d(shallow, 2 * shallow, 3, 2, 1, bias=bias)]
            encoder += [norm_layer(norm, 2 * shallow), nn.ReLU(inplace=True)]
        for shallow in (2 * width, width):
            decoder += [nn.ConvTranspose2d(2 * shallow, shallow, 3, 2, 1, output_padding=1, bias=bias)]
            decoder += [norm_layer(norm, shallow), nn.ReLU(inplace=True)]
        self.encoder = nn.Sequential(*encoder)
        self.body = nn.Sequential(*[ResidualBlock(4 * width, norm) for _ in range(blocks)])
        self.decoder = nn.Sequential(*decoder)
        self.out = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7))
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

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H, W] for images [N, C, H, W] in [-1, 1]: in [-1, 1], or unbounded with `global_residual`."""
        height, width = x.shape[-2:]
        out = self.out(self.decoder(self.body(self.encoder(pad_to_multiple(x, 4)))))[..., :height, :width]
        return x + out if self.global_residual else out.tanh()
