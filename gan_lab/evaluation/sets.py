"""Sets of images with their features, and the figures of two sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lab import metrics
from gan_lab.evaluation.extractors import Extractor
from gan_lab.evaluation.heldout import EvaluationPhotos
from gan_lab.inference import Pretrained
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval, from_uint8, to_uint8

#: Groups of images that are left out in turn for an interval; each costs every figure twice.
GROUPS = 10

INTERVALS = (
    f"95 %, by a jackknife that leaves out one of {GROUPS} groups of samples, then of photos. They cover which samples and "
    "which photos these happen to be; not what another training run would give, nor that a Frechet distance of few images "
    "is too large; and where nothing is counted, as in a precision of 0, nothing varies"
)


@dataclass(frozen=True)
class ImageSet:
    """Images as they are compared.

    Attributes:
        pixels: uint8 [N, C, H, W].
        features: [N, D].
        logits: [N, classes] of Inception; None of another extractor.
        labels: int64 [N].
    """

    pixels: Tensor
    features: Tensor
    logits: Tensor | None
    labels: Tensor

    def __len__(self) -> int:
        return len(self.pixels)


def embed_photos(
    photos: EvaluationPhotos, indices: Sequence[int], extractor: Extractor, device: torch.device, progress: Progress
) -> ImageSet:
    """Read photos and embed them."""
    batches = photos.batches(indices)
    return embed_batches(((batch["image"].to(device), batch["label"]) for batch in batches), extractor, progress)


def embed_samples(
    pretrained: Pretrained, n: int, seed: int, labels: Sequence[int] | None, extractor: Extractor, progress: Progress
) -> ImageSet:
    """Generate n images and embed them as the 8-bit files that they would be.

    Args:
        labels: the classes, which the samples take in turn; None: the default of the model.
    """

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        done = 0
        taken = torch.tensor(labels or [0])
        for images in pretrained.samples(n, seed, labels):
            pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(pretrained.model.device)
            yield from_uint8(pixels), taken[torch.arange(done, done + len(images)) % len(taken)]
            done += len(images)

    return embed_batches(batches(), extractor, progress)


def embed_batches(batches: Iterable[tuple[Tensor, Tensor]], extractor: Extractor, progress: Progress) -> ImageSet:
    """Embed batches of images [N, C, H, W] in [-1, 1] with their labels."""
    pixels, features, logits, labels = [], [], [], []
    for image, label in batches:
        each, logit = extractor(image)
        pixels.append(to_uint8(image).cpu())
        features.append(each)
        labels.append(label)
        if logit is not None:
            logits.append(logit)
        progress.advance(len(image))
    return ImageSet(
        torch.cat(pixels),
        torch.cat(features),
        torch.cat(logits) if logits else None,
        torch.cat(labels),
    )


def embed_pixels(pixels: Tensor, extractor: Extractor, device: torch.device) -> Tensor:
    """Return the features [N, D] of images uint8 [N, C, H, W]."""
    return torch.cat([extractor(from_uint8(part.to(device)))[0] for part in pixels.split(32)])


def compare(f_real: Tensor, f_fake: Tensor, extractor: Extractor, seed: int, progress: Progress) -> dict[str, Interval]:
    """Return the figures of two sets of features [N, D] and [M, D], by name, with their intervals.

    Without the Frechet distance where the extractor needs more images for it.
    """
    given = metrics.GivenFeatures(f_real.shape[1])
    enough = min(len(f_real), len(f_fake)) >= extractor.fewest_frechet
    figures = metrics.JackknifeIntervals(
        [
            metrics.KernelDistance(given),
            *([metrics.FrechetDistance(given)] if enough else []),
            metrics.PrecisionRecall(),
            metrics.DensityCoverage(),
        ],
        groups=GROUPS,
        seed=seed,
        on_comparison=progress.advance,
    )
    figures.update(f_real, real=True)
    figures.update(f_fake, real=False)
    names = {"kernel_distance": f"kid_{extractor.key}", "frechet_distance": extractor.frechet_key}
    return {names.get(name, name): interval for name, interval in figures.compute_intervals().items()}


def count_comparisons(f_real: Tensor, f_fake: Tensor) -> int:
    """Return how often `compare` takes its figures, for the progress."""
    return 2 * min(GROUPS, len(f_real), len(f_fake)) + 1


def list_with_intervals(figures: dict[str, Interval]) -> dict[str, object]:
    """Return figures for a file: the values by name, and the ends of their intervals under "intervals"."""
    values: dict[str, object] = {name: figure.value for name, figure in figures.items()}
    return values | {"intervals": {name: [figure.low, figure.high] for name, figure in figures.items()}}
