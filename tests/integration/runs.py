"""Helpers of the tests that run whole commands."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.config import find_config_dir
from tests.inference.checkpoints import tiny_checkpoint
from tests.small import NARROW

MODELS = sorted(path.stem for path in (find_config_dir() / "model").glob("*.yaml"))
#: One yaml for each LightningModule: what `make test` runs; `make test-slow` runs them all.
FAMILIES = ["code_prior", "cut", "cyclegan", "dcgan", "drifting", "enhancer", "vae", "vae_gan", "vq_vae"]


#: Of the checkpoint that `make_codes` writes, as long as the tests run.
_FOLDER = tempfile.TemporaryDirectory()


@functools.cache
def make_codes() -> Path:
    """Return the run of a narrow VQ-VAE for pictures of 32x32."""
    return tiny_checkpoint(Path(_FOLDER.name) / "codes", "vq_vae")


def tiny(model: str, *, full: bool = False) -> list[str]:
    """Return overrides that make any model's run short, from its own yaml; `full`: with the networks that the yaml has."""
    recipe = OmegaConf.load(find_config_dir() / "model" / f"{model}.yaml").get("recipe", {})
    size = 28 if recipe.get("image_size") == 28 else 32
    return [
        f"model={model}",
        f"data.image_size={size}",
        "data.batch_size=4",
        "data.num_workers=0",
        "data.catalogue_images=60",
        "trainer.log_every=1",
        "trainer.validate_every=2",
        "trainer.validate_images=8",
        "device=cpu",
        *([f"model.codes={make_codes()}"] if model == "code_prior" else []),
        *([] if full else NARROW.get(model, [])),
    ]


def python(*arguments: str, cwd: Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python on `arguments` in `cwd`; with `check`, fail with its output if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    if check:
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done


def train(*overrides: str, cwd: Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the train command."""
    return python("-m", "gan_lab.train", *overrides, cwd=cwd, check=check, **environment)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint."""
    return torch.load(path, map_location="cpu", weights_only=True)


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Return where two nested containers of tensors differ, bit for bit."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return [] if a.dtype == b.dtype and torch.equal(a, b) else [where]
    if isinstance(a, dict) and isinstance(b, dict):
        found = [f"{where}/{key}" for key in a.keys() ^ b.keys()]
        return found + [d for key in a.keys() & b.keys() for d in differences(a[key], b[key], f"{where}/{key}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return [where]
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{where}/{i}")]
    same = a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
    return [] if same else [where]


class Command:
    """Runs a command in an empty folder and keeps what it printed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capfd = capfd

    def __call__(self, module: ModuleType, *arguments: str) -> int:
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", [module.__name__, "device=cpu", *arguments])
        try:
            module.main()
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        self.out, self.err = self.capfd.readouterr()
        return code
