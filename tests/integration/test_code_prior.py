"""From photos to codes, from codes to a prior, from the prior to new pictures: each command on what the one before left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_lab.generate
import gan_lab.train
from gan_lab.photo_files import read_image
from tests.integration.runs import Command, differences, load, tiny


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, monkeypatch, capfd)


def list_options(model: str, name: str, iterations: int) -> list[str]:
    own = [line for line in tiny(model) if not line.startswith(("model.codes", "device"))]
    return [*own, f"name={name}", f"trainer.max_iterations={iterations}", "trainer.doctor=false"]


def test_codes_then_a_prior_then_new_pictures(command: Command) -> None:
    assert command(gan_lab.train, *list_options("vq_vae", "codes", 2)) == 0, command.err
    prior = list_options("code_prior", "prior", 2)
    assert command(gan_lab.train, *prior, "model.codes=runs/codes") == 0, command.err
    runs = command.folder / "runs"
    codes, saved = load(runs / "codes/checkpoints/best.ckpt"), load(runs / "prior/checkpoints/last.ckpt")
    kept = {name.removeprefix("autoencoder."): value for name, value in saved["state_dict"].items()}
    assert differences(codes["state_dict"], {name: kept[name] for name in codes["state_dict"]}) == []
    (runs / "codes").rename(command.folder / "gone")

    drawn = ["checkpoint=runs/prior/checkpoints/last.ckpt", "grid=off"]
    assert command(gan_lab.generate, *drawn, "n=5", "output=out") == 0, command.err
    assert command(gan_lab.generate, *drawn, "n=1", "first=4", "output=again") == 0, command.err
    name = "seed0-000004.png"
    assert (command.folder / "out" / name).read_bytes() == (command.folder / "again" / name).read_bytes()

    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(
        command.folder / "photo.png"
    )
    like = ["image=photo.png", "n=1", "strength=0", "grid=1", "output=like"]
    assert command(gan_lab.generate, drawn[0], *like) == 0, command.err
    shown = read_image(command.folder / "like/grid.png")
    variant = read_image(command.folder / "like/seed0-000000.png")
    assert np.array_equal(shown[-32:], variant)  # the photo, its reconstruction, and what is all but the same

    assert command(gan_lab.train, "resume=runs/prior", "trainer.max_iterations=3") == 0, command.err
    on = load(runs / "prior/checkpoints/last.ckpt")
    assert on["clock"]["iteration"] == 3
    assert json.dumps(on["config"]["model"]["autoencoder"]) == json.dumps(saved["config"]["model"]["autoencoder"])


def test_a_prior_without_codes_is_refused_before_anything_is_written(command: Command) -> None:
    assert command(gan_lab.train, *list_options("code_prior", "prior", 2)) == 2
    assert "error: model.codes: missing; name the run of a vq_vae" in command.err
    assert not (command.folder / "runs").exists()
