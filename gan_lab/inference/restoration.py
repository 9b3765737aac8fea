"""The enhancement of one photo: its light, its defects, its size, in memory that does not grow with the photo's size."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.hardware import Choice
from gan_lab.imaging.profile import fill_holes
from gan_lab.inference.sizes import Scale, check_scale, plan_size
from gan_lab.inference.tiling import compute_bands
from gan_lab.networks import Light, LightCorrector, relight
from gan_lab.networks.restorer import enlarge

log = logging.getLogger(__name__)

Pixels = NDArray[Any]  # uint8 or uint16
Curves = NDArray[np.float32]
Correct = Literal["all", "defects", "light", "none"]
CORRECT = ("all", "defects", "light", "none")
SCALES = (1, 2, 3, 4)

#: Longest side of a tile, in pixels of the input.
TILE = 768
#: The smallest that an exhausted memory halves tiles to.
SMALLEST_TILE = 256
#: Pixels that neighbouring tiles share, and those of them at each edge whose surroundings are too small to be used.
OVERLAP, CONTEXT = 80, 24


@dataclass(frozen=True)
class Networks:
    """What a restoration is made of; a part that is missing is left out, or refused where it was asked for.

    Attributes:
        light: corrects exposure, white balance and veil.
        restore: photo [1, C, h, w] in [-1, 1] and mask [1, 1, h, w] in {0, 1} or None to the photo without defects.
        enlarge: by scale, photo to the photo enlarged; see `add_smaller_scales`.
        channels: that the networks take: 3, or 1 for grey.
        smallest: the smallest side that they take; smaller photos are extended by their mirror image meanwhile.
        smallest_tile: that an exhausted memory halves tiles to.
        colours: whether the result of a grey photo has colours.
        choice: what `restore` and `enlarge` compute in; None where that is not known.
        tile: longest side of a tile that they are given, in pixels of the input.
        overlap: pixels that neighbouring tiles share.
        whole: whether they take a photo of any size in one pass; else tiles are at most `tile` whatever is asked for.
        context: those of them at each edge whose surroundings are too small to be used.
    """

    light: LightCorrector | None = None
    restore: Callable[[Tensor, Tensor | None], Tensor] | None = None
    enlarge: Mapping[int, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    channels: int = 3
    smallest: int = 1
    smallest_tile: int = SMALLEST_TILE
    colours: bool = False
    choice: Choice | None = None
    tile: int = TILE
    overlap: int = OVERLAP
    context: int = CONTEXT
    whole: bool = True


#: What networks of others start from. Four times enlarged, the maps of 64 channels of such a tile are 270 MB each; they look
#: farther than ours, and most of what they see is near.
COMMUNITY = Networks(tile=256, smallest_tile=128, overlap=48, context=16)


@dataclass(frozen=True)
class Wish:
    """What to do with a photo.

    Attributes:
        correct: "all", "defects" (noise, blur, JPEG, holes), "light" (exposure, cast, veil) or "none".
        scale: from 1 to 4, or "to:" and the pixels of the longer side; see `gan_lab.inference.sizes`.
        strength: 0 to 1; what is between the photo and its full correction.
        tile: longest side of the tiles that larger photos are done in, in pixels; None: in one pass.

    Raises:
        UserError: a value is none of these.
    """

    correct: Correct = "all"
    scale: Scale = 1
    strength: float = 1.0
    tile: int | None = TILE

    @property
    def fills(self) -> bool:
        """Return whether holes are filled."""
        return self.correct in ("all", "defects")

    @property
    def factor(self) -> int:
        """Return the scale, a whole number.

        Raises:
            ValueError: it is none; `gan_lab.inference.sizes.plan_size` makes it one.
        """
        if self.scale not in SCALES:
            raise ValueError(f"expected a whole scale, got {self.scale}")
        return int(self.scale)

    def __post_init__(self) -> None:
        if self.correct not in CORRECT:
            raise UserError(f"correct={self.correct}: needs one of {', '.join(CORRECT)}")
        check_scale(self.scale)
        if isinstance(self.strength, bool) or not isinstance(self.strength, int | float) or not 0 <= self.strength <= 1:
            raise UserError(f"strength={self.strength}: needs a number from 0 (the photo as it is) to 1")
        tile = self.tile
        if tile is not None and (isinstance(tile, bool) or not isinstance(tile, int) or tile < SMALLEST_TILE):
            raise UserError(f"tile={tile}: needs a whole number from {SMALLEST_TILE}, or null for one pass")


class Restoration:
    """Apply networks to photos of any size and depth.

    The light is estimated once, on a thumbnail of the whole photo; everything else looks at the neighbourhood of a pixel
    alone. So tiles give what one pass gives. Areas of pure white and pure black stay what they are.

    Args:
        networks: see `Networks`; in evaluation mode, on `device`.
        device: where they are.
    """

    def __init__(self, networks: Networks, device: torch.device) -> None:
        self.networks = networks
        self.device = device

    def check(self, wish: Wish) -> None:
        """Refuse a wish that these networks cannot meet.

        Raises:
            UserError: naming the option and what there is.
        """
        have = self.networks
        whole = check_scale(wish.scale)
        if whole is not None and whole > 1 and whole not in have.enlarge:
            known = ", ".join(map(str, sorted({1, *have.enlarge} & set(SCALES))))
            raise UserError(f"scale={wish.scale}: this model does not enlarge so; it has scale={known}")
        if whole == 1 and self.only_enlarges and wish.correct == "all":
            known = " or ".join(map(str, sorted(set(have.enlarge) & set(SCALES))))
            raise UserError(f"scale=1: this model only enlarges, and would leave photos as they are; use scale={known}")
        if wish.correct == "light" and have.light is None:
            raise UserError(f"correct=light: this model has no light corrector; use correct={self.list_corrections()}")
        if wish.correct == "defects" and have.restore is None:
            raise UserError(f"correct=defects: this model has no restorer; use correct={self.list_corrections()}")

    @property
    def only_enlarges(self) -> bool:
        """Return whether these networks do nothing at scale 1."""
        have = self.networks
        return have.light is None and have.restore is None and bool(have.enlarge)

    def list_corrections(self) -> str:
        """Return the values of `correct=` that these networks have, in words."""
        have = {"light": self.networks.light, "defects": self.networks.restore}
        return " or ".join(["all", *(name for name, network in have.items() if network is not None)])

    def plan_size(self, scale: Scale, height: int, width: int) -> tuple[int, tuple[int, int]]:
        """Return the whole factor by which these networks enlarge a photo, and the (height, width) of its result.

        For a longer side it is the smallest factor that they have and that gives as much; see `gan_lab.inference.sizes`.

        Raises:
            UserError: the networks enlarge by none that would do.
        """
        whole, size = plan_size(scale, height, width)
        if not isinstance(scale, str) or (whole == 1 and not self.only_enlarges):
            return whole, size
        larger = [factor for factor in SCALES if factor >= whole and factor in self.networks.enlarge]
        if not larger:
            known = ", ".join(map(str, sorted({1, *self.networks.enlarge} & set(SCALES))))
            raise UserError(
                f"scale={scale}: this photo would have to be enlarged {whole} times, and this model has scale={known}; ask for "
                "a smaller result, or take other weights"
            )
        return min(larger), size

    @torch.inference_mode()
    def __call__(self, pixels: Pixels, wish: Wish, mask: NDArray[np.uint8] | None = None) -> Pixels:
        """Return the photo enhanced, enlarged by a whole factor.

        Args:
            pixels: uint8 or uint16 [H, W, C], sRGB or grey.
            wish: what to do; its scale is a whole number.
            mask: uint8 [H, W], above 127 where the photo has holes to be filled; None for none.

        Returns:
            [scale * H, scale * W, C] of the same type, C as in the input but where the networks know only grey, or give
            colours to it. With nothing to do, the very values of the input.

        Raises:
            UserError: a wish that cannot be met, a mask of another size, memory that is too small for any tile, or NaN.
        """
        self.check(wish)
        check_pixels(pixels)
        if mask is not None and mask.shape != pixels.shape[:2]:
            raise UserError(
                f"mask: {mask.shape[1]}x{mask.shape[0]}, and the photo {pixels.shape[1]}x{pixels.shape[0]}; make them equal"
            )
        if wish.factor == 1 and (wish.strength == 0 or wish.correct == "none"):
            return pixels.copy()
        light = self.light(pixels, mask) if wish.correct in ("all", "light") and wish.strength > 0 else None
        curves: Curves | None = None
        if light is not None:  # what it turns each level into, [C, levels] in [-1, 1]: its powers need no pixel's time
            ramp = torch.linspace(-1, 1, int(np.iinfo(pixels.dtype).max) + 1, device=light.gain.device)
            curves = relight(ramp.expand(1, 3, 1, -1), light)[0, :, 0].cpu().numpy()
        most = self.networks.tile
        tile = min(wish.tile, most) if wish.tile is not None else None if self.networks.whole else most
        while True:
            try:
                return self._assemble(pixels, wish, mask, curves, tile)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                tile = smaller_tile(tile, pixels.shape[:2], error, self.networks.smallest_tile)

    def light(self, pixels: Pixels, mask: NDArray[np.uint8] | None = None) -> Light | None:
        """Return the correction of the light of a whole photo, whatever lies in its holes; None without a corrector."""
        corrector = self.networks.light
        if corrector is None:
            return None
        side = corrector.side
        thumbnail = shrink_to_square(pixels, side)
        if mask is not None:
            thumbnail = fill_holes(thumbnail, shrink_to_square(mask[..., None], side))
        image = self._tensor(np.repeat(thumbnail, 3, axis=2) if thumbnail.shape[2] == 1 else thumbnail)
        found = corrector.estimate(image)
        if pixels.shape[2] == 1:  # grey has no cast
            return Light(*(each.mean(dim=1, keepdim=True).expand(-1, 3) for each in found))
        return found

    def _assemble(
        self, pixels: Pixels, wish: Wish, mask: NDArray[np.uint8] | None, curves: Curves | None, tile: int | None
    ) -> Pixels:
        height, width, channels = pixels.shape
        if self.networks.channels == 1 or self.networks.colours:
            channels = 3 if self.networks.colours else 1
        out = np.empty((height * wish.factor, width * wish.factor, channels), pixels.dtype)
        done = 0
        for band in self._bands(pixels, wish, mask, curves, tile):
            rows = band.shape[1]
            out[done : done + rows] = as_pixels(band, pixels.dtype)
            done += rows
        return out

    def _bands(
        self, pixels: Pixels, wish: Wish, mask: NDArray[np.uint8] | None, curves: Curves | None, tile: int | None
    ) -> Iterator[Tensor]:
        def compute(rows: slice, columns: slice) -> Tensor:
            holes = None if mask is None else np.ascontiguousarray(mask[rows, columns, None])
            return self._tile(pixels[rows, columns], wish, holes, curves)

        height, width = pixels.shape[:2]
        shared = (self.networks.overlap, self.networks.context)
        return compute_bands(compute, height, width, tile, *shared, wish.factor, not self.networks.whole)

    def _tile(self, pixels: Pixels, wish: Wish, mask: NDArray[np.uint8] | None, curves: Curves | None) -> Tensor:
        """Return a part of the photo enhanced: [C, scale * h, scale * w] in [-1, 1] on the CPU."""
        height, width, channels = pixels.shape
        pixels = self._pad(with_channels(pixels, self.networks.channels))
        mask = None if mask is None else self._pad(mask)
        before, pure, holes = self._tensor(pixels), extremes(pixels), None
        if mask is not None and mask.max() > 127 and wish.fills:
            pure &= mask[..., 0] <= 127
            holes = torch.from_numpy(mask > 127).permute(2, 0, 1)[None].float().to(self.device)
            pixels = fill_holes(pixels, (mask > 127).astype(np.uint8))
        image = self._tensor(pixels, curves) if curves is not None or holes is not None else before
        after = image
        if wish.correct in ("all", "defects") and self.networks.restore is not None:
            after = self.networks.restore(image, holes).float()
            after = torch.where(torch.from_numpy(pure).to(self.device), image, after)
        after = after.clamp(-1, 1)
        if wish.factor > 1:
            after = self.networks.enlarge[wish.factor](after).float().clamp(-1, 1)
        if wish.strength < 1:
            after = torch.lerp(enlarge(before, wish.factor).clamp(-1, 1), after, wish.strength)
        if not bool(torch.isfinite(after).all()):
            raise UserError("checkpoint: its model gives NaN; take an earlier checkpoint of the run, or other weights")
        after = after[0, :, : height * wish.factor, : width * wish.factor].cpu()
        grey = channels == 1 and not self.networks.colours
        return after.mean(dim=0, keepdim=True) if grey else after

    def _pad(self, array: Pixels) -> Pixels:
        height, width = array.shape[:2]
        below, right = max(0, self.networks.smallest - height), max(0, self.networks.smallest - width)
        return np.pad(array, ((0, below), (0, right), (0, 0)), mode="symmetric") if below or right else array

    def _tensor(self, pixels: Pixels, curves: Curves | None = None) -> Tensor:
        """Return uint8 or uint16 [h, w, C] as float32 [1, C, h, w] in [-1, 1] on the device, through a curve each."""
        if curves is not None:
            values = np.stack([curve[pixels[..., channel]] for channel, curve in enumerate(curves)])
            return torch.from_numpy(values)[None].to(self.device)
        return as_image(pixels, self.device)


def add_smaller_scales(enlarge: Mapping[int, Callable[[Tensor], Tensor]]) -> dict[int, Callable[[Tensor], Tensor]]:
    """Return networks by scale, and for scales between them the next larger one's, its result averaged down."""

    def shrink(larger: Callable[[Tensor], Tensor], scale: int) -> Callable[[Tensor], Tensor]:
        def enlarge_less(image: Tensor) -> Tensor:
            sides = [scale * side for side in image.shape[-2:]]
            return functional.interpolate(larger(image).float(), sides, mode="bicubic", antialias=True)

        return enlarge_less

    found = dict(enlarge)
    for scale in sorted(set(SCALES[1:]) - set(enlarge)):
        larger = [each for each in enlarge if each > scale]
        if larger:
            found[scale] = shrink(enlarge[min(larger)], scale)
    return found


def check_pixels(pixels: Pixels) -> None:
    """Raise ValueError for what is no photo in memory."""
    if (
        pixels.dtype not in (np.uint8, np.uint16)
        or pixels.ndim != 3
        or pixels.shape[2] not in (1, 3)
        or not pixels.size
    ):
        raise ValueError(f"expected uint8 or uint16 [H, W, 1 or 3], got {pixels.dtype} {list(pixels.shape)}")


def as_image(pixels: Pixels, device: torch.device | None = None) -> Tensor:
    """Return uint8 or uint16 [H, W, C] as float32 [1, C, H, W] in [-1, 1]."""
    half = np.iinfo(pixels.dtype).max / 2
    values = np.ascontiguousarray(pixels).astype(np.float32)
    return torch.from_numpy(values).permute(2, 0, 1)[None].to(device).div(half).sub(1)


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return [H, W, 1 or 3] with 1 or 3 channels."""
    if pixels.shape[2] == channels:
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None] if channels == 1 else np.repeat(pixels, 3, axis=2)


def as_pixels(image: Tensor, dtype: np.dtype) -> Pixels:
    """Return [C, h, w] in [-1, 1] as uint8 or uint16 [h, w, C], rounded."""
    highest = int(np.iinfo(dtype).max)
    levels = image.add(1).mul(highest / 2).round().clamp(0, highest)
    return levels.permute(1, 2, 0).numpy().astype(dtype)


def shrink_to_square(pixels: Pixels, side: int) -> Pixels:
    """Return [H, W, C] averaged to [side, side, C]."""
    thumbnail: Pixels = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).reshape(
        side, side, pixels.shape[2]
    )
    return thumbnail


def extremes(pixels: Pixels) -> NDArray[np.bool_]:
    """Return where all pixels of a 3x3 neighbourhood are pure white, or all pure black: [H, W] of [H, W, C].

    There is nothing to restore in such areas, and white must stay white; a single clipped pixel may be noise.
    """
    channels, square = pixels.shape[2], np.ones((3, 3), np.uint8)
    found = np.zeros(pixels.shape[:2], np.bool_)
    for level in (0.0, float(np.iinfo(pixels.dtype).max)):
        # of OpenCV: torch's pooling takes a twentieth of the restorer's own time
        found |= cv2.erode(cv2.inRange(pixels, (level,) * channels, (level,) * channels), square) > 0
    return found


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out: on a CPU torch says so in words alone."""
    words = str(error).lower()
    return (
        isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in words or "bad_alloc" in words
    )


def smaller_tile(tile: int | None, shape: tuple[int, ...], error: BaseException, smallest: int = SMALLEST_TILE) -> int:
    """Return half of a tile that memory was too small for.

    Raises:
        UserError: it was the smallest already.
    """
    now = min(tile or max(shape), max(shape))
    if now <= smallest:
        raise UserError(
            f"tile={tile}: out of memory on a photo of {shape[1]}x{shape[0]}; close other programs"
        ) from error
    smaller = max(now // 2, smallest)
    log.warning("out of memory with tiles of %d pixels: trying %d", now, smaller)
    return smaller
