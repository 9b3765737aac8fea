"""What a method shows to whoever watches over its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Probe:
    """Pictures that a model makes, and how its discriminator judges pictures in their place.

    Attributes:
        made: [N, C, H, W] in [-1, 1], float32.
        real: photos of the kind that they are to look like, [N, C, H, W].
        source: the photos that they were made of; None where they come from noise.
        judge: pictures in the place of `made` -> D's logits, in evaluation mode and without augmentation; None without a D.
        side: the suffix of a model's several probes, as of its terms ("_A"); empty for a single one.
    """

    made: Tensor
    real: Tensor
    source: Tensor | None = None
    judge: Callable[[Tensor], Tensor] | None = None
    side: str = ""
