"""Normalisation layers by name, and conditional batch norm."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError

Norm = Literal["batch", "instance", "none"]
#: Images up to which one after the other is quicker on a CPU.
FEW = 4


def norm_layer(name: Norm, channels: int) -> nn.Module:
    """Return the normalisation `name` for [N, channels, H, W] features: "batch", "instance" (without scale) or "none".

    Raises:
        ValueError: `name` is none of the three.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "instance":
        return InstanceNorm2d(channels)
    if name == "none":
        return nn.Identity()
    raise ValueError(f"norm must be one of {', '.join(get_args(Norm))}; got {name!r}")


def needs_bias(norm: Norm) -> bool:
    """Return whether a convolution followed by `norm` has use for a bias: both norms subtract any constant at once."""
    return norm == "none"


class InstanceNorm2d(nn.Module):
    """Give each channel of each image mean 0 and variance 1, as `torch.nn.InstanceNorm2d` does by default.

    That one's gradient is wrong on a CPU for a single image in channels_last (torch 2.13 and 2.15: its cosine with the
    true one is 0.7 over CycleGAN's generator), which is how CycleGAN trains; group norm with a group per channel is the
    same function and is right, and so is the batch norm of a single image, which spares a few images in channels_last the
    way to the contiguous layout and back: a tenth of the generator's step (eager; compiled there is no difference).

    Attributes:
        learns: keep the statistics of the next images as `statistics`; for inference in tiles.
        statistics: mean and 1 / standard deviation, [N, channels, 1, 1], to be taken in place of the images' own; None: those.

    Source: Ulyanov et al. 2016, arXiv:1607.08022, eq. 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.learns = False
        self.statistics: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H, W] for [N, C, H, W], in the memory format of `x`.

        Raises:
            UserError: a channel has one value only, which would always become 0.
        """
        if x.shape[2] * x.shape[3] < 2:
            raise UserError(
                f"data.image_size: an instance norm needs more than one pixel a channel, and gets {list(x.shape)}; give a "
                "larger one, or fewer layers or blocks"
            )
        if self.learns:
            variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0, keepdim=True)
            self.statistics = mean, (variance + 1e-5).rsqrt()
        elif self.statistics is not None:
            mean, scale = self.statistics
            return ((x - mean) * scale).to(x.dtype)
        last = x.is_contiguous(memory_format=torch.channels_last)
        if last and x.device.type == "cpu" and len(x) <= FEW and not torch.compiler.is_compiling():
            alone = [functional.batch_norm(image, None, None, training=True) for image in x.split(1)]
            return alone[0] if len(alone) == 1 else torch.cat(alone)
        normalised = functional.group_norm(x.contiguous(), self.channels)
        return normalised.contiguous(memory_format=torch.channels_last) if last else normalised


class ConditionalBatchNorm2d(nn.Module):
    """Normalise over the batch, then scale and shift by the label's own learnt vectors.

    Source: de Vries et al. 2017, arXiv:1707.00683; absolute scales as in Miyato & Koyama 2018, arXiv:1802.05637.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Embedding(classes, channels)
        self.shift = nn.Embedding(classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Return [N, C, H, W] for features `x` [N, C, H, W] and labels int64 [N]."""
        normalised = self.norm(x)
        # Under autocast the embeddings stay fp32; without the cast they would drag the features there too.
        scale = self.scale(label).to(normalised.dtype)[:, :, None, None]  # [N, C, 1, 1]
        shift = self.shift(label).to(normalised.dtype)[:, :, None, None]
        return normalised * scale + shift
