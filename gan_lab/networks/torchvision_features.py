"""Torchvision's classifiers as embeddings, from weights that are already there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.networks.features import as_colour, read_state

#: These take [-1, 1] with trained weights and scale what they are given, which torchvision switches on by hand.
_SCALE_THEMSELVES = ("googlenet", "inception_v3")


class TorchvisionFeatures(nn.Module):
    """Embed images in [-1, 1] by what a classifier's last layer is given; build it with `torchvision_features`.

    Attributes:
        size: side to which images are resized first, in pixels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, size: int, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.network = network
        self.size = size
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, D] float32 for images [N, C, H, W] in [-1, 1] of 1 or 3 channels and any size."""
        hidden = as_colour(images.float())
        if hidden.shape[-2:] != (self.size, self.size):
            hidden = functional.interpolate(hidden, (self.size, self.size), mode="bilinear", antialias=True)
        features: Tensor = self.network(((hidden.clamp(-1, 1) + 1) / 2 - self.mean) / self.std)
        return features


def torchvision_features(name: str, weights: str | None = None) -> TorchvisionFeatures:
    """Build one of torchvision's classifiers without its last layer; nothing is downloaded.

    Args:
        name: of the model, as torchvision has it: "resnet18".
        weights: path of torchvision's state dict; None looks in torch's folder, $TORCH_HOME/hub/checkpoints.

    Raises:
        UserError: torchvision has no such classifier, it has no linear layer at its end, or the file is not there or
            is another model's.
    """
    import torchvision  # here: it takes a second to import, and most commands do without

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UserError(f"extractor=torchvision:{name}: torchvision has no such classifier; it has {', '.join(known)}")
    version = _version(name, weights)
    path, state = read_state(weights, _file(version), version.url, name)
    options = {"transform_input": True, "init_weights": False} if name in _SCALE_THEMSELVES else {}
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f"weights: {path} does not fit torchvision's {name}; expected {version.url}") from error
    linear = [place for place, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise UserError(f"extractor=torchvision:{name}: it does not end in a linear layer; take resnet18, say")
    parent, _, last = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    preset: Any = version.transforms()
    return TorchvisionFeatures(network, preset.crop_size[0], preset.mean, preset.std)


def _version(name: str, weights: str | None) -> Any:
    """Return which of torchvision's trained versions a file is, or which is there; the newest where none is."""
    import torchvision

    versions = torchvision.models.get_model_weights(name)
    if weights is not None:
        matching = [version for version in versions if _file(version) == Path(weights).name]
    else:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        matching = [version for version in versions if (folder / _file(version)).is_file()]
    return matching[-1] if matching else versions.DEFAULT


def _file(version: Any) -> str:
    return Path(version.url).name
