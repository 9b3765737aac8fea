"""Where the product is: a mask at a reduced size, and how far it can be trusted.

The ground is what reaches the border. Colours are grouped, and a group that has much border for its area is ground (the
boundary connectivity of Zhu et al. 2014, doi:10.1109/CVPR.2014.360, here on colours, not on superpixels). GrabCut
(Rother et al. 2004, doi:10.1145/1015706.1015720) draws the outline from there. How near two colours must be to count as
one depends on the photo: it is tried from coarse to fine, and what two tries agree on can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SIDE = 400  # the longer side of the reduced photo

_GROUPS = 12
_LIGHTNESS_LESS = np.array([0.7, 1, 1], np.float32)  # on CIELAB: a ground with shadows is one ground
_TOLERANCES = (10.0, 5.0, 2.5)  # colours so near count as one
_HOLE_TOLERANCE = 7.0  # a hole shows the ground if its mean colour is as near to that of the ground around
_TRUSTED = 0.8
_ALONE = 0.75  # the overlap that is assumed of an outline that has none beside it
_SMALLEST_SHARE = 0.01  # of the photo, for a product

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Cutout:
    """A product's mask at the reduced size, bool [h, w], and the confidence in it, in [0, 1]."""

    mask: Mask
    confidence: float


def cut_out(reduced: NDArray[np.uint8]) -> Cutout:
    """Return where the product is on a reduced photo; the same for the same photo.

    Args:
        reduced: uint8 [h, w, 3], sRGB, the longer side at most `WORKING_SIDE`.
    """
    if min(reduced.shape[:2]) < 16:
        return Cutout(np.ones(reduced.shape[:2], bool), 0.0)
    lab = cv2.cvtColor(reduced.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    colours = np.asarray(cv2.bilateralFilter(lab, 5, 8, 2) * _LIGHTNESS_LESS, np.float32)
    groups, centres = _colour_groups(colours)
    outlines: list[Cutout] = []
    best = Cutout(np.ones(groups.shape, bool), 0.0)
    for tolerance in _TOLERANCES:
        start = _starting_point(_salience(groups, centres, tolerance))
        if _is_product(start).any():
            mask = _without_false_holes(_without_debris(_is_product(_grab_cut(reduced, start))), colours)
            outlines.append(Cutout(mask, _confidence(colours, _is_product(start), mask)))
            best = max(_weigh_agreement(outlines), key=lambda outline: outline.confidence)
        if best.confidence >= _TRUSTED:
            break
    return best


def refine_mask(reduced: NDArray[np.uint8], rough: Mask, reach: int) -> Mask:
    """Return a mask whose outline follows the photo's colours, nowhere farther from the rough one's than `reach` pixels.

    Args:
        reduced: as in `cut_out`.
        rough: bool [h, w], of the same size.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    whole = cv2.copyMakeBorder(
        rough.astype(np.uint8), *4 * (reach,), cv2.BORDER_REPLICATE
    )  # nothing ends at the border
    inner, outer = (way(whole, disc)[reach:-reach, reach:-reach] for way in (cv2.erode, cv2.dilate))
    start = np.where(rough, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[inner > 0], start[outer == 0] = cv2.GC_FGD, cv2.GC_BGD
    if not (inner.any() and (outer == 0).any()):
        return rough
    cv2.setRNGSeed(0)
    return _is_product(_grab_cut(reduced, start))


def _weigh_agreement(outlines: list[Cutout]) -> list[Cutout]:
    """Return the outlines with their confidence lowered by how far each is from the one of the others it is nearest to."""
    agreed = []
    for this in outlines:
        others = [other.mask for other in outlines if other is not this and other.confidence > 0]
        nearest = max((_overlap(this.mask, other) for other in others), default=_ALONE)
        agreed.append(Cutout(this.mask, this.confidence * _ramp(nearest, 0.5, 0.85)))
    return agreed


def _colour_groups(colours: Floats) -> tuple[NDArray[np.int32], Floats]:
    """Return each pixel's group, int32 [h, w], and the groups' colours, float32 [k, 3]."""
    cv2.setRNGSeed(0)  # for GrabCut too: OpenCV draws from a generator of its own
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    no_labels: Any = None
    _, labels, centres = cv2.kmeans(colours.reshape(-1, 3), _GROUPS, no_labels, until, 2, cv2.KMEANS_PP_CENTERS)
    return labels.reshape(colours.shape[:2]).astype(np.int32), np.asarray(centres, np.float32)


def _salience(groups: NDArray[np.int32], centres: Floats, tolerance: float) -> Floats:
    """Return how little each pixel's colour belongs to the border: float32 [h, w] in [0, 1], near 1 for a product."""
    frame = _frame(groups.shape)
    area = np.bincount(groups.ravel(), minlength=len(centres))
    border = np.bincount(groups[frame], minlength=len(centres)) / _frame_width(groups.shape)
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    alike = np.exp(-(apart**2) / (2 * tolerance**2))
    connectivity = (alike @ border) / np.sqrt(alike @ area)
    salience = np.exp(-(connectivity**2) / 2).astype(np.float32)[groups]
    return np.asarray(cv2.GaussianBlur(salience, (0, 0), 0.006 * max(groups.shape)), np.float32)


def _starting_point(salience: Floats) -> NDArray[np.uint8]:
    """Return GrabCut's first mask: what is salient and near the middle is the product, most of the border is not."""
    height, width = salience.shape
    down, across = np.mgrid[0:height, 0:width]
    middle = np.exp(-((across / width - 0.5) ** 2 + (down / height - 0.5) ** 2) / (2 * 0.45**2))
    likely = salience * middle
    start = np.full(salience.shape, cv2.GC_PR_BGD, np.uint8)
    start[likely > 0.5] = cv2.GC_PR_FGD
    start[_frame(salience.shape) & (salience < 0.4)] = cv2.GC_BGD
    start[cv2.erode((likely > 0.7).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0] = cv2.GC_FGD
    if _is_product(start).mean() < _SMALLEST_SHARE:
        start[:] = cv2.GC_BGD
    return start


def _grab_cut(reduced: NDArray[np.uint8], start: NDArray[np.uint8]) -> NDArray[np.uint8]:
    mask, models = start.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(np.ascontiguousarray(reduced), mask, (0, 0, 1, 1), *models, 5, cv2.GC_INIT_WITH_MASK)
    return mask


def _is_product(mask: NDArray[np.uint8]) -> Mask:
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)


def _without_debris(mask: Mask) -> Mask:
    """Return the mask without lines that run to the border (joints of a floor) and without small pieces."""
    tidy = mask.astype(np.uint8)
    radius = max(1, round(0.012 * max(mask.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    solid = cv2.dilate(cv2.morphologyEx(tidy, cv2.MORPH_OPEN, disc), disc)
    _, thin = cv2.connectedComponents(tidy * (1 - solid), connectivity=8)
    at_border = np.unique(thin[_frame(mask.shape, _frame_width(mask.shape) + 3)])
    tidy[np.isin(thin, at_border[at_border > 0])] = 0

    _, pieces, facts, _ = cv2.connectedComponentsWithStats(tidy, connectivity=8)
    areas = facts[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    tidy[(areas < 0.05 * areas.max())[pieces]] = 0

    return tidy > 0


def _without_false_holes(mask: Mask, colours: Floats) -> Mask:
    """Return the mask with its holes filled but those through which the ground shows: large enough, and of its colour."""
    _, holes, facts, _ = cv2.connectedComponentsWithStats(1 - mask.astype(np.uint8), connectivity=4)
    outside = ~mask & np.isin(holes, holes[_frame(mask.shape, 1) & ~mask])
    ground = _mean_nearby(colours, outside, 0.1 * max(mask.shape))
    filled = mask.copy()
    for hole in range(1, len(facts)):
        there = holes == hole
        if (there & outside).any():
            continue
        unlike = np.linalg.norm((colours - ground)[there].mean(axis=0)) > _HOLE_TOLERANCE
        if unlike or facts[hole, cv2.CC_STAT_AREA] < 0.002 * mask.sum():
            filled[there] = True
    return filled


def _confidence(colours: Floats, start: Mask, mask: Mask) -> float:
    """Return how far an outline can be trusted, the product of five doubts, each in [0, 1].

    It should not be frayed, hold together, surround the middle, be what the start already was, and run where the colour
    changes.
    """
    if not _SMALLEST_SHARE < mask.mean() < 1:
        return 0.0
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    hull = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(outlines)), 1)
    height, width = mask.shape
    middle = hull[height // 3 : height - height // 3, width // 3 : width - width // 3].mean()
    # the share of the outline, within the picture, at which the mean colours of both sides differ by less than 6
    sigma = max(2.0, 0.009 * max(mask.shape))
    outline = (cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~mask & ~_frame(mask.shape)
    sides = _mean_nearby(colours, mask, sigma) - _mean_nearby(colours, ~mask, sigma)
    invisible = float((np.linalg.norm(sides, axis=2)[outline] < 6).mean()) if outline.any() else 1.0
    doubts = (
        _ramp(length**2 / (4 * np.pi * mask.sum()), 60, 25),  # 1 is a disc, 6 a pair of shoes
        _ramp(mask.sum() / hull.sum(), 0.3, 0.55),
        _ramp(middle, 0.3, 0.7),
        _ramp(_overlap(start, mask), 0.25, 0.6),
        _ramp(invisible, 0.2, 0.02),
    )
    return float(np.prod(doubts))


def _mean_nearby(colours: Floats, where: Mask, sigma: float) -> NDArray[Any]:
    """Return the mean colour of one side around each pixel, Gaussian of sigma pixels."""
    weight = where.astype(np.float32)[..., None]
    total = cv2.GaussianBlur(np.concatenate([colours * weight, weight], axis=2), (0, 0), sigma)
    return total[..., :3] / np.maximum(total[..., 3:], 1e-4)


def _frame(shape: tuple[int, ...], width: int | None = None) -> Mask:
    width = width or _frame_width(shape)
    frame = np.ones(shape, bool)
    frame[width:-width, width:-width] = False
    return frame


def _frame_width(shape: tuple[int, ...]) -> int:
    return max(1, round(0.015 * min(shape)))


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


def _ramp(value: float, none: float, full: float) -> float:
    return float(np.clip((value - none) / (full - none), 0, 1))
