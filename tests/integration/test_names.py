"""A run's name is what was typed: "1.10" and "1.1" are two runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import gan_lab.train
from tests.integration.runs import Command, load, tiny


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, monkeypatch, capfd)


def test_a_name_that_looks_like_a_number_is_that_of_one_run(command: Command) -> None:
    options = [*tiny("vae"), "trainer.max_iterations=1", "resume=auto"]
    for name in ("1.10", "1.1", "2024_05_17"):
        assert command(gan_lab.train, *options, f"name={name}") == 0
        assert load(command.folder / "runs" / name / "checkpoints/last.ckpt")["config"]["name"] == name
    assert command(gan_lab.train, "resume=1.10") == 2
    assert "resume=1.10: does not exist" in command.err


def test_the_jobs_of_a_sweep_have_them_too(command: Command) -> None:
    for folder in ("1.10", "2024_05"):
        (command.folder / folder).mkdir()
    assert command(gan_lab.train, *tiny("vae"), "name=1e3", "data.root=1.10,2024_05", "-m") == 1
    for job, folder in enumerate(("1.10", "2024_05")):
        told = (command.folder / f"runs/1e3/{job}/error.txt").read_text()
        assert told.startswith(f"data.root={folder}: no image under {folder}")
