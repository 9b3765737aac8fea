"""What every discriminator shares: stages whose outputs can be handed out, then a head."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gan_lab.options import ImageSize, split_sides


class Discriminator(nn.Module):
    """Run `stages` one after another and judge the last one's output with `head`.

    A subclass gives the stages and the head, and overrides `enter` or `judge` where the label comes in.
    """

    def __init__(self, stages: Iterable[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.head = head

    def enter(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Return the input of the first stage, [N, C', H, W]."""
        return x

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return the logits for the last stage's output."""
        return self.head(hidden)

    def forward(
        self, x: Tensor, label: Tensor | None = None, *, return_features: bool = False
    ) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Return the logits of images, and on request the feature maps of every stage.

        Args:
            x: [N, C, H, W] in [-1, 1].
            label: int64 [N]; needed by a network with classes, not looked at by one without.
            return_features: also return the stages' outputs, shallow to deep.

        Returns:
            [N] from a global discriminator, [N, 1, h, w] from a patch one; or (logits, features).
        """
        hidden = self.enter(x, label)
        features = []
        for stage in self.stages:
            hidden = stage(hidden)
            features.append(hidden)
        logits = self.judge(hidden, label)
        return (logits, features) if return_features else logits


class LabelPlane(nn.Module):
    """Append a learnt plane per class to an image.

    Source: Mirza & Osindero 2014, arXiv:1411.1784, section 3.2, in its usual convolutional form.
    """

    def __init__(self, classes: int, image_size: ImageSize) -> None:
        super().__init__()
        self.sides = split_sides(image_size)
        self.embedding = nn.Embedding(classes, self.sides[0] * self.sides[1])

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Return [N, C + 1, H, W] for images [N, C, H, W] and labels int64 [N]."""
        plane = self.embedding(require_label(label)).view(-1, 1, *self.sides)
        return torch.cat([x, plane.to(x.dtype)], dim=1)


def require_label(label: Tensor | None) -> Tensor:
    """Return `label`.

    Raises:
        ValueError: it is None.
    """
    if label is None:
        raise ValueError("label: this network was built with classes > 0 and needs a label for each image")
    return label
