"""Restorers of others: recognised by their weights, used as ours are, and nothing of a file runs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.DnCNN import DnCNN
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SwinIR import SwinIR
from torch import Tensor, nn

import gan_lab
from gan_lab.errors import UserError
from gan_lab.inference import community, onnx_network
from gan_lab.inference.community import check_sizes, open_community
from gan_lab.inference.restoration import COMMUNITY, Restoration, Wish

CPU = torch.device("cpu")


def compact(scale: int = 4) -> Compact:
    torch.manual_seed(0)
    return Compact(num_feat=8, num_conv=3, upscale=scale).eval().requires_grad_(False)


def dncnn() -> DnCNN:
    torch.manual_seed(0)
    return DnCNN(in_nc=3, out_nc=3, nc=8, nb=8, act_mode="R").eval().requires_grad_(False)


def photo(height: int, width: int, dtype: Any = np.uint8) -> np.ndarray:
    levels = np.random.default_rng(0).integers(40, 200, (height, width, 3))
    return (levels * (257 if dtype == np.uint16 else 1)).astype(dtype)


def run(network: nn.Module, image: np.ndarray) -> np.ndarray:
    """Return the output of a network that is called directly on a photo, uint8."""
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        return network(x)[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy().astype(np.uint8)


def save_as(kind: str, network: nn.Module, folder: Path) -> Path:
    """Write weights in one of the forms in which people pass them on."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    path = folder / f"weights.{kind.split()[0]}"
    if kind == "safetensors":
        save_file(weights, path)
    elif kind == "ckpt":
        torch.save({"state_dict": {f"netG.{name}": value for name, value in weights.items()}, "epoch": 3}, path)
    elif kind == "pth old":
        torch.save(weights, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({"params_ema": weights}, path)
    return path


@pytest.mark.parametrize("kind", ["pth", "pth old", "pt", "safetensors", "ckpt"])
def test_a_file_of_weights_is_recognised_and_gives_what_the_network_gives(kind: str, tmp_path: Path) -> None:
    network, image = compact(), photo(20, 28)
    tool = gan_lab.load(save_as(kind, network, tmp_path), device="cpu", precision="fp32")
    assert (tool.name, tool.channels, tool.model) == ("weights", 3, None)
    assert len(tool.sha256) == 64
    np.testing.assert_allclose(tool.enhance(image, scale=4).astype(int), run(network, image), atol=1)


def test_the_description_says_what_it_is(tmp_path: Path) -> None:
    found = open_community(save_as("pth", compact(), tmp_path), CPU)
    assert found.description == "RealESRGAN Compact (8nf, 3nc), enlarges 4 times, RGB in [0, 1]"
    assert found.networks.restore is None
    assert open_community(save_as("pth", dncnn(), tmp_path), CPU).description.endswith("restores, RGB in [0, 1]")


def test_a_network_that_restores_stands_where_ours_does(tmp_path: Path) -> None:
    network, image = dncnn(), photo(24, 17)
    tool = gan_lab.load(save_as("pth", network, tmp_path), device="cpu", precision="fp32")
    np.testing.assert_allclose(tool.enhance(image).astype(int), run(network, image), atol=1)
    deep = photo(24, 17, np.uint16)
    assert tool.enhance(deep).dtype == np.uint16
    np.testing.assert_allclose(tool.enhance(deep) / 257, run(network, image), atol=1)
    assert np.array_equal(tool.enhance(image, strength=0), image)
    with pytest.raises(UserError, match=r"^scale=2: this model does not enlarge so; it has scale=1$"):
        tool.enhance(image, scale=2)


def test_smaller_scales_are_made_of_the_larger_one(tmp_path: Path) -> None:
    tool = gan_lab.load(save_as("pth", compact(), tmp_path), device="cpu", precision="fp32")
    flat = np.full((16, 16, 3), 90, np.uint8)
    full = tool.enhance(flat, scale=4)
    for scale in (2, 3):
        smaller = tool.enhance(flat, scale=scale)
        assert smaller.shape == (16 * scale, 16 * scale, 3)
        inner = (slice(scale * 6, scale * 10),) * 2
        assert abs(smaller[inner].mean() - full[24:40, 24:40].mean()) < 2
    with pytest.raises(UserError, match=r"^scale=1: this model only enlarges, .* use scale=2 or 3 or 4$"):
        tool.enhance(flat)


def test_tiles_have_no_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = ESRGAN(num_filters=8, num_blocks=1, scale=2).eval()
    networks = open_community(save_as("pth", network, tmp_path), CPU, "fp32").networks
    image = photo(300, 330)
    seen: list[torch.Size] = []
    enlarge = networks.enlarge[2]

    def spy(part: Tensor) -> Tensor:
        seen.append(part.shape)
        return enlarge(part)

    networks.enlarge[2] = spy  # type: ignore[index]
    whole = Restoration(networks, CPU)(image, Wish(scale=2, tile=None))
    assert seen == [(1, 3, 300, 330)]
    tiled = Restoration(networks, CPU)(image, Wish(scale=2))
    assert max(max(shape) for shape in seen[1:]) <= COMMUNITY.tile
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_windows_are_padded_and_the_padding_is_cut_off(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SwinIR(
        img_size=16,
        window_size=8,
        embed_dim=12,
        depths=[2, 2],
        num_heads=[2, 2],
        upscale=2,
        upsampler="pixelshuffledirect",
    )
    tool = gan_lab.load(save_as("pth", network, tmp_path), device="cpu")
    assert tool.enhance(photo(19, 21), scale=2).shape == (38, 42, 3)


def test_what_is_no_network_for_photos_is_refused(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other.pth: no architecture that spandrel knows; "):
        gan_lab.load(tmp_path / "other.pth")
    torch.save({"weights": [1, 2]}, tmp_path / "none.pth")
    with pytest.raises(UserError, match=r"none.pth: holds no weights by name; "):
        gan_lab.load(tmp_path / "none.pth")
    weights = compact().state_dict()
    weights["body.0.weight"] = torch.zeros(5, 3, 3, 3)
    torch.save(weights, tmp_path / "torn.pth")
    with pytest.raises(
        UserError, match=r"torn.pth: its weights do not fit one another \(RuntimeError: .*; name another"
    ):
        gan_lab.load(tmp_path / "torn.pth")
    torch.save({"state_dict": {"layer.weight": torch.zeros(3, 3)}}, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=r"other.ckpt: not made by gan_lab"):
        gan_lab.load(tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=r"^checkpoint=.*a.bin: no file of weights that is known"):
        open_community(tmp_path / "a.bin", CPU)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"purpose": "FaceSR", "input_channels": 3, "output_channels": 3}, "GFPGAN restores cut-out faces; "),
        ({"purpose": "SR", "input_channels": 4, "output_channels": 4}, "GFPGAN makes images of 4 channels from 4; "),
        ({"purpose": "SR", "input_channels": 1, "output_channels": 3}, "GFPGAN makes images of 3 channels from 1; "),
    ],
)
def test_a_network_for_other_images_is_refused(
    facts: dict[str, Any], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_as("pth", compact(), tmp_path)
    descriptor = SimpleNamespace(architecture=SimpleNamespace(name="GFPGAN"), **facts)
    monkeypatch.setattr(community, "recognise", lambda *_: descriptor)
    with pytest.raises(UserError, match=reason):
        gan_lab.load(path)


class Attack:
    """What a stranger's pickle can do: have any function called."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("kind", ["pth", "pth old", "ckpt"])
def test_nothing_in_a_file_runs(kind: str, tmp_path: Path) -> None:
    path, trace = tmp_path / f"weights.{kind.split()[0]}", tmp_path / "ran"
    content = compact().state_dict() | {"extra": Attack(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=not kind.endswith("old"))
    with pytest.raises(UserError, match=r"names (posix|nt) system|not a checkpoint that can be read safely"):
        gan_lab.load(path)
    assert not trace.exists()


def test_a_torchscript_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scripted.pt"
    torch.jit.save(torch.jit.script(nn.Conv2d(3, 3, 1)), path)
    with pytest.raises(UserError, match=r"cannot be read as weights .*; save its state dict alone"):
        gan_lab.load(path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_a_damaged_file_is_refused(kind: str, damage: str, tmp_path: Path) -> None:
    path = save_as(kind, compact(), tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "flipped" and kind == "safetensors":
        content[3] ^= 0xFF  # the header's length: the format has no sums for what comes after
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    path.write_bytes({"cut": content[: len(content) // 2], "flipped": content, "empty": b""}[damage])
    with pytest.raises(UserError, match=r"^checkpoint=.*; "):
        gan_lab.load(path)


def test_a_few_bytes_cannot_ask_for_all_memory() -> None:
    check_sizes({"body.0.weight": torch.zeros(4, 4)}, "checkpoint=a")
    with pytest.raises(UserError, match=r"^checkpoint=a: body.0.weight is larger than what is stored of it; "):
        check_sizes({"body.0.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, "checkpoint=a")
    for number in ("999999", "9" * 30):
        with pytest.raises(
            UserError, match=rf"^checkpoint=a: body.{number}.weight counts more layers than the file has; "
        ):
            check_sizes({f"body.{number}.weight": torch.zeros(4)}, "checkpoint=a")


def test_without_spandrel_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_as("pth", compact(), tmp_path)
    monkeypatch.setattr(community.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'spandrel, which is not installed; pip install "gan_lab\[community\]"$'):
        gan_lab.load(path)


class Holes(nn.Module):
    """An inpainter that paints what it is shown as a hole white, and makes all else darker."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return 0.5 * image * (1 - mask) + mask


def test_an_inpainter_fills_holes_and_touches_nothing_else(tmp_path: Path) -> None:
    from spandrel import MaskedImageModelDescriptor, SizeRequirements
    from spandrel.architectures.LaMa import LaMaArch

    class Lone(Holes):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

    network = Lone()
    descriptor = MaskedImageModelDescriptor(
        network, network.state_dict(), LaMaArch(), "Inpainting", [], False, False, 3, 3, SizeRequirements(multiple_of=8)
    )
    networks = community.place(descriptor, CPU, "auto")
    image, mask = photo(21, 30), np.zeros((21, 30), np.uint8)
    mask[5:9, 4:12] = 255
    made = Restoration(networks, CPU)(image, Wish(correct="defects"), mask)
    assert (made[mask > 0] == 255).all()
    assert np.array_equal(made[mask == 0], image[mask == 0])
    assert np.array_equal(Restoration(networks, CPU)(image, Wish(correct="defects")), image)
    with pytest.raises(UserError, match=r"^precision=bf16: LaMa computes in fp32 alone; use precision=fp32$"):
        community.place(descriptor, CPU, "bf16")


def test_a_network_for_grey_photos_keeps_colours(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = DnCNN(in_nc=1, out_nc=1, nc=8, nb=8, act_mode="R").eval()
    network.model[-1].bias.data += 10 / 255  # what it finds, and takes away
    tool = gan_lab.load(save_as("pth", network, tmp_path), device="cpu", precision="fp32")
    image = photo(20, 24)
    made = tool.enhance(image)
    assert made.shape == image.shape
    change = made.astype(int) - image
    assert np.abs(change - change[..., :1]).max() <= 1  # all channels by as much
    assert change.mean() < -5
    grey = image[..., :1]
    np.testing.assert_allclose(tool.enhance(grey).astype(int), run(network, grey), atol=1)
    assert tool.enhance(image, guard=True).shape == image.shape


def test_sizes_that_do_not_fit_are_refused_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = compact().state_dict()
    weights["body.0.weight"] = torch.zeros(
        4000, 3, 3, 3, dtype=torch.half
    )  # body of 4000 channels, which are not there
    torch.save(weights, tmp_path / "bomb.pth")
    made: list[torch.device] = []
    register = nn.Module.register_parameter

    def spy(self: nn.Module, name: str, parameter: Any) -> None:
        if parameter is not None:
            made.append(parameter.device)
        register(self, name, parameter)

    monkeypatch.setattr(nn.Module, "register_parameter", spy)
    with pytest.raises(
        UserError, match=r"bomb.pth: its weights do not fit one another \(RuntimeError: .*size mismatch"
    ):
        gan_lab.load(tmp_path / "bomb.pth")
    assert {device.type for device in made} == {"meta"}


def test_tiles_are_halved_where_memory_ends(tmp_path: Path) -> None:
    networks = open_community(save_as("pth", dncnn(), tmp_path), CPU, "fp32").networks
    restore = networks.restore
    assert restore is not None

    def short(image: Tensor, holes: Tensor | None) -> Tensor:
        if max(image.shape[-2:]) > 200:
            raise MemoryError
        return restore(image, holes)

    image = photo(300, 200)
    made = Restoration(replace(networks, restore=short), CPU)(image, Wish(correct="defects"))
    assert np.abs(made.astype(int) - run(dncnn(), image)).max() <= 1


def test_an_upper_case_suffix_is_one(tmp_path: Path) -> None:
    path = save_as("pth", compact(), tmp_path)
    assert gan_lab.load(path.rename(tmp_path / "WEIGHTS.PTH"), device="cpu").name == "WEIGHTS"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (PermissionError(13, "Permission denied"), "cannot be read "),
        (MemoryError(), "is larger than this machine's memory; "),
    ],
)
@pytest.mark.parametrize("suffix", ["pth", "onnx"])
def test_what_the_machine_cannot_read_is_named(
    suffix: str, fault: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, *_: object, **__: object) -> None:
        raise fault

    path = tmp_path / f"weights.{suffix}"
    path.touch()
    monkeypatch.setattr(community, "load_tensors", broken)
    monkeypatch.setattr(onnx_network, "open_regular", broken)
    with pytest.raises(UserError, match=rf"^checkpoint=.*weights.{suffix}: {said}"):
        open_community(path, CPU)


def test_what_the_first_look_does_not_see_is_refused_by_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spandrel

    def load(weights: object) -> None:
        raise ValueError("a shape of another network")

    monkeypatch.setattr(spandrel.MAIN_REGISTRY, "load", load)
    with pytest.raises(UserError, match=r"do not fit one another \(ValueError: a shape of another network\); "):
        open_community(save_as("pth", compact(), tmp_path), CPU)
