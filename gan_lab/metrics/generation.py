"""How close generated images are to real ones as sets, on features that any network gave: name it beside the figure.

All functions compute in float64 on the features' device and return Python floats.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Rows of a matrix of distances that are held at a time.
ROWS = 2048


def kernel_distance(
    f_real: Tensor, f_fake: Tensor, subsets: int | None = 50, subset_size: int | None = None, seed: int = 0
) -> tuple[float, float]:
    """Return mean and standard deviation, over random subsets, of the unbiased squared kernel distance (KID).

    Unbiased means that equal distributions give 0 on average and small sets no larger values, so a result may fall
    below 0: unlike the Frechet distance this is the figure for a few hundred images.

    Args:
        f_real: [N, D] features.
        f_fake: [M, D] features.
        subsets: how many pairs of subsets; None takes the whole sets once, without a draw, and no deviation (0).
        subset_size: images in each; None takes half of the smaller set, at least 2 and at most 1000. The subsets
            overlap, so the deviation says how much the choice of images matters, and is no confidence interval.
        seed: of the choice of subsets; torch's global generator is not touched.

    Raises:
        ValueError: a set has fewer than 2 images or than `subset_size`, or the features cannot be compared.

    Source: Binkowski et al. 2018, arXiv:1801.01401, eq. 4 with the kernel (x.y / D + 1)^3 of sec. 4.
    """
    f_real, f_fake = _check_sets(f_real, f_fake)
    if subsets is None:
        return _estimate_squared_mmd(f_real, f_fake).item(), 0.0
    smaller = min(len(f_real), len(f_fake))
    size = subset_size if subset_size is not None else min(1000, max(2, smaller // 2))
    if not 2 <= size <= smaller:
        raise ValueError(f"subset_size: {size} (must be 2 to {smaller}, the size of the smaller set)")
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        real = f_real[torch.randperm(len(f_real), generator=generator)[:size].to(f_real.device)]
        fake = f_fake[torch.randperm(len(f_fake), generator=generator)[:size].to(f_fake.device)]
        values.append(_estimate_squared_mmd(real, fake))
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
    f_real, f_fake = _check_sets(f_real, f_fake)
    mean_real, mean_fake = f_real.mean(0), f_fake.mean(0)
    a = (f_real - mean_real) / (len(f_real) - 1) ** 0.5
    b = (f_fake - mean_fake) / (len(f_fake) - 1) ** 0.5
    # The triangular factors stand for A and B: A^T A = R^T R, so the singular values are the same and D x D suffices.
    r_a, r_b = torch.linalg.qr(a, mode="r").R, torch.linalg.qr(b, mode="r").R
    trace_root = torch.linalg.svdvals(r_a @ r_b.T).sum()
    distance = (mean_real - mean_fake).square().sum() + a.square().sum() + b.square().sum() - 2 * trace_root
    return max(0.0, distance.item())


def frechet_distance_of_moments(mean_real: Tensor, cov_real: Tensor, mean_fake: Tensor, cov_fake: Tensor) -> float:
    """Return the squared Frechet distance of two Gaussians, given their means and covariances; see `frechet_distance`.

    Args:
        mean_real: [D] float64.
        cov_real: [D, D] float64, may be singular.
        mean_fake: [D] float64.
        cov_fake: [D, D] float64, may be singular.
    """
    trace_root = torch.linalg.svdvals(_root(cov_real) @ _root(cov_fake).T).sum()
    distance = (mean_real - mean_fake).square().sum() + cov_real.trace() + cov_fake.trace() - 2 * trace_root
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
    f_real, f_fake = _check_sets(f_real, f_fake)
    return _share_within(f_fake, f_real, k), _share_within(f_real, f_fake, k)


def density_coverage(f_real: Tensor, f_fake: Tensor, k: int = 5) -> tuple[float, float]:
    """Return (density, coverage): how crowded by reals the fakes' places are, and the share of reals with a fake near.

    Near a real image means within its distance to its k-th nearest real one. Density is 1 on average where both are of
    one distribution, and not bounded by it; unlike precision it counts in how many reals' neighbourhoods a fake lies, so
    that a single outlier among the reals does not decide. Coverage is at most 1; both depend on N.

    Args:
        f_real: [N, D] features.
        f_fake: [M, D] features.
        k: which neighbour sets the radius; with k real images or fewer, the farthest there is.

    Raises:
        ValueError: a set has fewer than 2 images, or the features cannot be compared.

    Source: Naeem et al. 2020, arXiv:2002.09797, eqs. 3 and 4.
    """
    f_real, f_fake = _check_sets(f_real, f_fake)
    radii, nearest, crowd = _radii(f_real, k), [], 0.0
    for part, radius in zip(f_real.split(ROWS), radii.split(ROWS), strict=True):
        distances = torch.cdist(part, f_fake)
        crowd += (distances <= radius[:, None]).sum().item()
        nearest.append(distances.amin(dim=1))
    neighbours = min(k, len(f_real) - 1)
    return crowd / (neighbours * len(f_fake)), (torch.cat(nearest) <= radii).double().mean().item()


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
    logits = check_features("logits", logits, fewest=1)
    scores = []
    splits = min(splits, len(logits))
    for part in logits.tensor_split([index * len(logits) // splits for index in range(1, splits)]):
        log_p = part.log_softmax(dim=1)
        p = log_p.exp()
        log_marginal = log_p.logsumexp(dim=0) - math.log(len(part))
        scores.append((p * (log_p - log_marginal)).sum(dim=1).mean().exp())
    stacked = torch.stack(scores)
    return stacked.mean().item(), stacked.std(correction=0).item()


def _root(covariance: Tensor) -> Tensor:
    """Return a matrix R with R^T R = covariance, without the directions in which there is rounding alone."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = len(values) * torch.finfo(values.dtype).eps * values[-1]
    return torch.where(values > rounding, values, 0).sqrt()[:, None] * vectors.T


def _estimate_squared_mmd(real: Tensor, fake: Tensor) -> Tensor:
    """Return the unbiased squared kernel distance of two whole sets."""
    within = torch.zeros((), dtype=real.dtype, device=real.device)
    for each in (real, fake):
        kernel = _kernel(each, each)
        within = within + (kernel.sum() - kernel.diagonal().sum()) / (len(each) * (len(each) - 1))
    return within - 2 * _kernel(real, fake).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _share_within(points: Tensor, references: Tensor, k: int) -> float:
    """Return the share of points that lie in the ball of at least one reference."""
    radii = _radii(references, k)
    inside = [(torch.cdist(part, references) <= radii).any(dim=1) for part in points.split(ROWS)]
    return torch.cat(inside).double().mean().item()


def _radii(points: Tensor, k: int) -> Tensor:
    """Return each point's distance to its k-th nearest other, or to the farthest where there are fewer, [N]."""
    neighbour = min(k, len(points) - 1) + 1  # each point is its own nearest
    return torch.cat([torch.cdist(part, points).kthvalue(neighbour).values for part in points.split(ROWS)])


def _check_sets(f_real: Tensor, f_fake: Tensor) -> tuple[Tensor, Tensor]:
    f_real, f_fake = check_features("f_real", f_real, fewest=2), check_features("f_fake", f_fake, fewest=2)
    if f_real.shape[1] != f_fake.shape[1]:
        raise ValueError(f"f_real and f_fake differ in width: {f_real.shape[1]} and {f_fake.shape[1]}")
    return f_real, f_fake


def check_features(name: str, values: Tensor, fewest: int) -> Tensor:
    """Return the values in float64 after a check: one row an image, enough rows, all finite."""
    if values.ndim != 2 or len(values) < fewest:
        raise ValueError(f"{name}: shape {list(values.shape)} (must be [N, D] with N >= {fewest})")
    if not torch.isfinite(values).all():
        raise ValueError(f"{name}: holds NaN or infinity")
    return values.detach().double()
