"""What an augmentation may have beside its call, so that a model serves it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class FollowsProgress(Protocol):
    """An augmentation that changes while a run goes on.

    Attributes:
        progress: share of the budget that is spent, in [0, 1]; the model sets it before each call.
    """

    progress: float


@runtime_checkable
class Adaptive(Protocol):
    """An augmentation that sets its own strength by how sure the discriminator is.

    Attributes:
        adaptive: whether `observe` does anything.
        p: the strength, a scalar tensor in [0, 1].
    """

    adaptive: bool
    p: Tensor

    def observe(self, logits_real: Tensor, images: int) -> None:
        """See D's margins on real images, after each of D's turns, and how many images that turn stood for."""
