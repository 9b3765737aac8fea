"""Files of a stranger's, each a way in that was open once: refused, with nothing run, imported, written, told or waited for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import gan_lab
from gan_lab import enhance, evaluate, generate, train
from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.photo_files import write_png
from tests.fixtures.made import FOLDER
from tests.inference.checkpoints import tiny_checkpoint
from tests.integration.runs import Command, load, python, tiny

Change = Callable[[dict[str, Any]], None]
VAE, CGAN = FOLDER / "0.1.0/vae.ckpt", FOLDER / "0.1.0/cgan.ckpt"
WRITING = {"_target_": "pathlib.Path.write_text", "_args_": [{"_target_": "pathlib.Path", "_args_": ["owned"]}, "x"]}
LOCAL_HUB = {"_target_": "torch.hub.load", "repo_or_dir": ".", "model": "payload", "source": "local"}
IMPORTING = {"_target_": "torch.nn.attention._fa3._fa3_import_module", "module_path": "payload"}
EMPTYING = {"_target_": "lightning.pytorch.loggers.csv_logs.ExperimentWriter", "log_dir": "precious"}

#: What a checkpoint's model held, and what says so.
MODELS: dict[str, tuple[Change, str]] = {
    "a tuple": (lambda model: model.update(schedule=(WRITING, LOCAL_HUB)), r"config\.model\.schedule: a tuple"),
    "a tuple in a list": (lambda model: model["encoder"].update(widths=[(LOCAL_HUB,)]), r"widths\[0\]: a tuple"),
    "a size": (lambda model: model.update(kl_warm_up=torch.Size([1])), "it names torch Size"),
    "an interpolation in a tuple": (lambda model: model.update(schedule=("${oc.env:TOKEN}",)), "a tuple"),
    "an interpolation as a key": (lambda model: model.update({"${oc.env:TOKEN}": 1}), "an interpolation"),
    "a place that is left out": (lambda model: model.update(lambda_perceptual=IMPORTING), "lambda_perceptual"),
    "an importing function": (lambda model: model.update(encoder=IMPORTING), "may only name"),
    "a method": (lambda model: model.update(encoder={"_target_": "torch.nn.Module.compile"}), "may only name"),
    "a registration": (
        lambda model: model.update(schedule={"_target_": "torch.nn.attention.register_flash_attention_fa4"}),
        "may only name",
    ),
    "a logger as an extra argument": (lambda model: model.update(extra=EMPTYING), "extra: gan_lab.models.VAE has no such"),
    "a logger deeper inside": (lambda model: model["encoder"].update(extra=EMPTYING), "extra: .* has no such argument"),
    "a logger in a place": (lambda model: model.update(schedule=EMPTYING), "may only name"),
    "another class of the list": (lambda model: model.update(encoder={"_target_": "torch.nn.Linear"}), "needs in_features"),
    "Hydra's arguments": (lambda model: model["encoder"].update(_args_=[1]), "a key of Hydra's"),
    "no ManualModule": (lambda model: model.update(_target_="gan_lab.networks.RandomVGG"), "type ManualModule"),
}  # fmt: skip


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Yield what runs commands in a folder in which an attack finds what it looks for."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/metrics.csv").write_text("step\n1\n")
    for name in ("payload.py", "hubconf.py"):
        (tmp_path / name).write_text("open('owned', 'w').close()\ndef payload(): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TOKEN", "told-by-nobody")
    monkeypatch.chdir(tmp_path)
    yield Command(tmp_path, monkeypatch, capfd)
    for name in ("payload", "hubconf", "shop_method"):
        sys.modules.pop(name, None)


def untouched(folder: Path) -> bool:
    return (
        not (folder / "owned").exists()
        and "payload" not in sys.modules
        and (folder / "precious/metrics.csv").read_text() == "step\n1\n"
        and os.listdir(folder / "precious") == ["metrics.csv"]
    )


def write_changed(source: Path, target: Path, change: Change) -> Path:
    """Write a checkpoint with another model."""
    content = load(source)
    change(content["config"]["model"])
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, target)
    return target


@pytest.mark.parametrize("attack", MODELS)
def test_a_hostile_model_is_refused_by_its_place(attack: str, command: Command) -> None:
    change, message = MODELS[attack]
    write_changed(VAE, command.folder / "theirs/checkpoints/last.ckpt", change)
    with pytest.raises(UserError, match=message) as refused:
        gan_lab.load("theirs", device="cpu")
    assert "told-by-nobody" not in str(refused.value)
    assert untouched(command.folder)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (generate, ["checkpoint=theirs", "output=out", "n=1"]),
        (evaluate, ["checkpoint=theirs", "output=out", "n=2"]),
        (train, ["resume=theirs"]),
        (train, ["resume=theirs/checkpoints/last.ckpt", "name=mine"]),
    ],
)
def test_every_command_refuses_it(module: ModuleType, arguments: list[str], command: Command) -> None:
    for attack in ("a tuple", "an importing function", "a logger as an extra argument"):
        change, _ = MODELS[attack]
        write_changed(VAE, command.folder / "theirs/checkpoints/last.ckpt", change)
        before = sorted(command.folder.rglob("*"))
        assert command(module, *arguments) == 2
        assert command.err.splitlines()[-1].startswith("error: ")
        assert sorted(command.folder.rglob("*")) == before
        assert untouched(command.folder)


def test_a_hostile_network_is_neither_packed_nor_taken_from_a_bundle(command: Command) -> None:
    run = tiny_checkpoint(command.folder / "theirs", "restorer")
    write_changed(
        run / "checkpoints/last.ckpt",
        run / "checkpoints/last.ckpt",
        lambda model: model["generator"].update(extra=IMPORTING),
    )
    done = python("-m", "gan_lab.pack", "restorer=theirs", "output=mine.safetensors", cwd=command.folder, check=False)
    assert done.returncode == 2
    assert "restorer.extra: gan_lab.networks.Restorer has no such argument" in done.stderr
    assert not (command.folder / "mine.safetensors").exists()
    for parts, message in (
        ({"restorer": {"config": IMPORTING, "origin": {}}}, "may only name"),
        (
            {"restorer": {"config": {"_target_": "gan_lab.models.VAE"}, "origin": {}}},
            "needs an object of type Restorer",
        ),
        ({"restorer": {"config": {"_target_": "${oc.env:TOKEN}"}, "origin": {}}}, "an interpolation"),
        ({"restorer": 3}, "damaged"),
        ([], "holds no network"),
        ("[" * 100_000, "damaged"),
        ('{"restorer":' * 50_000, "damaged"),
    ):
        text = parts if isinstance(parts, str) else json.dumps(parts)
        save_file({"x": torch.zeros(1)}, "theirs.safetensors", {"format": bundle.FORMAT, "parts": text})
        with pytest.raises(UserError, match=message):
            gan_lab.load("theirs.safetensors", device="cpu").enhance(np.zeros((32, 32, 3), np.uint8))
    assert untouched(command.folder)


def test_a_continued_run_decides_neither_processes_nor_compilers_nor_loggers(command: Command) -> None:
    assert command(train, *tiny("vae"), "name=mine", "trainer.max_iterations=1") == 0
    last = command.folder / "runs/mine/checkpoints/last.ckpt"
    whole = load(last)
    for group, key, value, message in (
        ("trainer", "devices", 64, "trainer.devices=64, and a checkpoint does not decide how many processes start"),
        ("trainer", "strategy", "ddp_spawn", "trainer.strategy=ddp_spawn, and a checkpoint does not decide"),
        ("trainer", "num_nodes", 8, "trainer.num_nodes=8, and a checkpoint does not decide"),
        (None, "seed", "abc", "seed=abc"),
        (None, "trainer", 3, "trainer is something else"),
        (None, "data", None, "data is something else"),
    ):
        content = load(last) | {"config": json.loads(json.dumps(whole["config"]))}
        (content["config"] if group is None else content["config"][group])[key] = value
        torch.save(content, command.folder / "theirs.ckpt")
        assert command(train, "resume=theirs.ckpt", "name=theirs", "trainer.max_iterations=2") == 2, key
        assert message in command.err
    content = load(last)
    content["config"] |= {"compile": True, "trust": "payload"}
    content["config"]["data"] |= {"num_workers": 50, "cache": "precious", "index": "precious", "cache_mb": 10**9}
    content["config"]["choices"]["logger"] = "wandb"
    torch.save(content, command.folder / "theirs.ckpt")
    assert command(train, "resume=theirs.ckpt", "name=theirs", "trainer.max_iterations=2", "data.num_workers=0") == 0
    assert "compile=true compiles it again" in command.err
    assert "data.index, data.cache, data.cache_mb, data.num_workers are those of the command line" in command.err
    config = load(command.folder / "runs/theirs/checkpoints/last.ckpt")["config"]
    assert (config["compile"], config["trust"], config["data"]["num_workers"], config["data"]["cache"]) == (
        False,
        None,
        0,
        None,
    )
    assert not (command.folder / "runs/theirs/wandb").exists()
    assert untouched(command.folder)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("ranks", [{"rng": {"torch": 3}, "module": {}}], "does not fit this run"),
        ("ranks", {}, "its ranks is something else"),
        ("ranks", [3], "does not fit this run"),
        ("optimizer_states", [{"state": {}, "param_groups": []}], "does not fit this run"),
        ("optimizer_states", [{"state": {0: {"step": {1, 2}}}}], "builtin__ set"),
        ("callbacks", {"Budget": 3}, "does not fit this run"),
        ("clock", {"iteration": "x"}, "its clock has no iteration"),
        ("pytorch-lightning_version", 3, "its format is something else"),
        ("loops", {"fit_loop": 3}, ""),
        ("hyper_parameters", {"_target_": "os.system"}, ""),
    ],
)
def test_another_state_is_one_line(part: str, value: Any, message: str, command: Command) -> None:
    content = load(VAE) | {part: value}
    torch.save(content, command.folder / "theirs.ckpt")
    code = command(train, "resume=theirs.ckpt", "name=theirs", "trainer.max_iterations=21", "data.num_workers=0")
    assert code == (2 if message else 0), command.err
    assert message in command.err
    assert "Traceback" not in command.err


def test_numpys_state_is_looked_at_before_numpy_takes_it(command: Command) -> None:
    content = load(VAE)
    content["ranks"][0]["rng"]["numpy"][2] = 10**6  # numpy would read beyond its keys
    torch.save(content, command.folder / "theirs.ckpt")
    assert command(train, "resume=theirs.ckpt", "name=theirs", "trainer.max_iterations=21") == 2
    assert "no state of numpy's generator" in command.err


def test_pipes_in_the_place_of_files_are_refused_at_once(command: Command) -> None:
    """A test that waits here has failed: opening a named pipe never ends."""
    assert command(train, *tiny("vae"), "name=mine", "trainer.max_iterations=1") == 0
    run = command.folder / "runs/mine"
    (run / "photos.npz").touch()  # which a run of drawings has not
    for name in ("photos.npz", "config.yaml", "doctor.json", "metrics.csv", "checkpoints/best.ckpt"):
        kept = (run / name).read_bytes()
        (run / name).unlink()
        os.mkfifo(run / name)
        assert command(train, "resume=runs/mine", "trainer.max_iterations=2", "data.num_workers=0") == 2, name
        assert "neither a file nor a folder" in command.err
        (run / name).unlink()
        (run / name).write_bytes(kept)
    os.mkfifo(command.folder / "pipe.ckpt")
    assert command(generate, "checkpoint=pipe.ckpt", "output=out", "n=1") == 2
    (command.folder / "run/checkpoints").mkdir(parents=True)
    os.mkfifo(command.folder / "run/checkpoints/last.ckpt")
    (command.folder / "run/checkpoints/dangling.ckpt").symlink_to("nowhere")
    assert command(generate, "checkpoint=run", "output=out", "n=1") == 2
    assert "folder without checkpoints" in command.err
    write_png(command.folder / "photos/a.png", np.zeros((32, 32, 3), np.uint8))
    (command.folder / "out").mkdir()
    os.mkfifo(command.folder / "out/manifest.jsonl")
    assert command(enhance, "input=photos", "output=out", "correct=none") == 2
    assert "manifest.jsonl cannot be read (not a regular file)" in command.err


def test_names_move_no_cursor(command: Command) -> None:
    for name in ("a\x1b[2Jb", "c\x1b]0;x\x07"):
        for number in range(4):
            write_png(command.folder / f"photos/{name}/{number}.png", np.full((40, 40, 3), 60 * number, np.uint8))
    options = [line for line in tiny("cgan") if not line.startswith("data.catalogue")]
    code = command(
        train, *options, "data.root=photos", "name=mine", "trainer.max_iterations=1", "data.near_duplicates=null"
    )
    assert code == 0, command.err
    assert "a\\x1b[2Jb" in command.err
    (command.folder / "photos/a\x1b[2Jb/0.png").write_text("no picture")
    assert command(generate, "checkpoint=runs/mine", "output=out", "n=1", "label=x") == 2
    assert "a\\x1b[2Jb" in command.err
    assert command(evaluate, "checkpoint=runs/mine", "n=2", "data.max_unreadable=0.9") in (0, 2)
    assert "\x1b" not in command.out + command.err


def test_an_own_method_loads_with_trust_from_the_command_line_alone(command: Command) -> None:
    (command.folder / "shop_method.py").write_text(
        "from gan_lab.models import VAE\nclass Mine(VAE):\n    def __init__(self, *, extra: float = 1.0, **options):\n"
        "        super().__init__(**options)\n        self.extra = extra\n"
    )
    own = [*tiny("vae"), "model._target_=shop_method.Mine", "+model.extra=2.5", "name=mine", "trainer.max_iterations=1"]
    assert command(train, *own) == 2
    assert "for a class of your own add trust=shop_method to the command line" in command.err
    assert "shop_method" not in sys.modules
    assert command(train, *own, "trust=shop_method") == 0, command.err
    assert command(train, "resume=runs/mine", "trainer.max_iterations=2") == 2
    assert "add trust=shop_method" in command.err
    assert command(train, "resume=runs/mine", "trainer.max_iterations=2", "trust=shop_method") == 0, command.err
    assert command(generate, "checkpoint=runs/mine", "output=out", "n=1") == 2
    assert command(generate, "checkpoint=runs/mine", "output=out", "n=1", "trust=shop_method") == 0, command.err
    assert gan_lab.load("runs/mine", device="cpu", trust="shop_method").model.extra == 2.5
    (command.folder / "conf/experiment").mkdir(parents=True)
    (command.folder / "conf/experiment/theirs.yaml").write_text("# @package _global_\ntrust: shop_method\n")
    asked = [*own[:-2], "name=other", "experiment=theirs", "--config-dir=conf"]
    assert command(train, *asked) == 2
    assert "add trust=shop_method to the command line" in command.err
    for value in ("os", "torch", "[a,b/c]"):
        assert command(train, *own, f"trust={value}") == 2
        assert "trust=" in command.err
