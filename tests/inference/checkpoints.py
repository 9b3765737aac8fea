"""Untrained checkpoints of small models, as a run would leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf, open_dict

from gan_lab.checkpoint import FORMAT
from gan_lab.config import compose, instantiate
from gan_lab.run.codes import insert_autoencoder
from tests.small import NARROW

SMALL = ["name=tiny", "data.image_size=32", "data.num_workers=0", "data.catalogue_images=60"]
CLASSES = ["data.classes=3", "++data.class_names=[dress,hat,shoe]"]


def tiny_checkpoint(folder: Path, name: str, *overrides: str, **weights: float) -> Path:
    """Write `folder`/checkpoints/last.ckpt of an untrained model and return `folder`.

    Args:
        folder: the run's.
        name: of the model.
        overrides: of the configuration.
        weights: values for all weights whose name ends like this, with "__" for ".".
    """
    torch.manual_seed(0)
    config = compose(
        "train", [f"model={name}", *SMALL, *NARROW[name], *(CLASSES if name == "cgan" else []), *overrides]
    )
    with open_dict(config):
        config.choices = {"model": name, "data": "products"}
    if name == "code_prior":
        insert_autoencoder(config)
    resolved: Any = OmegaConf.to_container(config, resolve=True)
    model = instantiate(resolved["model"])
    if model.task == "generation":  # untrained, it would draw next to nothing
        for key, parameter in model.named_parameters():
            parameter.data *= 6 if "generator" in key and parameter.dim() > 1 else 2 if "coder" in key else 1
    state = model.state_dict()
    for ending, value in weights.items():
        found = [key for key in state if key.endswith(ending.replace("__", "."))]
        assert found, ending
        for key in found:
            state[key] = torch.full_like(state[key], value)
    path = folder / "checkpoints" / "last.ckpt"
    path.parent.mkdir(parents=True)
    checkpoint = {"config": resolved, "clock": {"iteration": 7}, "state_dict": state, "format": FORMAT}
    torch.save(checkpoint, path)
    return folder


def unchanging_enhancer(folder: Path, *overrides: str, shift: float = 0.0) -> Path:
    """Return the run of an enhancer that adds `shift`, in [-1, 1], to every value."""
    residual = ("++model.generator.global_residual=true", "model.generator.norm=none")
    return tiny_checkpoint(folder, "enhancer", *residual, *overrides, out__1__weight=0.0, out__1__bias=shift)
