"""Degradations put together: in a row, now and then, one of several, or a few of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_lab.errors import UserError
from gan_lab.imaging.degradations import Degradation


class Compose:
    """Apply degradations one after the other.

    Args:
        steps: the degradations; none leaves the image as it is.
        shuffle: draw their order anew for each image.
    """

    def __init__(self, steps: Sequence[Degradation], shuffle: bool = False) -> None:
        self.steps = _degradations("Compose.steps", steps)
        self.shuffle = shuffle

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the result of the last step."""
        order = rng.permutation(len(self.steps)) if self.shuffle else range(len(self.steps))
        for index in order:
            image = self.steps[index](image, rng)
        return image


class Sometimes:
    """Apply a degradation to a share of the images.

    Args:
        step: the degradation.
        probability: that share, 0 to 1.
    """

    def __init__(self, step: Degradation, probability: float = 0.5) -> None:
        (self.step,) = _degradations("Sometimes.step", [step])
        if not 0 <= probability <= 1:
            raise UserError(f"Sometimes.probability={probability}: needs a number from 0 to 1")
        self.probability = probability

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the degraded image, or the image as it is."""
        return self.step(image, rng) if rng.random() < self.probability else image


class OneOf:
    """Apply one of several degradations, each as likely as the others.

    Args:
        steps: the degradations to choose from, at least one.
    """

    def __init__(self, steps: Sequence[Degradation]) -> None:
        self.steps = _degradations("OneOf.steps", steps)
        if not self.steps:
            raise UserError("OneOf.steps=[]: needs at least one degradation")

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the result of the step that is drawn."""
        return self.steps[rng.integers(len(self.steps))](image, rng)


class Several:
    """Apply a few of several degradations in random order.

    Args:
        steps: the degradations.
        counts: how likely it is that none, one, two ... of them are applied.
        weights: how likely each is to be among them, relative to the others; None: all alike.
    """

    def __init__(
        self, steps: Sequence[Degradation], counts: Sequence[float] = (0.0, 1.0), weights: Sequence[float] | None = None
    ) -> None:
        self.steps = _degradations("Several.steps", steps)
        self.counts = np.array([float(share) for share in counts])
        self.weights = np.ones(len(self.steps)) if weights is None else np.array([float(each) for each in weights])
        if len(self.weights) != len(self.steps):
            raise UserError(f"Several.weights={list(self.weights)}: needs one for each of the {len(self.steps)} steps")
        if not 0 < len(self.counts) <= len(self.steps) + 1 or self.counts.min() < 0 or self.counts.sum() <= 0:
            raise UserError(f"Several.counts={list(self.counts)}: needs shares for none, one, ... of the steps")
        self.counts, self.weights = self.counts / self.counts.sum(), self.weights / self.weights.sum()

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the degraded image."""
        count = int(rng.choice(len(self.counts), p=self.counts))
        for index in rng.choice(len(self.steps), count, replace=False, p=self.weights):
            image = self.steps[index](image, rng)
        return image


def _degradations(option: str, steps: Sequence[Degradation]) -> list[Degradation]:
    """Return the steps as a plain list (a config's own list type would travel to every worker)."""
    for step in steps:
        if not callable(step):
            raise UserError(f"{option}: {step} is no degradation; give a mapping with `_target_`")
    return list(steps)
