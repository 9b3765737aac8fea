"""Gradient penalties on the discriminator.

Each is called as `penalty(discriminator, real, fake)`, so that they are interchangeable, and has the `weight` that the caller
multiplies by and `every`: taken in each n-th iteration alone, n times as heavy, it costs less and pulls as much
(Karras et al. 2020, arXiv:1912.04958, section 3.1, lazy regularisation).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn


def _gradients(logits: Tensor, images: Tensor) -> Tensor:
    """Return d(sum of logits)/d(images), one row an image, [N, C*H*W], with a graph of its own."""
    if not images.requires_grad:
        raise ValueError("the images that a gradient penalty differentiates by must require grad")
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradients.flatten(1)


def zero_centred_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Return the zero-centred gradient penalty, unweighted: R1 on real images, R2 on fake ones.

    Args:
        logits: D(images), [N] or [N, 1, h, w] float32; patches are summed.
        images: [N, C, H, W] in [-1, 1]; must require grad.

    Returns:
        Scalar, the mean over N of the squared gradient norm.

    Raises:
        ValueError: `images` does not require grad.

    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9 and 10, without their factor gamma / 2.
    """
    return _gradients(logits, images).square().sum(1).mean()


def gradient_penalty(logits: Tensor, interpolates: Tensor, target: float = 1.0) -> Tensor:
    """Return the mean squared distance of the gradient's norm from `target`, unweighted.

    Args:
        logits: D(interpolates), [N] or [N, 1, h, w] float32; patches are summed.
        interpolates: [N, C, H, W], points between real and fake images; must require grad.
        target: the norm that is not penalised.

    Returns:
        Scalar, the mean over N.

    Raises:
        ValueError: `interpolates` does not require grad.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3, without its factor lambda.
    """
    norms = torch.linalg.vector_norm(_gradients(logits, interpolates), dim=1)
    return (norms - target).square().mean()


class GradientPenalty(nn.Module):
    """WGAN-GP's penalty at random points between real and fake images.

    Args:
        weight: the paper's lambda; the caller multiplies by it.
        every: iterations from one time that it is taken to the next.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1.
    """

    def __init__(self, weight: float = 10.0, every: int = 1) -> None:
        super().__init__()
        self.weight = weight
        self.every = every

    def forward(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """Return the unweighted penalty, a scalar; one epsilon an image comes from torch's generator.

        Args:
            discriminator: images -> logits; run in fp32, and eager: compiled graphs have no second derivative.
            real: [N, C, H, W] in [-1, 1].
            fake: [N, C, H, W] in [-1, 1]; no gradient flows back into it.
        """
        with torch.autocast(real.device.type, enabled=False):
            epsilon = torch.rand(len(real), 1, 1, 1, device=real.device)
            interpolates = torch.lerp(fake.detach().float(), real.detach().float(), epsilon).requires_grad_()
            return gradient_penalty(discriminator(interpolates), interpolates)


class ZeroCentredPenalty(nn.Module):
    """The zero-centred penalty on the images of one side; the base of `R1` and `R2`.

    Args:
        weight: the paper's gamma / 2 (its gamma is 10); the caller multiplies by it.
        every: iterations from one time that it is taken to the next.
    """

    #: Whether real images are penalised, or fake ones.
    on_real: ClassVar[bool]

    def __init__(self, weight: float = 5.0, every: int = 1) -> None:
        super().__init__()
        self.weight = weight
        self.every = every

    def forward(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """Return the unweighted penalty, a scalar; both sides are taken so that penalties are interchangeable.

        Args:
            discriminator: images -> logits; run in fp32, and eager: compiled graphs have no second derivative.
            real: [N, C, H, W] in [-1, 1].
            fake: likewise; no gradient flows back into it.
        """
        images = real if self.on_real else fake
        with torch.autocast(images.device.type, enabled=False):
            points = images.detach().float().requires_grad_()
            return zero_centred_penalty(discriminator(points), points)


class R1(ZeroCentredPenalty):
    """The zero-centred penalty on real images.

    Args: see `ZeroCentredPenalty`.

    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9.
    """

    on_real = True


class R2(ZeroCentredPenalty):
    """The zero-centred penalty on fake images.

    Args: see `ZeroCentredPenalty`.

    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 10; beside R1: Huang et al. 2024, arXiv:2501.05441, section 3.2.
    """

    on_real = False
