"""Restorers in ONNX files: what they take is found by trying, and what cannot be used is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

import gan_lab
from gan_lab.errors import UserError
from gan_lab.inference.onnx_network import open_onnx


def write(path: Path, *, scale: int = 1, side: int | None = None, highest: float = 1.0, kind: int = TensorProto.FLOAT,
          multiple: int = 1, shift: float = 0.01, channels: int = 3, extra: bool = False) -> Path:  # fmt: skip
    """Write a network that repeats pixels and adds a little, for images of one range of values."""
    sizes = [side or "h", side or "w"]
    given = helper.make_tensor_value_info("image", kind, [1, channels, *sizes])
    made = helper.make_tensor_value_info("result", kind, [1, channels, "H", "W"])
    number = np.float16 if kind == TensorProto.FLOAT16 else np.float32
    constants = [helper.make_tensor("shift", kind, [1], np.array([shift * highest], number).tobytes(), raw=True)]
    nodes, last = [], "image"
    if multiple > 1:  # depth to space of space to depth: fails on sides that are no multiples
        nodes += [
            helper.make_node("SpaceToDepth", [last], ["deep"], blocksize=multiple),
            helper.make_node("DepthToSpace", ["deep"], ["flat"], blocksize=multiple, mode="DCR"),
        ]
        last = "flat"
    if scale > 1:
        constants.append(helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, float(scale), float(scale)]))
        nodes.append(helper.make_node("Resize", [last, "", "scales"], ["large"], mode="nearest",
                                      coordinate_transformation_mode="asymmetric", nearest_mode="floor"))  # fmt: skip
        last = "large"
    nodes.append(helper.make_node("Add", [last, "shift"], ["result"]))
    inputs = [given, helper.make_tensor_value_info("mask", kind, [1, 1, *sizes])] if extra else [given]
    graph = helper.make_graph(nodes, "network", inputs, [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def photo(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "ONNX, restores, RGB in [0, 1], any size"),
        ({"highest": 255.0, "shift": 0.03}, "ONNX, restores, RGB in [0, 255], any size"),
        ({"kind": TensorProto.FLOAT16}, "ONNX, restores, RGB in [0, 1], any size"),
        ({"multiple": 8}, "ONNX, restores, RGB in [0, 1], any size"),
        ({"side": 64}, "ONNX, restores, RGB in [0, 1], squares of 64 pixels"),
    ],
)
def test_a_network_is_found_out_and_gives_what_it_gives(
    options: dict[str, Any], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "net.onnx", **options)
    with caplog.at_level("INFO"):
        tool = gan_lab.load(path, device="cpu")
    assert said in caplog.text
    image = photo(83, 150)
    expected = image + round(255 * options.get("shift", 0.01))
    np.testing.assert_allclose(tool.enhance(image, tile=256).astype(int), expected, atol=1)
    np.testing.assert_allclose(tool.enhance(image, tile=None).astype(int), expected, atol=1)


@pytest.mark.parametrize("side", [None, 64])
def test_a_network_that_enlarges(side: int | None, tmp_path: Path) -> None:
    tool = gan_lab.load(write(tmp_path / "net.onnx", scale=4, side=side), device="cpu")
    image = photo(70, 101)
    made = tool.enhance(image, scale=4)
    np.testing.assert_allclose(made.astype(int), image.repeat(4, 0).repeat(4, 1) + 3, atol=1)
    assert tool.enhance(image, scale=1.5).shape == (105, 152, 3)
    for height, width in ((20, 100), (100, 9), (64, 64), (49, 65), (1, 1)):
        image = photo(height, width)
        made = tool.enhance(image, scale=4)
        np.testing.assert_allclose(made.astype(int), image.repeat(4, 0).repeat(4, 1) + 3, atol=1)


def test_grey_photos_stay_grey(tmp_path: Path) -> None:
    tool = gan_lab.load(write(tmp_path / "net.onnx", channels=1), device="cpu")
    image = photo(20, 30, 1)
    np.testing.assert_allclose(tool.enhance(image).astype(int), image + 3, atol=1)
    coloured = photo(20, 30)
    np.testing.assert_allclose(tool.enhance(coloured).astype(int), coloured + 3, atol=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"extra": True}, r"has 2 inputs \(image, mask\) and 1 outputs; "),
        ({"channels": 4}, r"takes \[1, 4, 'h', 'w'\]; name a network for images"),
        ({"side": 32}, r"takes images of 32 x 32 pixels alone; "),
        ({"multiple": 128}, r"takes squares of 128 pixels and no other size that was tried; "),
        ({"shift": 0.2}, r"a smooth picture comes back changed by 0.22 in \[0, 1\] and 0.22 in \[0, 255\], "),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx", **options)
    if "shift" in options:  # the share of itself that is missing is the same in each range
        model = onnx.load(path)
        model.graph.node[-1].op_type = "Mul"
        model.graph.initializer[0].CopyFrom(helper.make_tensor("shift", TensorProto.FLOAT, [1], [0.6]))
        onnx.save(model, path)
    with pytest.raises(UserError, match=f"^checkpoint=.*net.onnx: {said}"):
        gan_lab.load(path, device="cpu")


def test_a_result_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.node[-1].CopyFrom(helper.make_node("ReduceMean", ["image"], ["result"], axes=[3], keepdims=1))
    onnx.save(model, path)
    with pytest.raises(UserError, match=r"makes \[1, 3, 128, 1\] of \[1, 3, 128, 128\]; "):
        gan_lab.load(path, device="cpu")


def test_what_is_no_onnx_file_and_what_lies_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("text", b"hello"), ("empty", b"")):
        (tmp_path / f"{name}.onnx").write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}.onnx: onnxruntime cannot open it"):
            gan_lab.load(tmp_path / f"{name}.onnx")
    path = write(tmp_path / "outside.onnx")
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(UserError, match=r"outside.onnx: onnxruntime cannot open it .*weights in one file"):
        gan_lab.load(path)
    monkeypatch.chdir(tmp_path)  # where the weights lie: a stranger's file must not read what is there
    model = onnx.load(write(tmp_path / "conv.onnx"))
    weights = np.eye(3, dtype=np.float32)[..., None, None]
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "weights"))
    model.graph.node[-1].CopyFrom(helper.make_node("Conv", ["image", "weights"], ["result"]))
    onnx.save(model, tmp_path / "whole.onnx")
    assert gan_lab.load(tmp_path / "whole.onnx", device="cpu").channels == 3
    onnx.save(model, tmp_path / "conv.onnx", save_as_external_data=True, location="conv.bin", size_threshold=0)
    with pytest.raises(UserError, match=r"conv.onnx: onnxruntime cannot open it"):
        gan_lab.load(tmp_path / "conv.onnx")
    model = onnx.load(write(tmp_path / "own.onnx"))
    model.graph.node[-1].domain = "shop.operators"
    onnx.save(model, tmp_path / "own.onnx")
    with pytest.raises(UserError, match=r"own.onnx: onnxruntime cannot open it"):
        gan_lab.load(tmp_path / "own.onnx")


def test_without_onnxruntime_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'^checkpoint=a: needs onnxruntime, .*; pip install "gan_lab\[onnx\]"$'):
        open_onnx(tmp_path / "net.onnx", "checkpoint=a", torch.device("cpu"))


def test_a_network_for_255_that_rounds_is_not_taken_for_one_of_1(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "net.onnx", highest=255.0, shift=0.0005)
    model = onnx.load(path)
    last = model.graph.node[-1]
    last.output[0] = "sharp"
    model.graph.node.append(helper.make_node("Round", ["sharp"], ["result"]))
    onnx.save(model, path)
    with caplog.at_level("INFO"):
        tool = gan_lab.load(path, device="cpu")
    assert "in [0, 255]" in caplog.text
    image = photo(30, 40)
    np.testing.assert_allclose(tool.enhance(image).astype(int), image, atol=1)


@pytest.mark.parametrize("precision", ["bf16", "foo"])
def test_another_precision_is_refused(precision: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^precision={precision}: onnxruntime computes in the file's own numbers; "):
        gan_lab.load(write(tmp_path / "net.onnx"), device="cpu", precision=precision)


def test_a_network_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "net.onnx")
    model = onnx.load(path)
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [7, 7])
    model.graph.initializer.append(shape)
    model.graph.node[-1].CopyFrom(helper.make_node("Reshape", ["image", "shape"], ["result"]))
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    with pytest.raises(UserError, match=r"net.onnx: cannot be run on 3 x 128 x 128 \(.*\); name another$"):
        gan_lab.load(path, device="cpu")
