from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import Inception, RandomVGG, inception, vgg19_features


@pytest.fixture(scope="module")
def vgg19_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layout of torchvision's file, with the classifier's shrunk as nothing reads them."""
    torch.manual_seed(0)
    features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    state = {f"features.{key}": value for key, value in features.state_dict().items()}
    path = tmp_path_factory.mktemp("hub") / "vgg19-dcbb9e9d.pth"
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, path)
    return path


def test_random_vgg_is_the_same_for_a_seed() -> None:
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    first, again, other = RandomVGG(0)(x), RandomVGG(0)(x), RandomVGG(1)(x)
    assert first.shape == (2, RandomVGG.num_features)
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_random_vgg_takes_grey_and_other_sizes() -> None:
    network, grey = RandomVGG(), torch.rand(2, 1, 28, 40) * 2 - 1
    torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)))
    assert not any(p.requires_grad for p in network.parameters())


def test_random_vgg_sees_colour_and_sharpness() -> None:
    torch.manual_seed(0)
    network, x = RandomVGG(), torch.rand(8, 3, 64, 64) * 2 - 1
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    within = (network(x[:4]) - network(x[4:])).norm(dim=1).mean()
    assert (network(x) - network(blurred)).norm(dim=1).mean() > 3 * within
    assert (network(x) - network(x * 0.5 + 0.5)).norm(dim=1).mean() > 3 * within


def test_building_leaves_torchs_generator_alone(vgg19_file: Path) -> None:
    """An evaluation in the middle of a run must not change the run."""
    state = torch.get_rng_state()
    RandomVGG()
    vgg19_features(str(vgg19_file), ["relu1_1"])
    assert torch.equal(torch.get_rng_state(), state)


def test_vgg19_gives_torchvisions_responses(vgg19_file: Path) -> None:
    network = vgg19_features(str(vgg19_file), ["relu5_1", "conv1_1", "relu1_1"])
    reference = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    saved = torch.load(vgg19_file)
    reference.load_state_dict({k.removeprefix("features."): v for k, v in saved.items() if k.startswith("features")})
    x = torch.rand(1, 3, 32, 32)
    normalised = torchvision.transforms.functional.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    deep, first, rectified = network(2 * x - 1)
    with torch.no_grad():
        torch.testing.assert_close(first, reference[0](normalised), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(deep, reference[:30](normalised), rtol=1e-4, atol=1e-6)
    assert first.min() < 0 <= rectified.min()
    assert not any(p.requires_grad for p in network.parameters())


def test_vgg19_is_found_in_torch_home(vgg19_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    expected = tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"
    with pytest.raises(UserError) as caught:
        vgg19_features(None, ["relu1_1"])
    assert str(expected) in str(caught.value)
    assert "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth" in str(caught.value)
    expected.parent.mkdir(parents=True)
    expected.symlink_to(vgg19_file)
    assert len(vgg19_features(None, ["relu1_1"])(torch.zeros(1, 1, 16, 16))) == 1


def test_a_wrong_vgg19_file_is_named(tmp_path: Path) -> None:
    for name, content in {"other.pth": {"conv.weight": torch.zeros(1)}, "list.pth": [1]}.items():
        torch.save(content, tmp_path / name)
    torch.save({f"features.0.{part}": torch.zeros(1) for part in ("weight", "bias")}, tmp_path / "shape.pth")
    (tmp_path / "text.pth").write_text("not found")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name in ("other.pth", "list.pth", "shape.pth", "text.pth", "empty.pth", "missing.pth"):
        with pytest.raises(UserError, match=name):
            vgg19_features(str(tmp_path / name), ["relu1_1"])


class _Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": _Code(tmp_path / "ran")}, tmp_path / "code.pth")
    with pytest.raises(UserError, match=r"code\.pth"):
        vgg19_features(str(tmp_path / "code.pth"), ["relu1_1"])
    with pytest.raises(UserError, match=r"code\.pth"):
        inception(str(tmp_path / "code.pth"))
    assert not (tmp_path / "ran").exists()


def test_an_unknown_layer_is_named(vgg19_file: Path) -> None:
    with pytest.raises(ValueError, match="relu6_1"):
        vgg19_features(str(vgg19_file), ["relu6_1"])


def test_inception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = "weights-inception-2015-12-05-6726825d.pth"
    with pytest.raises(UserError, match=name):
        inception()
    with monkeypatch.context() as patched:
        patched.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patched.setattr(module.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        made = module.FeatureExtractorInceptionV3("inception", ["2048"])
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(made.state_dict(), folder / name)

    state = torch.get_rng_state()
    network = inception()
    assert torch.equal(torch.get_rng_state(), state)
    grey = torch.rand(2, 1, 20, 30) * 2 - 1
    pool, logits = network(grey)
    assert pool.shape == (2, 2048)
    assert logits.shape == (2, 1008)
    assert not pool.requires_grad
    pixels = (grey * 127.5 + 127.5).round().to(torch.uint8).expand(-1, 3, -1, -1)
    torch.testing.assert_close(pool, made(pixels)[0])
    torch.testing.assert_close(logits, pool @ made.fc.weight.T)
    pools, scores = inception(output="pool"), inception(output="logits")
    assert torch.equal(pools(grey), pool)
    assert torch.equal(scores(grey), logits)
    assert (pools.num_features, scores.num_features) == (2048, 1008)


def test_inception_sees_rounded_colour_pixels() -> None:
    grey = (torch.tensor([0.0, 0.6, 127.4, 254.6, 255.0]) / 127.5 - 1).view(1, 1, 1, 5)
    pixels = Inception(nn.Identity())(grey * 1.0001)  # and clamped: an overshoot must not wrap around
    assert pixels.dtype == torch.uint8
    assert pixels[0, :, 0].tolist() == [[0, 1, 127, 255, 255]] * 3


def test_inception_without_torch_fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(UserError, match=r'pip install "gan_lab\[fid\]"'):
        inception()
