"""Transparency: laid over white, and kept from bleeding hidden colour into what is seen."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.imaging.bit_depth import split_rows

_BAND, _MARGIN = 1 << 24, 256  # pixels looked at together; rows beyond them in which the nearest colour is looked for


def over_white(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Return a picture laid over white.

    Args:
        pixels: uint8 or uint16 [H, W, C].
        alpha: of the same type, [H, W].

    Returns:
        As `pixels`.
    """
    most = np.iinfo(pixels.dtype).max
    laid = np.empty_like(pixels)
    for rows in split_rows(pixels):
        share = alpha[rows, :, None].astype(np.float32) / most
        laid[rows] = np.rint(most + (pixels[rows].astype(np.float32) - most) * share)
    return laid


def off_white(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Return the colours that give a picture where they are laid over white: what undoes `over_white`.

    So an edge that is half white in the picture does not bring that white to another ground. What is fully transparent stays
    as it is, and no colour is below black.

    Args:
        pixels: uint8 or uint16 [H, W, C], of a picture on white.
        alpha: of the same type, [H, W].

    Returns:
        As `pixels`.
    """
    most = np.iinfo(pixels.dtype).max
    colours = np.empty_like(pixels)
    for rows in split_rows(pixels):
        share = np.where(alpha[rows] == 0, most, alpha[rows])[..., None].astype(np.float32) / most
        colours[rows] = np.rint(np.maximum(most + (pixels[rows].astype(np.float32) - most) / share, 0))
    return colours


def fill_hidden(pixels: NDArray[Any], alpha: NDArray[Any] | None) -> NDArray[Any]:
    """Return a picture whose fully transparent pixels have the colour of the nearest one that is seen.

    What a network, a filter or an enlargement makes of an edge then comes from the visible side alone. Of a large
    picture the nearest is looked for within a band of rows; in a band without any visible pixel the mean colour stands.

    Args:
        pixels: [H, W, C]; not changed.
        alpha: [H, W]; None for an opaque picture.

    Returns:
        As `pixels`, which it is itself where nothing is hidden, or nothing seen.
    """
    if alpha is None or alpha.all() or not alpha.any():
        return pixels
    filled = pixels.copy()
    height, width = alpha.shape
    step = max(1, _BAND // width)
    mean = np.rint(cv2.mean(pixels, (alpha > 0).astype(np.uint8))[: pixels.shape[2]])
    for top in range(0, height, step):
        first, last = max(0, top - _MARGIN), min(height, top + step + _MARGIN)
        nearest = _nearest(pixels[first:last], alpha[first:last])
        band = slice(top, min(height, top + step))
        hidden = alpha[band] == 0
        found = mean if nearest is None else nearest[top - first : top - first + hidden.shape[0]][hidden]
        filled[band][hidden] = found
    return filled


def _nearest(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any] | None:
    """Return for every pixel the colour of the nearest visible one, [H, W, C]; None where none is visible."""
    hidden = (alpha == 0).astype(np.uint8)
    if hidden.all():
        return None
    _, labels = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    seen = hidden == 0
    colours = np.zeros((int(labels.max()) + 1, pixels.shape[2]), pixels.dtype)
    colours[labels[seen]] = pixels[seen]  # a visible pixel's own label
    return colours[labels]
