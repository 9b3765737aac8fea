"""Adaptive discriminator augmentation: as strong as the discriminator's overfitting asks for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gan_lab.augment.colour import draw_colour, recolour
from gan_lab.augment.geometry import draw_blitting, draw_geometric, identities, move, warp
from gan_lab.errors import UserError


class ADA(nn.Module):
    """Augment images with a strength `p` that follows how surely D tells its training images for real.

        augment: {_target_: gan_lab.augment.ADA}
        augment: {_target_: gan_lab.augment.ADA, colour: false}                # hue is what the photos are about
        augment: {_target_: gan_lab.augment.ADA, target: null, p: 0.2}         # a fixed strength

    Every transformation befalls an image with probability p, by draws of its own: that is what p is, not how far they
    go. While p is below about 0.8 the images that none has befallen are enough for G not to draw augmented ones.

    `observe` raises p where the mean sign of D's logits on real images, over `interval` updates, is above `target`, and
    lowers it where it is below. p and what it is reckoned from are buffers, equal in all processes, so that a checkpoint
    holds them.

    Args:
        blitting: flips in x, quarter turns, translations by whole pixels.
        geometric: scalings, rotations, fractional translations, which resample.
        colour: brightness, contrast, luma flip, hue, saturation.
        target: the mean sign to steer to, in (-1, 1); None keeps p as it is.
        p: the strength to start from.
        interval: updates of D from one adjustment to the next.
        speed_images: real images in which p can go from 0 to 1. The paper's 500_000 suit runs of 25 million; the default is
            what its code takes where it starts from trained networks and p must be there in time.
        max_p: where p stops. Differs from paper: its code has no such limit, though the paper sees leaks above 0.8.

    Attributes:
        adaptive: whether `observe` does anything.
        p: scalar float32.

    Raises:
        UserError: no group is on, or a number is out of its range.

    Source: Karras et al. 2020, arXiv:2006.06676, sections 2 and 3, appendix B.
    """

    p: Tensor
    signs: Tensor
    images: Tensor
    updates: Tensor

    def __init__(
        self,
        blitting: bool = True,
        geometric: bool = True,
        colour: bool = True,
        target: float | None = 0.6,
        p: float = 0.0,
        interval: int = 4,
        speed_images: float = 100_000,
        max_p: float = 0.8,
    ) -> None:
        super().__init__()
        self.blitting = blitting
        self.geometric = geometric
        self.colour = colour
        self.target = target
        self.interval = interval
        self.speed_images = speed_images
        self.max_p = max_p
        self.adaptive = target is not None
        self.check(p)
        self.register_buffer("p", torch.tensor(float(p)))
        self.register_buffer("signs", torch.zeros(2))  # their sum and their number, since the last adjustment
        self.register_buffer("images", torch.zeros(()))  # likewise
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))  # likewise

    def check(self, p: float) -> None:
        """Refuse options that make no sense."""
        if not (self.blitting or self.geometric or self.colour):
            raise UserError(
                "model.augment: blitting, geometric and colour are all off; switch one on, or set model.augment=null"
            )
        if self.target is not None and not -1 < self.target < 1:
            raise UserError(
                f"model.augment.target={self.target}: needs a mean sign between -1 and 1 (the paper's is 0.6), or null for a "
                "fixed strength"
            )
        if not 0 < self.max_p <= 1:
            raise UserError(f"model.augment.max_p={self.max_p}: needs a probability above 0, up to 1")
        largest = self.max_p if self.adaptive else 1.0
        if not 0 <= p <= largest:
            raise UserError(f"model.augment.p={p}: needs a probability from 0 to {largest:g}")
        if self.target is None and p == 0:
            raise UserError(
                "model.augment.p=0 with target=null: does nothing; give a p above 0, or a target to steer by"
            )
        if self.interval < 1:
            raise UserError(f"model.augment.interval={self.interval}: needs at least 1")
        if self.speed_images <= 0:
            raise UserError(f"model.augment.speed_images={self.speed_images}: needs a number of images above 0")

    def forward(self, images: Tensor) -> Tensor:
        """Return augmented images; the draws come from torch's generator, in evaluation mode too.

        Args:
            images: [N, C, H, W] in [-1, 1], float; C is 1 or 3 if colours are changed.

        Returns:
            [N, C, H, W] in the images' dtype, computed in float32 (float64 stays) also under autocast; colours may leave
            [-1, 1]. Images that no transformation has befallen are returned bit for bit. Differentiable in the images.
        """
        n, _, height, width = images.shape
        with torch.autocast(images.device.type, enabled=False):
            x = images if images.dtype == torch.float64 else images.float()
            place = identities(n, 3, x.device)
            if self.blitting:
                place = place @ draw_blitting(n, self.p, height, width)
            if self.geometric:
                place = place @ draw_geometric(n, self.p, height, width)
            if self.blitting or self.geometric:
                x = where_changed(x, place, warp if self.geometric else move)
            if self.colour:
                x = where_changed(x, draw_colour(n, self.p), recolour)
        return x.to(images.dtype)

    def observe(self, logits_real: Tensor, images: int) -> None:
        """Take note of an update of D, and adjust `p` at every `interval`-th. Call it once an update, in every process.

        Args:
            logits_real: any shape, positive where D takes an image for real: D's logits on augmented real images, less
                the loss's boundary where that is not 0 (0.5 for least squares); less their mean on fakes for a
                relativistic loss.
            images: real images that the update stands for, those of all processes together.

        Source: Karras et al. 2020, arXiv:2006.06676, eq. 1 (r_t) and section 3.
        """
        if self.target is None:
            return
        signs = logits_real.detach().float().sign()
        seen = torch.stack([signs.sum(), torch.ones_like(signs).sum()])
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            # at once: DDP gives every process the first one's buffers before each step, so that none has sums of its own
            torch.distributed.all_reduce(seen)
        self.signs += seen
        self.images += images
        self.updates += 1
        # on the device to the end: a branch would make an accelerator wait
        due = self.updates >= self.interval
        r = self.signs[0] / self.signs[1]
        step = torch.sign(r - self.target) * self.images / self.speed_images
        self.p.copy_(torch.where(due, (self.p + step).clamp(0, self.max_p), self.p))
        for accumulator in (self.signs, self.images, self.updates):
            accumulator *= ~due


def where_changed(x: Tensor, matrix: Tensor, execute: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return `execute(x, matrix)` for the images whose matrix is not the identity, and the others as they are.

    Args:
        x: [N, C, H, W].
        matrix: [N, K, K].
        execute: takes some of the images with their matrices.
    """
    changed = (matrix != torch.eye(matrix.shape[-1], device=matrix.device)).flatten(1).any(1)
    if x.device.type != "cpu":  # an accelerator would wait to learn how many they are
        return torch.where(changed[:, None, None, None], execute(x, matrix), x)
    rows = changed.nonzero().squeeze(1)
    if len(rows) == len(x):
        return execute(x, matrix)
    return x.index_copy(0, rows, execute(x[rows], matrix[rows])) if len(rows) else x
