"""Where a run goes on, and what the command line may change of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from omegaconf import OmegaConf

from gan_lab import checkpoint
from gan_lab.config import compose
from gan_lab.errors import UserError
from gan_lab.run import resume
from gan_lab.run.resume import choose_folder, find_checkpoint, merge_loggers, restore_places, restore_processes

FILE = Path("a.ckpt")


@pytest.fixture
def overrides(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The overrides of the command line."""
    hydra, overrides = MagicMock(), list[str]()
    hydra.get().overrides.task = overrides
    monkeypatch.setattr(resume, "HydraConfig", hydra)
    return overrides


def test_a_checkpoint_without_data_continues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "read_once", lambda path: {"config": {"model": {}}})
    with pytest.raises(UserError, match="its configuration has no data"):
        resume.merge_config(compose("train", ["device=cpu"]), FILE)


def test_auto_starts_where_nothing_lies(tmp_path: Path) -> None:
    assert find_checkpoint(None, tmp_path) is None
    assert find_checkpoint("auto", tmp_path) is None
    with pytest.raises(UserError, match=r"resume=.*: is a folder without"):
        find_checkpoint(str(tmp_path), tmp_path)


def test_a_run_goes_on_in_its_folder_and_a_lone_file_in_a_new_one(tmp_path: Path, overrides: list[str]) -> None:
    config = OmegaConf.create({"runs_dir": str(tmp_path / "runs"), "name": "b"})
    own = tmp_path / "runs/a/checkpoints/last.ckpt"
    assert choose_folder(config, own) == tmp_path / "runs/a"
    overrides.append("name=b")
    with pytest.raises(UserError, match=r"this run goes on in .*runs/a, not in .*runs/b; leave name out"):
        choose_folder(config, own)
    assert choose_folder(config, tmp_path / "lone.ckpt") == tmp_path / "runs/b"
    (tmp_path / "runs/b/checkpoints").mkdir(parents=True)
    (tmp_path / "runs/b/checkpoints/last.ckpt").touch()
    with pytest.raises(UserError, match=r"runs/b, which holds a run already"):
        choose_folder(config, tmp_path / "lone.ckpt")


def test_places_are_the_command_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    saved = OmegaConf.create({"root": "/photos", "cache": "/theirs", "cache_mb": 9, "index": "/theirs"})
    restore_places(saved, OmegaConf.create({"root": None, "cache": None, "cache_mb": 9}), FILE)
    assert saved == {"root": "/photos", "cache": None, "cache_mb": 9}
    assert "data.index, data.cache are those of the command line" in caplog.text


def test_a_checkpoint_starts_no_processes(overrides: list[str]) -> None:
    own = {"strategy": "auto", "devices": 1, "num_nodes": 1}
    saved = OmegaConf.create(own | {"strategy": "ddp", "devices": 64})
    with pytest.raises(
        UserError, match=r"the run had trainer\.strategy=ddp trainer\.devices=64, and a checkpoint does not"
    ):
        restore_processes(saved, OmegaConf.create(own), FILE)
    overrides.append("trainer.devices=1")
    restore_processes(saved, OmegaConf.create(own), FILE)
    assert saved == own


def test_of_its_loggers_a_run_keeps_what_it_is_called_there(caplog: pytest.LogCaptureFixture) -> None:
    own: Any = OmegaConf.create({"wandb": {"_target_": "WandbRun", "offline": True, "project": None}})
    saved: Any = OmegaConf.create(
        {
            "wandb": {"offline": False, "project": "mine", "group": {"a": 1}, "host": "http://evil"},
            "csv": {"save_dir": "/"},
        }
    )
    assert merge_loggers(saved, own) == {"wandb": {"_target_": "WandbRun", "offline": True, "project": "mine"}}
    assert "the run was online and goes on offline; logger.wandb.offline=false takes it online" in caplog.text
