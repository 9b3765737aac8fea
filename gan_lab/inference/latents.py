"""A latent space: points of it, ways from one image to another, and along what tells a class from the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from gan_lab.errors import UserError

#: Radians below which, and as near to half a turn, an arc cannot be told from a line.
_STRAIGHT = 1e-6
#: Standard deviations beyond which a truncated latent has no values.
_THRESHOLD = 2.0


@runtime_checkable
class HasClusters(Protocol):
    """A model some of whose latent's numbers choose a kind of image, which then must not change on a way of small steps."""

    def keep_cluster(self, z: Tensor, like: Tensor) -> Tensor:
        """Return z [N, latents] with these numbers as other latents have them, [N, latents] or [latents]."""


def draw_latents(latents: int, seed: int, indices: Iterable[int], truncation: float = 1.0) -> Tensor:
    """Return the latents that have these numbers in the endless row of a seed: [N, latents] float32, normal.

    Each depends on the seed, its number and the truncation alone.

    Args:
        latents: length of a latent.
        seed: of the row.
        indices: the numbers, from 0.
        truncation: 1 draws from the prior. Below 1, values beyond two standard deviations are drawn again, and all are
            multiplied by it: the same images nearer to the typical one, better and less varied.

    Source: Brock et al. 2019, arXiv:1809.11096, section 3.1; scaled as in the generators that they published.
    """
    rows = []
    for index in indices:
        rng = np.random.default_rng((seed, index))
        z = rng.standard_normal(latents)
        while truncation < 1 and (beyond := np.abs(z) > _THRESHOLD).any():
            z[beyond] = rng.standard_normal(int(beyond.sum()))
        rows.append(truncation * z)
    return torch.from_numpy(np.stack(rows)).float()


def walk_in_circle(z: Tensor, frames: int) -> Tensor:
    """Return a walk through latents [K, latents] in their order and back to the first: [K * frames, latents].

    Args:
        z: two latents at least.
        frames: steps from one to the next; every `frames`-th is one of the latents itself.
    """
    share = torch.arange(frames, dtype=torch.float64) / frames
    return slerp(z[:, None], z.roll(-1, dims=0)[:, None], share[None]).flatten(0, 1)


def slerp(z_a: Tensor, z_b: Tensor, t: float | Tensor) -> Tensor:
    """Return the point at the share t of the way from z_a to z_b along the arc between them.

    Latents drawn from a normal distribution lie near a sphere, which a straight line leaves: halfway the images are
    those of a much shorter z. The length changes with t as along the arc of two lengths. Where the vectors are parallel,
    or one is zero, this is the straight line, the arc's limit; and so it is where they are opposite, which no one arc joins.

    Args:
        z_a: [..., latents].
        z_b: likewise.
        t: 0 gives z_a, 1 gives z_b; a number, or a tensor that broadcasts against all but the last dimension.

    Returns:
        [..., latents], of the dtype of z_a.

    Source: Shoemake 1985, doi:10.1145/325165.325242; for latents White 2016, arXiv:1609.04468, section 2.
    """
    a, b = z_a.double(), z_b.double()
    share = torch.as_tensor(t, dtype=torch.float64, device=a.device)[..., None]
    tiny = torch.finfo(torch.float64).tiny
    unit_a, unit_b = (z / z.norm(dim=-1, keepdim=True).clamp(min=tiny) for z in (a, b))
    # half angles by atan2: acos of the cosine loses half of the digits where the vectors are nearly parallel
    apart, along = (unit_a - unit_b).norm(dim=-1, keepdim=True), (unit_a + unit_b).norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(apart, along)
    zero = (a == 0).all(dim=-1, keepdim=True) | (b == 0).all(dim=-1, keepdim=True)
    straight = zero | (angle.sin().abs() < _STRAIGHT)
    sine = torch.where(straight, 1.0, angle.sin())
    weight_a = torch.where(straight, 1 - share, ((1 - share) * angle).sin() / sine)
    weight_b = torch.where(straight, share, (share * angle).sin() / sine)
    return (weight_a * a + weight_b * b).to(z_a.dtype)


def directions(z: Tensor, label: Tensor, classes: int) -> Tensor:
    """Return for each class the mean of its latents less the mean of all others: [classes, latents].

    Args:
        z: [N, latents], such as `VAE.encode` gives.
        label: int64 [N] in [0, classes).
        classes: how many there are.

    Raises:
        UserError: a class has none of the images, or all of them.

    Source: Larsen et al. 2016, arXiv:1512.09300, section 4 (visual attribute vectors).
    """
    member = torch.nn.functional.one_hot(label, classes).to(z.dtype)  # [N, classes]
    counts = member.sum(dim=0)
    for name, found in enumerate(counts.tolist()):
        if not 0 < found < len(z):
            what = "is not among" if found == 0 else "is all of"
            raise UserError(
                f"data.root: class {name} {what} the {len(z)} images, and a direction is what tells a class from others; "
                "put photos of each class into a folder of its own"
            )
    within = member.T @ z / counts[:, None]
    without = (z.sum(dim=0) - member.T @ z) / (len(z) - counts)[:, None]
    return within - without


def shift_latents(z: Tensor, direction: Tensor, strength: float) -> Tensor:
    """Return latents moved along a direction: z + strength * direction, [N, latents].

    Args:
        z: [N, latents].
        direction: [latents], as a row of `directions`.
        strength: 0 leaves them as they are, 1 goes as far as the classes are apart, below 0 the other way.
    """
    return z + strength * direction
