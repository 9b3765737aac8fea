from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from gan_lab.errors import UserError
from gan_lab.losses import Perceptual
from gan_lab.networks import vgg19_features


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    vgg = torchvision.models.vgg
    state = {f"features.{key}": value for key, value in vgg.make_layers(vgg.cfgs["E"]).state_dict().items()}
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, path)
    return str(path)


def test_is_the_weighted_sum_over_layers(weights: str) -> None:
    torch.manual_seed(0)
    pred, gt = torch.rand(2, 3, 16, 16) * 2 - 1, torch.rand(2, 3, 16, 16) * 2 - 1
    layers = {"relu1_1": 0.5, "relu2_1": 2.0}
    network = vgg19_features(weights, list(layers))
    expected = sum(
        weight * (a - b).abs().mean() for weight, a, b in zip(layers.values(), network(pred), network(gt), strict=True)
    )
    torch.testing.assert_close(Perceptual(weights, layers)(pred, gt), expected)


def test_gradient_reaches_pred_alone(weights: str) -> None:
    loss = Perceptual(weights)
    pred, gt = torch.randn(1, 1, 16, 16, requires_grad=True), torch.randn(1, 1, 16, 16, requires_grad=True)
    assert loss(pred, pred).item() == 0
    loss(pred, gt).backward()
    assert pred.grad.abs().sum() > 0
    assert gt.grad is None


def test_stays_out_of_checkpoints_and_optimisers(weights: str) -> None:
    loss = Perceptual(weights, {"relu1_1": 1.0})
    assert not loss.state_dict()
    assert not list(loss.parameters())
    assert not list(loss.buffers())


def test_fp32_under_autocast(weights: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert (
            Perceptual(weights, {"relu1_1": 1.0})(torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)).dtype
            == torch.float32
        )


def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"hub/checkpoints/vgg19-dcbb9e9d\.pth"):
        Perceptual()
