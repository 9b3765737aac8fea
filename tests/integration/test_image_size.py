"""Images that are no squares: every family trains on photos of all shapes, and what it makes has the shape asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_lab.enhance
import gan_lab.evaluate
import gan_lab.generate
import gan_lab.train
import gan_lab.translate
from gan_lab.inference import generation
from gan_lab.inference.inversion import invert
from gan_lab.photo_files import read_image
from tests.integration.runs import FAMILIES, Command, load, tiny

#: Width and height of the photos: as the images, across, a strip, and a square; one is smaller than the images.
SHAPES = [(80, 120), (90, 60), (30, 100), (50, 50), (14, 20)]
GENERATING = ["cgan", "dcgan", "drifting", "mlp_gan", "r3gan", "sngan", "vae", "vae_gan", "wgan_gp"]


def choose(*models: str) -> list[object]:
    """Return models; those that are no family of their own by `make test-slow` alone."""
    return [pytest.param(model, marks=[] if model in FAMILIES else pytest.mark.slow) for model in models]


def write_photos(*folders: Path) -> None:
    """Write ten photos of noise into each folder, those of the images' aspect ratio first."""
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        for index in range(10):
            rng = np.random.default_rng([number, index])
            small = Image.fromarray(rng.integers(0, 256, (12, 8, 3), dtype=np.uint8))
            small.resize(SHAPES[index % len(SHAPES)], Image.Resampling.BICUBIC).save(folder / f"{index}.png")


def train(command: Command, model: str, height: int, width: int, *options: str, name: str = "run") -> None:
    """Train a run for two iterations, with validation, samples and a checkpoint, and check its grid of samples."""
    own = [line for line in tiny(model) if not line.startswith(("data.image_size", "data.catalogue", "model.codes"))]
    size = f"data.image_size=[{height},{width}]"
    run = f"name={name}", "trainer.max_iterations=2"
    assert command(gan_lab.train, *own, size, *run, *options) == 0, command.err
    saved = load(command.folder / "runs" / name / "checkpoints/last.ckpt")
    assert saved["config"]["data"]["image_size"] == [height, width]
    high, wide, _ = read_image(next((command.folder / "runs" / name / "samples").glob("*.png"))).shape
    assert (high + 2) % (height + 2) == (wide + 2) % (width + 2) == 0


@pytest.mark.parametrize("model", choose(*GENERATING))
def test_what_is_generated(model: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(command.folder / "photos/coat", command.folder / "photos/dress")
    train(command, model, 24, 16, "data.root=photos")
    assert command(gan_lab.generate, "checkpoint=runs/run", "n=2", "output=made") == 0, command.err
    assert read_image(command.folder / "made/seed0-000001.png").shape == (24, 16, 3)
    if model in ("dcgan", "vae"):  # by a search, and by an encoder
        monkeypatch.setattr(generation, "invert", lambda *given, **options: invert(*given, **options | {"steps": 2}))
        photo = "image=photos/coat/1.png"
        assert command(gan_lab.generate, "checkpoint=runs/run", "n=2", photo, "output=like") == 0, command.err
        assert "1.png: 90x60, cut and resized to 16x24 pixels" in command.out
        assert {read_image(path).shape for path in (command.folder / "like").rglob("seed*.png")} == {(24, 16, 3)}
        animation = ["interpolate=2", "frames=2", "output=moving"]
        assert command(gan_lab.generate, "checkpoint=runs/run", *animation) == 0, command.err


@pytest.mark.parametrize(("model", "fit"), [("cyclegan", "crop"), ("cyclegan", "pad"), ("cut", "pad")])
def test_what_is_translated(model: str, fit: str, command: Command) -> None:
    write_photos(*(command.folder / "photos" / domain for domain in ("trainA", "trainB", "testA", "testB")))
    train(command, model, 48, 32, "data.root=photos", f"data.fit={fit}", "data.batch_size=2")
    job = ["checkpoint=runs/run", "input=photos/testA", "output=made", "format=png"]
    assert command(gan_lab.translate, *job) == 0, command.err
    sizes = {index: read_image(command.folder / f"made/{index}.png").shape[:2] for index in range(3)}
    # the first has the images' aspect ratio: it fits exactly, or covers 1.125 times the image; the last is enlarged
    expected = [(48, 32), (21, 32), (48, 14)] if fit == "pad" else [(54, 36), (54, 81), (107, 32)]
    assert list(sizes.values()) == expected


@pytest.mark.parametrize("model", ["enhancer", "pix2pix"])
def test_what_is_enhanced(model: str, command: Command) -> None:
    write_photos(command.folder / "photos")
    train(command, model, 48, 32, "data.root=photos", "data.batch_size=2")
    job = ["checkpoint=runs/run", "input=photos/0.png", "format=png"]
    assert command(gan_lab.enhance, *job, "output=enhanced") == 0, command.err
    assert read_image(command.folder / "enhanced/0.png").shape == (120, 80, 3)
    assert command(gan_lab.translate, *job, "output=translated") == 0, command.err
    assert read_image(command.folder / "translated/0.png").shape == (54, 36, 3)


def test_what_is_encoded_and_evaluated_and_drawn_of_codes(command: Command) -> None:
    write_photos(command.folder / "photos")
    train(command, "vq_vae", 24, 16, "data.root=photos", "data.validation_share=0.2", "data.test_share=0.2")
    assert command(gan_lab.evaluate, "checkpoint=runs/run", "n=2") == 0, command.err
    measured = json.loads((command.folder / "runs/run/evaluation/metrics.json").read_text())
    assert measured["protocol"]["image_size"] == [24, 16]
    assert command(gan_lab.evaluate, "checkpoint=runs/run", "n=2", "data.image_size=[16,24]") == 2
    assert "data.image_size=[16,24]: the networks of" in command.err
    assert "take [24,16]; leave it out" in command.err
    train(command, "code_prior", 24, 16, "data.root=photos", "model.codes=runs/run", name="prior")
    assert command(gan_lab.generate, "checkpoint=runs/prior", "n=2", "grid=off", "output=made") == 0, command.err
    assert read_image(command.folder / "made/seed0-000001.png").shape == (24, 16, 3)
    prior = ["model=code_prior", "data.root=photos", "data.batch_size=4", "model.codes=runs/run"]
    assert command(gan_lab.train, *prior, "data.image_size=[16,24]", "name=other") == 2
    assert "data.image_size=[16,24]: the codes of model.codes=runs/run are of images with [24,16]" in command.err
