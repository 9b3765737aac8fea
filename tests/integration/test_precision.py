"""A run computes in what its machine was measured to be fastest in, says so, and keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import gan_lab
from gan_lab import enhance, evaluate, generate, translate
from gan_lab import train as entry
from gan_lab.hardware import choice
from gan_lab.hardware.speeds import KINDS, PLAIN, Seconds, Speeds, Way
from gan_lab.run import device as run_device
from tests.integration.runs import Command, load, tiny

LAST = Way(torch.float32, True)


@pytest.fixture
def fastest(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what sets the way that the machine is measured to be fastest in."""

    def set_fastest(best: Way | None) -> None:
        def speeds_of(device: str, threads: int) -> Speeds:
            assert best is not None, "nothing may be measured"
            ways = {way: Seconds(*([1.0, 1.0] if way == best else [1.4, 1.4])) for way in (PLAIN, LAST)}
            return Speeds({(kind.name, kind.few): ways for kind in KINDS})

        monkeypatch.setattr(choice, "get_speeds", speeds_of)

    return set_fastest


def settings(run: Path) -> tuple[str, str]:
    trainer = OmegaConf.load(run / "config.yaml").trainer
    return trainer.precision, trainer.layout


def is_channels_last(weights: dict[str, torch.Tensor]) -> bool:
    """Tell the memory layout of a model by its first weight in which the two differ."""
    weight = next(each for each in weights.values() if each.ndim == 4 and min(each.shape[1:]) > 1)
    return weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("best", "layout"), [(PLAIN, "nchw"), (LAST, "channels_last")])
def test_auto_is_what_was_measured_and_a_resumed_run_keeps_it(
    best: Way, layout: str, command: Command, fastest: Any
) -> None:
    fastest(best)
    assert command(entry, *tiny("vae"), "name=mine", "trainer.max_iterations=2") == 0
    assert f"precision fp32 (this CPU has no bf16), {layout.replace('nchw', 'NCHW')}" in command.err
    assert settings(command.folder / "runs/mine") == ("32-true", layout)
    saved = load(command.folder / "runs/mine/checkpoints/last.ckpt")["state_dict"]
    assert is_channels_last(saved) is (layout == "channels_last")
    fastest(None)
    assert command(entry, "resume=runs/mine", "trainer.max_iterations=3") == 0
    assert settings(command.folder / "runs/mine") == ("32-true", layout)


@pytest.mark.parametrize("given", ["trainer.layout=channels_last", "trainer.layout=nchw"])
def test_a_layout_that_is_given_is_taken(given: str, command: Command, fastest: Any) -> None:
    fastest(LAST)
    assert command(entry, *tiny("vae"), "name=mine", "trainer.max_iterations=1", given) == 0
    assert settings(command.folder / "runs/mine") == ("32-true", given.split("=")[1])


def test_a_deterministic_run_measures_nothing(command: Command, fastest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fastest(None)
    monkeypatch.setattr(choice, "promises_bf16", lambda device, flags=(): False)
    options = [*tiny("vae"), "name=mine", "trainer.max_iterations=1", "trainer.deterministic=true"]
    assert command(entry, *options) == 0
    assert settings(command.folder / "runs/mine") == ("32-true", "channels_last")
    assert "by rule, not measured" in command.err


def test_a_run_of_an_older_gan_lab_goes_on_as_it_was_started(
    command: Command, fastest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fastest(PLAIN)
    assert command(entry, *tiny("vae"), "name=mine", "trainer.max_iterations=1") == 0
    path = command.folder / "runs/mine/checkpoints/last.ckpt"
    old = torch.load(path, weights_only=True)
    old["config"]["trainer"]["precision"] = "auto"  # what it meant was not written down
    del old["config"]["trainer"]["layout"]
    torch.save(old, path)
    fastest(None)
    monkeypatch.setattr(run_device, "promises_bf16", lambda device: False)
    assert command(entry, "resume=runs/mine", "trainer.max_iterations=2") == 0
    assert settings(command.folder / "runs/mine") == ("32-true", "channels_last")
    assert "the run goes on in 32-true, channels_last, as it was started" in command.err


def test_a_layout_that_there_is_not_is_refused(command: Command) -> None:
    assert command(entry, *tiny("vae"), "trainer.layout=nhwc") == 2
    assert "trainer.layout=nhwc: needs one of auto, channels_last, nchw" in command.err


def test_photos_are_enhanced_in_what_was_measured(command: Command, fastest: Any) -> None:
    (command.folder / "in").mkdir()
    Image.new("RGB", (40, 30), (90, 120, 200)).save(command.folder / "in/a.png")
    fastest(PLAIN)
    assert command(enhance, "input=in", "output=out") == 0
    assert "precision fp32 (this CPU has no bf16), NCHW" in command.err


@pytest.mark.parametrize("best", [PLAIN, LAST], ids=str)
def test_restorers_are_laid_out_as_measured(best: Way, fastest: Any) -> None:
    fastest(best)
    tool = gan_lab.load(device="cpu")
    assert tool.restoration is not None
    restorer: Any = tool.restoration.networks.restore
    assert is_channels_last(restorer.state_dict()) is best.channels_last


def test_arithmetic_that_the_machine_lacks_is_said(
    command: Command, fastest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_device, "has_dtype", lambda device, dtype: False)
    fastest(LAST)
    assert command(entry, *tiny("vae"), "trainer.max_iterations=1", "trainer.precision=32-true") == 0
    assert "trainer.precision=32-true: this machine has no such arithmetic" in command.err


@pytest.mark.parametrize(
    ("options", "fitted"), [([], True), (["trainer.deterministic=true"], False), (["threads=1"], True)]
)
def test_a_training_looks_at_the_load_between_its_iterations(
    options: list[str], fitted: bool, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    monkeypatch.setattr("gan_lab.callbacks.threads.fit_threads", lambda: looks.append(1))
    assert command(entry, *tiny("vae"), "name=mine", "trainer.max_iterations=3", *options) == 0
    assert len(looks) == (3 if fitted else 0)


def test_a_folder_job_looks_at_the_load_before_each_photo(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr("gan_lab.jobs.attempt.fit_threads", lambda: looks.append(1))
    (command.folder / "in").mkdir()
    for number in range(2):
        Image.new("RGB", (40, 30), (90, 120, 200)).save(command.folder / f"in/{number}.png")
    assert command(enhance, "input=in", "output=out") == 0
    assert len(looks) == 2


@pytest.mark.parametrize("module", [entry, enhance, evaluate, generate, translate])
def test_every_command_refuses_what_is_no_number_of_threads(module: Any, command: Command) -> None:
    assert command(module, "threads=0") == 2
    assert "threads=0: needs a whole number from 1 to 4096, or auto" in command.err
