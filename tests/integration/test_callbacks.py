"""The groups `callbacks` and `debug`, and the profiler, by the command line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from gan_lab import train as entry
from tests.integration.runs import tiny

Run = Callable[..., int]
MINE = """
from pathlib import Path
from lightning.pytorch import Callback


class Counter(Callback):
    def __init__(self, file: str) -> None:
        self.file = file

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        Path(self.file).write_text(str(pl_module.iteration))
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the train command in this process, in a folder of its own; return the exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*overrides: str) -> int:
        monkeypatch.setattr(sys, "argv", ["gan_lab.train", *overrides])
        try:
            entry.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return call


def test_without_callbacks_a_run_has_its_checkpoints_and_nothing_else(run: Run) -> None:
    assert run(*tiny("vae"), "callbacks=none", "name=bare", "trainer.max_iterations=2") == 0
    assert {path.name for path in Path("runs/bare").iterdir()} == {"config.yaml", "checkpoints"}


def test_a_callback_of_ones_own_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_callbacks.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = ["+callbacks.mine={_target_:my_callbacks.Counter,file:seen.txt}", "trainer.max_iterations=3", "name=mine"]
    assert run(*tiny("vae"), *mine) == 2
    assert "callbacks.mine: _target_=my_callbacks.Counter" in (told := capsys.readouterr().err)
    assert "add trust=my_callbacks to the command line" in told
    assert run(*tiny("vae"), *mine, "trust=my_callbacks") == 0
    assert Path("seen.txt").read_text() == "3"
    # a checkpoint does not say which code looks on
    assert run("resume=runs/mine", "trainer.max_iterations=4") == 0
    assert "the run had callbacks.mine; a file does not bring them back" in capsys.readouterr().err
    assert Path("seen.txt").read_text() == "3"
    assert run("resume=runs/mine", "trainer.max_iterations=5", mine[0], "trust=my_callbacks") == 0
    assert Path("seen.txt").read_text() == "5"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("+callbacks.x._target_=lightning.pytorch.loggers.CSVLogger", "callbacks.x: _target_=lightning"),
        ("+callbacks.x._target_=gan_lab.models.GAN", "callbacks.x: _target_=gan_lab.models.GAN"),
        ("callbacks.samples.every_n_iterations=0", "callbacks.samples.every_n_iterations=0: needs a whole number"),
        ("callbacks.samples.nothing=1", "callbacks.samples.nothing: there is no such key"),
        ("trainer.profiler=other", "trainer.profiler=other: needs null, simple, advanced or pytorch"),
        ("data.limit=0", "data.limit"),
    ],
)
def test_what_is_none_is_refused(option: str, message: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*tiny("vae"), option, "name=refused") == 2
    assert message in capsys.readouterr().err
    assert not Path("runs/refused/config.yaml").exists()


def test_a_run_of_several_loggers_goes_on_with_them(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    loggers = ["logger=[csv,wandb]", "logger.wandb.mode=disabled", "logger.wandb.project=mine"]
    assert run(*tiny("vae"), *loggers, "name=several", "trainer.max_iterations=2") == 0
    capsys.readouterr()
    assert run("resume=runs/several", *loggers[:2], "trainer.max_iterations=3") == 0
    assert OmegaConf.load("runs/several/config.yaml").logger.wandb.project == "mine"
    assert run("resume=runs/several", "trainer.max_iterations=4") == 0
    assert "the run was logged with wandb too; logger=wandb logs it on" in capsys.readouterr().err


def test_early_stopping_ends_a_run_and_shows_its_end(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    stop = "+callbacks.stop={_target_:gan_lab.callbacks.EarlyStopping,patience:1,min_change:1e9}"
    options = ["trainer.validate_every=2", "trainer.max_iterations=20", "trainer.sample_every=1000", "name=early"]
    assert run(*tiny("vae"), stop, *options) == 0
    assert "val/loss has not improved for 1 validations" in capsys.readouterr().err
    assert Path("runs/early/samples/000004.png").exists()


def test_a_fast_run_does_everything_once(run: Run) -> None:
    assert run(*[line for line in tiny("vae") if not line.startswith("trainer")], "debug=fast_run") == 0
    folder = Path("runs/debug-fast_run")
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["1", "2", "3"]
    assert rows[-1]["val/loss"]
    assert (folder / "samples/000003.png").exists()
    assert (folder / "checkpoints/last.ckpt").exists()
    assert (folder / "doctor.json").exists()


def test_an_overfitting_run_sees_one_batch(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*tiny("vae"), "debug=overfit", "data.batch_size=4", "trainer.max_iterations=2") == 0
    assert ": 4 / " in capsys.readouterr().err
    assert OmegaConf.load("runs/debug-overfit/config.yaml").data.limit == 4


def test_a_profile_lies_in_the_runs_folder(run: Run) -> None:
    assert run(*tiny("vae"), "debug=profile", "trainer.max_iterations=2") == 0
    assert "run_training_batch" in Path("runs/debug-profile/fit-profile.txt").read_text()
