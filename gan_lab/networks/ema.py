"""The moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class ExponentialMovingAverage(nn.Module):
    """Keep a frozen copy of a network whose weights trail it, with a half-life counted in images.

    The copy stays in evaluation mode. Its parameters are averaged; its buffers (running statistics) are copied.

    Args:
        source: the network to follow.
        half_life: images after which a past weight counts half.
        ramp_up: if given, the half-life is at most this share of the images seen so far, so that the average leaves the
            random start behind quickly.

    Source: Karras et al. 2018, arXiv:1710.10196, appendix A; half-life and ramp-up: the code of Karras et al. 2020.
    """

    def __init__(self, source: nn.Module, half_life: float = 10_000, ramp_up: float | None = 0.05) -> None:
        super().__init__()
        self.half_life = half_life
        self.ramp_up = ramp_up
        self.images = 0
        self.module = copy.deepcopy(source).eval().requires_grad_(False)

    def decay(self, images: int) -> float:
        """Return the share of the average that stays in an update that stands for `images` images."""
        half_life = self.half_life if self.ramp_up is None else min(self.half_life, self.images * self.ramp_up)
        return 0.5 ** (images / half_life) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self, source: nn.Module, images: int) -> None:
        """Move the average towards `source`, which has just been trained on `images` more images."""
        average: list[Tensor] = list(self.module.parameters())
        current: list[Tensor] = list(source.parameters())
        torch._foreach_lerp_(average, current, 1 - self.decay(images))
        for buffer, own in zip(self.module.buffers(), source.buffers(), strict=True):
            buffer.copy_(own)
        self.images += images

    def train(self, mode: bool = True) -> ExponentialMovingAverage:
        """Set the flag, but leave the copy in evaluation mode: it is never trained."""
        self.training = mode
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged network."""
        return self.module(*args, **kwargs)

    def get_extra_state(self) -> dict[str, int]:
        """Return the count of images, which the ramp-up goes by, for the state dict."""
        return {"images": self.images}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Take the count of images from a state dict."""
        self.images = int(state["images"])
