"""What a run says of itself: its `config.yaml`, and on stdout where its results lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from gan_lab.callbacks.doctor.findings import read_verdict
from gan_lab.config import mask_secrets
from gan_lab.data.base import ImageDataModule
from gan_lab.data.record import RECORD
from gan_lab.errors import UserError
from gan_lab.models import ManualModule
from gan_lab.storage import write_atomically
from gan_lab.terminal import printable


def resolve_config(config: DictConfig, model: ManualModule) -> dict[str, Any]:
    """Return the resolved configuration in plain containers, secrets masked, with what its readers need beside it."""
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    if "choices" not in resolved:
        choices = HydraConfig.get().runtime.choices
        resolved["choices"] = {group: choice for group, choice in choices.items() if not group.startswith("hydra")}
        resolved["overrides"] = list(HydraConfig.get().overrides.task)
    resolved["monitor"] = list(model.monitor)
    return mask_secrets(resolved)


@rank_zero_only
def write_config(run_dir: Path, resolved: dict[str, Any]) -> None:
    """Write the run's `config.yaml`.

    Raises:
        UserError: the folder cannot be made or written.
    """
    text = OmegaConf.to_yaml(resolved).encode()
    try:
        with write_atomically(run_dir / "config.yaml") as file:
            file.write(text)
    except OSError as error:
        raise UserError(
            f"runs_dir, name: {run_dir} cannot be written ({error.strerror}); make room, or name another folder"
        ) from error


@rank_zero_only
def write_photos(run_dir: Path, datamodule: ImageDataModule) -> None:
    """Write which photos the run is trained on, and which are held out; nothing where they are no files.

    Raises:
        UserError: the folder cannot be written.
    """
    record = datamodule.make_record()
    if not len(record):
        return
    try:
        record.write(run_dir / RECORD)
    except OSError as error:
        raise UserError(
            f"runs_dir, name: {run_dir / RECORD} cannot be written ({error.strerror}); make room, or name another folder"
        ) from error


def describe_networks(model: ManualModule) -> str:
    """Return how large the networks are: "generator 11.4 M, discriminator 2.8 M"."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in model.named_children()}
    return ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in counts.items() if count and "ema" not in name)


def print_report(run_dir: Path, model: ManualModule) -> None:
    """Print where the results lie."""
    best = run_dir / "checkpoints" / "best.ckpt"
    folder = printable(str(run_dir))
    print(f"iterations   {model.iteration}")
    print(f"checkpoints  {folder}/checkpoints/last.ckpt{f', {best.name}' if best.exists() else ''}")
    print(f"pictures     {folder}/samples")
    print(f"metrics      {folder}/metrics.csv")
    if (run_dir / "doctor.json").exists():
        print(f"doctor       {read_verdict(run_dir / 'doctor.json')}")
    sys.stdout.flush()
