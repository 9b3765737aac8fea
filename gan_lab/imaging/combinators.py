"""Degradations put together: in a row, now and then, or one of several."""

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
        """Return what the last step gives."""
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
            raise UserError(f"Sometimes.probability: {probability} (give a number from 0 to 1)")
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
            raise UserError("OneOf.steps: [] (give at least one degradation)")

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return what the step drawn gives."""
        return self.steps[rng.integers(len(self.steps))](image, rng)


def _degradations(option: str, steps: Sequence[Degradation]) -> list[Degradation]:
    """Return the steps as a plain list (a config's own list type would travel to every worker)."""
    for step in steps:
        if not callable(step):
            raise UserError(f"{option}: {step} (not a degradation: give a mapping with `_target_`)")
    return list(steps)
