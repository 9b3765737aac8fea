"""Frozen feature networks: a seeded random one that needs no file, and VGG19 and Inception from the user's files.

None of them is ever downloaded, and none belongs into a checkpoint: keep them out of a module's attributes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.storage.tensor_files import load_tensors

VGG19_FILE = "vgg19-dcbb9e9d.pth"
VGG19_SOURCE = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_SOURCE = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
InceptionOutput = Literal["pool", "logits"]
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class RandomVGG(nn.Module):
    """Embed images by VGG16's convolutions at half width with seeded random weights: a stand-in that needs no download.

    It tells colour, texture and coarse shape apart, not kinds of goods; name it beside every figure and never call that
    figure FID. Images are resized to 64x64; the features of the five blocks are averaged over pixels and concatenated.

    Args:
        seed: of the weights; the same seed gives the same weights on every machine.

    Source: Naeem et al. 2020, arXiv:2002.09797, the randomly initialised VGG16.
    Differs from paper: the convolutions' pooled responses take the place of the fully connected layers'.
    """

    size = 64
    num_features = 736

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        layers = [step if step == "M" else int(step) // 2 for step in _plan("D")]
        blocks = "".join("M" if step == "M" else "c" for step in layers).split("M")[:-1]
        convolutions = iter(_layers([step for step in layers if step != "M"]))
        self.blocks = nn.ModuleList(
            nn.Sequential(*[layer for _ in block for layer in (next(convolutions), next(convolutions))])
            for block in blocks
        )
        generator = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, generator=generator)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, 736] float32 for images [N, C, H, W] in [-1, 1] of 1 or 3 channels and any size."""
        hidden = as_colour(images.float())
        if hidden.shape[-2:] != (self.size, self.size):
            hidden = functional.interpolate(hidden, (self.size, self.size), mode="bilinear", antialias=True)
        pooled = []
        for block in self.blocks:
            hidden = block(hidden)
            pooled.append(hidden.mean(dim=(2, 3)))
            hidden = functional.max_pool2d(hidden, 2)
        return torch.cat(pooled, dim=1)


class VGG19Features(nn.Module):
    """Return the outputs of chosen layers of VGG19 for images in [-1, 1]; build it with `vgg19_features`."""

    mean: Tensor
    std: Tensor

    def __init__(self, layers: Sequence[str]) -> None:
        super().__init__()
        positions = {name: position for position, name in enumerate(_vgg19_names())}
        unknown = [name for name in layers if name not in positions]
        if unknown:
            raise ValueError(f"layers: VGG19 has no {', '.join(unknown)}; it has {', '.join(positions)}")
        self.positions = [positions[name] for name in layers]
        depth = max(self.positions) + 1
        self.features = _layers(_plan("E"))[:depth]
        for layer in self.features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # an earlier layer's output may have been handed out
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the layers' outputs [N, C', h, w], in the order asked for, for images [N, 1 or 3, H, W]."""
        hidden = ((as_colour(images) + 1) / 2 - self.mean) / self.std
        outputs = {}
        for position, layer in enumerate(self.features):
            hidden = layer(hidden)
            outputs[position] = hidden
        return [outputs[position] for position in self.positions]


def vgg19_features(weights: str | None, layers: Sequence[str]) -> VGG19Features:
    """Build VGG19 up to the deepest of `layers`, with torchvision's ImageNet weights.

    Args:
        weights: path of torchvision's state dict; None looks in torch's folder, $TORCH_HOME/hub/checkpoints.
        layers: names such as "relu1_2" or "conv5_4".

    Raises:
        UserError: the file is not there or is not VGG19's.
        ValueError: VGG19 has no layer of such a name.

    Source: Simonyan & Zisserman 2015, arXiv:1409.1556, table 1, column E.
    """
    network = VGG19Features(layers)
    path, state = read_state(weights, VGG19_FILE, VGG19_SOURCE, "VGG19")
    own = {key: state.get(key) for key in network.state_dict()}
    if any(not isinstance(value, Tensor) for value in own.values()):
        raise UserError(f"weights: {path} does not hold torchvision's VGG19; expected {VGG19_SOURCE}")
    try:
        network.load_state_dict(own)
    except RuntimeError as error:
        raise UserError(f"weights: {path} does not fit VGG19 ({error}); expected {VGG19_SOURCE}") from error
    return network


class Inception(nn.Module):
    """Give FID's and IS's features for images in [-1, 1]; build it with `inception`.

    Args:
        extractor: uint8 images to (pool, logits).
        output: "pool", "logits", or None for both. With one of them it is a feature network for torchmetrics' metrics.
    """

    def __init__(self, extractor: nn.Module, output: InceptionOutput | None = None) -> None:
        super().__init__()
        self.extractor = extractor.eval().requires_grad_(False)
        self.output = output
        self.num_features = 1008 if output == "logits" else 2048

    def forward(self, images: Tensor) -> Any:
        """Return (pool [N, 2048], logits [N, 1008] without bias) float32 for images [N, C, H, W] of 1 or 3 channels.

        With `output` it is one of the two alone. Images are rounded to 8 bits and resized to 299x299 as TensorFlow 1 did,
        which published figures rest on.
        """
        pixels = as_colour(images.float()).add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        features = self.extractor(pixels)
        return features if self.output is None else features[("pool", "logits").index(self.output)]


def inception(weights: str | None = None, output: InceptionOutput | None = None) -> Inception:
    """Build the Inception network that FID and IS are defined on.

    Args:
        weights: path of torch-fidelity's state dict; None looks in torch's folder, $TORCH_HOME/hub/checkpoints.
        output: "pool" for FID and KID, "logits" for the Inception score, None for both.

    Raises:
        UserError: torch-fidelity is not installed, or the file is not there or is another one's.

    Source: Heusel et al. 2017, arXiv:1706.08500, section 4; Salimans et al. 2016, arXiv:1606.03498, section 4.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise UserError('extractor=inception: torch-fidelity is not installed; pip install "gan_lab[fid]"') from error
    # torch-fidelity unpickles whatever the file says; reading it here first, tensors only, refuses one with code in it.
    path, _ = read_state(weights, INCEPTION_FILE, INCEPTION_SOURCE, "Inception")
    try:
        with torch.random.fork_rng(devices=[]):
            extractor = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], str(path))
    except RuntimeError as error:
        raise UserError(f"weights: {path} does not fit Inception; expected {INCEPTION_SOURCE}") from error
    return Inception(extractor, output)


def read_state(weights: str | None, name: str, source: str, network: str) -> tuple[Path, dict[str, Any]]:
    """Return the path and the state dict of a network's weights: of the file named, or of `name` in torch's folder.

    Raises:
        UserError: the file is not there, or holds anything but tensors; the message says where it is to be had.
    """
    path = Path(os.path.expanduser(weights)) if weights else Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        where = "name the file that you have" if weights else "put it there, or name its path"
        raise UserError(f"weights: {network} needs {path}, which is not there; fetch {source} and {where}")
    try:
        state = load_tensors(path, old_format=True)
    except Exception as error:  # what a damaged file makes of the unpickler can be anything
        raise UserError(f"weights: {path} cannot be read as {network}'s weights; fetch {source} again") from error
    if not isinstance(state, dict):
        raise UserError(f"weights: {path} holds no state dict; fetch {source} again")
    return path, state


def _plan(column: str) -> list[Any]:
    """Return VGG's layers by the column of its paper's table 1: channels, or "M" for a pooling."""
    from torchvision.models import vgg  # here: it takes a second to import, and most commands do without

    return list(vgg.cfgs[column])


def _layers(steps: list[int | str]) -> nn.Sequential:
    """Build VGG's layers without a draw from torch's generator: an evaluation must not change the run around it."""
    with torch.random.fork_rng(devices=[]):
        from torchvision.models import vgg

        return vgg.make_layers(steps)


def _vgg19_names() -> list[str]:
    """Name VGG19's layers in order: conv1_1, relu1_1, ..., pool1, conv2_1, ..."""
    names, block, number = [], 1, 1
    for step in _plan("E"):
        if step == "M":
            names.append(f"pool{block}")
            block, number = block + 1, 1
        else:
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
            number += 1
    return names


def as_colour(images: Tensor) -> Tensor:
    """Return images [N, 1 or 3, H, W] with three channels."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
