"""A trained model as a tool: photos in, photos out."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.fidelity.guard import Thresholds
from gan_lab.hardware import Choice, cast_to, survive_forks
from gan_lab.inference import bundle
from gan_lab.inference.community import FILES, PACKAGE, open_community
from gan_lab.inference.enhancement import File, check_kind, enhance_photo, file_of, like, mask_of, photo_of
from gan_lab.inference.generation import BATCH, Generation, Label, check_strength
from gan_lab.inference.restoration import (
    COMMUNITY,
    Correct,
    Networks,
    Restoration,
    Wish,
    add_smaller_scales,
    with_channels,
)
from gan_lab.inference.restoration import TILE as RESTORATION_TILE
from gan_lab.inference.sizes import Scale
from gan_lab.inference.tiling import TILE
from gan_lab.networks import CommunityNetwork, LightCorrector, Restorer
from gan_lab.options import ImageSize, split_sides
from gan_lab.photo_files import read_image
from gan_lab.photo_files.srgb import opaque_srgb
from gan_lab.photo_files.stated_colour import read_stated_colour
from gan_lab.storage import hash_file
from gan_lab.terminal import printable

if TYPE_CHECKING:
    from gan_lab.inference.translation import Translation

log = logging.getLogger(__name__)

Picture = TypeVar("Picture", Image.Image, np.ndarray)

#: What a model of each task does, and which command and models do it.
TASKS = {
    "restoration": ("restores photos", "enhance", "restorer, light, enhancer, eagan, pix2pix"),
    "translation": ("translates photos", "translate", "cyclegan, cut, pix2pix, enhancer, eagan"),
    "generation": (
        "generates images",
        "generate",
        "dcgan, mlp_gan, cgan, lsgan, sngan, wgan_gp, r3gan, drifting, vae, vae_gan, code_prior",
    ),
    "reconstruction": (
        "encodes photos and has no prior to draw new ones from (model=code_prior trains one)",
        "evaluate",
        "vq_vae",
    ),
}


class Pretrained:
    """A trained model and what its run's configuration says about using it.

    Images go in and come out as Pillow pictures, or as arrays [H, W, C] in sRGB, of any size and aspect ratio; a file goes in
    by its path or as bytes, and comes out as a Pillow picture.

    In a process that was forked after it was opened, a model on a CPU computes in one thread, and one on a GPU is refused.

    Attributes:
        path: the file: a run's checkpoint, a bundle of networks for enhancement, or a network of others.
        config: the run's resolved configuration; empty where no run stands behind the file.
        model: the module, in evaluation mode; None likewise.
        choice: what its networks compute in.
        restoration: enhances photos; None for a model of another task.
        translation: gives photos the look of another domain. A model of pairs has it beside its `restoration`, unless its
            network is one that can do nothing but restore; None for others.
        generation: draws images and varies photos; None for a model of another task.
        name: of the model's configuration or of the bundle: "enhancer", "faithful".
        channels: 1 for grey, 3 for RGB.
        image_size: of the images that the model was trained on: the side of squares, or (height, width), in pixels; 0 for a
            bundle and for a network of others.
        trust: packages of the user's own whose classes the run's configuration may name.
    """

    def __init__(self, path: Path, device: torch.device, precision: str = "auto", trust: Collection[str] = ()) -> None:
        self.path = path
        self.device = device
        self.trust = tuple(trust)
        self.process = os.getpid()
        survive_forks()
        self.choice: Choice | None = None
        self.image_size: ImageSize = 0
        self.restoration: Restoration | None = None
        self.generation: Generation | None = None
        self.translation: Translation | None = None
        self.model: Any = None
        self.config: dict[str, Any] = {}
        if path.suffix.lower() == ".safetensors" and bundle.is_bundle(path):
            self._take(bundle.build_networks(bundle.read_bundle(path), device, precision))
            return
        if str(path).startswith(PACKAGE) or path.suffix.lower() in FILES:
            self._take_community(precision)
            return
        # here, because they import Lightning, which shipped weights do without
        from gan_lab import checkpoint as checkpoints
        from gan_lab.inference.translation import Translation

        try:
            loaded, self.config = checkpoints.load_model(path, device, trust)
        except checkpoints.ForeignError as error:
            try:
                self._take_community(precision)
            except UserError:
                raise error from None
            return
        self.name = printable(str(self.config.get("choices", {}).get("model", type(loaded).__name__))[:100])
        data = self.config.get("data", {})
        self.channels, self.image_size = (
            read_whole_fact(data, "channels", path),
            checkpoints.read_image_size(data, path),
        )
        choice = bundle.choose_for_inference(
            precision, loaded.list_trainable_networks(), device, BATCH if loaded.task == "generation" else 1
        )
        self.choice = choice
        self.model = loaded.to(memory_format=choice.memory_format)
        dtype = choice.dtype
        if self.model.task == "restoration":
            self.restoration = Restoration(self._networks(choice), device)
        if self.model.task == "translation" or (
            self.model.task == "restoration" and changes_scenes(self.model.generator)
        ):
            self.translation = Translation(
                self.model, self.image_size, self.channels, data.get("fit", "crop"), data.get("shorter_side"), dtype
            )
        if self.model.task == "generation":
            self.generation = Generation(self.model, self.name, path, dtype)

    def _take(self, networks: Networks) -> None:
        """Take networks that no run stands behind."""
        self.name, self.channels = self.path.stem, networks.channels
        self.restoration, self.choice = Restoration(networks, self.device), networks.choice

    def _take_community(self, precision: str) -> None:
        """Take a network of others, and say what it is."""
        found = open_community(self.path, self.device, precision)
        log.info("checkpoint=%s: %s", self.path, found.description)
        self.path = found.path
        self._take(found.networks)

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the weights, in hexadecimal: of the file, and for a bundle of its base's too."""
        own = self.path.suffix.lower() == ".safetensors" and bundle.is_bundle(self.path)
        return bundle.hash_bundle(self.path) if own else hash_file(self.path)

    @property
    def dtype(self) -> torch.dtype:
        """Return the number format that samples are computed in; a model's own methods compute in float32."""
        return torch.float32 if self.generation is None else self.generation.dtype

    @property
    def task(self) -> Literal["restoration", "translation", "generation", "reconstruction"]:
        """Return the task that the model is for."""
        return "restoration" if self.model is None else self.model.task

    def _networks(self, choice: Choice) -> Networks:
        """Return a run's network in the place that it has in an enhancement: a restorer as a bundle has it, light in fp32."""
        generator = self.model.generator if self.model.generator_ema is None else self.model.generator_ema.module
        if isinstance(generator, LightCorrector):
            return Networks(light=generator, channels=self.channels)
        if isinstance(generator, Restorer):
            generator = bundle.quick(copy.deepcopy(generator), choice)
            if generator.scale > 1:
                return Networks(enlarge=add_smaller_scales({generator.scale: generator}), channels=self.channels)
            return Networks(restore=generator if generator.mask else adapt_to_masks(generator), channels=self.channels)

        def enhance(image: Tensor) -> Tensor:
            with cast_to(choice.dtype, self.device):
                enhanced: Tensor = self.model.enhance(image)
                return enhanced

        if isinstance(generator, CommunityNetwork):
            tiles = replace(COMMUNITY, channels=self.channels, choice=choice)
            if generator.scale > 1:
                return replace(tiles, enlarge=add_smaller_scales({generator.scale: enhance}))
            return replace(tiles, restore=adapt_to_masks(enhance))
        return Networks(
            restore=adapt_to_masks(enhance),
            channels=self.channels,
            # it may pad by reflection, which needs a side longer than the padding
            smallest=max(split_sides(self.image_size)),
            colours=self.config["data"].get("pair") == "grey_to_colour",
        )

    def require(self, task: Literal["restoration", "translation", "generation"]) -> None:
        """Refuse a task that the model cannot do, here or at all.

        Raises:
            UserError: naming the checkpoint, its model, and the models that would do; it is on a GPU of another process.
        """
        self.check_process()
        if getattr(self, task) is None:
            needs, command, models = TASKS[task]
            raise UserError(
                f"checkpoint={self.path}: its model, {self.name}, {TASKS[self.task][0]}; {command} needs "
                f"one that {needs} ({models})"
            )

    def check_process(self) -> None:
        """Say in a process that was forked after the model was opened how it computes there.

        Raises:
            UserError: it does not, since it is on a GPU.
        """
        if self.process == os.getpid():
            return
        advice = "open it in the process that uses it (gunicorn: in post_worker_init, or without --preload)"
        if self.device.type != "cpu":
            raise UserError(
                f"{self.path}: was opened on a GPU before this process was forked, which CUDA forbids; {advice}"
            )
        self.process = os.getpid()
        log.warning("%s: was opened before a fork, and computes in one thread here; for more, %s", self.path, advice)

    def enhance(
        self,
        image: Picture | File,
        *,
        correct: Correct = "all",
        scale: Scale = 1,
        strength: float = 1.0,
        mask: Image.Image | np.ndarray | File | None = None,
        guard: bool | Thresholds = False,
        tile: int | None = RESTORATION_TILE,
    ) -> Picture:
        """Return the photo enhanced, in the form that it came in: grey stays grey, 16 bits stay 16, alpha is kept.

        Args:
            image: a Pillow picture, or uint8 or uint16 [H, W], [H, W, 1], [H, W, 3] or, with alpha, [H, W, 4]; or an image
                file, by its path or as bytes, of which a Pillow picture is made (colours of 16 bits have 8 there).
            correct: "all", "defects" (noise, blur, JPEG, holes), "light" (exposure, cast, veil) or "none".
            scale: from 1 to 4, or "to:" and the pixels of the longer side, as "to:2000".
            strength: 0 (the photo as it is) to 1.
            mask: holes to fill, white or above 127, at the photo's size; likewise.
            guard: True, or limits, to lower the strength of what would alter the product; see `gan_lab.fidelity.guard`.
            tile: longest side of the tiles in which larger photos are done, in pixels; None: in one pass.

        Raises:
            TypeError: the image or the mask is something else.
            UserError: the model does not restore, or not so; a file that is no image; out of memory; the model gives NaN.
        """
        self.require("restoration")
        assert self.restoration is not None
        wish = Wish(correct=correct, scale=scale, strength=strength, tile=tile)
        limits = Thresholds() if guard is True else guard or None
        photo = photo_of(image)
        holes = None if mask is None else mask_of(mask)
        return like(enhance_photo(self.restoration, photo, wish, mask=holes, guard=limits).photo, image)

    def translate(
        self,
        image: Picture | File,
        direction: str = "AB",
        size: int | None = None,
        strength: float = 1.0,
        tile: int | None = TILE,
        full_size: bool = False,
    ) -> Picture:
        """Return the photo in the look of the other domain, in the form that it came in: 16 bits stay 16, alpha is kept.

        Args:
            image: as in `enhance`.
            direction, size, strength, tile, full_size: see `gan_lab.inference.translation.TranslationWish`.

        Raises:
            TypeError: see `enhance`.
            UserError: the model does not translate, or not so; out of memory; the model gives NaN.
        """
        from gan_lab.inference.translation import TranslationWish, translate_photo

        self.require("translation")
        assert self.translation is not None
        wish = TranslationWish(direction, size, strength, tile, full_size)
        return like(translate_photo(self.translation, photo_of(image), wish), image)

    def generate(
        self, n: int, seed: int = 0, label: Label = None, truncation: float = 1.0, first: int = 0
    ) -> np.ndarray:
        """Return n generated images, uint8 [n, H, W, C]; see `samples`."""
        return np.concatenate(list(self.samples(n, seed, label, truncation, first)))

    def samples(
        self, n: int, seed: int = 0, label: Label = None, truncation: float = 1.0, first: int = 0
    ) -> Iterator[np.ndarray]:
        """Yield n generated images in batches, uint8 [N, H, W, C].

        Image i depends on the seed and on i alone (and its class on i where several take turns), bit for bit on one
        machine: `samples(1, first=17)` gives the image that `samples(64)` has in place 17.

        Args:
            n: how many.
            seed: of the noise.
            label: the class, by name or number, of a conditional model; None or "all" takes all classes in turn, and so
                does a sequence with its own.
            truncation: above 0 (all near the typical image) to 1 (as trained); see `gan_lab.inference.latents.draw_latents`.
            first: number of the first image.

        Raises:
            UserError: the model does not generate; a value is out of range; there is no such class.
        """
        numbers = number_images(n, first)
        generation = self._generating()
        made = generation.images(numbers, generation.draw_latents(seed, truncation), generation.classes(label))
        return (images for _, images in made)

    def encode(self, image: Image.Image | np.ndarray | File, label: Label = None) -> Tensor:
        """Return the latent of a photo, [latents], on the CPU: by the encoder, or for a GAN by a search for it.

        Of a model of codes (vq_vae) it is the grid of the photo's codes, int64 [h, w].

        Args:
            image: of any size; it is cut and resized as in training.
            label: what is on it, for a conditional model; None chooses the class that comes nearest.

        Raises:
            TypeError: the image is neither a Pillow picture, an array, a path nor bytes.
            UserError: the model neither generates nor reconstructs; there is no such class.
        """
        self.check_process()
        if self.task == "reconstruction":
            photo = torch.from_numpy(self.as_validated(image)).permute(2, 0, 1)[None].float().div(127.5).sub(1)
            codes: Tensor = self.model.encode(photo.to(self.model.device))[0].cpu()
            return codes
        return self._generating().encode_photo(self.as_validated(image), label).z

    def variants(
        self,
        image: Image.Image | np.ndarray | File,
        n: int,
        strength: float = 0.5,
        seed: int = 0,
        label: Label = None,
        truncation: float = 1.0,
    ) -> np.ndarray:
        """Return n images, uint8 [n, H, W, C], that vary a photo in the model's latent space.

        Args:
            image: of any size; it is cut and resized as in training.
            n: how many.
            strength: 0 gives what the model makes of the photo's latent, 1 images as far from it as random ones.
            seed: of the directions that they vary in; variant i depends on it and on i alone.
            label, truncation: as in `encode` and `samples`.

        Raises:
            UserError: the model does not generate; a value is out of range; there is no such class.
        """
        numbers = number_images(n)
        generation = self._generating()
        check_strength(strength)
        noise = generation.draw_latents(seed, truncation)
        encoded = generation.encode_photo(self.as_validated(image), label)
        latents = generation.vary(encoded.z, noise, strength)
        return np.concatenate([images for _, images in generation.images(numbers, latents, [encoded.label])])

    def as_validated(self, image: Image.Image | np.ndarray | File) -> np.ndarray:
        """Return a photo as uint8 [H, W, C], cut and resized as those that the model was validated on."""
        from gan_lab.data.views import cut_for_validation

        data = self.config["data"]
        pixels = with_channels(pixels_of(image), self.channels)
        return cut_for_validation(pixels, self.image_size, data.get("fit", "crop"), data.get("shorter_side"))

    @property
    def conditional(self) -> bool:
        """Return whether the model takes labels."""
        return self.generation is not None and self.generation.conditional

    def _generating(self) -> Generation:
        self.require("generation")
        assert self.generation is not None
        return self.generation


def pixels_of(image: Image.Image | np.ndarray | File) -> np.ndarray:
    """Return a photo as uint8 [H, W, C], upright, opaque and in sRGB.

    Raises:
        TypeError: it is neither a Pillow picture, an array nor a file.
        ValueError: an array that is not uint8 [H, W, 1 or 3].
    """
    if isinstance(image, File):
        with file_of(image) as path:
            return read_image(path)
    check_kind(image)
    if isinstance(image, Image.Image):
        return np.atleast_3d(np.array(opaque_srgb(ImageOps.exif_transpose(image), read_stated_colour(image).profile)))
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"expected uint8 [H, W, 1 or 3], got {image.dtype} {list(image.shape)}")
    return image


def number_images(n: int, first: int = 0) -> range:
    """Return the numbers of n images.

    Raises:
        UserError: there are none, or the first is no number.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UserError(f"n={n}: needs a whole number above 0")
    if isinstance(first, bool) or not isinstance(first, int) or first < 0:
        raise UserError(f"first={first}: needs the number of an image, from 0")
    return range(first, first + n)


def read_whole_fact(data: dict[str, Any], name: str, path: Path) -> int:
    """Return a whole number that a run's configuration says of its data.

    Raises:
        UserError: it says none.
    """
    value = data.get(name)
    if type(value) is not int or value < 1:
        raise UserError(f"checkpoint {path}: its configuration has no data.{name}; name another")
    return value


def changes_scenes(generator: nn.Module) -> bool:
    """Return whether a network makes any image of its input, as pix2pix's does; those that `enhance` ships cannot."""
    return not isinstance(generator, LightCorrector | Restorer | CommunityNetwork)


def adapt_to_masks(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor | None], Tensor]:
    """Return a network that is shown no mask as one that could be: it starts from the first guess in the holes."""
    return lambda image, _: network(image)


def open_checkpoint(
    checkpoint: str | Path | None, device: str = "auto", precision: str = "auto", trust: Collection[str] = ()
) -> Pretrained:
    """Open the model of a run's folder, of a checkpoint file, or the weights that are shipped under a name.

    Args:
        checkpoint: a folder, of which the best checkpoint is taken, a file (.ckpt or .safetensors), a name, or a restorer of
            others: its file (.pth, .safetensors, .ckpt, .onnx), or "package:" and the name of an installed package.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        precision: of the networks: "fp32", "bf16" or "auto" (the faster on this machine, as measured).
        trust: packages of your own whose classes the checkpoint may name.

    Raises:
        UserError: there is no checkpoint, or it cannot be read; `device` is unknown, or cuda without a GPU.
    """
    if checkpoint is None:
        raise UserError("checkpoint: missing; name a run's folder or a .ckpt file: checkpoint=runs/<name>")
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"device={device}: needs auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda: this machine shows no CUDA device; use device=cpu, or device=auto")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    where = torch.device("cuda" if on_gpu else "cpu")
    path = Path(checkpoint).expanduser()
    if str(checkpoint).startswith(PACKAGE):
        return Pretrained(path, where, precision)
    if not path.exists() and len(path.parts) == 1 and not path.suffix:
        return Pretrained(bundle.find_weights(str(checkpoint), "checkpoint"), where, precision)
    if path.suffix.lower() in FILES and path.is_file():
        return Pretrained(path, where, precision)
    from gan_lab import checkpoint as checkpoints

    return Pretrained(checkpoints.find_checkpoint_file("checkpoint", path), where, precision, trust)
