"""The drifting loss: samples move towards photos and away from one another, in features."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

#: Distances between samples and photos, as shares of the mean one, at which the pull of a photo falls off.
TEMPERATURES = (0.02, 0.05, 0.2)
#: Below it features count as equal, and there is nothing to scale.
SCALE_FLOOR = 1e-6
#: Added to a sample's distance to itself, which must not repel.
_SELF = 1e6


def drifting_loss(
    generated: Sequence[Tensor], real: Sequence[Tensor], temperatures: Sequence[float] = TEMPERATURES
) -> tuple[Tensor, Tensor]:
    """Return the drifting loss and the size of the field, scalars, averaged over groups of features.

    In each group every sample's vector is to go where the field of photos (attracting) and of the other samples (repelling)
    drives it. Features are scaled so that the mean distance between samples and photos is sqrt(D), and each temperature's
    field to a mean square of 1, so that every group and every temperature counts alike.

    Args:
        generated: groups [P, N, D] of N samples at P places, with a graph.
        real: the same groups of M photos, [P, M, D].
        temperatures: see `TEMPERATURES`.

    Returns:
        The loss, whose value says little, since the field is normalised; and the root mean square of the field before that,
        in units of the mean distance. Neither measures progress: far samples have a small field as well, for each photo's
        pull is weighed by the samples' push. Go by validation's kernel distance.

    Source: Deng et al. 2026, arXiv:2602.04770, algorithms 1 and 2.
    """
    losses, drifts = [], []
    for vectors, photos in zip(generated, real, strict=True):
        scale, field, drift = compute_drift(vectors.detach(), photos, temperatures)
        scaled = vectors / scale
        losses.append(functional.mse_loss(scaled, scaled.detach() + field))
        drifts.append(drift)
    return torch.stack(losses).mean(), torch.stack(drifts).mean()


@torch.no_grad()
def compute_drift(
    generated: Tensor, real: Tensor, temperatures: Sequence[float] = TEMPERATURES
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scale of one group's features, the normalised field at every sample, and the field's size before that.

    Args:
        generated: [P, N, D].
        real: [P, M, D].
        temperatures: see `TEMPERATURES`.

    Returns:
        Scalar; [P, N, D], in features divided by the scale; scalar, root mean square in units of the mean distance.
    """
    dimensions, photos = generated.shape[2], real.shape[1]
    everything = torch.cat([real, generated], dim=1)
    distance = torch.cdist(generated, everything)
    distance[:, :, photos:].diagonal(dim1=1, dim2=2).fill_(_SELF * (1 + distance.max()))
    scale = (distance[:, :, :photos].mean() / math.sqrt(dimensions)).clamp_min(SCALE_FLOOR)
    distance, everything = distance / scale, everything / scale

    field, drift = torch.zeros_like(generated), distance.new_zeros(())
    for temperature in temperatures:
        logits = -distance / (temperature * math.sqrt(dimensions))
        # normalised over what pulls at a sample and over the samples that a photo pulls at: each photo is claimed by some
        affinity = (logits.softmax(dim=2) * logits.softmax(dim=1)).sqrt()
        to_photos, to_samples = affinity[:, :, :photos], affinity[:, :, photos:]
        pull = to_photos * to_samples.sum(dim=2, keepdim=True)
        push = to_samples * to_photos.sum(dim=2, keepdim=True)
        force = torch.cat([pull, -push], dim=2) @ everything
        size = force.square().mean().sqrt()
        field += force / (size + torch.finfo(size.dtype).eps) / len(temperatures)
        drift += size / len(temperatures)
    return scale, field, drift
