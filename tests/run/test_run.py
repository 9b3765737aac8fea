"""A run as one value: where it goes on, and who holds its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from gan_lab.config import compose
from gan_lab.errors import UserError
from gan_lab.run.run import Run, check
from tests.inference.checkpoints import tiny_checkpoint


def new(folder: Path, **config: Any) -> Run:
    return Run(OmegaConf.create({"name": "a", "resume": None} | config), folder)


def test_a_run_needs_a_name() -> None:
    with pytest.raises(UserError, match="name=, runs_dir=runs: a run needs both"):
        Run.open(OmegaConf.create({"name": "", "runs_dir": "runs"}))


def test_it_goes_on_from_its_checkpoints_iteration(tmp_path: Path) -> None:
    assert new(tmp_path).start == 0
    folder = tiny_checkpoint(tmp_path / "run", "vae")
    assert Run(OmegaConf.create({}), folder, folder / "checkpoints/last.ckpt").start == 7


def test_its_folder_is_held_by_one_and_tidied_up(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    half = folder / "checkpoints" / ("." + "0" * 32 + ".part")
    half.write_bytes(b"of a killed run")
    with new(folder).held():
        assert not half.exists()
        with pytest.raises(UserError, match=r"name=a: .*another process is at work"), new(folder).held():
            raise AssertionError("two hold it")
    with new(folder).held():
        pass


def test_a_run_that_began_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    run = new(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/last.ckpt").touch()
    with pytest.raises(UserError, match="another process has begun a run"), run.held():
        raise AssertionError("it is held")


def test_a_link_in_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics.csv").symlink_to(tmp_path / "theirs.csv")
    with pytest.raises(UserError, match=r"metrics\.csv: is a link"), new(tmp_path / "run").held():
        raise AssertionError("it is held")


@pytest.mark.parametrize("override", ["seed=-1", "trainer.precision=8-bit", "compile=1", "device=tpu"])
def test_what_cannot_work_is_refused_before_anything_is_written(override: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.run.run.is_multirun", lambda: False)
    with pytest.raises(UserError, match=f"^{override}: "):
        check(Run(compose("train", ["name=a", override]), Path("a")))
