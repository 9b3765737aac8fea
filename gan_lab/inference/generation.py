"""Images out of latents, and latents of photos: what a trained GAN or VAE is used for."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.hardware import cast_to
from gan_lab.inference.inversion import STEPS, invert
from gan_lab.inference.latents import HasClusters, draw_latents, shift_latents, slerp
from gan_lab.metrics import psnr, to_uint8

#: Images that are computed together. Always so many, and image i always in place i % BATCH: how many images a network
#: computes at once, and which place one has among them, changes its last bits.
BATCH = 32

Pixels = NDArray[np.uint8]
Label = int | str | Sequence[int | str] | None
#: Latents [N, latents] of N numbers.
Latents = Callable[[Sequence[int]], Tensor]


@runtime_checkable
class TakesLabels(Protocol):
    """A generative model that may be conditional.

    Attributes:
        conditional: whether it is.
    """

    conditional: bool


@runtime_checkable
class Encodes(Protocol):
    """A generative model with an encoder."""

    def encode(self, image: Tensor) -> Tensor:
        """Return the latents [N, latents] of images [N, C, H, W] in [-1, 1]."""


@dataclass(frozen=True)
class Encoded:
    """A photo in a model's latent space.

    Attributes:
        z: [latents], on the CPU.
        label: its class; 0 without classes.
        photo: uint8 [H, W, C], as the model is shown it.
        reconstruction: likewise, what z decodes to.
        psnr: of the reconstruction, in dB.
    """

    z: Tensor
    label: int
    photo: Pixels
    reconstruction: Pixels
    psnr: float


class Generation:
    """Draw images, encode photos and vary them.

    Args:
        model: a `GAN` or a `VAE` in evaluation mode.
        name: of its configuration.
        path: of its checkpoint, for messages.
        dtype: in which latents are decoded: float32 or bfloat16; see ADR 0024.
    """

    def __init__(self, model: Any, name: str, path: Path, dtype: torch.dtype = torch.float32) -> None:
        self.model = model
        self.name = name
        self.path = path
        self.dtype = dtype

    # ------------------------------------------------------------------------------------------------ classes

    @property
    def conditional(self) -> bool:
        """Return whether the model takes labels."""
        return isinstance(self.model, TakesLabels) and self.model.conditional

    def classes(self, label: Label) -> list[int]:
        """Return the classes that images take in turn, [0] for a model without.

        Args:
            label: a class by its name (str) or number (int, or digits that are no name), or several; None or "all" for
                all of them.

        Raises:
            UserError: there is no such class, or the model has none.
        """
        if label is None and not self.conditional:
            return [0]
        if not self.conditional:
            raise UserError(
                f"label={label}: {self.name} was trained without classes; leave label= out, or train model=cgan"
            )
        names = [str(name) for name in self.model.class_names]
        if label is None or (label == "all" and "all" not in names):
            return list(range(self.model.classes))
        several = label if isinstance(label, Sequence) and not isinstance(label, str) else [label]
        if not several:
            raise UserError("label=[]: names no class; leave it out for all of them")
        return [class_number("label", each, names, self.model.classes, self.name) for each in several]

    def class_of(self, number: int, classes: Sequence[int]) -> dict[str, int | str]:
        """Return {"class": the name, or number, of an image's class} where classes take turns; nothing without classes."""
        label = classes[number % len(classes)]
        names = self.model.class_names if self.conditional else []
        return {"class": str(names[label]) if names else label} if self.conditional else {}

    # ------------------------------------------------------------------------------------------------ images

    def draw_latents(self, seed: int, truncation: float = 1.0) -> Latents:
        """Return the endless row of a seed's latents; see `gan_lab.inference.latents.draw_latents`.

        Raises:
            UserError: `truncation` is out of range.
        """
        if not is_number(truncation) or not 0 < truncation <= 1:
            raise UserError(f"truncation={truncation}: needs a number above 0 (the typical image) up to 1 (as trained)")
        return lambda numbers: draw_latents(self.model.latents, seed, numbers, truncation)

    def images(
        self, numbers: Sequence[int], latents: Latents, classes: Sequence[int]
    ) -> Iterator[tuple[list[int], Pixels]]:
        """Yield numbers, ascending, and their images uint8 [N, H, W, C].

        An image depends on its latent and class alone, bit for bit on one machine, whichever others are asked for.

        Args:
            numbers: which images, from 0.
            latents: of numbers.
            classes: which they take in turn by their numbers.
        """
        for block, members in itertools.groupby(sorted(set(numbers)), key=lambda number: number // BATCH):
            whole = range(block * BATCH, (block + 1) * BATCH)
            labels = torch.tensor([classes[number % len(classes)] for number in whole], device=self.model.device)
            made = self.decode(latents(whole), labels)
            wanted = list(members)
            yield wanted, made[[number - whole.start for number in wanted]]

    def decode(self, z: Tensor, label: Tensor) -> Pixels:
        """Return the images uint8 [N, H, W, C] of latents [N, latents] and classes int64 [N].

        Raises:
            UserError: the model gives NaN.
        """
        with cast_to(self.dtype, self.model.device):
            images = self.model.generate(z.to(self.model.device), label)
        if not bool(torch.isfinite(images).all()):
            raise UserError(f"checkpoint={self.path}: its model gives NaN; take an earlier checkpoint of the run")
        pixels: Pixels = to_uint8(images).permute(0, 2, 3, 1).cpu().numpy()
        return pixels

    # ------------------------------------------------------------------------------------------------ photos

    def encode(
        self, photos: Tensor, classes: Sequence[int], tick: Callable[[], None] = lambda: None, steps: int = STEPS
    ) -> tuple[Tensor, Tensor]:
        """Return latents [N, latents] of photos, and their classes int64 [N]: by the encoder, or by `invert`.

        Args:
            photos: [N, C, H, W] in [-1, 1], on any device.
            classes: those that the photos may have.
            tick: called after each step of an inversion.
            steps: of an inversion.
        """
        images = photos.to(self.model.device)
        if self.encodes:
            tick()
            return self.model.encode(images), torch.zeros(len(images), dtype=torch.int64, device=images.device)
        return invert(self.model, images, classes, steps=steps, tick=tick)

    @property
    def encodes(self) -> bool:
        """Return whether the model has an encoder."""
        return isinstance(self.model, Encodes)

    def encode_photo(self, photo: Pixels, label: Label = None, tick: Callable[[], None] = lambda: None) -> Encoded:
        """Return a photo uint8 [H, W, C], of the size that the model is trained on, in its latent space.

        Args:
            photo: as `gan_lab.data.views.cut_for_validation` makes it.
            label: what is on it, for a conditional model; several classes, or all, to choose the nearest of.
            tick: called after each step of an inversion.
        """
        image = torch.from_numpy(photo).permute(2, 0, 1)[None].float().div(127.5).sub(1)
        z, which = self.encode(image, self.classes(label), tick)
        reconstruction = self.decode(z, which)[0]
        pair = [torch.from_numpy(pixels).permute(2, 0, 1)[None] for pixels in (reconstruction, photo)]
        return Encoded(z[0].cpu(), int(which[0]), photo, reconstruction, float(psnr(*pair)))

    def vary(self, z: Tensor, latents: Latents, strength: float) -> Latents:
        """Return latents on the way from that of a photo to others.

        Args:
            z: [latents], the photo's.
            latents: those of random images.
            strength: 0 gives z, 1 the random ones: along the arc between them. A model with clusters stays in that of z.

        Raises:
            UserError: `strength` is out of range.
        """
        check_strength(strength)

        def draw(numbers: Sequence[int]) -> Tensor:
            varied = slerp(z, latents(numbers), strength)
            return self.model.keep_cluster(varied, z) if isinstance(self.model, HasClusters) else varied

        return draw

    def towards(self, z: Tensor, direction: Tensor, strength: float, n: int) -> Latents:
        """Return latents in n equal steps from that of a photo along a direction.

        Args:
            z: [latents], the photo's.
            direction: [latents], see `gan_lab.inference.latents.directions`.
            strength: of the last step; 1 goes as far as the classes are apart.
            n: steps.

        Raises:
            UserError: `strength` is out of range.
        """
        check_strength(strength)
        return lambda numbers: torch.stack(
            [shift_latents(z, direction, strength * (number + 1) / n) for number in numbers]
        )


def class_number(option: str, label: int | str, names: Sequence[str], classes: int, owner: str) -> int:
    """Return the number of a class that is given by its name, or by its number where that is no name.

    An int is always a number: folders may be named "1", "10", "2", and class 1 is then the second of them.

    Raises:
        UserError: there is no such class; the message has the nearest names.
    """
    if isinstance(label, str) and label in names:
        return names.index(label)
    if not isinstance(label, bool) and str(label).isdigit() and int(label) < classes:
        return int(label)
    folded = {name.casefold(): name for name in names}
    near = [folded[match] for match in difflib.get_close_matches(str(label).casefold(), folded, n=3)]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "") or f"numbers from 0 to {classes - 1}"
    raise UserError(f"{option}={label}: there is no such class{hint}; {owner} knows {known}")


def check_strength(strength: object) -> None:
    """Refuse a strength that is no share."""
    if not is_number(strength) or not 0 <= strength <= 1:  # type: ignore[operator]
        raise UserError(f"strength={strength}: needs a number from 0 (the photo) to 1 (as far as random images)")


def is_number(value: object) -> bool:
    """Tell a number from a truth value and from all else."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
