"""The embeddings in which sets of images are compared, each with the name that its figures must carry."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.networks import RandomVGG, inception
from gan_lab.networks.features import INCEPTION_FILE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extractor:
    """An embedding of images.

    Attributes:
        key: for names of figures: "random_vgg" or "inception".
        name: for people.
        frechet: what the Frechet distance is called on these features; only Inception's may be called FID.
        resize: what happens to an image first.
        network: [N, C, H, W] in [-1, 1] to features, or to features and logits.
    """

    key: str
    name: str
    frechet: str
    resize: str
    network: Any

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features [N, D] and, where the network is a classifier, logits [N, classes]; on the CPU."""
        with torch.no_grad():
            out = self.network(images)
        features, logits = out if isinstance(out, tuple) else (out, None)
        return features.cpu(), None if logits is None else logits.cpu()

    @property
    def frechet_key(self) -> str:
        """Return the name of the Frechet distance's figure."""
        return "fid" if self.frechet == "FID" else f"frechet_distance_{self.key}"


def choose_extractor(name: str, device: torch.device) -> Extractor:
    """Return the embedding that `extractor=` means; "auto" is Inception where its weights are, else a random VGG.

    Raises:
        UserError: no such extractor, or Inception's weights are not there.
    """
    if name not in ("auto", "random_vgg", "inception"):
        raise UserError(f"extractor={name}: needs auto, random_vgg or inception")
    if name == "auto":
        here = (Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE).is_file()
        name = "inception" if here else "random_vgg"
        if not here:
            log.info("extractor=auto: Inception's weights are not there, so a random VGG takes their place")
    if name == "inception":
        resize = "to 299x299, bilinear as in TensorFlow 1"
        return Extractor(name, "Inception (2048 pool features)", "FID", resize, inception().to(device))
    size = RandomVGG.size
    resize = f"to {size}x{size}, bilinear, antialiased"
    return Extractor(
        name, "random VGG, seed 0", "Frechet distance (random VGG, seed 0)", resize, RandomVGG(seed=0).to(device)
    )
