"""The translation of one photo: at the scale that the network knows, in tiles that agree, alpha and metadata kept."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gan_lab.data.resizing import find_reading_sizes, fit_size, frame_in_white, resize
from gan_lab.errors import UserError
from gan_lab.hardware import cast_to
from gan_lab.imaging.alpha import off_white, over_white
from gan_lab.imaging.ground import other_ground
from gan_lab.inference.restoration import as_image, as_pixels, check_pixels, out_of_memory, with_channels
from gan_lab.inference.tiling import OVERLAP, TILE, by_tiles
from gan_lab.models.foreground import split_attention
from gan_lab.networks import InstanceNorm2d
from gan_lab.options import ImageSize, split_sides
from gan_lab.photo_files.photo import Photo

Pixels = NDArray[Any]  # uint8 or uint16

#: Patches along a side of the mosaic that instance norm's statistics are taken of.
PATCHES = 8


@runtime_checkable
class MayAttend(Protocol):
    """A translator that may draw the ground alone.

    Attributes:
        attends: whether it does.
    """

    attends: bool


@dataclass(frozen=True)
class TranslationWish:
    """What to do with a photo.

    Attributes:
        direction: "AB" from the first domain to the second, "BA" back.
        size: the side that a photo is brought to before translation, and so the result's: the shorter one, or of a run with
            `data.fit=pad` the longer one. None: as in training; 0: the photo's own size.
        strength: 0 (the photo, at that size) to 1; what is between it and its translation.
        tile: longest side of the tiles that larger photos are done in, in pixels; None: in one pass.
        full_size: of a model with attention: return the photo's own size, the product's pixels as they are and what the
            network draws, at the size above, enlarged behind it.

    Raises:
        UserError: a value is none of these.
    """

    direction: str = "AB"
    size: int | None = None
    strength: float = 1.0
    tile: int | None = TILE
    full_size: bool = False

    def __post_init__(self) -> None:
        if self.direction not in ("AB", "BA"):
            raise UserError(f"direction={self.direction}: needs AB (from the first domain to the second) or BA (back)")
        if self.size is not None and (isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 0):
            raise UserError(
                f"size={self.size}: needs pixels of the shorter side (the longer one of a run with data.fit=pad), 0 for the "
                "photo's own, or null for the training's"
            )
        if isinstance(self.strength, bool) or not isinstance(self.strength, int | float) or not 0 <= self.strength <= 1:
            raise UserError(f"strength={self.strength}: needs a number from 0 (the photo as it is) to 1")
        tile = self.tile
        if tile is not None and (isinstance(tile, bool) or not isinstance(tile, int) or tile <= 2 * OVERLAP):
            raise UserError(
                f"tile={tile}: needs a whole number above {2 * OVERLAP}, or null for one pass whatever the size"
            )
        if not isinstance(self.full_size, bool):
            raise UserError(f"full_size={self.full_size}: needs true or false")


class Translation:
    """Apply a generator to photos of any size, depth and aspect ratio.

    A network knows its domains at the scale of its training: on a photo several times larger it changes textures and leaves
    the scene. So the photo is brought to that scale first, as training brought its photos to size, and stays there: nothing
    is gained by enlarging the result. The white that training laid around a photo (`data.fit=pad`) is laid around this one,
    and cut off the result.

    Instance norm takes its statistics over the image. In tiles it would take each tile's own, and render each by its own
    contrast and colour; so all tiles take those of one mosaic of patches from all over the photo, as large as a tile. (A
    thumbnail's are not those of the photo: reduced, textures and noise are gone.)

    Args:
        model: `translate(image, direction)`, in evaluation mode; `directions`.
        image_size: of the images that it was trained on: the side of squares, or (height, width), in pixels.
        channels: that it takes: 3, or 1 for grey.
        fit, shorter_side: the run's own, as in `ImageDataModule`.
        dtype: in which the network computes: float32 or bfloat16; see ADR 0024.

    Source: Chen et al. 2022, arXiv:2103.11784 (statistics shared by all tiles).
    Differs from paper: a mosaic for its thumbnail.
    """

    def __init__(
        self,
        model: Any,
        image_size: ImageSize,
        channels: int,
        fit: str = "crop",
        shorter_side: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.model = model
        self.image_size = image_size
        self.channels = channels
        self.fit = fit
        self.shorter_side = shorter_side
        self.dtype = dtype
        self._lock = threading.Lock()

    def check(self, wish: TranslationWish) -> None:
        """Refuse a direction that the model has not learnt.

        Raises:
            UserError: naming those that it has.
        """
        if wish.direction not in self.model.directions:
            known = ", ".join(self.model.directions)
            raise UserError(f"direction={wish.direction}: needs {known}, the only way that this model has learnt")
        if wish.full_size and not (isinstance(self.model, MayAttend) and self.model.attends):
            raise UserError(
                "full_size=true: this model draws the product too, at the size of its training; train one that draws the "
                "ground alone (experiment=change_ground)"
            )

    @torch.inference_mode()
    def __call__(self, pixels: Pixels, wish: TranslationWish) -> Pixels:
        """Return the photo in the look of the other domain.

        Args:
            pixels: uint8 or uint16 [H, W, C], sRGB or grey.
            wish: what to do.

        Returns:
            [h, w, C] of the same type, of the size that `size` tells, with the channels that the network gives.

        Raises:
            UserError: a direction that is not learnt, or `full_size` of a model without attention; memory that is too
                small; the model gives NaN.
        """
        self.check(wish)
        check_pixels(pixels)
        height, width = pixels.shape[:2]
        width, height = self.size(width, height, wish)
        shown, rows, columns = self._prepare_input(with_channels(resize(pixels, width, height), self.channels))
        image = as_image(shown)
        try:
            out = self._translate_tile(image, wish)[..., rows, columns]
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            smaller = max(min(wish.tile or TILE, TILE) // 2, 2 * OVERLAP + 1)
            raise UserError(
                f"tile={wish.tile}: out of memory on a photo of {width}x{height}; try tile={smaller}"
            ) from error
        if not bool(torch.isfinite(out).all()):
            raise UserError("checkpoint: its model gives NaN; take an earlier checkpoint of the run")
        if wish.full_size:
            return self._at_full_size(with_channels(pixels, self.channels), out, wish)
        if wish.strength < 1:
            out = torch.lerp(image[0, :, rows, columns], out, wish.strength)
        return as_pixels(out, pixels.dtype)

    def _at_full_size(self, pixels: Pixels, drawn: Tensor, wish: TranslationWish) -> Pixels:
        """Return the photo with what was drawn behind the product; `drawn` is a picture and the share that is taken of it."""
        ground = as_pixels(drawn[:-1], pixels.dtype)
        made = other_ground(pixels, drawn[-1].numpy() < 0.5, ground)
        if wish.strength == 1:
            return made
        return cv2.addWeighted(pixels, 1 - wish.strength, made, wish.strength, 0).reshape(made.shape)

    def size(self, width: int, height: int, wish: TranslationWish) -> tuple[int, int]:
        """Return the width and height at which a photo of such is translated."""
        if wish.size == 0:
            return width, height
        if self.fit == "pad":
            return fit_size(width, height, wish.size or self.image_size)
        if wish.size is None:
            (kept,) = find_reading_sizes(np.array([[width, height]]), self.image_size, self.fit, self.shorter_side)
            return int(kept[0]), int(kept[1])
        factor = wish.size / min(width, height)
        return max(wish.size, round(width * factor)), max(wish.size, round(height * factor))

    def _prepare_input(self, pixels: Pixels) -> tuple[Pixels, slice, slice]:
        """Return the network's input for a photo [H, W, C], and the rows and columns of the photo in it."""
        height, width = pixels.shape[:2]
        least_high, least_wide = split_sides(self.image_size)
        if self.fit == "pad":  # in the images' aspect ratio, and not below their size
            high = max(least_high, height, math.ceil(width * least_high / least_wide))
            wide = max(least_wide, width, math.ceil(height * least_wide / least_high))
            return frame_in_white(pixels, (high, wide))
        # networks pad by reflection, which needs a side longer than the padding
        below, right = max(0, least_high - height), max(0, least_wide - width)
        shown = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
        return shown, slice(0, height), slice(0, width)

    def _translate_tile(self, image: Tensor, wish: TranslationWish) -> Tensor:
        """Return [C, H, W] on the CPU for [1, C, H, W]."""

        def network(part: Tensor) -> Tensor:
            part = part.to(self.model.device)
            if wish.full_size:
                return torch.cat(split_attention(self.model.translator(wish.direction), part), dim=1).cpu()
            made: Tensor = self.model.translate(part, wish.direction).cpu()
            return made

        height, width = image.shape[-2:]
        tile = wish.tile
        # the norms' statistics are those of one photo
        with self._lock, cast_to(self.dtype, self.model.device):
            if tile is None or height * width <= tile * tile:
                return network(image)[0]
            with statistics_of(self.model, lambda: network(mosaic(image, tile))):
                return by_tiles(network, image, tile)[0]


@contextmanager
def statistics_of(model: nn.Module, look: Callable[[], Any]) -> Iterator[None]:
    """Let every instance norm of a model take, meanwhile, the statistics that it meets during `look`."""
    norms = [layer for layer in model.modules() if isinstance(layer, InstanceNorm2d)]
    try:
        for norm in norms:
            norm.learns = True
        look()
        for norm in norms:
            norm.learns = False
        yield
    finally:
        for norm in norms:
            norm.learns, norm.statistics = False, None


def mosaic(image: Tensor, tile: int) -> Tensor:
    """Return [1, C, h, w], at most tile * tile pixels, put together of patches from all over [1, C, H, W]."""
    side = max(32, tile // PATCHES)
    starts = [even(length, side, max(1, tile // side)) for length in image.shape[-2:]]
    rows = [torch.cat([image[..., y : y + side, x : x + side] for x in starts[1]], dim=3) for y in starts[0]]
    return torch.cat(rows, dim=2)


def even(length: int, side: int, most: int) -> list[int]:
    """Return where parts of a side's length begin that lie evenly on an axis, as many as there is room for, or `most`."""
    count = max(1, min(most, length // side))
    return [round(index * (length - side) / max(1, count - 1)) for index in range(count)]


def translate_photo(translation: Translation, photo: Photo, wish: TranslationWish) -> Photo:
    """Return a photo translated, its alpha brought to its new size, its metadata kept.

    A transparent photo is laid over white for the network, as the photos that it was trained on were; its alpha then takes
    that white away again, so that the result has no white seam on another ground.
    """
    if photo.alpha is None:
        return replace(photo, pixels=translation(photo.pixels, wish))
    after = translation(over_white(photo.pixels, photo.alpha), wish)
    alpha, (height, width) = photo.alpha, after.shape[:2]
    if alpha.shape != (height, width):  # averaged where it shrinks, for what is opaque, or hidden, must stay that
        way = cv2.INTER_AREA if height < alpha.shape[0] else cv2.INTER_LINEAR
        alpha = cv2.resize(alpha, (width, height), interpolation=way)
    return replace(photo, pixels=off_white(after, alpha), alpha=alpha)
