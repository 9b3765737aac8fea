"""What a network may offer beside its call, so that a method can ask for it by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class HasLatents(Protocol):
    """A generator or decoder.

    Attributes:
        latents: the length of its latent vectors.
    """

    latents: int


@runtime_checkable
class HasAttention(Protocol):
    """A generator that may draw a share of the image alone.

    Attributes:
        attention: whether it does; then `return_attention=True` makes its call return (image, logits [N, 1, H, W]).
    """

    attention: bool


@runtime_checkable
class HasEncoder(Protocol):
    """A generator whose encoder's features can be compared, as CUT compares them.

    Attributes:
        feature_channels: the channels of each feature map.
    """

    feature_channels: Sequence[int]

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the encoder's feature maps of images [N, C, H, W]."""


@runtime_checkable
class HasMultiple(Protocol):
    """A network that extends images until their sides are multiples.

    Attributes:
        multiple: in pixels.
    """

    multiple: int
