"""Signs of trouble in pictures and logits: cheap figures that a run takes of itself while it trains."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: Side of the thumbnails that pictures are compared by.
SIDE = 16
_LUMA = (0.2126, 0.7152, 0.0722)


def thumbnails(images: Tensor) -> Tensor:
    """Return images [N, C, H, W] as rows of 16x16 pixels, [N, C*256] float32: what a glance sees of them."""
    return functional.adaptive_avg_pool2d(images.float(), SIDE).flatten(1)


def nearest(rows: Tensor, others: Tensor | None = None) -> Tensor:
    """Return the distance of each row [N, D] to the nearest of `others` [M, D], or of the other rows: [N].

    Per value: divided by the root of D, so that of images in [-1, 1] it is at most 2.
    """
    exact = "donot_use_mm_for_euclid_dist"  # by products, equal rows would be a little apart
    distances = torch.cdist(rows, rows if others is None else others, compute_mode=exact)
    if others is None:
        distances.fill_diagonal_(float("inf"))
    return distances.min(1).values / rows.shape[1] ** 0.5


def variety(made: Tensor, real: Tensor) -> float:
    """Return how far a made picture is from the one most like it, as a share of what it is among photos.

    A generator of a few pictures has its twins near, however far those few are from one another: the mean over all pairs
    would not see it. 1 is the photos' own variety, 0 is one picture over and over.

    Args:
        made: [N, C, H, W], N at least 2.
        real: as many photos: among more the nearest is nearer.
    """
    among_made, among_real = (nearest(thumbnails(images)).mean() for images in (made, real))
    return float(among_made / among_real.clamp_min(1e-6))


def grid_levels(images: Tensor) -> float:
    """Return how strongly pictures are patterned with a period of 2 or 4 pixels: root mean square, in levels of 255.

    Strided layers leave such a grid. What the frequencies next to it hold is taken off: it is texture.

    Args:
        images: [N, C, H, W] in [-1, 1]; sides that 4 does not divide are cut.

    Source: Odena et al. 2016, "Deconvolution and checkerboard artifacts", for the cause.
    """
    height, width = (side - side % 4 for side in images.shape[-2:])
    grey = luma(images)[:, :height, :width] * 127.5
    spectrum = torch.fft.fft2(grey - grey.mean((1, 2), keepdim=True)).abs().square().mean(0) / (height * width) ** 2
    rows, columns = spectrum.sum(1), spectrum.sum(0)  # a grid shows along either axis
    return max(_excess(rows), _excess(columns)) ** 0.5


def _excess(power: Tensor) -> float:
    """Return the power at the periods 2 and 4 beyond that of the bins beside them."""
    n = len(power)
    total = 0.0
    for period in (2, 4):
        at, off = n // period, max(1, n // 16)
        beside = 0.5 * (power[at - off] + power[(at + off) % n])
        twice = 1 if period == 2 else 2  # but for the highest one, a frequency is there twice
        total += twice * max(0.0, float(power[at] - beside))
    return total


def luminance_correlation(source: Tensor, made: Tensor) -> float:
    """Return how the lightness of pictures goes with that of what they were made of: the mean correlation, in [-1, 1].

    Args:
        source: [N, C, H, W].
        made: [N, C, H', W'].
    """
    a, b = (functional.adaptive_avg_pool2d(luma(images)[:, None], SIDE).flatten(1) for images in (source, made))
    return float(functional.cosine_similarity(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)).mean())


def overfitting(logits_train: Tensor, logits_held_out: Tensor, logits_fake: Tensor) -> tuple[float, float]:
    """Return where D puts held-out photos between those it trained on (0) and made pictures (1), and how surely.

    Args:
        logits_train: D's logits on training photos, without augmentation, in evaluation mode.
        logits_held_out: likewise on photos that it never saw.
        logits_fake: likewise on made pictures.

    Returns:
        The ratio, and the first difference in its standard errors.

    Source: Karras et al. 2020, arXiv:2006.06676, eq. 1, r_v.
    """
    train, held_out, fake = (logits.float().flatten(1).mean(1) if logits.ndim > 1 else logits.float()
                             for logits in (logits_train, logits_held_out, logits_fake))  # fmt: skip
    gap, difference = train.mean() - fake.mean(), train.mean() - held_out.mean()
    error = (train.var() / len(train) + held_out.var() / len(held_out)).sqrt().clamp_min(1e-9)
    ratio = difference / gap if gap > 1e-6 else torch.zeros(())
    return float(ratio), float(difference / error)


def leak(
    made: Tensor, plain: Tensor, augmented: Tensor, held_out: Tensor, held_out_augmented: Tensor
) -> tuple[float, float] | None:
    """Return where made pictures are between photos (0) and augmented photos (1), by whose neighbours they are, and how surely.

    Each picture is nearer to one of `plain` or to one of `augmented`; what share of held-out photos, and of augmented
    ones, fall to the latter are the two ends of the scale.

    Args:
        made: [N, C, H, W], like all others.
        plain: training photos.
        augmented: the same, as D sees them.
        held_out: photos that are in neither.
        held_out_augmented: the same, as D would see them.

    Returns:
        The place on the scale and its standard error, that of three shares; None where the two ends are too close to tell,
        or where the pictures are farther from all photos than held-out ones are by a half: they are not good enough yet to ask.
    """
    near, moved = thumbnails(plain), thumbnails(augmented)

    def look(images: Tensor) -> tuple[float, float, float]:
        rows = thumbnails(images)
        to_plain, to_augmented = nearest(rows, near), nearest(rows, moved)
        share = float((to_augmented < to_plain).float().mean() + 0.5 * (to_augmented == to_plain).float().mean())
        return share, share * (1 - share) / len(rows), float(torch.minimum(to_plain, to_augmented).mean())

    (low, v_low, usual), (high, v_high, _), (share, v_share, distance) = map(look, (held_out, held_out_augmented, made))
    if high - low < 0.25 or distance > 1.5 * usual:
        return None
    place = min(1.0, max(0.0, (share - low) / (high - low)))
    error = (v_share + (1 - place) ** 2 * v_low + place**2 * v_high) ** 0.5 / (high - low)
    return place, error


def luma(images: Tensor) -> Tensor:
    """Return the lightness [N, H, W] of images [N, C, H, W] of 1 or 3 channels."""
    if images.shape[1] == 1:
        return images[:, 0].float()
    return torch.einsum("nchw,c->nhw", images.float(), torch.tensor(_LUMA, device=images.device))
