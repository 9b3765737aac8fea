"""Every yaml of conf/model trains and is evaluated, on the demo catalogue and on real photos, with no edit here."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

import pytest
import torch

from gan_lab import evaluate, train
from gan_lab.config import compose, instantiate
from gan_lab.networks import ProjectedDiscriminator
from tests.integration.runs import MODELS, load, tiny
from tests.models.fitting import fit

PHOTOS = os.environ.get("GAN_LAB_PHOTOS") or None


def models(quick: list[str]) -> list[object]:
    """Return every yaml; those that are not `quick` by `make test-slow` alone."""
    return [pytest.param(m, marks=[] if m in quick else pytest.mark.slow) for m in MODELS]


def run(main: object, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    main()  # type: ignore[operator]


def train_and_evaluate(model: str, cwd: Path, monkeypatch: pytest.MonkeyPatch, *data: str) -> None:
    monkeypatch.chdir(cwd)
    options = [option for option in tiny(model, full=True) if not option.startswith("data.catalogue")]
    run(train.main, monkeypatch, *options, *data, "name=run", "trainer.max_iterations=2")
    saved = load(cwd / "runs/run/checkpoints/last.ckpt")
    assert saved["clock"]["iteration"] == 2
    assert list((cwd / "runs/run/samples").glob("*.png"))
    run(
        evaluate.main,
        monkeypatch,
        "checkpoint=runs/run/checkpoints/last.ckpt",
        "n=12",
        "device=cpu",
        "traditional=false",
    )
    measured = json.loads((cwd / "runs/run/evaluation/metrics.json").read_text())
    assert {"protocol", "figures"} <= measured.keys()
    assert measured["protocol"]["model"] == model
    numbers = [value for value in leaves(measured["figures"]) if isinstance(value, float)]
    assert numbers
    assert all(math.isfinite(number) for number in numbers)


def leaves(node: object) -> list[object]:
    """Return the values of nested containers."""
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in leaves(value)]
    if isinstance(node, list):
        return [leaf for value in node for leaf in leaves(value)]
    return [node]


# a method of each kind of evaluation
@pytest.mark.parametrize("model", models(["code_prior", "cut", "drifting", "enhancer", "vae_gan"]))
def test_on_the_demo_catalogue(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 24 pictures to test on: sets of fewer cannot be compared
    train_and_evaluate(model, tmp_path, monkeypatch, "data.catalogue_images=240")


@pytest.mark.parametrize("model", ["cut", "cyclegan", "vae_gan"])
def test_a_discriminator_of_imagenet_features_takes_the_place_of_another(model: str) -> None:
    options = [option for option in tiny(model) if not option.startswith("model.discriminator")]
    made = instantiate(compose("train", [*options, "model/discriminator=projected", "name=run"]).model)
    judges = [module for module in made.modules() if isinstance(module, ProjectedDiscriminator)]
    assert len(judges) == (2 if model == "cyclegan" else 1)
    kinds = {"vae_gan": ["image"]}.get(model, ["A", "B"])

    def draw(iteration: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(iteration)
        return {kind: torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1 for kind in kinds}

    before = [weight.clone() for judge in judges for weight in judge.parameters()]
    terms = fit(made, draw, 2)
    assert all(math.isfinite(value) for value in terms[-1].values())
    after = [weight for judge in judges for weight in judge.parameters()]
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.skipif(PHOTOS is None, reason="GAN_LAB_PHOTOS names no folder of real photos")
@pytest.mark.parametrize("model", models(["enhancer", "vae"]))  # pairs, and photos on their own
def test_on_real_photos(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PHOTOS is not None
    folder = {"cut": "unpaired_cc0", "cyclegan": "unpaired_cc0", "dcgan_28": "fashion_mnist"}.get(model, "products")
    data = [
        f"data={'fashion_mnist' if folder == 'fashion_mnist' else 'products'}",
        f"data.root={Path(PHOTOS) / folder}",
        "data.limit=200",  # figures of all 3068 take two minutes, and say nothing more about the code
    ]
    train_and_evaluate(model, tmp_path, monkeypatch, *data)
