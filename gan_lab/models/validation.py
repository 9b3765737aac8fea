"""Figures that several methods take of held-out batches while they train."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gan_lab import metrics
from gan_lab.models.base import ManualModule, Monitor
from gan_lab.models.batches import Batch
from gan_lab.networks import RandomVGG, efficientnet_lite
from gan_lab.networks.efficientnet_lite import SELECTOR, find_package_weights
from gan_lab.options import check_choice
from gan_lab.rng import draw_seeded_noise

#: What may choose the best checkpoint; EfficientNet-Lite2 is left out: it judges, so nothing may be chosen by it.
EXTRACTORS = LITE, RANDOM = (f"efficientnet_lite{SELECTOR}", "random_vgg")
#: Side in pixels of what EfficientNet-Lite1 is shown: at 96 it takes two thirds of the time that the random VGG takes.
SIDE = 96


class Generates(Protocol):
    """A model that makes images of latents."""

    latents: int

    @property
    def device(self) -> torch.device: ...

    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor: ...


class ComparesSets(ManualModule):
    """A method whose validation compares made images with held-out ones as sets, and whose best checkpoint follows from it.

    Args:
        arguments: of the method's own bases.
        validation_extractor: in whose features: "efficientnet_lite1" (ImageNet's, at 96 pixels) or "random_vgg". None takes
            the first, or the second where the package with its weights is not installed. A run keeps what it began with:
            figures of the two cannot be compared.
        options: likewise.

    Attributes:
        validation_extractor: the one that was taken.

    Raises:
        UserError: no such extractor.
    """

    def __init__(self, *arguments: Any, validation_extractor: str | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        check_choice("model.validation_extractor", validation_extractor, (None, *EXTRACTORS))
        self.validation_extractor = validation_extractor or (
            LITE if find_package_weights(SELECTOR) is not None else RANDOM
        )

    @property
    def kid_name(self) -> str:
        """Return the name of the kernel distance among the figures: it says in whose features."""
        return f"val/kid_{self.validation_extractor}"

    @property
    def monitor(self) -> Monitor:
        """Return the kernel distance, which `best.ckpt` follows."""
        return self.kid_name, "min"

    def on_fit_start(self) -> None:
        """Read the extractor's weights now: a file that is missing or damaged is refused before hours of training.

        Raises:
            UserError: see `gan_lab.networks.efficientnet_lite`.
        """
        self.start_comparison()

    def start_comparison(self) -> SetComparison:
        """Return an empty comparison on the model's device."""
        return SetComparison(load_extractor(self.validation_extractor, str(self.device)))


class SetComparison:
    """The features of held-out images and of made ones, batch by batch, and the figures of the two sets.

    Every process validates on the same images (`gan_lab.callbacks.Validation`), so nothing is gathered from the others: each
    image would count once for each process.

    Args:
        network: images [N, C, H, W] in [-1, 1] to features [N, D].
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._real: list[Tensor] = []
        self._made: list[Tensor] = []

    def add(self, images: Tensor, real: bool) -> None:
        """Add images [N, C, H, W] in [-1, 1] to one of the sets."""
        with torch.no_grad():
            (self._real if real else self._made).append(self._network(images))

    @property
    def smallest(self) -> int:
        """Return the number of images in the smaller set; a single one has no distribution."""
        return min(sum(map(len, features)) for features in (self._real, self._made))

    def measure_kid(self) -> float:
        """Return the unbiased kernel distance of the two sets."""
        return metrics.kernel_distance(torch.cat(self._real), torch.cat(self._made), subsets=None)[0]

    def measure_precision_recall(self) -> tuple[float, float]:
        """Return the share of made images that look like held-out ones, and of held-out ones that made ones look like."""
        return metrics.precision_recall(torch.cat(self._real), torch.cat(self._made))


def make_mean(device: torch.device) -> metrics.WeightedMean:
    """Return an empty mean, which gathers nothing from other processes; see `SetComparison`."""
    return metrics.WeightedMean(sync_on_compute=False).to(device)


@functools.lru_cache(maxsize=1)
def load_extractor(key: str, device: str) -> nn.Module:
    """Return a network that sets are compared in, on a device; a run asks for the same one at each validation.

    Raises:
        UserError: the package of its weights is not installed, or its file is damaged.
    """
    if key == RANDOM:
        return RandomVGG().to(device)
    return efficientnet_lite(SELECTOR, SIDE, option=f"model.validation_extractor={LITE}").to(
        device, memory_format=torch.channels_last
    )  # type: ignore[call-overload]


def compare_samples(model: Any, batches: Iterable[Batch]) -> dict[str, float]:
    """Return the kernel distance between held-out images and as many samples, and precision and recall of the samples.

    Nothing where there is but one image.

    Args:
        model: a `ComparesSets` that `Generates`.
        batches: of held-out images and labels.
    """
    comparison, key = model.start_comparison(), model.validation_extractor
    for index, batch in enumerate(batches):
        image = batch["image"].to(model.device)
        label = batch["label"].to(model.device)
        z = draw_seeded_noise(len(image), model.latents, seed=index).to(model.device)
        comparison.add(image, real=True)
        comparison.add(model.generate(z, label), real=False)
    if comparison.smallest < 2:
        return {}
    precision, recall = comparison.measure_precision_recall()
    figures = {model.kid_name: comparison.measure_kid()}
    return figures | {f"val/precision_{key}": precision, f"val/recall_{key}": recall}
