"""The loggers of a run: of what group, and which packages they need."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from gan_lab.callbacks import WandbRun
from gan_lab.errors import UserError
from gan_lab.run.trainer import build_added_loggers, check_loggers

WANDB = {"_target_": "gan_lab.callbacks.WandbRun"}


def config(**loggers: Any) -> Any:
    return OmegaConf.create({"logger": loggers, "runs_dir": "runs", "trust": None})


@pytest.mark.parametrize(
    ("name", "given", "group"),
    [("widths/0", {}, "widths"), ("widths/0", {"group": "mine"}, "mine"), ("first", {}, None)],
)
def test_the_jobs_of_a_sweep_share_a_group(name: str, given: dict[str, str], group: str | None, tmp_path: Path) -> None:
    (logger,) = build_added_loggers(config(wandb=WANDB | given), tmp_path / name, tmp_path)
    assert isinstance(logger, WandbRun)
    assert (logger._wandb_init["name"], logger._wandb_init.get("group")) == (name, group)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("gan_lab.callbacks.TensorBoardRun", r'TensorBoard is not installed; pip install "gan_lab\[tensorboard\]"'),
        ("gan_lab.callbacks.WandbRun", "wandb is not installed; pip install wandb"),
    ],
)
def test_a_logger_that_is_not_installed_is_refused(target: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ("wandb", "tensorboard", "tensorboardX")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in missing else find_spec(name))
    with pytest.raises(UserError, match=message):
        check_loggers(config(any={"_target_": target}))
    check_loggers(config(csv={"_target_": "lightning.pytorch.loggers.CSVLogger"}))
