"""Checkpoints are written whole, read safely, and say what is wrong with them."""

from __future__ import annotations

import errno
import io
import os
import re
import zipfile
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab import checkpoint
from gan_lab.config import instantiate
from gan_lab.errors import UserError
from gan_lab.models import VAE

SETTINGS: dict[str, Any] = {
    "_target_": "gan_lab.models.VAE",
    "encoder": {"_target_": "gan_lab.networks.ConvEncoder", "image_size": 32, "latents": 4, "widths": [4, 8]},
    "decoder": {"_target_": "gan_lab.networks.ConvDecoder", "image_size": 32, "latents": 4, "widths": [4, 8]},
    "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.001},
}


def saved(path: Path, settings: dict[str, Any] = SETTINGS, **changes: Any) -> VAE:
    """Write the checkpoint of an untrained VAE and return it."""
    model = instantiate(settings)
    content = {"state_dict": model.state_dict(), "clock": {"iteration": 7, "progress": 0.5}}
    checkpoint.CrashSafeIO({"model": settings}).save_checkpoint(content | changes, path)
    return model


def test_load_model_gives_back_the_weights_and_the_configuration(tmp_path: Path) -> None:
    model = saved(tmp_path / "a.ckpt")
    loaded, config = checkpoint.load_model(tmp_path / "a.ckpt")
    assert config == {"model": SETTINGS}
    assert loaded.iteration == 7
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_an_enhancer_of_the_perceptual_term_alone_is_read_without_its_feature_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # where no VGG19 lies
    settings = {
        "_target_": "gan_lab.models.Enhancer",
        "generator": {"_target_": "gan_lab.networks.ResnetGenerator", "width": 4, "blocks": 1},
        "generator_optimizer": SETTINGS["optimizer"],
        "lambda_l1": 0.0,
    }
    weights = instantiate(settings | {"lambda_l1": 1.0}).state_dict()
    content = {"state_dict": weights, "clock": {"iteration": 7, "progress": 0.5}}
    trained = {"model": settings | {"lambda_perceptual": 1.0}}
    checkpoint.CrashSafeIO(trained).save_checkpoint(content, tmp_path / "a.ckpt")
    loaded, config = checkpoint.load_model(tmp_path / "a.ckpt")
    assert loaded.enhance(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)
    assert config == trained


def test_neither_does_an_autoencoder_within_a_model_need_its_feature_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # where no VGG19 lies
    size = {"width": 4, "code_width": 4, "levels": 2, "blocks": 1}
    codes = {
        "_target_": "gan_lab.models.VQVAE",
        "encoder": {"_target_": "gan_lab.networks.GridEncoder", "image_size": 16, **size},
        "decoder": {"_target_": "gan_lab.networks.GridDecoder", **size},
        "quantizer": {"_target_": "gan_lab.networks.VectorQuantizer", "codes": 4, "width": 4},
        "optimizer": SETTINGS["optimizer"],
    }
    transformer = {"_target_": "gan_lab.networks.CodeTransformer", "_partial_": True, "width": 8, "blocks": 1}
    settings = {
        "_target_": "gan_lab.models.CodePrior",
        "autoencoder": codes,
        "transformer": transformer,
        "optimizer": SETTINGS["optimizer"],
    }
    content = {"state_dict": instantiate(settings).state_dict(), "clock": {"iteration": 7, "progress": 0.5}}
    trained = {"model": settings | {"autoencoder": codes | {"lambda_perceptual": 1.0}}}
    checkpoint.CrashSafeIO(trained).save_checkpoint(content, tmp_path / "a.ckpt")
    loaded, _ = checkpoint.load_model(tmp_path / "a.ckpt")
    assert loaded.generate(torch.zeros(1, loaded.latents)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("penalty", "named"), [(None, {}), ({"_target_": "gan_lab.losses.R1", "weight": 2.0}, {"r1": 2.0})]
)
def test_a_checkpoint_with_the_older_single_penalty_is_read(
    penalty: dict[str, Any] | None, named: dict[str, float], tmp_path: Path
) -> None:
    size = {"image_size": 4, "channels": 1, "widths": [4]}
    settings = {
        "_target_": "gan_lab.models.GAN",
        "generator": {"_target_": "gan_lab.networks.MLPGenerator", **size},
        "discriminator": {"_target_": "gan_lab.networks.MLPDiscriminator", **size},
        "generator_optimizer": SETTINGS["optimizer"],
        "discriminator_optimizer": SETTINGS["optimizer"],
    }
    weights = instantiate(settings).state_dict()
    content = {"state_dict": weights, "clock": {"iteration": 7, "progress": 0.5}}
    checkpoint.CrashSafeIO({"model": settings | {"penalty": penalty}}).save_checkpoint(content, tmp_path / "a.ckpt")
    loaded, config = checkpoint.load_model(tmp_path / "a.ckpt")
    assert {name: one.weight for name, one in loaded.penalties.items()} == named
    assert "penalty" not in config["model"]


def test_the_domains_of_an_older_checkpoint_have_their_names_of_today(tmp_path: Path) -> None:
    data = {"root": None, "root_A": "/snapshots", "root_B": "/studio", "class_A": None, "image_size": 64}
    content = {"state_dict": {}, "clock": {"iteration": 7, "progress": 0.5}}
    checkpoint.CrashSafeIO({"model": {}, "data": data}).save_checkpoint(content, tmp_path / "a.ckpt")
    assert checkpoint.read_checkpoint(tmp_path / "a.ckpt")["config"]["data"] == {
        "root": None, "domain_a": "/snapshots", "domain_b": "/studio", "class_a": None, "image_size": 64,
    }  # fmt: skip


def test_a_run_that_says_no_rule_of_its_split_was_split_by_order(tmp_path: Path) -> None:
    content = {"state_dict": {}, "clock": {"iteration": 7, "progress": 0.5}}
    for target, given, rule in (
        ("gan_lab.data.Products", {}, "order"),
        ("gan_lab.data.Products", {"split_by": "content"}, "content"),
        ("gan_lab.data.FashionMNIST", {}, None),
    ):
        data = {"_target_": target, **given}
        checkpoint.CrashSafeIO({"model": {}, "data": data}).save_checkpoint(content, tmp_path / "a.ckpt")
        assert checkpoint.read_checkpoint(tmp_path / "a.ckpt")["config"]["data"].get("split_by") == rule


def numbered(path: Path, iteration: int) -> Path:
    """Write a checkpoint of gan_lab that holds a tensor."""
    content = {"state_dict": {"w": torch.arange(1000.0)}, "clock": {"iteration": iteration, "progress": 0.5}}
    checkpoint.CrashSafeIO({"model": {}}).save_checkpoint(content, path)
    return path


def damage(path: Path, at: float) -> None:
    """Flip a bit of a file at a share of its length."""
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 4
    path.write_bytes(content)


def test_a_bit_that_flipped_on_the_disk_is_found(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.ckpt", 1)
    damage(path, 0.5)
    wrong = torch.load(path, weights_only=True)["state_dict"]["w"]
    assert not torch.equal(wrong, torch.arange(1000.0)), "torch finds it by itself: check_whole can go"
    with pytest.raises(checkpoint.DamagedError, match=r"a\.ckpt: damaged.*data/0 is not what was written"):
        checkpoint.read_checkpoint(path)


def test_a_packed_checkpoint_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(numbered(tmp_path / "a.ckpt", 1)) as file,
        zipfile.ZipFile(tmp_path / "b.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in file.namelist():
            bomb.writestr(name, file.read(name))
        bomb.writestr("a/data/1", bytes(2**20))
    with pytest.raises(checkpoint.DamagedError, match="compressed"):
        checkpoint.read_checkpoint(tmp_path / "b.ckpt")


@pytest.mark.parametrize("harm", [lambda path: damage(path, 0.5), lambda path: os.truncate(path, 500)])
def test_a_damaged_last_checkpoint_gives_way_to_the_newest_whole_one(
    harm: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run" / "checkpoints"
    files = {name: numbered(folder / f"{name}.ckpt", at) for name, at in (("best", 1), ("previous", 2), ("last", 3))}
    assert checkpoint.find_whole_file("resume", tmp_path / "run") == files["last"]
    harm(files["last"])
    assert checkpoint.find_whole_file("resume", tmp_path / "run") == files["previous"]
    assert "last.ckpt: damaged" in caplog.text
    assert "goes on from previous.ckpt, iteration 2" in caplog.text
    assert checkpoint.find_whole_file("resume", files["last"]) == files["last"]  # a file that is named is that or none
    for name in ("previous", "best"):
        harm(files[name])
    with pytest.raises(checkpoint.DamagedError, match=r"last\.ckpt"):
        checkpoint.find_whole_file("resume", tmp_path / "run")


def test_a_damaged_checkpoint_does_not_take_the_place_of_the_sound_one_before(tmp_path: Path) -> None:
    last, previous = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    for _ in range(2):
        saved(last)
    os.truncate(last, 1000)
    before = previous.read_bytes()
    saved(last)  # by another writer, as after a resume
    assert previous.read_bytes() == before
    checkpoint.read_checkpoint(last)


def test_a_full_disk_leaves_the_old_checkpoint_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = numbered(tmp_path / "last.ckpt", 1)
    real, writer = Path.open, checkpoint.CrashSafeIO({"model": {}})
    content = {"state_dict": {"w": torch.zeros(1000)}, "clock": {"iteration": 2, "progress": 0.5}}

    class Full(io.FileIO):
        def write(self, content: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_full(path: Path, *mode: str) -> Any:
        return Full(path, "w") if path.suffix == ".part" else real(path, *mode)

    monkeypatch.setattr(Path, "open", open_full)
    writer.save_checkpoint(content, path)
    assert checkpoint.read_checkpoint(path)["clock"]["iteration"] == 1
    assert list(tmp_path.iterdir()) == [path]
    assert re.search(r"iteration 2: .*last\.ckpt cannot be written \(No space left.*the one before stays", caplog.text)
    assert list(writer.unwritten) == [path]
    monkeypatch.setattr(Path, "open", real)
    writer.save_checkpoint(content, path)
    assert (checkpoint.read_checkpoint(path)["clock"]["iteration"], writer.unwritten) == (2, {})
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(RuntimeError("not the disk")))
    with pytest.raises(RuntimeError, match="not the disk"):
        writer.save_checkpoint(content, path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_file_is_told_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged\.ckpt"):
        checkpoint.read_checkpoint(path)


def test_a_truncated_checkpoint_is_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "torn.ckpt"
    saved(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"torn\.ckpt: damaged"):
        checkpoint.read_checkpoint(path)


def test_another_programs_checkpoint_is_told(tmp_path: Path) -> None:
    for content in ({"state_dict": {}}, [1], {"state_dict": {}, "clock": {}, "config": {}}):
        torch.save(content, tmp_path / "other.ckpt")
        with pytest.raises(UserError, match="not made by gan_lab"):
            checkpoint.read_checkpoint(tmp_path / "other.ckpt")


def test_a_newer_format_is_told(tmp_path: Path) -> None:
    content = {"state_dict": {}, "clock": {}, "config": {"model": {}}, "format": 99, "versions": {"gan_lab": "9.1"}}
    torch.save(content, tmp_path / "new.ckpt")
    with pytest.raises(UserError, match=r"newer gan_lab 9\.1 \(this is .*upgrade"):
        checkpoint.read_checkpoint(tmp_path / "new.ckpt")


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {Evil.mark}",)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    Evil.mark = tmp_path / "ran"  # type: ignore[attr-defined]
    torch.save({"state_dict": {}, "clock": {}, "config": {"model": {}}, "x": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(UserError, match=r"evil\.ckpt"):
        checkpoint.read_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()


def test_a_target_in_a_checkpoints_configuration_does_not_run(tmp_path: Path) -> None:
    saved(tmp_path / "a.ckpt")
    content = torch.load(tmp_path / "a.ckpt", weights_only=True)
    content["config"]["model"]["optimizer"] = {"_target_": "os.system", "command": f"touch {tmp_path}/ran"}
    torch.save(content, tmp_path / "evil.ckpt")
    with pytest.raises(UserError, match=r"os\.system"):
        checkpoint.load_model(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"step": reduce(lambda inner, _: [inner, inner], range(40), "x")}, "more than 1000000 values"),
        ({"step": reduce(lambda inner, _: [inner], range(100), 1)}, "nested more than 64 deep"),
        ({"step": torch.zeros(2).to_sparse()}, "damaged"),
    ],
)
def test_a_runs_state_is_bounded(state: dict[str, Any], message: str, tmp_path: Path) -> None:
    saved(tmp_path / "a.ckpt", optimizer_states=[{"state": {0: state}}])
    with pytest.raises(UserError, match=message):
        checkpoint.read_checkpoint(tmp_path / "a.ckpt")


def test_a_runs_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"state": {0: {"step": torch.tensor(3.0), "betas": (0.5, 0.9)}}, "param_groups": [{"lr": 0.1}]}
    saved(tmp_path / "a.ckpt", optimizer_states=[state], callbacks={"Doctor": {"history": {"x": [(1, 2.0)]}}})
    content = checkpoint.read_checkpoint(tmp_path / "a.ckpt")
    assert content["optimizer_states"] == [state]
    assert content["callbacks"] == {"Doctor": {"history": {"x": [(1, 2.0)]}}}


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2).to_sparse(),
        torch.zeros(2, device="meta"),
        [1],
        (torch.zeros(1),),
        torch.zeros(2, dtype=torch.cfloat),
    ],
)
def test_a_weight_is_a_dense_tensor_of_real_numbers(value: Any, tmp_path: Path) -> None:
    saved(tmp_path / "a.ckpt", state_dict={"x": value})
    with pytest.raises(UserError, match=r"is no dense tensor of real numbers|damaged"):
        checkpoint.read_checkpoint(tmp_path / "a.ckpt")


def test_what_a_method_of_ones_own_adds_is_kept_and_lightnings_counters_are_not(tmp_path: Path) -> None:
    saved(tmp_path / "a.ckpt", mine={"seen": (1, [2.5])}, loops={"fit_loop": {}})
    content = checkpoint.read_checkpoint(tmp_path / "a.ckpt")
    assert content["mine"] == {"seen": (1, [2.5])}
    assert "loops" not in content
    saved(tmp_path / "a.ckpt", mine=reduce(lambda inner, _: [inner], range(100), 1))
    with pytest.raises(UserError, match=r"mine.*nested more than 64 deep"):
        checkpoint.read_checkpoint(tmp_path / "a.ckpt")


def test_weights_of_another_shape_are_told(tmp_path: Path) -> None:
    other = SETTINGS | {
        "encoder": SETTINGS["encoder"] | {"latents": 8},
        "decoder": SETTINGS["decoder"] | {"latents": 8},
    }
    saved(tmp_path / "a.ckpt", state_dict=instantiate(other).state_dict())
    with pytest.raises(UserError, match="do not fit"):
        checkpoint.load_model(tmp_path / "a.ckpt")


def test_a_name_that_is_too_long_is_no_checkpoint() -> None:
    with pytest.raises(UserError, match="does not exist"):
        checkpoint.find_checkpoint_file("resume", "x" * 300)


def test_find_takes_a_file_a_run_and_prefers_as_asked(tmp_path: Path) -> None:
    folder = tmp_path / "run/checkpoints"
    folder.mkdir(parents=True)
    (folder / "last.ckpt").touch()
    assert checkpoint.find_checkpoint_file("checkpoint", tmp_path / "run") == folder / "last.ckpt"
    (folder / "best.ckpt").touch()
    assert checkpoint.find_checkpoint_file("checkpoint", tmp_path / "run") == folder / "best.ckpt"
    assert checkpoint.find_checkpoint_file("resume", tmp_path / "run", prefer="last") == folder / "last.ckpt"
    assert checkpoint.find_checkpoint_file("checkpoint", folder / "last.ckpt") == folder / "last.ckpt"
    with pytest.raises(UserError, match=r"resume=.*nothing.*does not exist"):
        checkpoint.find_checkpoint_file("resume", tmp_path / "nothing")


def test_transfer_takes_what_fits_and_names_what_does_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = saved(tmp_path / "a.ckpt")
    target = instantiate(SETTINGS | {"decoder": SETTINGS["decoder"] | {"widths": [4, 16]}})
    own = {name: value.clone() for name, value in target.state_dict().items()}
    checkpoint.transfer_weights(target, tmp_path / "a.ckpt")
    moved = target.state_dict()
    for name, value in source.state_dict().items():
        expected = value if own[name].shape == value.shape else own[name]
        assert torch.equal(moved[name], expected)
    assert "keep their own start" in caplog.text
    with pytest.raises(UserError, match="none of its"):
        checkpoint.transfer_weights(torch.nn.Linear(1, 1), tmp_path / "a.ckpt")
