"""Consistency of the discriminator: an image and what an augmentation that changes nothing of note makes of it are alike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class FlipAndShift(nn.Module):
    """Mirror each image with probability 1/2 and move it by up to `pixels` along each side; its edge fills the gap.

    Args:
        pixels: the longest way, in whole pixels.

    Source: the flips and shifts of Zhang et al. 2020, arXiv:1910.12027, which bCR keeps.
    """

    def __init__(self, pixels: int = 4) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, C, H, W] for images [N, C, H, W] of any size; the choices come from torch's generator."""
        n, _, height, width = images.shape
        down, right = torch.randint(-self.pixels, self.pixels + 1, (2, n, 1), device=images.device)
        mirrored = torch.rand(n, 1, device=images.device) < 0.5
        rows = (torch.arange(height, device=images.device) + down).clamp(0, height - 1)  # [N, H]
        columns = (torch.arange(width, device=images.device) + right).clamp(0, width - 1)  # [N, W]
        columns = torch.where(mirrored, width - 1 - columns, columns)
        image = torch.arange(n, device=images.device)[:, None, None]
        return images.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


class ConsistencyRegularisation(nn.Module):
    """Keep D's logits where they are when an augmentation moves the image: on real and on fake images, each with a weight.

    D is asked for both in one call. It learns to look past what the augmentation does, and G never sees an augmented image.

    Args:
        weight_real: the paper's lambda_real.
        weight_fake: the paper's lambda_fake; 0 and it is CR-GAN's one-sided form.
        augment: images [N, C, H, W] in [-1, 1] to the same; `FlipAndShift` unless given. No gradient passes through it.

    Source: Zhao et al. 2020, arXiv:2002.04724, algorithm 1 (bCR).
    """

    def __init__(
        self,
        weight_real: float = 10.0,
        weight_fake: float = 10.0,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.weight_real = weight_real
        self.weight_fake = weight_fake
        self.augment = augment or FlipAndShift()

    def forward(self, logits_real: Tensor, logits_fake: Tensor, moved_real: Tensor, moved_fake: Tensor) -> Tensor:
        """Return the weighted sum of both mean squared differences, a scalar in fp32.

        Args:
            logits_real: D(real), [N] or [N, 1, h, w].
            logits_fake: D(fake), likewise.
            moved_real: D of the augmented real images.
            moved_fake: D of the augmented fakes.
        """
        on_real = functional.mse_loss(moved_real.float(), logits_real.float())
        on_fake = functional.mse_loss(moved_fake.float(), logits_fake.float())
        return self.weight_real * on_real + self.weight_fake * on_fake
