"""Who starts the processes of a run: Lightning, torchrun, or SLURM by srun."""

from __future__ import annotations

import logging
import os

import torch
from lightning.fabric.plugins.environments import TorchElasticEnvironment
from lightning.pytorch.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig

from gan_lab.errors import UserError
from gan_lab.run.device import is_ddp

log = logging.getLogger(__name__)


def choose_environment(trainer: DictConfig) -> ClusterEnvironment | None:
    """Return how the processes of a run find each other under SLURM; None where Lightning finds that out itself.

    What a job has reserved says nothing of what was started: a script calls python once, whatever `--ntasks` is, and only
    srun calls it once for each task. A run on one device is a run of its own in each of them.

    Args:
        trainer: the configuration's part of that name.

    Raises:
        UserError: srun has started another number of processes than the run has devices, or none on other nodes.
    """
    if TorchElasticEnvironment.detect() or not {"SLURM_JOB_ID", "SLURM_NTASKS"} & os.environ.keys():
        return None
    tasks = count_tasks()
    if not is_ddp(trainer):
        return LightningEnvironment()
    given = f"trainer.devices={trainer.devices} trainer.num_nodes={trainer.num_nodes}"
    if tasks is None:
        if trainer.num_nodes > 1:
            raise UserError(
                f"{given}: under SLURM srun starts the processes of other nodes, and it has not started this one; put srun "
                "before the command (docs/cluster.md)"
            )
        return LightningEnvironment()
    devices = torch.cuda.device_count() or 1 if trainer.devices in ("auto", -1, "-1") else int(trainer.devices)
    if tasks != devices * trainer.num_nodes:
        raise UserError(
            f"{given}: needs {devices * trainer.num_nodes} processes, and srun has started {tasks}; give it "
            f"--nodes={trainer.num_nodes} --ntasks-per-node={devices}, or set trainer.devices to what there is"
        )
    if trainer.num_nodes == 1:  # one node has them all, however the job was asked for them
        os.environ["SLURM_NTASKS_PER_NODE"] = str(tasks)
    elif "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise UserError(f"{given}: --ntasks leaves to SLURM which node has how many; give --ntasks-per-node={devices}")
    return SLURMEnvironment(
        auto_requeue=False
    )  # Lightning would save its own checkpoints, and requeue beside `resume=auto`


def count_tasks() -> int | None:
    """Return how many processes srun has started beside this one, itself included; None where it did not start this one."""
    by_srun = {"SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS"} & os.environ.keys() or os.environ.get(
        "SLURM_PROCID", "0"
    ) != "0"
    return int(os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or 1) if by_srun else None


def check_launcher(trainer: DictConfig) -> None:
    """Refuse processes that do not fit the run; have a run on one device write, whichever task of SLURM's it is.

    Raises:
        UserError: see `choose_environment`.
    """
    choose_environment(trainer)
    if not is_ddp(trainer):
        rank_zero_only.rank = 0  # type: ignore[attr-defined]  # Lightning takes it of SLURM_PROCID
        if (tasks := count_tasks() or 1) > 1:
            log.warning(
                "srun starts this command %d times, and each is a run of its own on one device; one run on several is "
                "trainer=ddp trainer.devices=<n>",
                tasks,
            )
