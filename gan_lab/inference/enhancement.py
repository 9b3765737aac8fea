"""One photo through an enhancement: networks, fidelity guard, adjustments and white ground, alpha and metadata kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gan_lab.errors import UserError
from gan_lab.fidelity.guard import Thresholds
from gan_lab.fidelity.guard import guard as guarded
from gan_lab.imaging.adjust import Adjustment
from gan_lab.imaging.alpha import fill_hidden
from gan_lab.imaging.ground import LIMIT, white_ground
from gan_lab.inference.restoration import Pixels, Restoration, Wish
from gan_lab.photo_files import Metadata, Photo, UnreadableImage, read_image, read_photo
from gan_lab.photo_files.layers import layers_of
from gan_lab.photo_files.metadata import metadata_of
from gan_lab.photo_files.stated_colour import read_stated_colour

Picture = TypeVar("Picture", Image.Image, np.ndarray)
#: An image file: its path, or what is in it.
File = str | os.PathLike | bytes


@dataclass(frozen=True)
class Finish:
    """What is done to a photo after its enhancement.

    Attributes:
        adjust: brightness, contrast, saturation, sharpness.
        ground: "keep", or "white" to put the product on exact white.
    """

    adjust: Adjustment = field(default_factory=Adjustment)
    ground: str = "keep"

    def __post_init__(self) -> None:
        if self.ground not in ("keep", "white"):
            raise UserError(f"ground={self.ground}: needs keep or white")


@dataclass(frozen=True)
class Enhanced:
    """A photo and how it fared.

    Attributes:
        photo: the result.
        verdict: of the guard: "accept", "softened", "kept"; "unguarded" without one.
        strength: that the result has.
        figures: what the guard measured; empty without one.
        notes: what a user should know.
    """

    photo: Photo
    verdict: str
    strength: float
    figures: dict[str, float]
    notes: tuple[str, ...] = ()


def enhance_photo(
    restoration: Restoration,
    photo: Photo,
    wish: Wish,
    *,
    mask: NDArray[np.uint8] | None = None,
    guard: Thresholds | None = None,
    finish: Finish | None = None,
) -> Enhanced:
    """Return a photo enhanced as wished, its alpha and metadata kept.

    Args:
        restoration: the networks.
        photo: any.
        wish: what to do.
        mask: uint8 [H, W], above 127 in holes.
        guard: limits of what may change; None for no guard.
        finish: what to do after that; the guard does not judge it, for it is what the user asked for.

    Raises:
        UserError: the wish cannot be met.
    """
    before = photo.pixels if photo.alpha is None else fill_hidden(photo.pixels, photo.alpha)
    whole, size = restoration.plan_size(wish.scale, *before.shape[:2])
    after = restoration(before, replace(wish, scale=whole), mask)
    verdict, strength, figures, notes = "unguarded", wish.strength, {}, list(photo.metadata.notes)
    if guard is not None:
        judged = guarded(before, after, guard, ignore=mask)
        after, verdict, figures = judged.pixels, judged.verdict, judged.figures
        strength = wish.strength * judged.strength
        notes += judged.reasons
    alpha = photo.alpha if photo.alpha is None or whole == 1 else enlarge_alpha(photo.alpha, whole)
    if size != after.shape[:2]:
        after, alpha = (None if each is None else shrink(each, size) for each in (after, alpha))  # type: ignore[assignment]
    if finish is not None:
        after = finish.adjust(after)
        if finish.ground == "white":
            after, alpha = cut_out_on_white(after, alpha, notes)
    result = replace(photo, pixels=after, alpha=alpha, metadata=replace(photo.metadata, notes=tuple(notes)))
    return Enhanced(result, verdict, strength, figures, tuple(notes))


def cut_out_on_white(
    pixels: Pixels, alpha: NDArray[Any] | None, notes: list[str]
) -> tuple[Pixels, NDArray[Any] | None]:
    """Return the product on exact white, opaque; the photo as it is, said in `notes`, where the cut-out is not certain."""
    cut = white_ground(pixels, alpha)
    if not cut.replaced:
        notes.append(
            f"ground kept: the product cannot be separated from it with confidence ({cut.confidence:.2f} of {LIMIT:g})"
        )
        return pixels, alpha
    return cut.pixels, None


def shrink(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return pixels [H, W, C] or alpha [H, W] averaged to a smaller (height, width)."""
    smaller = cv2.resize(array, size[::-1], interpolation=cv2.INTER_AREA)
    return smaller.reshape(*size, *array.shape[2:])


def enlarge_alpha(alpha: NDArray[Any], scale: int) -> NDArray[Any]:
    """Return alpha [H, W] enlarged bicubically, [scale * H, scale * W]."""
    height, width = alpha.shape
    return cv2.resize(alpha, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)


# ---------------------------------------------------------------------------------------------------- in Python


def photo_of(image: Image.Image | np.ndarray | File) -> Photo:
    """Return a Pillow picture, an array or a file as a photo.

    Raises:
        TypeError: it is something else.
        ValueError: an array that is not uint8 or uint16 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4].
        UnreadableImage: a file that is no image.
    """
    if isinstance(image, File):
        with file_of(image) as path:
            return read_photo(path)
    check_kind(image)
    if isinstance(image, Image.Image):
        upright, profile = ImageOps.exif_transpose(image), read_stated_colour(image).profile
        layers = layers_of(upright.copy() if upright is image else upright, profile)
        return Photo(layers.pixels, layers.alpha, metadata_of(image, layers.notes))
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise ValueError(f"expected uint8 or uint16 [H, W] or [H, W, 1, 3 or 4], got {image.dtype} {list(image.shape)}")
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    return Photo(np.ascontiguousarray(pixels[..., :3]), alpha, Metadata(format=""))


def check_kind(image: Any, name: str = "image") -> None:
    """Refuse what is neither a Pillow picture nor an array.

    Raises:
        TypeError: naming what it is, and what would do.
    """
    if not isinstance(image, (Image.Image, np.ndarray)):
        kind = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
        raise TypeError(f"{name}: needs a path, bytes, a Pillow image or an array [H, W, C] of uint8; this is a {kind}")


@contextmanager
def file_of(image: File) -> Iterator[Path]:
    """Give a file's path; bytes are one while the context is open.

    Raises:
        UnreadableImage: bytes that were read there are no image.
    """
    if not isinstance(image, bytes):
        yield Path(image).expanduser()
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(image)
        try:
            yield path
        except UnreadableImage as error:
            raise UnreadableImage(Path("<bytes>"), error.reason) from None


def like(photo: Photo, image: Picture | File) -> Picture:
    """Return a photo in the form of the image that it was made of; of a file, as a Pillow picture."""
    layers: Any = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    if isinstance(image, np.ndarray):
        return layers[..., 0] if image.ndim == 2 and layers.shape[2] == 1 else layers
    if layers.dtype == np.uint16 and layers.shape[2] > 1:  # Pillow has 16 bits for grey alone
        layers = np.rint(layers / 257).astype(np.uint8)
    picture: Any = Image.fromarray(layers[..., 0] if layers.shape[2] == 1 else layers)
    dpi = image.info.get("dpi") if isinstance(image, Image.Image) else photo.metadata.dpi
    if dpi is not None:
        picture.info["dpi"] = dpi
    return picture


def mask_of(mask: Image.Image | np.ndarray | File) -> NDArray[np.uint8]:
    """Return a mask as uint8 [H, W], 255 in holes.

    Raises:
        TypeError: it is neither a Pillow picture, an array nor a file.
        ValueError: an array that is neither boolean nor uint8, or not [H, W] or [H, W, 1].
    """
    if isinstance(mask, File):
        with file_of(mask) as path:
            mask = read_image(path, channels=1)
    check_kind(mask, "mask")
    array = np.array(mask.convert("L")) if isinstance(mask, Image.Image) else mask
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim != 2 or array.dtype not in (np.uint8, np.bool_):
        raise ValueError(f"expected a mask of bool or uint8 [H, W], got {array.dtype} {list(array.shape)}")
    holes: NDArray[np.uint8] = np.where(array if array.dtype == np.bool_ else array > 127, 255, 0).astype(np.uint8)
    return holes
