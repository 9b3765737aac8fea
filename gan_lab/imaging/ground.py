"""Put a product on exact white or another ground: its outline from a reduced copy, its edge drawn at full size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.imaging.alpha import over_white
from gan_lab.imaging.cutout import WORKING_SIDE, Mask, cut_out, refine_mask

Pixels = NDArray[Any]
Floats = NDArray[np.float32]

LIMIT = 0.5  # of the confidence

_TILE = 512

# In pixels of the reduced copy:
_NEARBY = 4.0  # sigma of the neighbourhood from which an edge's two colours are taken
_REACH = 2.0  # how far outside the outline a pixel may still be the product's by its colour: so joints of a floor end
_WINDOW = 1.5  # half the side of the windows in which the matte follows the colour

_LEAST_VARIANCE = 0.02  # of the colour's share in a window, below which the matte follows the outline instead
_LEAST_CONTRAST = 0.1  # of the two colours, below which that variance counts less
_UNSURE = 2.0  # pixels of a smaller copy on which an outline was found: so far off it may be
_CUT = 0.1  # shares so near to 0 or 1 are noise


@dataclass(frozen=True)
class WhiteGround:
    """A picture on white ground, or as it was.

    Args:
        pixels: as given, on exact white where `replaced`.
        confidence: that the product was found, in [0, 1].
        replaced: whether the ground was; not below the limit.
    """

    pixels: Pixels
    confidence: float
    replaced: bool


def white_ground(pixels: Pixels, alpha: Pixels | None = None, limit: float = LIMIT) -> WhiteGround:
    """Put the product of a photo on exact white: 255, or 65535 of 16 bits.

    Inside, the product's pixels stay as they are. In the edge's mixed pixels the ground's share is replaced by white, so
    that no fringe of the old ground remains. Bounded memory at any size.

    Args:
        pixels: uint8 or uint16 [H, W, C], C = 1 or 3, sRGB or grey; not written to.
        alpha: the same dtype [H, W]; where it is not opaque everywhere, it is the matte, with full confidence.
        limit: the confidence below which the picture is left alone, in [0, 1].
    """
    white = np.iinfo(pixels.dtype).max
    if alpha is not None and (alpha < white).any():
        return WhiteGround(over_white(pixels, alpha), 1.0, True)
    reduced = _shrink(pixels)
    cutout = cut_out(reduced)
    if cutout.confidence < limit or cutout.confidence == 0:
        return WhiteGround(pixels, cutout.confidence, False)
    on_white = _replace_ground(pixels, _Edge.of(reduced, cutout.mask), np.full_like(pixels, white))
    return WhiteGround(on_white, cutout.confidence, True)


def other_ground(pixels: Pixels, product: Mask, ground: Pixels) -> Pixels:
    """Put the product of a photo on another ground; its edge is drawn as for white, so that no fringe of the old one remains.

    Args:
        pixels: uint8 or uint16 [H, W, C], C = 1 or 3; not written to.
        product: where it is on a reduced copy of the photo, bool [h, w].
        ground: of the same type, a picture [h, w, C], which is enlarged; its colours where the product is, and close to it,
            are not used.
    """
    height, width = pixels.shape[:2]
    behind = _fill_product(ground, product)
    enlarged = cv2.resize(behind, (width, height), interpolation=cv2.INTER_LINEAR).reshape(pixels.shape)
    reduced = _shrink(pixels)
    shares = cv2.resize(product.astype(np.float32), reduced.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    mask = shares > 0.5
    if not mask.any():
        return enlarged
    if mask.all():
        return pixels.copy()
    reach = math.ceil(_UNSURE * max(mask.shape) / max(product.shape))
    return _replace_ground(pixels, _Edge.of(reduced, refine_mask(reduced, mask, reach)), enlarged)


def _fill_product(ground: Pixels, product: Mask) -> Pixels:
    """Return a ground [h, w, C] whose colours at the product, and a few pixels around it, are taken from farther off."""
    around = 2 * math.ceil(_UNSURE) + 1
    free = cv2.dilate(product.astype(np.uint8), np.ones((around, around), np.uint8)) == 0
    if not free.any():
        return ground
    nearby = _spread(ground.astype(np.float32), np.where(free, np.float32(9), np.float32(0)), free)
    filled = np.where(free[..., None], ground, np.rint(nearby))
    return filled.astype(ground.dtype)


def _shrink(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the working copy: uint8 [h, w, 3]."""
    height, width = pixels.shape[:2]
    factor = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    if pixels.dtype == np.uint16:
        small = np.rint(small / 257)
    return np.ascontiguousarray(np.broadcast_to(small, (*small.shape[:2], 3)).astype(np.uint8))


@dataclass(frozen=True)
class _Edge:
    """What the matte is drawn from, at the reduced size: float32 [h, w, 7].

    The distance from the outline in pixels (inside positive), the product's colour nearby, the ground's colour nearby.
    """

    fields: Floats

    @classmethod
    def of(cls, reduced: NDArray[np.uint8], mask: Mask) -> _Edge:
        inside = mask.astype(np.uint8)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
        distance = np.asarray(cv2.GaussianBlur(distance - 0.5 * np.sign(distance), (0, 0), 1.0), np.float32)
        colours = reduced.astype(np.float32) / np.float32(255)
        product, ground = _spread(colours, distance, mask), _spread(colours, -distance, ~mask)
        return cls(np.concatenate([distance[..., None], product, ground], axis=2))

    def at(self, top: int, left: int, tile: tuple[int, ...], full: tuple[int, ...]) -> Floats:
        """Return the fields on a tile of the full picture: float32 [tile, tile, 7]."""
        down, across = self.fields.shape[0] / full[0], self.fields.shape[1] / full[1]
        to_reduced = np.array([[across, 0, (left + 0.5) * across - 0.5], [0, down, (top + 0.5) * down - 0.5]])
        size = (tile[1], tile[0])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        parts = (self.fields[..., :3], self.fields[..., 3:])  # OpenCV warps four channels at most
        return np.concatenate(
            [cv2.warpAffine(part, to_reduced, size, flags=how, borderMode=cv2.BORDER_REPLICATE) for part in parts],
            axis=2,
        )


def _spread(colours: Floats, depth: Floats, where: Mask) -> Floats:
    """Return the mean colour nearby of one side: of its pixels off the edge, or where there are none, of all its pixels."""
    weight = (np.where(depth > 2, 1, 1e-3) * where).astype(np.float32)[..., None]
    parts = np.concatenate([colours * weight, weight], axis=2)
    total = cv2.GaussianBlur(parts, (0, 0), _NEARBY) + 1e-6 * cv2.GaussianBlur(parts, (0, 0), 8 * _NEARBY)
    return np.asarray(total[..., :-1] / np.maximum(total[..., -1:], 1e-12), np.float32)


def _replace_ground(pixels: Pixels, edge: _Edge, replaced: Pixels) -> Pixels:
    """Return the picture on another ground of its shape, which is written to, tile by tile."""
    white = np.iinfo(pixels.dtype).max
    height, width, channels = pixels.shape
    scale = max(height, width) / max(edge.fields.shape[:2])
    halo = 2 * _radius(scale)
    for rows, outer_rows, inner_rows in _spans(height, halo):
        for columns, outer_columns, inner_columns in _spans(width, halo):
            tile = pixels[outer_rows, outer_columns]
            fields = edge.at(outer_rows.start, outer_columns.start, tile.shape, pixels.shape)
            distance, product, ground = fields[..., :1], fields[..., 1 : 1 + channels], fields[..., 4 : 4 + channels]
            if distance.max() < 0:  # nor is there any product in the halo, which is wider than the matte is soft
                continue
            if distance.min() < 0:
                values = tile.astype(np.float32) / np.float32(white)
                matte = _matte(values, distance, product, ground, scale)
                new = replaced[outer_rows, outer_columns].astype(np.float32) / np.float32(white)
                rest = np.float32(1) - matte  # the old ground's share, in whose place the new one is
                mixed = np.clip(values + rest * (new - ground), rest * new, rest * new + matte)
                tile = np.rint(mixed * white).astype(pixels.dtype)
            replaced[rows, columns] = tile[inner_rows, inner_columns]
    return replaced


def _spans(length: int, halo: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield the tiles along one side: the tile, the tile with its halo, and where in that the tile lies."""
    for start in range(0, length, _TILE):
        stop, first = min(start + _TILE, length), max(0, start - halo)
        yield slice(start, stop), slice(first, min(stop + halo, length)), slice(start - first, stop - first)


def _radius(scale: float) -> int:
    return max(2, round(_WINDOW * scale))


def _matte(values: Floats, distance: Floats, product: Floats, ground: Floats, scale: float) -> Floats:
    """Return the product's share of each pixel: float32 [h, w, 1] in [0, 1].

    Where a pixel's colour lies between those of the two sides guides the outline (the guided filter of He et al. 2010,
    doi:10.1007/978-3-642-15549-9_1): in each window the matte is the linear function of it that fits the outline best.
    """
    across = product - ground
    squared = np.maximum((across**2).sum(axis=2), 1e-6)
    share = np.clip(((values - ground) * across).sum(axis=2) / squared, 0, 1)
    outline = np.clip(distance[..., 0] + 0.5, 0, 1)

    def mean(field: Floats) -> Floats:
        side = 2 * _radius(scale) + 1
        return np.asarray(cv2.blur(field, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32)

    mean_share, mean_outline = mean(share), mean(outline)
    together = mean(share * outline) - mean_share * mean_outline
    least = _LEAST_VARIANCE * (1 + _LEAST_CONTRAST**2 / squared)
    slope = together / (mean(share**2) - mean_share**2 + least)
    guided = mean(slope) * share + mean(mean_outline - slope * mean_share)
    # Where the two tell the same edge (by the squared correlation) the colour alone says it best: outlines are a pixel off.
    agreement = mean(np.clip(slope * together / np.maximum(mean(outline**2) - mean_outline**2, 1e-3), 0, 1))
    trust = np.clip((agreement - 0.3) / 0.3, 0, 1)
    matte = (guided + trust * (share - guided))[..., None]
    return np.clip((matte - _CUT) / (1 - 2 * _CUT), 0, np.clip(distance + _REACH, 0, 1))
