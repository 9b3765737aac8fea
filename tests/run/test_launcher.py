"""Who starts the processes of a run, by what SLURM and torchrun leave in the environment."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.plugins.environments import LightningEnvironment, SLURMEnvironment
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from gan_lab.errors import UserError
from gan_lab.run.launcher import check_launcher, choose_environment
from tests.integration.runs import load, tiny, train

#: A script that sbatch runs with --ntasks=4, and the third of four tasks that srun starts.
BATCH = {"SLURM_JOB_ID": "1234", "SLURM_NTASKS": "4", "SLURM_NPROCS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
TASK = BATCH | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2", "SLURM_LOCALID": "2"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "GROUP_RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}


def trainer(strategy: str = "auto", devices: Any = 1, num_nodes: int = 1) -> DictConfig:
    return OmegaConf.create({"strategy": strategy, "devices": devices, "num_nodes": num_nodes})


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "x")  # so that it is restored
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    monkeypatch.setattr(rank_zero_only, "rank", 0)


@pytest.mark.parametrize(
    ("environment", "given", "kind"),
    [
        ({}, trainer(), type(None)),
        (BATCH, trainer(), LightningEnvironment),
        (TASK, trainer(), LightningEnvironment),
        (BATCH, trainer("ddp", 2), LightningEnvironment),
        (TASK, trainer("ddp", 4), SLURMEnvironment),
        (TASK | {"SLURM_NTASKS_PER_NODE": "2"}, trainer("ddp", 2, 2), SLURMEnvironment),
        (BATCH | TORCHRUN, trainer("ddp", 2), type(None)),
    ],
)
def test_srun_alone_starts_tasks(
    environment: dict[str, str], given: DictConfig, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert type(choose_environment(given)) is kind


@pytest.mark.parametrize(
    ("environment", "given", "message"),
    [
        (BATCH, trainer("ddp", 2, 2), "srun starts the processes of other nodes, .*; put srun before the command"),
        (TASK, trainer("ddp", 2), "needs 2 processes, and srun has started 4; give it --nodes=1 --ntasks-per-node=2"),
        (TASK, trainer("ddp", 2, 2), "--ntasks leaves to SLURM which node has how many; give --ntasks-per-node=2"),
    ],
)
def test_processes_that_do_not_fit_are_refused(
    environment: dict[str, str], given: DictConfig, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=rf"^trainer\.devices=2 trainer\.num_nodes={given.num_nodes}: .*{message}"):
        check_launcher(given)


def test_each_task_is_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name, value in TASK.items():
        monkeypatch.setenv(name, value)
    rank_zero_only.rank = 2  # as Lightning takes it of SLURM_PROCID
    with caplog.at_level(logging.WARNING):
        check_launcher(trainer())
    assert rank_zero_only.rank == 0
    assert "srun starts this command 4 times, and each is a run of its own" in caplog.text


def test_a_reserved_job_trains_on_one_device(tmp_path: Path) -> None:
    train(*tiny("vae"), "name=run", "trainer.max_iterations=2", cwd=tmp_path, **BATCH)
    assert load(tmp_path / "runs/run/checkpoints/last.ckpt")["clock"]["iteration"] == 2
