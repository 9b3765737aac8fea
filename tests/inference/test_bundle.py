"""Weights to ship: written from runs, read without running code, refused when they do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import gan_lab
from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.networks import LightCorrector, Restorer
from gan_lab.storage import hash_file
from tests.inference.checkpoints import tiny_checkpoint

CPU = torch.device("cpu")


def run(folder: Path, scale: int = 1) -> Path:
    return tiny_checkpoint(folder, "restorer", f"model.generator.scale={scale}", generator_ema__module__head__bias=0.1)


def light(folder: Path) -> Path:
    return tiny_checkpoint(folder, "light")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    parts = {
        "restorer": bundle.part_of_run("restorer", run(folder / "one")),
        "x2": bundle.part_of_run("x2", run(folder / "two", scale=2)),
        "light": bundle.part_of_run("light", light(folder / "light")),
    }
    bundle.write_bundle(folder / "mine.safetensors", parts)
    return folder / "mine.safetensors"


def test_the_averaged_weights_of_runs_come_back_as_networks(file: Path) -> None:
    networks = bundle.build_networks(bundle.read_bundle(file), CPU, "fp32")
    assert isinstance(networks.light, LightCorrector)
    assert isinstance(networks.restore, Restorer)
    assert list(networks.enlarge) == [2]
    assert not networks.restore.training
    image = torch.zeros(1, 3, 16, 16)
    torch.testing.assert_close(networks.restore(image, None), image + 0.1, rtol=0, atol=1e-3)  # fp16 in the file
    assert networks.enlarge[2](image).shape == (1, 3, 32, 32)


def test_a_bundle_is_a_tool(file: Path) -> None:
    tool = gan_lab.load(file, device="cpu")
    assert tool.name == "mine"
    assert len(tool.sha256) == 64
    image = np.full((20, 30, 3), 100, np.uint8)
    np.testing.assert_allclose(tool.enhance(image, correct="defects"), 113, atol=1)
    assert tool.enhance(image, scale=2, correct="none").shape == (40, 60, 3)
    with pytest.raises(UserError, match="mine, restores photos; translate needs"):
        tool.translate(image)


def test_precision_is_the_networks_alone(file: Path) -> None:
    networks = bundle.build_networks(bundle.read_bundle(file), CPU, "bf16")
    assert isinstance(networks.restore, Restorer)
    assert networks.restore.stem.weight.dtype == torch.bfloat16
    assert networks.light is not None
    assert next(networks.light.parameters()).dtype == torch.float32
    with pytest.raises(UserError, match="precision=fp8: needs one of auto, fp32, bf16"):
        bundle.build_networks(bundle.read_bundle(file), CPU, "fp8")


def test_a_base_gives_what_is_missing(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "FOLDER", file.parent)
    own = bundle.part_of_run("restorer", run(tmp_path / "run"))
    own.weights["head.bias"].fill_(-0.2)
    bundle.write_bundle(tmp_path / "vivid.safetensors", {"restorer": own}, base="mine")
    parts = bundle.read_bundle(tmp_path / "vivid.safetensors")
    assert parts.keys() == {"light", "restorer", "x2"}
    assert parts["restorer"].weights["head.bias"].mean() == pytest.approx(-0.2, abs=1e-3)
    assert bundle.list_shipped() == ["mine"]
    before = bundle.hash_bundle(tmp_path / "vivid.safetensors")
    assert before != hash_file(tmp_path / "vivid.safetensors")
    assert bundle.hash_bundle(file) == hash_file(file)
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(bundle, "FOLDER", tmp_path / "shipped")
    changed = bundle.read_bundle(file)
    changed["restorer"].weights["head.bias"].zero_()
    bundle.write_bundle(tmp_path / "shipped/mine.safetensors", changed)
    assert bundle.hash_bundle(tmp_path / "vivid.safetensors") != before  # other results, so another name for them
    monkeypatch.setattr(bundle, "FOLDER", file.parent)
    assert gan_lab.load("mine", device="cpu").name == "mine"
    with pytest.raises(UserError, match=r"base=.*: no such shipped weights; shipped are mine"):
        bundle.find_weights("other")


def test_a_base_leads_neither_out_of_the_folder_nor_in_circles(file: Path, tmp_path: Path) -> None:
    for base in (f"../../..{tmp_path}/circle", str(tmp_path / "circle"), "circle"):
        with pytest.raises(UserError, match=r"base=.*: no such shipped weights"):
            bundle.read_bundle(rewritten(file, tmp_path / "circle.safetensors", base=base))


def rewritten(source: Path, target: Path, **changes: Any) -> Path:
    """Write a bundle whose header has other values."""
    parts = bundle.read_bundle(source)
    tensors = {f"{part}.{name}": value for part, own in parts.items() for name, value in own.weights.items()}
    about = {part: {"config": own.config, "origin": own.origin} for part, own in parts.items()}
    header = {"format": bundle.FORMAT, "parts": json.dumps(about | changes.pop("parts", {})), "base": ""}
    save_file(tensors, target, header | changes)
    return target


def test_nothing_in_a_file_runs(file: Path, tmp_path: Path) -> None:
    attack = {"restorer": {"config": {"_target_": "os.system", "command": f"touch {tmp_path}/owned"}, "origin": {}}}
    with pytest.raises(UserError, match=r"_target_=os\.system"):
        gan_lab.load(rewritten(file, tmp_path / "a.safetensors", parts=attack), device="cpu")
    assert not (tmp_path / "owned").exists()
    other = {"restorer": {"config": {"_target_": "torch.nn.ReLU"}, "origin": {}}}
    with pytest.raises(UserError, match="needs an object of type Restorer"):
        gan_lab.load(rewritten(file, tmp_path / "b.safetensors", parts=other), device="cpu")


def test_damaged_and_foreign_files_are_named(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("text", b"hello"), ("empty", b"")):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.safetensors: damaged, or not a safetensors file"):
            gan_lab.load(path, device="cpu")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="not weights of gan_lab's enhancement"):
        bundle.read_bundle(tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="no architecture that spandrel knows"):
        gan_lab.load(tmp_path / "foreign.safetensors", device="cpu")
    wider = {"restorer": {"config": bundle.read_bundle(file)["restorer"].config | {"width": 8}, "origin": {}}}
    with pytest.raises(UserError, match="its weights do not fit the model"):
        gan_lab.load(rewritten(file, tmp_path / "wide.safetensors", parts=wider), device="cpu")


def test_the_origin_names_no_place_of_the_machine(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    path = folder / "checkpoints" / "last.ckpt"
    saved = torch.load(path, weights_only=True)
    saved["config"]["overrides"] = [
        "data.root=/home/me/photos",
        "init_from=~/runs/x",
        "data/degradation=noise",
        "seed=0",
    ]
    torch.save(saved, path)
    part = bundle.part_of_run("restorer", folder)
    assert part.origin == {"iterations": 7, "seed": 0, "overrides": ["data/degradation=noise", "seed=0"]}


def test_a_run_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"restorer=.*needs a run of model=light or model=restorer"):
        bundle.part_of_run("restorer", tiny_checkpoint(tmp_path / "run", "enhancer"))
