"""The train command beside its run: what a command line implies, and what a sweep's failed job leaves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from omegaconf import OmegaConf

from gan_lab.commands import train as command
from gan_lab.errors import UserError
from tests.inference.checkpoints import tiny_checkpoint


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["-m", "model=dcgan,vae", "seed=0,1"], "dcgan+vae-products"),
        (["-m", "seed=0,1"], "cyclegan-products"),
        (["-m", "model=vae", "data=products,fashion_mnist"], "vae-products+fashion_mnist"),
        (["-m", "model=dcgan,vae", "name=mine"], "mine"),
    ],
)
def test_the_jobs_of_a_sweep_lie_in_one_folder(overrides: list[str], name: str) -> None:
    completed = command.complete_arguments(overrides)
    assert [line for line in completed if line.startswith("name=")] == [f"name={name}"]


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The configuration of a sweep's job, in whose folder an earlier one has failed."""
    hydra = MagicMock()
    hydra.get().runtime.output_dir = str(tmp_path)
    monkeypatch.setattr(command, "HydraConfig", hydra)
    monkeypatch.setattr(command, "is_multirun", lambda: True)
    (tmp_path / "error.txt").write_text("of before")
    return OmegaConf.create({"name": "a", "resume": None})


@pytest.mark.parametrize(
    ("error", "written"),
    [
        (UserError("data.batch_size=5: too large"), r"data\.batch_size=5: too large\n"),
        (ValueError("a \x1b[2J defect"), r"ValueError: a \\x1b\[2J defect\n\nTraceback [^\x1b]*"),
    ],
)
def test_a_failed_job_of_a_sweep_says_why_in_its_folder_and_lets_the_others_run(
    error: Exception, written: str, job: Any, tmp_path: Path
) -> None:
    with command.record_failure(job):
        raise error
    assert re.fullmatch(written, (tmp_path / "error.txt").read_text())
    with command.record_failure(job):
        pass
    assert not (tmp_path / "error.txt").exists()


def test_a_run_alone_fails_as_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "is_multirun", lambda: False)
    with pytest.raises(UserError, match="too large"), command.record_failure(OmegaConf.create({})):
        raise UserError("data.batch_size=5: too large")


def test_a_continued_run_has_the_model_and_data_of_its_checkpoint(tmp_path: Path) -> None:
    run = tiny_checkpoint(tmp_path / "run", "dcgan")
    resume = f"resume={run}"
    assert command.complete_arguments([resume]) == [resume, "model=dcgan", "data=products"]
    assert command.complete_arguments([resume, "model=vae"]) == [resume, "model=vae", "data=products"]
