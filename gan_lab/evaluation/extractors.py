"""The embeddings in which sets of images are compared, each with the name that its figures must carry."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.networks import RandomVGG, inception, torchvision_features
from gan_lab.networks.features import INCEPTION_FILE

log = logging.getLogger(__name__)

TORCHVISION = "torchvision:"


@dataclass(frozen=True)
class Extractor:
    """An embedding of images.

    Attributes:
        key: for names of figures: "random_vgg", "inception", "resnet18".
        name: for people.
        resize: what happens to an image first.
        network: [N, C, H, W] in [-1, 1] to features, or to features and more; Inception's more are logits.
    """

    key: str
    name: str
    resize: str
    network: Any

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features [N, D] and, of Inception alone, whose score is a thing, logits [N, classes]; on the CPU."""
        with torch.no_grad():
            out = self.network(images)
        features, more = (out[0], out[1]) if isinstance(out, (tuple, list)) else (out, None)
        return features.flatten(1).cpu(), more.cpu() if more is not None and self.key == "inception" else None

    @property
    def frechet(self) -> str:
        """Return the name of the Frechet distance on these features; only Inception's may be called FID."""
        return "FID" if self.key == "inception" else f"Frechet distance ({self.name})"

    @property
    def frechet_key(self) -> str:
        """Return the name of the Frechet distance's figure."""
        return "fid" if self.key == "inception" else f"frechet_distance_{self.key}"


def choose_extractor(given: str | nn.Module, device: torch.device, weights: str | None = None) -> Extractor:
    """Return the embedding that `extractor=` means.

    Args:
        given: "random_vgg"; "inception"; "torchvision:" and the name of one of its classifiers; "auto", which is Inception
            where its weights are, else a random VGG; or a module of one's own.
        device: where it computes.
        weights: path of the weights; None looks in torch's folder, $TORCH_HOME/hub/checkpoints. One's own module needs
            them, as a safetensors file, unless it has no parameters.

    Raises:
        UserError: no such extractor, or its weights are not there or are another's.
    """
    if isinstance(given, nn.Module):
        name = type(given).__name__
        return Extractor(name.lower(), name, "none", load_own(given, weights).to(device))
    if given == "auto" and weights is None:
        here = (Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE).is_file()
        known = importlib.util.find_spec("torch_fidelity") is not None
        given = "inception" if here and known else "random_vgg"
        if given == "random_vgg":
            missing = (
                "its weights are not there"
                if not here
                else 'torch-fidelity is not installed (pip install "gan_lab[fid]")'
            )
            log.info("extractor=auto: no Inception, since %s; a random VGG takes its place", missing)
    if given == "inception":
        resize = "to 299x299, bilinear as in TensorFlow 1"
        return Extractor(given, "Inception (2048 pool features)", resize, inception(weights).to(device))
    if given.startswith(TORCHVISION):
        name = given.removeprefix(TORCHVISION)
        network = torchvision_features(name, weights)
        return Extractor(name, f"torchvision's {name}", _describe_resize(network.size), network.to(device))
    if given != "random_vgg":
        choices = "random_vgg, inception or torchvision:<name>"
        raise UserError(f"extractor={given}: needs {choices}{'' if given == 'auto' else ', or auto'}")
    if weights is not None:
        raise UserError(f"extractor_weights={weights}: random_vgg has none; name the extractor that they belong to")
    return Extractor(given, "random VGG, seed 0", _describe_resize(RandomVGG.size), RandomVGG(seed=0).to(device))


def load_own(network: nn.Module, weights: str | None) -> nn.Module:
    """Return a module with the weights of a safetensors file, in evaluation mode.

    Raises:
        UserError: it has parameters and no weights are named; they cannot be read, or do not fit.
    """
    name = type(network).__name__
    if weights is None and next(network.parameters(), None) is not None:
        raise UserError(f"extractor_weights: {name} has weights; name their .safetensors file")
    if weights is not None:
        try:
            network.load_state_dict(load_file(weights))
        except (OSError, SafetensorError) as error:
            raise UserError(
                f"extractor_weights={weights}: cannot be read as safetensors ({error}); name another file"
            ) from error
        except RuntimeError as error:
            raise UserError(f"extractor_weights={weights}: does not fit {name} ({error}); name another file") from error
    return network.eval().requires_grad_(False)


def _describe_resize(size: int) -> str:
    return f"to {size}x{size}, bilinear, antialiased"
