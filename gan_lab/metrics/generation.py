"""How close generated images are to real ones as sets, on features that any network gave: name it beside the figure.

All functions compute in float64 on the features' device and return Python floats.
"""

from __future__ import annotations

import torch
from torch import Tensor


def kernel_distance(
    f_real: Tensor, f_fake: Tensor, subsets: int = 50, subset_size: int | None = None, seed: int = 0
) -> tuple[float, float]:
    """Return mean and standard deviation, over random subsets, of the unbiased squared kernel distance (KID).

    Unbiased means that equal distributions give 0 on average and small sets no larger values, so a result may fall
    below 0: unlike the Frechet distance this is the figure for a few hundred images.

    Args:
        f_real: [N, D] features.
        f_fake: [M, D] features.
        subsets: how many pairs of subsets.
        subset_size: images in each; None takes half of the smaller set, at least 2 and at most 1000. The subsets
            overlap, so the deviation says how much the choice of images matters, and is no confidence interval.
        seed: of the choice of subsets; torch's global generator is not touched.

    Raises:
        ValueError: a set has fewer than 2 images or than `subset_size`, or the features cannot be compared.

    Source: Binkowski et al. 2018, arXiv:1801.01401, eq. 4 with the kernel (x.y / D + 1)^3 of sec. 4.
    """
    f_real, f_fake = _features(f_real, f_fake)
    smaller = min(len(f_real), len(f_fake))
    size = subset_size if subset_size is not None else min(1000, max(2, smaller // 2))
    if not 2 <= size <= smaller:
        raise ValueError(f"subset_size: {size} (must be 2 to {smaller}, the size of the smaller set)")
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        real = f_real[torch.randperm(len(f_real), generator=generator)[:size].to(f_real.device)]
        fake = f_fake[torch.randperm(len(f_fake), generator=generator)[:size].to(f_fake.device)]
        within = sum((kernel.sum() - kernel.diagonal().sum()) for kernel in (_kernel(real, real), _kernel(fake, fake)))
        values.append(within / (size * (size - 1)) - 2 * _kernel(real, fake).mean())
    stacked = torch.stack(values)
    return stacked.mean().item(), stacked.std(correction=0).item()


def frechet_distance(f_real: Tensor, f_fake: Tensor) -> float:
    """Return the squared Frechet distance of two Gaussians fitted to the features (FID on Inception's pool features).

    The trace of the root of the covariances' product is the sum of singular values of A B^T, where A and B are the
    centred features over sqrt(N - 1): no matrix root, and exact for fewer images than dimensions, where both
    covariances are singular. Its expectation falls as sets grow: compare only results of equal N, and below a few
    thousand images prefer `kernel_distance`.

    Args:
        f_real: [N, D] features.
        f_fake: [M, D] features.

    Raises:
        ValueError: a set has fewer than 2 images, or the features cannot be compared.

    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6.
    """
    f_real, f_fake = _features(f_real, f_fake)
    mean_real, mean_fake = f_real.mean(0), f_fake.mean(0)
    a = (f_real - mean_real) / (len(f_real) - 1) ** 0.5
    b = (f_fake - mean_fake) / (len(f_fake) - 1) ** 0.5
    # The triangular factors stand for A and B: A^T A = R^T R, so the singular values are the same and D x D suffices.
    r_a, r_b = torch.linalg.qr(a, mode="r").R, torch.linalg.qr(b, mode="r").R
    trace_root = torch.linalg.svdvals(r_a @ r_b.T).sum()
    distance = (mean_real - mean_fake).square().sum() + a.square().sum() + b.square().sum() - 2 * trace_root
    return max(0.0, distance.item())


def precision_recall(f_real: Tensor, f_fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Return (precision, recall): the shares of fakes near a real image, and of reals near a fake one.

    Near means within the distance from that image to its k-th nearest neighbour in its own set. A set of k images or
    fewer uses the farthest neighbour it has. Both shares depend on N: compare only results of equal N.

    Args:
        f_real: [N, D] features.
        f_fake: [M, D] features.
        k: which neighbour sets the radius.

    Raises:
        ValueError: a set has fewer than 2 images, or the features cannot be compared.

    Source: Kynkaanniemi et al. 2019, arXiv:1904.06991, eqs. 1 and 2.
    """
    f_real, f_fake = _features(f_real, f_fake)
    return _share_within(f_fake, f_real, k), _share_within(f_real, f_fake, k)


def inception_score(logits: Tensor, splits: int = 10) -> tuple[float, float]:
    """Return mean and standard deviation, over consecutive parts, of the Inception score: 1 to the number of classes.

    Args:
        logits: [N, classes] of a classifier, in random order.
        splits: how many parts; N where there are fewer images, each of which then scores 1. Meant for 5000 images
            and more a part: with fewer the score falls short.

    Raises:
        ValueError: there are no logits, or they are not finite.

    Source: Salimans et al. 2016, arXiv:1606.03498, sec. 4.
    """
    logits = _matrix("logits", logits, fewest=1)
    scores = []
    splits = min(splits, len(logits))
    for part in logits.tensor_split([index * len(logits) // splits for index in range(1, splits)]):
        log_p = part.log_softmax(dim=1)
        p = log_p.exp()
        log_marginal = log_p.logsumexp(dim=0) - torch.tensor(float(len(part))).log()
        scores.append((p * (log_p - log_marginal)).sum(dim=1).mean().exp())
    stacked = torch.stack(scores)
    return stacked.mean().item(), stacked.std(correction=0).item()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _share_within(points: Tensor, references: Tensor, k: int, rows: int = 2048) -> float:
    """Return the share of points that lie in the ball of at least one reference, in blocks of rows."""
    neighbour = min(k, len(references) - 1) + 1  # each reference is its own nearest
    radii = torch.cat([torch.cdist(part, references).kthvalue(neighbour).values for part in references.split(rows)])
    inside = [(torch.cdist(part, references) <= radii).any(dim=1) for part in points.split(rows)]
    return torch.cat(inside).double().mean().item()


def _features(f_real: Tensor, f_fake: Tensor) -> tuple[Tensor, Tensor]:
    f_real, f_fake = _matrix("f_real", f_real, fewest=2), _matrix("f_fake", f_fake, fewest=2)
    if f_real.shape[1] != f_fake.shape[1]:
        raise ValueError(f"f_real and f_fake differ in width: {f_real.shape[1]} and {f_fake.shape[1]}")
    return f_real, f_fake


def _matrix(name: str, values: Tensor, fewest: int) -> Tensor:
    """Return the values in float64 after a check: one row an image, enough rows, all finite."""
    if values.ndim != 2 or len(values) < fewest:
        raise ValueError(f"{name}: shape {list(values.shape)} (must be [N, D] with N >= {fewest})")
    if not torch.isfinite(values).all():
        raise ValueError(f"{name}: holds NaN or infinity")
    return values.detach().double()
